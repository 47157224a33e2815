// Simmer is killed, all of it at once, at every journal write and every other marked moment of a cold run, a quick
// run in each way of forking, a seed and a promotion. After `recover` the known-good is whole, the next run is
// green, and nothing is left (promises P1, P2, P3, P4, P6).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>

#include <base/files.hpp>
#include <e2e/simmer_world.hpp>
#include <unit/snapshots/test_tree.hpp>

namespace simmer::e2e {

namespace {

using ::testing::IsEmpty;

struct Story {
  std::string name;
  std::vector<std::string> arguments;
  std::string config;
  bool needs_seed = false;
  bool promotes = false;
  bool on_xfs = false;  // which can reflink
};

class KilledEverywhere : public ::testing::TestWithParam<Story> {};

void git(const World& world, std::vector<std::string> arguments) {
  std::vector<std::string> all = {"git", "-c", "safe.directory=*", "-C", (world.recipes() / "custom-html").string()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const auto done = run_command({all, {}, false, {}, ""}, Limit::in(std::chrono::seconds(30)));
  ASSERT_EQ(done.exit_code, 0) << done.err;
}

std::size_t lines_in(const fs::path& file) {
  const auto text = read_file_if_there(file).value_or("");
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

// Upstream rewrites its history, and git forgets all that nothing keeps.
void forget_history(const World& world) {
  const std::string command =
      "git checkout -q --orphan anew && git -c user.name=A -c user.email=a@example.org commit -q -m anew &&"
      " git for-each-ref --format='delete %(refname)' refs/heads refs/tags | grep -v ' refs/heads/anew$' | git update-ref --stdin &&"
      " git reflog expire --expire=now --all && git gc -q --prune=now";
  const auto done = run_command({{"sh", "-c", command}, {{"GIT_CONFIG_COUNT", "1"}, {"GIT_CONFIG_KEY_0", "safe.directory"}, {"GIT_CONFIG_VALUE_0", "*"}}, false, world.recipes() / "custom-html", ""},
                                Limit::in(std::chrono::seconds(60)));
  ASSERT_EQ(done.exit_code, 0) << done.err;
}

TEST_P(KilledEverywhere, TheKnownGoodIsWholeAndNothingIsLeft) {
  const auto& story = GetParam();
  std::size_t points = 0, killed = 0;
  std::string kept_state;
  test::Scratch disk;
  if (story.on_xfs)
    if (const std::string why = test::mount_filesystem("xfs", disk / "xfs", "1G"); !why.empty()) GTEST_SKIP() << why;
  World world("deadlines: {start: 15s, plugin: 20s, teardown: 30s}\nhealth: {window: 20ms}\n" + story.config, story.on_xfs ? disk / "xfs" : fs::path());
  const fs::path saved = world.root() / "saved";
  const auto copy = [](const fs::path& from, const fs::path& to) {
    const auto done = run_command({{"cp", "-a", from.string(), to.string()}, {}, false, {}, ""}, Limit::in(std::chrono::seconds(60)));
    ASSERT_EQ(done.exit_code, 0) << done.err;
  };
  if (story.needs_seed) {
    if (story.promotes) git(world, {"tag", "-d", "1.3.0+1.22.1"});
    const auto seeded = world.run({"canonical", "seed", "custom-html"});
    ASSERT_EQ(seeded.code, 0) << seeded.all();
    if (story.promotes) git(world, {"tag", "1.3.0+1.22.1", "main"});
    copy(world.state(), saved);
  }
  copy(world.recipes(), world.root() / "recipes-saved");
  const auto start_over = [&] {
    remove_tree(world.recipes());
    copy(world.root() / "recipes-saved", world.recipes());
    remove_tree(world.state());
    if (story.needs_seed) copy(saved, world.state());
  };
  const fs::path count = world.root() / "points";
  {
    const auto whole = world.run(story.arguments, {{"SIMMER_CRASH_COUNT", count.string()}});
    ASSERT_EQ(whole.code, 0) << whole.all();
    points = lines_in(count);
    ASSERT_GT(points, 10u);
  }
  for (std::size_t point = 1; point <= points; ++point) {
    start_over();
    const std::string before = story.needs_seed ? world.known_good("custom-html") : "";
    remove_durably(count);
    const auto ran = world.run(story.arguments, {{"SIMMER_CRASH_COUNT", count.string()}, {"SIMMER_CRASH_AT", std::to_string(point)}});
    const auto text = read_file(count);
    const std::string where = "point " + std::to_string(point) + ": " + text.substr(text.rfind('\n', text.size() - 2) + 1);
    if (ran.code == 137) ++killed;
    else ADD_FAILURE() << "was not killed at " << where << ran.all();
    const auto committed = read_file_if_there(world.state() / "canonical/custom-html/snapshot/meta.json");
    if (story.promotes) {
      forget_history(world);
      if (committed) git(world, {"cat-file", "-e", Json::parse(*committed)["commit"]});
    }
    const auto recovered = world.simmer({"recover"});
    EXPECT_EQ(recovered.code, 0) << where << recovered.all();
    EXPECT_THAT(world.left_behind(), IsEmpty()) << where << recovered.all();
    const bool exists = fs::exists(world.state() / "canonical/custom-html/snapshot/meta.json");
    ASSERT_TRUE(exists || !story.needs_seed) << where;
    if (exists) {
      const auto verified = world.simmer({"canonical", "verify", "custom-html"});
      EXPECT_EQ(verified.code, 0) << where << verified.all();
      EXPECT_FALSE(fs::exists(world.state() / "canonical/custom-html/dirty")) << where;
      if (story.needs_seed && !story.promotes) {
        EXPECT_EQ(world.known_good("custom-html"), before) << where;
      }
    }
    if (story.promotes && exists) {
      remove_tree(world.recipes() / "custom-html");
      const auto deployed = world.simmer({"canonical", "deploy", "custom-html"});
      EXPECT_EQ(deployed.code, 0) << where << deployed.all();
      const auto undeployed = world.simmer({"canonical", "undeploy", "custom-html"});
      EXPECT_EQ(undeployed.code, 0) << where << undeployed.all();
      EXPECT_THAT(world.left_behind(), IsEmpty()) << where;
      copy(world.root() / "recipes-saved/custom-html", world.recipes() / "custom-html");
    }
    if (point % 7 == 0 && exists) {
      const auto next = world.run({"run", "custom-html", "--quick", "--ref", "good"});
      EXPECT_EQ(next.code, 0) << where << next.all();
    }
    if (::testing::Test::HasFailure()) break;
  }
  std::cout << "killed at " << killed << " of " << points << " points of: " << story.name << std::endl;
}

INSTANTIATE_TEST_SUITE_P(
    Stories, KilledEverywhere,
    ::testing::Values(Story{"cold", {"run", "custom-html", "--ref", "good"}, "", false, false},
                      Story{"seed", {"canonical", "seed", "custom-html"}, "", false, true},
                      Story{"quick_overlay", {"run", "custom-html", "--quick", "--ref", "good"}, "fork: overlay\n", true, false},
                      Story{"quick_restore", {"run", "custom-html", "--quick", "--ref", "good"}, "fork: restore\n", true, false},
                      Story{"quick_reflink", {"run", "custom-html", "--quick", "--ref", "good"}, "fork: reflink\n", true, false, true},
                      Story{"promote_restore", {"run", "custom-html"}, "fork: restore\n", true, true},
                      Story{"promote_reflink", {"run", "custom-html"}, "fork: reflink\n", true, true, true}),
    [](const auto& info) { return info.param.name; });

}  // namespace

}  // namespace simmer::e2e
