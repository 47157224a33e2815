// The main job on a real nginx: seed, quick, promote, and every way in which a head can be bad, in every mode that
// has its tier. One world for all of it, in this order: that the known-good survives the one before is the point.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <e2e/simmer_world.hpp>

#include <base/files.hpp>

namespace simmer::e2e {

namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Story : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    world_ = new World();
    const auto seeded = world_->run({"canonical", "seed", "custom-html"});
    ASSERT_EQ(seeded.code, 0) << seeded.all();
  }
  static void TearDownTestSuite() {
    delete world_;
    world_ = nullptr;
  }
  void TearDown() override { EXPECT_THAT(world_->left_behind(), IsEmpty()); }

  static World* world_;
};

World* Story::world_ = nullptr;

TEST_F(Story, SeedMakesAWholeKnownGood) {
  const auto shown = world_->run({"canonical", "show", "custom-html"});
  EXPECT_EQ(shown.result["version"], "1.3.0+1.22.1") << shown.all();
  EXPECT_EQ(shown.result["status"], "idle");
  EXPECT_EQ(shown.result["volumes"], Json::array({"content"}));
  EXPECT_EQ(world_->simmer({"canonical", "verify", "custom-html"}).code, 0);
  EXPECT_EQ(world_->simmer({"snapshot", "verify", "custom-html"}).code, 0);
}

TEST_F(Story, TheSameReleaseAgainStepsBackToTheOlderOne) {
  const auto before = world_->known_good("custom-html");
  const auto ran = world_->run({"run", "custom-html"});
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_EQ(ran.verdict(), "pass");
  EXPECT_EQ(ran.result["full"], true);
  EXPECT_EQ(ran.result["level"], 5) << ran.result["rungs"].dump(2);
  EXPECT_EQ(ran.result["base_version"], "1.2.0+1.22.1");
  EXPECT_THAT(ran.err, HasSubstr("from the older release 1.2.0+1.22.1"));
  EXPECT_EQ(ran.result["deploy_count"], 2);
  EXPECT_EQ(ran.result["deploys_expected"], 2);
  EXPECT_EQ(ran.result["canonical"]["outcome"], "unchanged");
  EXPECT_EQ(world_->known_good("custom-html"), before);
}

TEST_F(Story, QuickPassesAGoodChangeAndMovesNothing) {
  const auto before = world_->known_good("custom-html");
  const auto ran = world_->run({"run", "custom-html", "--quick", "--ref", "good"});
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_EQ(ran.result["mode"], "quick");
  EXPECT_EQ(ran.result["authoritative"], false);
  EXPECT_EQ(ran.tier("upgrade")["outcome"], "pass");
  EXPECT_EQ(ran.tier("custom")["outcome"], "pass");
  EXPECT_EQ(ran.tier("install")["outcome"], "skip");
  EXPECT_EQ(ran.result["deploy_count"], 1);
  EXPECT_EQ(world_->known_good("custom-html"), before);
}

TEST_F(Story, QuickOfTheKnownGoodItselfSkipsTheUpgradeAndStillRunsTheChecks) {
  const auto ran = world_->run({"run", "custom-html", "--quick"});
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_EQ(ran.tier("upgrade")["outcome"], "skip");
  EXPECT_THAT(ran.tier("upgrade")["reason"].get<std::string>(), HasSubstr("same commit"));
  EXPECT_EQ(ran.tier("custom")["outcome"], "pass");
}

TEST_F(Story, AChangeThatCarriesTheLabelOfTheLastReleaseIsTestedAsTheNewerOneItIs) {
  const auto ran = world_->run({"run", "custom-html", "--ref", "good"});
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_EQ(ran.result["is_release"], false);
  EXPECT_EQ(ran.result["version"], "1.3.0+1.22.1") << "its label";
  EXPECT_EQ(ran.result["base_version"], "1.3.0+1.22.1") << "the release it is newer than";
  EXPECT_NE(ran.result["commit"], ran.result["base_commit"]);
  EXPECT_EQ(ran.tier("upgrade")["outcome"], "pass");
  EXPECT_EQ(ran.result["canonical"]["outcome"], "unchanged");
}

TEST_F(Story, OlderThanTheKnownGoodGoesCold) {
  const auto ran = world_->run({"run", "custom-html", "--quick", "--ref", "1.1.0+1.22.1", "--tiers", "install"});
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_EQ(ran.result["mode"], "cold");
  EXPECT_EQ(ran.result["mode_asked"], "quick");
  EXPECT_THAT(ran.result["mode_reason"].get<std::string>(), HasSubstr("not reachable"));
}

