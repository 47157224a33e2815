// Recipes that try to reach out of their run, each by making Simmer read one thing and Docker another: refused by name before anything is
// deployed, on a real Docker Swarm and through abra (SIMMER_STORY_ENGINE). Docker's own events say that nothing of the run ever was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

#include <base/files.hpp>
#include <e2e/swarm_world.hpp>
#include <simmer/error.hpp>

namespace simmer::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

struct Attack {
  std::string branch;
  std::string service;                       // what `app` says more; begins at line 8 of compose.yml
  std::string more;                          // top-level sections behind the services
  std::map<std::string, std::string> files;  // beside compose.yml ("-> x" is a link); COMPOSE_FILE names a compose.more.yml too
  std::string check;                         // that is red
  std::vector<std::string> says;             // in the reason
};

const std::string mounts_content = "    volumes: [\"content:/content\"]\n", has_content = "volumes: {content: {}}\n";

std::vector<Attack> attacks(const std::string& theirs) {
  const auto mounts = [](const std::string& mount) { return "    volumes:\n      - \"" + mount + "\"\n"; };
  const std::string config = "    configs: [c]\n", from_file = "configs:\n  c:\n    file: ";
  return {
      {"volume-that-a-later-file-makes-somebody-elses", mounts_content, has_content,
       {{"compose.more.yml", "version: \"3.8\"\nvolumes:\n  content:\n    external: true\n    name: " + theirs + "\n"}}, "policy", {"volume content is '" + theirs + "'", "foreign-volumes"}},
      {"merge-key-behind-an-explicit-one", "    x-evil: &evil {volumes: [\"/etc:/x\"]}\n" + mounts_content + "    <<: *evil\n", has_content, {}, "recipe-parses", {"compose.yml:10", "<<"}},
      {"name-with-a-long-s", mounts("$\xC5\xBF-/etc:/x"), "", {}, "recipe-parses", {"compose.yml:9:9", "beyond ASCII"}},
      {"name-with-the-kelvin-sign", mounts("${A\xE2\x84\xAA-/etc}:/x"), "", {}, "recipe-parses", {"compose.yml:9:9", "beyond ASCII behind '$A'"}},
      {"default-in-a-default", mounts("${A:-${B:-/etc}}:/x"), "", {}, "recipe-parses", {"compose.yml:9:9", "the volume '${B'"}},
      {"what-docker-reads-of-a-default-in-a-default", mounts("${A:-/etc/${B}}:/x"), "", {}, "policy", {"service app mounts /etc/${B}", "bind-mounts"}},
      {"default-without-braces", mounts("$N-/etc:/x"), "", {}, "policy", {"service app mounts /etc ", "bind-mounts"}},
      {"secret-of-another-stack-in-a-later-file", "", "",
       {{"compose.more.yml", "version: \"3.8\"\nservices:\n  app:\n    secrets: [stolen]\nsecrets:\n  stolen:\n    external: true\n    name: " + theirs + "\n"}}, "policy",
       {"secret stolen is '" + theirs + "'", "foreign-secrets"}},
      {"config-of-the-host", config, from_file + "/etc/hostname\n", {}, "policy", {"config c is read from /etc/hostname", "foreign-configs"}},
      {"config-from-above", config, from_file + "a/../../outside\n", {{"a/b", ""}}, "policy", {"config c is read from a/../../outside", "foreign-configs"}},
      {"config-by-a-link", config, from_file + "link\n", {{"link", "-> /etc/hostname"}}, "recipe-parses", {"the link link leaves the recipe", "/etc/hostname"}},
      {"env-file-of-the-host", "    env_file: /etc/hostname\n", "", {}, "policy", {"service app reads env_file /etc/hostname", "bind-mounts"}},
      {"env-file-from-above", "    env_file: [../outside]\n", "", {}, "policy", {"service app reads env_file ../outside", "bind-mounts"}},
      {"name-of-the-proxys-that-somebody-has", "    labels: [\"traefik.http.services." + theirs + ".loadbalancer.server.port=80\"]\n", "", {}, "policy", {"http.services." + theirs + ", which a container of no stack has already", "foreign-hosts"}},
  };
}

void write(const fs::path& file, const std::string& text) {
  make_folders(file.parent_path());
  if (text.starts_with("-> ")) fs::create_symlink(text.substr(3), file);
  else std::ofstream(file) << text;
}

void sh(const fs::path& folder, const std::string& script) {
  const auto done = run_command({{"sh", "-euc", "commit() { git add -A; git -c user.name=a -c user.email=a@b commit -qm change; }; " + script}, {}, false, folder, ""}, Limit::in(std::chrono::seconds(30)));
  if (done.exit_code != 0) throw std::runtime_error(script + ": " + done.out + done.err);
}

std::string compose(const Attack& attack) {
  return "version: \"3.8\"\nservices:\n  app:\n    image: ${IMAGE}\n    command: [\"httpd\", \"-f\", \"-p\", \"80\"]\n"
         "    healthcheck: {test: [\"CMD\", \"true\"], interval: 300ms}\n    deploy: {endpoint_mode: dnsrr, labels: [\"coop-cloud.${STACK_NAME}.version=1.1.0+1\"]}\n" +
         attack.service + attack.more;
}

