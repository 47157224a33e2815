// Thousands of mangled compose files: each is read or refused with one line, and none ends the
// program or takes long. The seed is fixed; a failure prints the text that made it.
#include <ctime>
#include <functional>
#include <map>
#include <random>

#include <recipes/one_file.hpp>
#include <recipes/router_rule.hpp>
#include <unit/base/rounds.hpp>

#include "recipe_folder.hpp"

namespace simmer {
namespace {

using testing_recipes::RecipeFolder;

class Mangler {
 public:
  explicit Mangler(unsigned seed) : random_(seed) {}

  std::string mangle(std::string text) {
    for (std::size_t i = below(6) + 1; i > 0 && !text.empty(); --i) mangle_once(text);
    return text;
  }
  std::size_t below(std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_); }

 private:
  void mangle_once(std::string& text) {
    static const std::vector<std::string> pieces = {"${",
                                                    "}",
                                                    "$",
                                                    "$$",
                                                    ":",
                                                    ": ",
                                                    "- ",
                                                    "\n",
                                                    "\n  ",
                                                    "&a ",
                                                    "*a",
                                                    "<<: *a\n",
                                                    "[",
                                                    "]",
                                                    "{",
                                                    "}",
                                                    "'",
                                                    "\"",
                                                    "|\n",
                                                    ">\n",
                                                    "#",
                                                    "!!binary ",
                                                    "? ",
                                                    "---\n",
                                                    "...\n",
                                                    "\t",
                                                    std::string(1, '\0'),
                                                    "\xC2\x85",
                                                    "\xFF",
                                                    "%TAG ! x\n",
                                                    "~",
                                                    "null",
                                                    "..",
                                                    "/",
                                                    "privileged: true",
                                                    "init: true",
                                                    "=",
                                                    ",",
                                                    "\\",
                                                    "${A:-b}",
                                                    "x-simmer-local: "};
    const std::size_t at = below(text.size());
    switch (below(6)) {
      case 0:
        text.insert(at, pieces[below(pieces.size())]);
        break;
      case 1:
        text.erase(at, below(20) + 1);
        break;
      case 2:
        text[at] = static_cast<char>(below(256));
        break;
      case 3:
        text.insert(at, text.substr(below(text.size()), below(200)));
        break;
      case 4:
        text.resize(at);
        break;
      case 5: {
        const std::size_t other = below(text.size());
        std::swap(text[at], text[other]);
        break;
      }
    }
  }
  std::mt19937 random_;
};

// Reads, judges and lints; true when it was legal.
bool survives(const RecipeFolder& folder, const std::string& shown) {
  try {
    const RecipeTree tree = folder.read();
    judge_policy(tree, "cust-abc123_example_org", "cust-abc123.example.org", {}, "proxy");
    lint(tree);
    return true;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::recipe) << error.what() << "\n" << shown;
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what() << "\n" << shown;
  } catch (const std::exception& error) {
    ADD_FAILURE() << error.what() << "\n" << shown;
  }
  return false;
}

TEST(Hostile, MangledComposeFiles) {
  RecipeFolder folder;
  Mangler mangler(20261123);
  int legal = 0, all = 0;
  for (const char* file : {"traefik.yml.tmpl", "entrypoint.sh.tmpl", "parts/token"}) folder.write(file, "x\n");
  const auto begun = std::clock();
  for (const auto& name :
       {"proxy/compose.yml", "identity/compose.yml", "files/compose.yml", "page/compose.yml", "odd/docker-compose.yaml"}) {
    const std::string text = read_file(fs::path(SIMMER_RECIPE_FIXTURES) / name);
    for (int i = 0; i < test::rounds(300); ++i, ++all) {
      const std::string mangled = mangler.mangle(text);
      folder.write("compose.yml", mangled);
      legal += survives(folder, mangled);
    }
  }
  EXPECT_GT(legal, all / 50) << "mutations that always break teach nothing";
  EXPECT_LT(legal, all);
  EXPECT_LT(std::clock() - begun, 100 * CLOCKS_PER_SEC);
}

TEST(Hostile, MangledEnvAbraAndSimmerYml) {
  RecipeFolder folder("services: {app: {image: 'a:${TAG:-1}', environment: ['X=${DOMAIN}']}}\n");
  Mangler mangler(1123);
  for (const auto& name : {"identity/.env.sample", "proxy/.env.sample", "proxy/abra.sh", "page/simmer.yml"}) {
    const std::string text = read_file(fs::path(SIMMER_RECIPE_FIXTURES) / name);
    const std::string as = fs::path(name).filename();
    for (int i = 0; i < test::rounds(200); ++i) {
      const std::string mangled = mangler.mangle(text);
      folder.write(as, mangled);
      survives(folder, mangled);
    }
    folder.write(as, "");
  }
}