TEST_F(Story, APartOfTheTiersIsNotFull) {
  const auto ran = world_->run({"run", "custom-html", "--tiers", "install,custom"});
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_EQ(ran.result["full"], false);
  EXPECT_EQ(ran.result["deploy_count"], 1);
  EXPECT_EQ(ran.result["level"], 1);
  EXPECT_EQ(ran.tier("upgrade")["reason"], "not asked for");
}

TEST_F(Story, OnlyTheUpgradeTier) {
  const auto ran = world_->run({"run", "custom-html", "--tiers", "upgrade"});
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_EQ(ran.tier("upgrade")["outcome"], "pass");
  EXPECT_EQ(ran.result["deploy_count"], 1);
}

TEST_F(Story, AWorkingTreeIsTestedAsItIsAndNeverPromoted) {
  const fs::path tree = world_->root() / "custom-html";
  ASSERT_EQ(run_command({{"git", "-c", "safe.directory=*", "clone", "-q", (world_->recipes() / "custom-html").string(), tree.string()}, {}, false, {}, ""}, Limit::in(std::chrono::seconds(30))).exit_code, 0);
  write_file_beside(tree / "README.md", "changed, not committed\n");
  const auto ran = world_->run({"run", tree.string()});
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_THAT(ran.result["commit"].get<std::string>(), HasSubstr("+U"));
  EXPECT_EQ(ran.result["canonical"]["outcome"], "unchanged");
  remove_tree(tree);
}

TEST_F(Story, WhatARunDidToARetainedVolumeIsGoneBeforeTheNext) {
  // An operator deploys it, edits a page, undeploys it: the next quick run still starts from the snapshot.
  const auto deployed = world_->run({"canonical", "deploy", "custom-html"});
  ASSERT_EQ(deployed.code, 0) << deployed.all();
  const auto busy = world_->run({"run", "custom-html", "--quick", "--ref", "good"});
  EXPECT_EQ(busy.code, 6) << busy.all();
  EXPECT_THAT(busy.err, HasSubstr("canonical undeploy"));
  const fs::path page = world_->state() / "canonical/custom-html/volumes/content/edited.html";
  write_file_beside(page, "by hand");
  ASSERT_EQ(world_->simmer({"canonical", "undeploy", "custom-html"}).code, 0);
  EXPECT_TRUE(fs::exists(page));
  EXPECT_EQ(world_->run({"run", "custom-html", "--quick", "--ref", "good"}).code, 0);
  EXPECT_FALSE(fs::exists(page));
}

// --- bad heads -----------------------------------------------------------------------------------------------

struct BadHead {
  std::string branch;
  std::string cold_tier, cold_says;    // empty tier: green
  std::string quick_tier, quick_says;
  bool stays_ill = false;  // only the deadline ends the wait
};
std::ostream& operator<<(std::ostream& out, const BadHead& head) { return out << head.branch; }

class BadHeads : public Story, public ::testing::WithParamInterface<BadHead> {};

void expect_red(const Ran& ran, const std::string& tier, const std::string& says) {
  EXPECT_EQ(ran.code, 1) << ran.all();
  EXPECT_EQ(ran.verdict(), "fail");
  EXPECT_EQ(ran.tier(tier)["outcome"], "fail") << ran.result["tiers"].dump(2);
  EXPECT_THAT(ran.reason(), HasSubstr(says));
}

