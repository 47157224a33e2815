// A plugin that throws, hangs, crashes or exits in each of its calls costs its own run and is named (promise P9).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <e2e/simmer_world.hpp>

namespace simmer::e2e {

namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<std::string> calls = {"factory", "traits", "health_probe", "probe", "data_contract", "seed", "verify", "wipe", "checks", "check_run", "before", "after"};
const std::vector<std::string> ways = {"throw", "throw_int", "hang", "segfault", "exit", "abort"};

class FaultyPlugin : public ::testing::TestWithParam<std::string> {};

// One world per call: all ways of failing in it, one after the other.
TEST_P(FaultyPlugin, CostsItsOwnRunAndIsNamed) {
  World world("deadlines: {start: 15s, plugin: 1s, teardown: 30s}\nhealth: {window: 100ms}\n");
  for (const auto& way : ways) {
    const auto ran = world.run({"run", "custom-html", "--plugin-path", SIMMER_FAULTY_PLUGINS}, {{"SIMMER_FAULTY", GetParam() + ":" + way}});
    EXPECT_EQ(ran.code, 1) << way << "\n" << ran.all();
    EXPECT_EQ(ran.verdict(), "fail") << way;
    EXPECT_THAT(ran.reason(), HasSubstr("plugin faulty")) << way;
    EXPECT_THAT(world.left_behind(), IsEmpty()) << way;
  }
}

INSTANTIATE_TEST_SUITE_P(Call, FaultyPlugin, ::testing::ValuesIn(calls), [](const auto& info) { return info.param; });

TEST(FaultyPlugin, InAPromotionLeavesTheOldKnownGoodAndAnAlert) {
  World world("deadlines: {start: 15s, plugin: 1s, teardown: 30s}\nhealth: {window: 100ms}\n");
  ASSERT_EQ(world.run({"canonical", "seed", "custom-html", "--plugin-path", SIMMER_FAULTY_PLUGINS}).code, 0);
  const auto before = world.known_good("custom-html");
  const auto published =
      run_command({{SIMMER_PUBLISH_SCRIPT, (world.recipes() / "custom-html").string(), "good", "1.4.0+1.22.1"}, {}, false, {}, ""}, Limit::in(std::chrono::seconds(30)));
  ASSERT_EQ(published.exit_code, 0) << published.err;
  const auto ran = world.run({"run", "custom-html", "--plugin-path", SIMMER_FAULTY_PLUGINS}, {{"SIMMER_FAULTY", "snapshot_strategy:throw"}});
  EXPECT_EQ(ran.code, 1) << ran.all();
  EXPECT_EQ(ran.verdict(), "pass") << "the run's verdict stays";
  EXPECT_EQ(ran.result["canonical"]["outcome"], "failed");
  EXPECT_EQ(world.known_good("custom-html"), before);
  EXPECT_THAT(world.left_behind(), IsEmpty());
  const auto alerts = world.run({"alerts", "list"});
  ASSERT_EQ(alerts.result.size(), 1u) << alerts.all();
  EXPECT_EQ(alerts.result[0]["kind"], "promote-failed");
  EXPECT_EQ(alerts.result[0]["attempted"], "1.4.0+1.22.1");
  EXPECT_EQ(alerts.result[0]["last_good"], "1.3.0+1.22.1");
}

TEST(FaultyPlugin, InAFirstPromotionLeavesNoKnownGood) {
  World world("deadlines: {start: 15s, plugin: 1s, teardown: 30s}\nhealth: {window: 100ms}\n");
  for (const auto& call : {"snapshot_strategy", "seed"}) {
    const auto ran = world.run({"canonical", "seed", "custom-html", "--plugin-path", SIMMER_FAULTY_PLUGINS}, {{"SIMMER_FAULTY", std::string(call) + ":segfault"}});
    EXPECT_EQ(ran.code, 1) << ran.all();
    EXPECT_FALSE(std::filesystem::exists(world.state() / "canonical/custom-html/snapshot"));
    EXPECT_THAT(world.left_behind(), IsEmpty());
  }
}

TEST(BlindPlugin, IsReportedAsBlindAndNotGreen) {
  World world;
  const auto ran = world.run({"run", "custom-html", "--plugin-path", SIMMER_BLIND_PLUGINS});
  EXPECT_EQ(ran.code, 1) << ran.all();
  EXPECT_THAT(ran.reason(), HasSubstr("blind to loss"));
}

}  // namespace

}  // namespace simmer::e2e
