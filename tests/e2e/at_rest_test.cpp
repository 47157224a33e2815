// Whole runs of recipes whose services are not all there to stay, and of recipes that take more than they may.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include <e2e/cron_recipe.hpp>

namespace simmer::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(AtRest, AColdRunOfSwarmCronjobsShapeIsGreen) {
  World world;
  make_cron_recipe(world, "example/image:1");
  const auto ran = world.run({"run", "cron"});
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_EQ(ran.verdict(), "pass");
  for (const char* tier : {"install", "upgrade", "backup", "restore"}) EXPECT_EQ(ran.tier(tier)["outcome"], "pass") << tier << ran.all();
  EXPECT_EQ(ran.result["image_changes"], Json::array()) << "the same in both releases";
  EXPECT_THAT(world.left_behind(), IsEmpty());
}

// Seven deep, should the limit not hold: 255 processes; and 300 MB.
TEST(Limits, WhatTakesMoreThanItMayIsRed) {
  struct Taker {
    std::string does, said;
  };
  for (const Taker& taker : {Taker{"b() { if [ $1 -gt 0 ]; then b $(($1 - 1)) & b $(($1 - 1)) & fi; sleep 1000; }; b 7", "more than 32 processes (runs.limits.pids)"},
                             Taker{"x=$(head -c 300000000 /dev/zero | tr '\\0' x); sleep 1000", "more than its 64 MiB of memory (runs.limits.memory)"}}) {
    World world("runs: {limits: {pids: 32, memory: 64m}}\n");
    const auto folder = world.root() / "taker";
    make_folders(folder);
    std::ofstream(folder / "compose.yml") << "version: \"3.8\"\nservices:\n  app:\n    image: example/taker:1\n    healthcheck: {test: [CMD, \"true\"]}\n    x-simmer-local: {command: [sh, -c, \""
                                          << std::regex_replace(std::regex_replace(taker.does, std::regex("\\$"), "$$$$"), std::regex(R"(\\)"), R"(\\)") << " # ${PORT}\"]}\n";
    std::ofstream(folder / ".env.sample") << "A=b\n";
    const auto ran = world.run({"run", folder.string(), "--tiers", "install"});
    const bool held = ran.err.find("cannot hold services to") == std::string::npos;
    if (!held) GTEST_SKIP() << "no control groups to write here";
    EXPECT_EQ(ran.code, 1) << ran.all();
    EXPECT_EQ(ran.verdict(), "fail");
    EXPECT_THAT(ran.reason(), HasSubstr(taker.said));
    EXPECT_THAT(world.left_behind(), IsEmpty());
    EXPECT_TRUE(ran.result["teardown"]["after"].empty()) << ran.result["teardown"].dump(2);
  }
}

TEST(Limits, ASettingWithoutEffectIsSaid) {
  World world("runs: {egress: deny}\n");
  const auto ran = world.run({"run", "plain", "--tiers", "install"});
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_THAT(ran.err, HasSubstr("runs.egress: deny is without effect on the local engine"));
  EXPECT_THAT(world.simmer({"doctor"}).out, HasSubstr("runs.egress: deny is without effect on the local engine"));
}

}  // namespace
}  // namespace simmer::e2e