// What somebody else has in this Docker; gone with the test.
class Neighbour {
 public:
  Neighbour(const std::string& name, const std::string& image) : name_(name) {
    docker({"volume", "create", name});
    docker({"network", "create", "-d", "overlay", name});
    for (const char* kind : {"secret", "config"}) docker({kind, "create", name, "/etc/hostname"});
    docker({"create", "--name", name, "--label", "traefik.http.services." + name + ".loadbalancer.server.port=8080", image});
  }
  ~Neighbour() {
    docker({"rm", name_});
    for (const char* kind : {"volume", "network", "secret", "config"}) docker({kind, "rm", name_});
  }

 private:
  std::string name_;
};

// All that happens in Docker while it lives, a line each. Docker itself remembers the last 256 events, a busy one for seconds.
class Events {
 public:
  explicit Events(const fs::path& file) : file_(file) {
    watch_ = std::jthread([file](std::stop_token stop) {
      try {
        run_command({{"sh", "-c", "exec /usr/bin/docker events --format '{{.Type}} {{.Action}} {{.Actor.ID}} {{.Actor.Attributes.name}}' > " + file.string()}, {}, false, {}, ""}, Limit::in(std::chrono::hours(1), stop));
      } catch (const Error&) {
        // its end
      }
    });
  }
  std::string text() const { return read_file_if_there(file_).value_or(""); }

 private:
  fs::path file_;
  std::jthread watch_;
};

std::vector<std::string> lines_with(const std::string& text, const std::string& part) {
  std::vector<std::string> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.find(part) != std::string::npos) found.push_back(line);
  return found;
}

TEST(SwarmAttacks, AreRefusedByNameAndNothingOfTheirRunsEverWas) {
  const char* image = std::getenv("SIMMER_TEST_IMAGE");
  if (image == nullptr) GTEST_SKIP() << "no image: ./test.sh swarm makes it";
  const World world(engine_config() + "base_domain: attacks." + base_domain() + "\n");
  const std::string theirs = "theirs-" + std::to_string(::getpid());
  const Events events(world.root() / "events");
  // Nothing that happens from here on is missed.
  ASSERT_TRUE(eventually([&] {
    docker({"volume", "create", "first-of-" + theirs});
    docker({"volume", "rm", "first-of-" + theirs});
    return events.text().find("first-of-" + theirs) != std::string::npos;
  }));
  std::optional<Neighbour> neighbour(std::in_place, theirs, image);
  const fs::path folder = world.recipes() / "attacked";
  const std::string env = "IMAGE=" + std::string(image) + "\nDOMAIN=attacked.example.org\n";
  write(folder / ".env.sample", env);
  write(folder / "compose.yml", compose({"", mounts_content, has_content, {}, "", {}}));
  sh(folder, "git init -q -b main .; commit; git -c user.name=a -c user.email=a@b tag -am 1.0.0+1 1.0.0+1");
  for (const auto& attack : attacks(theirs)) {
    sh(folder, "git checkout -q -b " + attack.branch + " 1.0.0+1");
    write(folder / "compose.yml", compose(attack));
    for (const auto& [name, text] : attack.files) write(folder / name, text);
    if (attack.files.contains("compose.more.yml")) write(folder / ".env.sample", env + "COMPOSE_FILE=\"compose.yml:compose.more.yml\"\n");
    sh(folder, "commit");
    const auto ran = world.run({"run", "attacked", "--ref", attack.branch});
    EXPECT_EQ(ran.code, 1) << attack.branch << ": " << ran.all();
    EXPECT_EQ(ran.verdict(), "fail") << attack.branch;
    EXPECT_EQ(ran.result["deploy_count"], 0) << attack.branch;
    EXPECT_THAT(ran.reason(), ::testing::StartsWith("install: " + attack.check + ": ")) << attack.branch;
    for (const auto& words : attack.says) EXPECT_THAT(ran.reason(), HasSubstr(words)) << attack.branch;
    EXPECT_THAT(ran.reason(), Not(HasSubstr("\n"))) << attack.branch;
  }
  neighbour.reset();
  std::set<std::string> kinds;  // of what happened to what is the neighbour's
  ASSERT_TRUE(eventually([&] {
    for (const auto& line : lines_with(events.text(), " " + theirs)) kinds.insert(line.substr(0, line.find(' ', line.find(' ') + 1)));
    return kinds.contains("volume destroy") && kinds.contains("network remove") && kinds.contains("secret remove") && kinds.contains("config remove") && kinds.contains("container destroy");
  }));
  EXPECT_THAT(lines_with(events.text(), "atta-"), IsEmpty()) << "Docker has made something of a run's";
  // Neither a volume that was mounted nor a network that was joined.
  EXPECT_THAT(kinds, UnorderedElementsAre("container create", "container destroy", "volume create", "network create", "network update", "secret create", "config create", "volume destroy", "network remove", "secret remove", "config remove"));
  EXPECT_THAT(world.left_behind(), IsEmpty());
}

}  // namespace
}  // namespace simmer::e2e