TEST_P(BadHeads, AreRedAtTheRightTierAndLoseNothing) {
  const auto& head = GetParam();
  if (head.branch == "bad/turns-unhealthy") world_->write_config("health: {window: 1500ms}\n");
  if (head.stays_ill) world_->write_config("deadlines: {start: 3s, plugin: 20s, teardown: 30s}\n");
  const auto before = world_->known_good("custom-html");

  const auto cold = world_->run({"run", "custom-html", "--ref", head.branch});
  if (head.cold_tier.empty()) {
    EXPECT_EQ(cold.code, 0) << cold.all();
  } else {
    expect_red(cold, head.cold_tier, head.cold_says);
    EXPECT_EQ(cold.result["attempts"].size(), 2u) << "a red is repeated once before it is called red";
    EXPECT_THAT(cold.result["since_green"]["recipe"]["patch"], HasSubstr("diff --git")) << cold.result["since_green"].dump(2);
    EXPECT_FALSE(cold.result["environment"].empty() && head.cold_says != "compose.yml") << "what the deployment's environment holds is not said";
  }
  EXPECT_EQ(world_->known_good("custom-html"), before);
  EXPECT_THAT(world_->left_behind(), IsEmpty());

  const auto quick = world_->run({"run", "custom-html", "--quick", "--ref", head.branch});
  if (head.quick_tier.empty()) {
    EXPECT_EQ(quick.code, 0) << quick.all();
  } else {
    expect_red(quick, head.quick_tier, head.quick_says);
  }
  EXPECT_EQ(world_->known_good("custom-html"), before);
  if (head.branch == "bad/ignores-sigterm") {
    EXPECT_THAT(quick.result["warnings"].dump(), HasSubstr("did not end on SIGTERM"));
  }

  world_->write_config("");
  const auto good = world_->run({"run", "custom-html", "--quick", "--ref", "good"});
  EXPECT_EQ(good.code, 0) << good.all();
  EXPECT_EQ(world_->known_good("custom-html"), before);
}

