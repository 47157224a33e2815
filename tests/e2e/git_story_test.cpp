// Recipes' repositories as they are in the field: shallow and partial clones, rewritten histories, sources that withdraw
// what they published. What a run can not tell it says, and the known-good outlives all of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

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
  const std::string kept = "refs/simmer/known-good/custom-html/" + seeded.result["commit"].get<std::string>();
  EXPECT_EQ(git(here, {"for-each-ref", "--format=%(objectname) %(refname)", "refs/simmer"}), seeded.result["commit"].get<std::string>() + " " + kept);
  git(here, {"update-ref", "-d", kept});  // as in a repository that was made anew

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

// What a repository is, is nothing to a known-good: its recipe is its own.
class OfItself : public ::testing::Test {
 protected:
  OfItself() {
    const auto seeded = world_.run({"canonical", "seed", "custom-html"});
    EXPECT_EQ(seeded.code, 0) << seeded.all();
    commit_ = seeded.result["commit"];
  }
  ~OfItself() override { EXPECT_THAT(world_.left_behind(), IsEmpty()); }
  fs::path recipe() const { return world_.recipes() / "custom-html"; }
  void expect_deploys() const {
    const auto deployed = world_.simmer({"canonical", "deploy", "custom-html"});
    EXPECT_EQ(deployed.code, 0) << deployed.all();
    EXPECT_EQ(world_.simmer({"canonical", "undeploy", "custom-html"}).code, 0);
  }
  World world_;
  std::string commit_;
};

TEST_F(OfItself, AKnownGoodDeploysWithoutItsRepository) {
  remove_tree(recipe());
  expect_deploys();
}

// Upstream rewrites its history, and git forgets all that it was before: refs of ours with it.
TEST_F(OfItself, AKnownGoodOutlivesARewrittenHistory) {
  git(recipe(), {"checkout", "-q", "--orphan", "anew"});
  git(recipe(), {"commit", "-q", "-m", "anew"});
  std::istringstream refs(git(recipe(), {"for-each-ref", "--format=%(refname)"}));
  for (std::string ref; std::getline(refs, ref);)
    if (ref != "refs/heads/anew") git(recipe(), {"update-ref", "-d", ref});
  git(recipe(), {"reflog", "expire", "--expire=now", "--all"});
  git(recipe(), {"gc", "-q", "--prune=now"});
  expect_deploys();
  const auto quick = world_.run({"run", "custom-html", "--quick", "--ref", "anew", "--tiers", "upgrade"});
  EXPECT_EQ(quick.result["mode"], "cold") << quick.all();
  EXPECT_THAT(quick.result["mode_reason"], AllOf(HasSubstr(commit_.substr(0, 12)), HasSubstr("is not reachable from")));
  EXPECT_EQ(quick.result["base_version"], "1.3.0+1.22.1") << quick.all();
  EXPECT_EQ(quick.tier("upgrade")["outcome"], "pass") << quick.all();
}

// A partial clone has all of the history and not the files of the known-good: the first is all that a quick run asks of it.
TEST_F(OfItself, AQuickRunAsksGitForAncestryAlone) {
  git(recipe(), {"config", "uploadpack.allowFilter", "true"});
  fs::create_directories(world_.root() / "mine");
  const fs::path mine = world_.root() / "mine/custom-html";
  git(world_.root(), {"clone", "-q", "--filter=blob:none", "-b", "good", "file://" + recipe().string(), mine.string()});
  write_file_beside(mine / "compose.yml", read_file(mine / "compose.yml") + "\n");
  remove_tree(recipe());
  const auto quick = world_.run({"run", mine.string(), "--quick"});
  EXPECT_EQ(quick.code, 0) << quick.all();
  EXPECT_EQ(quick.result["mode"], "quick") << quick.all();
}

}  // namespace

}  // namespace simmer::e2e
