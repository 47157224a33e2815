// Which app a name means, and that what destroys never takes another one's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <base/files.hpp>
#include <e2e/simmer_world.hpp>

namespace simmer::e2e {

namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;

const std::string configured_site = "apps:\n  site: {recipe: custom-html, role: canonical}\n";

std::string app_of(const Ran& ran) { return ran.result.value("app", "none: " + ran.all()); }

bool is_kept(const World& world, const std::string& app) { return fs::exists(world.state() / "canonical" / app / "snapshot/meta.json"); }

// An app that nobody configured, and a configured one of the same recipe: `list` shows both.
class Names : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    world_ = std::make_unique<World>();
    ASSERT_EQ(world_->run({"canonical", "seed", "custom-html"}).code, 0);
    world_->write_config(configured_site);
    const auto seeded = world_->run({"canonical", "seed", "site"});
    ASSERT_EQ(seeded.code, 0) << seeded.all();
    ASSERT_TRUE(is_kept(*world_, "custom-html") && is_kept(*world_, "site"));
  }
  static void TearDownTestSuite() { world_.reset(); }
  void SetUp() override { world_->write_config(configured_site); }
  void expect_refused(const std::vector<std::string>& arguments, const ::testing::Matcher<std::string>& says) {
    const auto ran = world_->simmer(arguments);
    EXPECT_EQ(ran.code, 2) << ran.all();
    EXPECT_THAT(ran.err, says);
  }
  static std::unique_ptr<World> world_;
};
std::unique_ptr<World> Names::world_;

TEST_F(Names, AnAppOfExactlyThatNameWinsThoughOnlyTheStateKnowsIt) {
  for (const auto& command : std::vector<std::vector<std::string>>{{"canonical", "show"}, {"canonical", "verify"}, {"snapshot", "show"}, {"snapshot", "verify"}, {"canonical", "restore", "--yes"}, {"run", "--quick", "--ref", "good"}})
    for (const std::string app : {"custom-html", "site"}) {
      auto arguments = command;
      arguments.push_back(app);
      const auto ran = world_->run(arguments);
      EXPECT_EQ(ran.code, 0) << ran.all();
      EXPECT_EQ(app_of(ran), app) << command[0] << " " << command[1];
      if (command[0] == "run") {
        EXPECT_EQ(ran.result.value("mode", ""), "quick") << ran.all();
      }
    }
}

TEST_F(Names, WhatOnlyTheStateKnowsIsOfTheRecipeThatItWasMadeOf) {
  world_->write_config("");
  const auto ran = world_->run({"run", "site", "--quick", "--ref", "good"});
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_EQ(app_of(ran), "site");
  EXPECT_EQ(ran.result.value("recipe", ""), "custom-html");
  EXPECT_EQ(ran.result.value("mode", ""), "quick") << ran.all();
}

TEST_F(Names, ThatNoAppCanHaveAreRefused) {
  const auto before = world_->known_good("site");
  for (const std::string name : {"../canonical/site", "..", ".", "", "site/", "-x", "two words"}) {
    expect_refused({"recover", "--", name}, HasSubstr("cannot be the name of an app"));
    for (const std::string what : {"show", "verify", "deploy", "undeploy", "restore", "drop"}) expect_refused({"canonical", what, "--yes", "--", name}, HasSubstr("cannot be the name of an app"));
    expect_refused({"snapshot", "show", "--", name}, HasSubstr("cannot be the name of an app"));
  }
  world_->write_config("");
  EXPECT_EQ(world_->known_good("site"), before);
}