TEST(Hostile, MangledOverlays) {
  RecipeFolder folder;
  Mangler mangler(42);
  const std::string base = read_file(fs::path(SIMMER_RECIPE_FIXTURES) / "proxy/compose.yml");
  folder.write(".env.sample", "COMPOSE_FILE=compose.yml:compose.over.yml\n");
  for (int i = 0; i < test::rounds(200); ++i) {
    const std::string one = i % 2 == 0 ? base : mangler.mangle(base), two = mangler.mangle(base);
    folder.write("compose.yml", one).write("compose.over.yml", two);
    survives(folder, one + "\n=====\n" + two);
  }
}

TEST(Hostile, RandomRules) {
  Mangler mangler(7);
  const std::string rule = "Host(`cust-abc123.example.org`) && (PathPrefix(`/a`) || !HostRegexp(`^.+\\.example\\.org$`))";
  for (int i = 0; i < test::rounds(5000); ++i) foreign_host_in_rule(mangler.mangle(rule), "cust-abc123.example.org");
}

// Four times as much takes about four times as long, and not sixteen times: of our own time, whatever else the machine does.
TEST(Hostile, WhatIsReadIsReadInTheTimeOfItsSize) {
  const std::string app = "services:\n  app:\n    image: a\n";
  const auto many = [](int count, const std::string& before, const std::string& after) {
    std::string text;
    for (int i = 0; i < count; ++i) text += before + std::to_string(i) + after + "\n";
    return text;
  };
  const auto mounts = [](int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += "      - v" + std::to_string(i) + ":/v" + std::to_string(i) + "\n";
    return text;
  };
  const std::map<std::string, std::function<std::string(int)>> shapes = {
      {"a list of variables", [&](int count) { return app + "    environment:\n" + many(count, "      - K", "=v"); }},
      {"a mapping of labels", [&](int count) { return app + "    labels:\n" + many(count / 2, "      k", ": v"); }},
      {"a list without repetitions", [&](int count) { return app + "    security_opt:\n" + many(count, "      - C", ""); }},
      {"volumes and their use", [&](int count) { return app + "    volumes:\n" + mounts(count / 3) + "volumes:\n" + many(count / 3, "  v", ":"); }},
  };
  const auto takes = [](const std::string& compose) {
    RecipeFolder folder(compose);
    folder.write("compose.b.yml", compose).write(".env.sample", compose.find("environment") != std::string::npos ? "COMPOSE_FILE=compose.yml:compose.b.yml\n" : "");
    const auto begun = std::clock();
    one_file(folder.read());
    return std::clock() - begun;
  };
  for (const auto& [what, shape] : shapes) {
    const auto little = takes(shape(4000)), much = takes(shape(16000));
    EXPECT_LT(much, 9 * std::max<std::clock_t>(little, CLOCKS_PER_SEC / 50)) << what;
  }
}

// The sizes that are still read are read in a moment: of our own time, whatever else the machine does.
TEST(Hostile, TheLargestLegalFilesAreQuick) {
  const auto begun = std::clock();
  std::string keys = "services:\n  app:\n    image: a\n    environment:\n";
  for (int i = 0; i < 9000; ++i) keys += "      K" + std::to_string(i) + ": v\n";
  EXPECT_TRUE(survives(RecipeFolder(keys), "many keys"));
  std::string items = "services:\n  app:\n    image: a\n    environment:\n";
  for (int i = 0; i < 9000; ++i) items += "      - K" + std::to_string(i) + "=v\n";
  EXPECT_TRUE(survives(RecipeFolder(items), "many items"));
  RecipeFolder merged(items);
  merged.write("compose.b.yml", items).write(".env.sample", "COMPOSE_FILE=compose.yml:compose.b.yml\n");
  EXPECT_TRUE(survives(merged, "many items twice"));
  EXPECT_FALSE(survives(RecipeFolder("a: \"" + std::string(2 << 20, 'x') + "\""), "2 MiB"));
  std::string grow = "services: {app: {image: a, environment: [";
  for (int i = 0; i < 1000; ++i) grow += "'${BIG}', ";
  RecipeFolder growing(grow + "]}}");
  growing.write(".env.sample", "BIG=" + std::string(60000, 'x') + "\n");
  EXPECT_FALSE(survives(growing, "values that grow"));
  EXPECT_LT(std::clock() - begun, 60 * CLOCKS_PER_SEC);
}

}  // namespace
}  // namespace simmer
