// The same shape on a real Docker Swarm (or abra's stand-in, by SIMMER_STORY_ENGINE): swarm-cronjob's service is deployed, upgraded and
// removed with its app, and nothing waits for it. Needs no proxy: the app is asked directly.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include <e2e/cron_recipe.hpp>
#include <e2e/swarm_world.hpp>

namespace simmer::e2e {
namespace {

TEST(SwarmCron, AColdRunOfSwarmCronjobsShapeIsGreen) {
  const char* image = std::getenv("SIMMER_TEST_IMAGE");
  if (image == nullptr) GTEST_SKIP() << "no image: ./test.sh swarm makes it";
  World world(engine_config() + "base_domain: cron." + base_domain() + "\nhealth: {window: 500ms}\ndeadlines: {start: 60s, plugin: 30s, teardown: 60s}\n");
  make_cron_recipe(world, image);
  const auto ran = world.run({"run", "cron"});
  EXPECT_EQ(ran.code, 0) << ran.all();
  for (const char* tier : {"install", "upgrade", "backup", "restore"}) EXPECT_EQ(ran.tier(tier)["outcome"], "pass") << tier << ran.all();
  EXPECT_EQ(ran.result["image_changes"], Json::array());
  EXPECT_TRUE(ran.result["teardown"]["after"].empty());
  EXPECT_THAT(world.left_behind(), ::testing::IsEmpty());
}

}  // namespace
}  // namespace simmer::e2e