TEST_F(Names, WhatIsDroppedIsNamedFirstAndConfirmedByItsName) {
  const auto shown = world_->run({"canonical", "show", "custom-html"});
  const auto said = AllOf(HasSubstr("custom-html"), HasSubstr(shown.result["version"]), HasSubstr(shown.result["promoted_at"]), HasSubstr(" B"));
  expect_refused({"canonical", "drop", "custom-html"}, AllOf(said, HasSubstr("--yes")));
  EXPECT_TRUE(is_kept(*world_, "custom-html"));
  const auto on_terminal = [&](const std::string& typed) {
    int master = -1;
    std::vector<std::string> words = world_->command({"canonical", "drop", "custom-html"});
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const pid_t pid = ::forkpty(&master, nullptr, nullptr, nullptr);
    if (pid == 0) {
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    const Fd terminal(master);
    std::string screen;
    char part[512];
    bool answered = false;
    for (ssize_t got = 0; (got = ::read(master, part, sizeof part)) > 0;) {
      screen.append(part, static_cast<std::size_t>(got));
      if (answered || screen.find("Type its name") == std::string::npos || !screen.ends_with(": ")) continue;
      answered = true;
      EXPECT_EQ(::write(master, typed.data(), typed.size()), static_cast<ssize_t>(typed.size()));
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    EXPECT_TRUE(answered) << screen;
    EXPECT_THAT(screen, said);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  };
  const auto site = world_->known_good("site");
  for (const std::string wrong : {"yes\n", "site\n", "\n", "\x04"}) {
    EXPECT_EQ(on_terminal(wrong), 2) << wrong;
    EXPECT_TRUE(is_kept(*world_, "custom-html")) << wrong;
  }
  EXPECT_EQ(on_terminal("custom-html\n"), 0);
  EXPECT_FALSE(is_kept(*world_, "custom-html"));
  EXPECT_EQ(world_->known_good("site"), site);
}

// Only site is left: it is what the recipe's name means, but to nothing that destroys.
TEST_F(Names, WhatDestroysTakesTheNameOfAnAppAlone) {
  if (is_kept(*world_, "custom-html")) {
    ASSERT_EQ(world_->run({"canonical", "drop", "custom-html", "--yes"}).code, 0);
  }
  const auto before = world_->known_good("site");
  for (const std::string& config : {configured_site, std::string()}) {
    world_->write_config(config);
    EXPECT_EQ(app_of(world_->run({"canonical", "show", "custom-html"})), "site") << config;
    EXPECT_EQ(app_of(world_->run({"run", "custom-html", "--quick", "--ref", "good"})), "site") << config;
    const auto says = AllOf(HasSubstr("custom-html"), HasSubstr("did you mean app 'site'"));
    for (const std::string what : {"drop", "restore", "undeploy"}) expect_refused({"canonical", what, "custom-html", "--yes"}, says);
    expect_refused({"canonical", "seed", "custom-html", "--fresh"}, says);
    expect_refused({"recover", "custom-html"}, says);
  }
  expect_refused({"canonical", "deploy", "site", "--fresh"}, HasSubstr("--fresh"));
  world_->write_config(configured_site + "  blog: {recipe: custom-html, role: canonical}\n");
  for (const auto& command : std::vector<std::vector<std::string>>{{"canonical", "show", "custom-html"}, {"canonical", "drop", "custom-html", "--yes"}, {"run", "custom-html"}, {"recipe", "show", "custom-html"}})
    expect_refused(command, AllOf(HasSubstr("blog"), HasSubstr("site")));
  EXPECT_EQ(world_->known_good("site"), before);
  const auto dropped = world_->run({"canonical", "drop", "site", "--yes"});
  EXPECT_EQ(dropped.code, 0) << dropped.all();
  EXPECT_THAT(dropped.err, AllOf(HasSubstr("1.3.0+1.22.1"), MatchesRegex(".*20..-..-..T.*")));
  EXPECT_EQ(dropped.result.value("status", ""), "dropped");
  EXPECT_THAT(world_->left_behind(), IsEmpty());
}

// What the operator made of a deployed canonical is his: nothing of it is touched.
TEST(Fresh, SeedingADeployedCanonicalAnewIsBusy) {
  World world;
  ASSERT_EQ(world.run({"canonical", "seed", "custom-html"}).code, 0);
  const auto deployed = world.run({"canonical", "deploy", "custom-html"});
  ASSERT_EQ(deployed.code, 0) << deployed.all();
  const fs::path page = world.state() / "canonical/custom-html/volumes/content/edited.html";
  write_file_beside(page, "by hand");
  const auto before = world.known_good("custom-html");
  const auto fresh = world.run({"canonical", "seed", "custom-html", "--fresh"});
  EXPECT_EQ(fresh.code, 6) << fresh.all();
  EXPECT_THAT(fresh.err, HasSubstr("canonical undeploy custom-html"));
  EXPECT_EQ(world.known_good("custom-html"), before);
  EXPECT_EQ(read_file_if_there(page).value_or("gone"), "by hand");
  EXPECT_EQ(world.run({"canonical", "show", "custom-html"}).result["status"], "deployed");
  const std::string url = deployed.result["url"];
  EXPECT_EQ(run_command({{"curl", "-fsS", url + "/edited.html"}, {}, false, {}, ""}, Limit::in(std::chrono::seconds(10))).out, "by hand") << "it serves on";
  EXPECT_EQ(std::distance(fs::directory_iterator(world.state() / "alerts"), fs::directory_iterator()), 1) << "an alert";
  ASSERT_EQ(world.run({"canonical", "undeploy", "custom-html"}).code, 0);
  EXPECT_EQ(read_file_if_there(page).value_or("gone"), "by hand");
}

}  // namespace

}  // namespace simmer::e2e
