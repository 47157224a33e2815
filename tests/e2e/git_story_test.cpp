// Recipes' repositories as they are in the field: shallow and partial clones, rewritten histories, sources that withdraw
// what they published. What a run can not tell it says, and the known-good outlives all of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <e2e/simmer_world.hpp>

#include <base/files.hpp>

namespace simmer::e2e {

namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

std::string git(const fs::path& repository, std::vector<std::string> arguments) {
  std::vector<std::string> all = {"git", "-c", "safe.directory=*", "-c", "user.name=A", "-c", "user.email=a@example.org", "-C", repository.string()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const auto done = run_command({all, {{"GIT_CONFIG_GLOBAL", "/dev/null"}, {"GIT_CONFIG_NOSYSTEM", "1"}}, false, {}, ""}, Limit::in(std::chrono::seconds(30)));
  EXPECT_EQ(done.exit_code, 0) << done.err;
  return done.out.substr(0, done.out.find_last_not_of('\n') + 1);
}

class Checkouts : public ::testing::Test {
 protected:
  Checkouts() { git(recipe(), {"config", "uploadpack.allowFilter", "true"}); }
  ~Checkouts() override { EXPECT_THAT(world_.left_behind(), IsEmpty()); }
  fs::path recipe() const { return world_.recipes() / "custom-html"; }
  // Under a name that no repository in the recipes folder has.
  fs::path clone(std::vector<std::string> options) const {
    const fs::path to = world_.root() / "mine";
    std::vector<std::string> arguments = {"clone", "-q"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.insert(arguments.end(), {"file://" + recipe().string(), to.string()});
    git(world_.root(), arguments);
    return to;
  }
  Ran upgrade(std::vector<std::string> what) const {
    what.insert(what.begin(), "run");
    what.insert(what.end(), {"--tiers", "upgrade"});
    return world_.run(what);
  }
  World world_;
};

TEST_F(Checkouts, OneWithReleaseTagsUpgradesFromThem) {
  const fs::path mine = clone({});
  const auto clean = upgrade({mine.string()});
  EXPECT_EQ(clean.code, 0) << clean.all();
  EXPECT_EQ(clean.result["base_version"], "1.2.0+1.22.1") << "it is 1.3.0";
  EXPECT_EQ(clean.tier("upgrade")["outcome"], "pass");
  write_file_beside(mine / "README.md", "changed\n");
  EXPECT_EQ(upgrade({mine.string()}).result["base_version"], "1.3.0+1.22.1");
}

TEST_F(Checkouts, AShallowOneIsUnverifiedAndSaysSo) {
  const auto ran = upgrade({clone({"--depth", "1"}).string()});
  EXPECT_EQ(ran.code, 1) << ran.all();
  EXPECT_EQ(ran.tier("upgrade")["outcome"], "unverified");
  EXPECT_THAT(ran.reason(), AllOf(HasSubstr("it cannot be told whether there is an older release"), HasSubstr("shallow clone")));
  EXPECT_EQ(ran.result["deploy_count"], 0);
}

TEST_F(Checkouts, APartialOneHasItsHistoryAndNamesWhatItLacks) {
  const auto ran = upgrade({clone({"--filter=blob:none"}).string()});
  EXPECT_EQ(ran.code, 1) << ran.all();
  EXPECT_THAT(ran.result["commit"].get<std::string>(), Not(StartsWith("tree-")));
  EXPECT_THAT(ran.reason(), AllOf(HasSubstr("1.2.0+1.22.1 is the older release"), HasSubstr("not with all its files")));
}

TEST_F(Checkouts, ASparseOneIsRefused) {
  const fs::path mine = clone({});
  git(mine, {"sparse-checkout", "set", "--no-cone", "compose.yml"});
  const auto ran = upgrade({mine.string()});
  EXPECT_EQ(ran.code, 2) << ran.all();
  EXPECT_THAT(ran.err, AllOf(HasSubstr("a sparse checkout leaves"), HasSubstr("git sparse-checkout disable")));
}

TEST_F(Checkouts, ARewrittenHistoryIsUpgradedByVersion) {
  git(recipe(), {"branch", "squashed", git(recipe(), {"commit-tree", "-m", "all in one", "good^{tree}"})});
  const auto ran = upgrade({"custom-html", "--ref", "squashed"});
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_EQ(ran.result["base_version"], "1.3.0+1.22.1");
  EXPECT_EQ(ran.tier("upgrade")["outcome"], "pass");
}

TEST_F(Checkouts, APreReleaseIsListedAndNotTheNewest) {
  git(recipe(), {"tag", "2.0.0-rc.1+1.22.1", "good"});
  EXPECT_THAT(world_.simmer({"recipe", "list"}).out, HasSubstr("custom-html  1.3.0+1.22.1 (5 releases)"));
  const auto ran = upgrade({"custom-html", "--ref", "2.0.0-rc.1+1.22.1"});
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_EQ(ran.result["base_version"], "1.3.0+1.22.1");
  EXPECT_EQ(upgrade({"custom-html"}).result["version"], "1.3.0+1.22.1");
}

// The source takes back the release that is the known-good, and every branch that led to it; git forgets what is not kept.
TEST(Withdrawn, AReleaseIsNotTheNewestAndItsKnownGoodStays) {
  World world;
  const fs::path source = world.root() / "source", here = world.recipes() / "custom-html.git";
  fs::rename(world.recipes() / "custom-html", source);
  world.write_config("apps:\n  custom-html: {source: " + source.string() + "}\n");
  const auto seeded = world.run({"canonical", "seed", "custom-html"});
  ASSERT_EQ(seeded.code, 0) << seeded.all();
  EXPECT_EQ(git(here, {"rev-parse", "refs/simmer/keep/custom-html"}), seeded.result["commit"]);
  git(here, {"update-ref", "-d", "refs/simmer/keep/custom-html"});  // as in a repository that was made anew

  git(source, {"checkout", "-q", "--detach", "1.2.0+1.22.1"});
  for (const std::string command : {"git for-each-ref --format='delete %(refname)' refs/heads | git update-ref --stdin", "git tag -d 1.3.0+1.22.1", "git branch fresh"})
    ASSERT_EQ(run_command({{"sh", "-c", command}, {{"GIT_CONFIG_COUNT", "1"}, {"GIT_CONFIG_KEY_0", "safe.directory"}, {"GIT_CONFIG_VALUE_0", "*"}}, false, source, ""}, Limit::in(std::chrono::seconds(30))).exit_code, 0) << command;
  const auto none = world.run({"run", "custom-html", "--ref", "nowhere"});
  EXPECT_THAT(none.err, HasSubstr("the newest release is 1.2.0+1.22.1")) << none.all();
  EXPECT_EQ(world.run({"run", "custom-html", "--ref", "good"}).code, 2) << "a deleted branch is gone";
  git(here, {"reflog", "expire", "--expire=now", "--all"});
  git(here, {"gc", "-q", "--prune=now"});

  const auto quick = world.run({"run", "custom-html", "--quick", "--ref", "fresh", "--tiers", "upgrade"});
  EXPECT_EQ(quick.result["mode"], "cold") << quick.all();
  EXPECT_THAT(quick.result["mode_reason"], HasSubstr("is not reachable from"));
  const auto deployed = world.simmer({"canonical", "deploy", "custom-html"});
  EXPECT_EQ(deployed.code, 0) << deployed.all();
  EXPECT_EQ(world.simmer({"canonical", "undeploy", "custom-html"}).code, 0);
  EXPECT_THAT(world.left_behind(), IsEmpty());
}

}  // namespace

}  // namespace simmer::e2e