INSTANTIATE_TEST_SUITE_P(CustomHtml, BadHeads,
                         ::testing::Values(BadHead{"bad/does-not-parse", "install", "compose.yml", "upgrade", "compose.yml"},
                                           BadHead{"bad/does-not-start", "install", "healthy-and-steady", "upgrade", "healthy-and-steady"},
                                           BadHead{"bad/crash-loops", "install", "died", "upgrade", "died"},
                                           BadHead{"bad/hangs-while-starting", "install", "not up within", "upgrade", "not up within", true},
                                           BadHead{"bad/serves-500", "install", "500", "upgrade", "500", true},
                                           BadHead{"bad/wrong-page", "install", "index.html", "upgrade", "index.html", true},
                                           BadHead{"bad/turns-unhealthy", "install", "was healthy", "upgrade", "was healthy"},
                                           BadHead{"bad/loses-data", "upgrade", "marker-is-intact", "upgrade", "marker-is-intact"},
                                           BadHead{"bad/no-fresh-install", "install", "healthy-and-steady", "", ""},
                                           BadHead{"bad/empty-backup", "restore", "marker-is-back", "", ""},
                                           BadHead{"bad/backs-up-nothing", "backup", "not there", "", ""},
                                           BadHead{"bad/fails-custom-check", "custom", "missing-page-is-404", "custom", "missing-page-is-404"},
                                           BadHead{"bad/ignores-sigterm", "", "", "", ""},
                                           BadHead{"bad/policy-docker-socket", "install", "docker-socket", "upgrade", "docker-socket"},
                                           BadHead{"bad/policy-host-ports", "install", "host-ports", "upgrade", "host-ports"},
                                           BadHead{"bad/policy-foreign-hosts", "install", "foreign-hosts", "upgrade", "foreign-hosts"}),
                         [](const auto& info) {
                           std::string name = info.param.branch.substr(4);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// --- promotion -----------------------------------------------------------------------------------------------

TEST(Promotion, CarriesTheDataForwardReleaseByRelease) {
  World world;
  // The newest release is not there yet.
  const auto git = [&](std::vector<std::string> arguments) {
    std::vector<std::string> all = {"git", "-c", "safe.directory=*", "-C", (world.recipes() / "custom-html").string()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const auto done = run_command({all, {}, false, {}, ""}, Limit::in(std::chrono::seconds(30)));
    EXPECT_EQ(done.exit_code, 0) << done.err;
    std::string out = done.out;
    while (!out.empty() && out.back() == '\n') out.pop_back();
    return out;
  };
  const std::string newest = git({"rev-parse", "1.3.0+1.22.1^{}"});
  git({"tag", "-d", "1.3.0+1.22.1"});
  const auto seeded = world.run({"canonical", "seed", "custom-html"});
  ASSERT_EQ(seeded.code, 0) << seeded.all();
  EXPECT_EQ(seeded.result["canonical"]["after"], "1.2.0+1.22.1");
  EXPECT_EQ(seeded.result["canonical"]["outcome"], "seeded");
  // A page that only a person would have written is carried along, too: known-good data is data.
  ASSERT_EQ(world.simmer({"canonical", "show", "custom-html"}).code, 0);

  git({"tag", "1.3.0+1.22.1", newest});
  const auto promoted = world.run({"run", "custom-html"});
  ASSERT_EQ(promoted.code, 0) << promoted.all();
  EXPECT_EQ(promoted.result["base_version"], "1.2.0+1.22.1") << "from the known-good";
  EXPECT_EQ(promoted.result["canonical"]["outcome"], "promoted");
  EXPECT_EQ(promoted.result["canonical"]["before"], "1.2.0+1.22.1");
  EXPECT_EQ(promoted.result["canonical"]["after"], "1.3.0+1.22.1");
  EXPECT_EQ(promoted.result["deploy_count"], 2) << "promotion is counted apart";
  EXPECT_EQ(promoted.result["canonical"]["deploy_count"], 1);
  EXPECT_EQ(world.simmer({"canonical", "verify", "custom-html"}).code, 0);
  EXPECT_THAT(world.left_behind(), IsEmpty());
  // The commit stays, whatever happens to the tag.
  git({"tag", "-d", "1.3.0+1.22.1"});
  EXPECT_EQ(world.run({"run", "custom-html", "--quick", "--ref", "good"}).code, 0);
}

TEST(Promotion, AFailedOneLeavesTheOldKnownGood) {
  World world;
  ASSERT_EQ(world.run({"canonical", "seed", "custom-html"}).code, 0);
  const auto before = world.known_good("custom-html");
  // A release whose upgrade loses data: the cold run is red, so nothing is promoted.
  const auto published = run_command({{SIMMER_PUBLISH_SCRIPT, (world.recipes() / "custom-html").string(), "bad/loses-data", "1.4.0+1.22.1"}, {}, false, {}, ""}, Limit::in(std::chrono::seconds(30)));
  ASSERT_EQ(published.exit_code, 0) << published.err;
  const auto ran = world.run({"run", "custom-html"});
  EXPECT_EQ(ran.code, 1) << ran.all();
  EXPECT_EQ(ran.result["canonical"]["outcome"], "unchanged");
  EXPECT_EQ(world.known_good("custom-html"), before);
  EXPECT_EQ(world.run({"run", "custom-html", "--quick", "--ref", "good"}).code, 0);
  EXPECT_THAT(world.left_behind(), IsEmpty());
}

// --- a real database -----------------------------------------------------------------------------------------

TEST(Database, RealRowsThroughColdQuickAndABadMigration) {
  World world("apps:\n  notes: {role: canonical}\ndeadlines: {start: 60s, plugin: 60s, teardown: 60s}\nhealth: {window: 200ms}\n");
  const auto seeded = world.run({"canonical", "seed", "notes"});
  ASSERT_EQ(seeded.code, 0) << seeded.all();
  EXPECT_EQ(seeded.tier("restore")["outcome"], "pass");
  EXPECT_EQ(seeded.tier("upgrade")["outcome"], "pass");
  const auto before = world.known_good("notes");
  const auto good = world.run({"run", "notes", "--quick", "--ref", "good"});
  EXPECT_EQ(good.code, 0) << good.all();
  const auto bad = world.run({"run", "notes", "--quick", "--ref", "bad/drops-table"});
  EXPECT_EQ(bad.code, 1) << bad.all();
  EXPECT_THAT(bad.reason(), HasSubstr("marker-is-intact"));
  EXPECT_EQ(world.known_good("notes"), before);
  EXPECT_THAT(world.left_behind(), IsEmpty());
  // The password is nowhere but where it belongs.
  const auto meta = Json::parse(read_file(world.state() / "canonical/notes/snapshot/meta.json"));
  const auto secrets = Json::parse(read_file(world.state() / "canonical/notes/snapshot" / meta["secrets_file"].get<std::string>()));
  for (const auto& run : fs::recursive_directory_iterator(world.state() / "runs")) {
    if (!run.is_regular_file()) continue;
    for (const auto& [name, value] : secrets.items()) {
      EXPECT_THAT(read_file(run.path()), ::testing::Not(HasSubstr(value.get<std::string>()))) << run.path();
    }
  }
}

TEST(Stateless, ARecipeWithoutPluginAndDataIsGreen) {
  World world;
  const auto ran = world.run({"run", "plain"});
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_EQ(ran.tier("backup")["outcome"], "skip");
  EXPECT_EQ(ran.result["canonical"]["outcome"], "unchanged");
  EXPECT_THAT(world.left_behind(), IsEmpty());
}

}  // namespace

}  // namespace simmer::e2e
