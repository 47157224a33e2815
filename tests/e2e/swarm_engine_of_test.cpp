// The same on a real Docker Swarm: deployed there, it is not undeployed by the local engine, nor by another Docker's. Needs no proxy.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include <base/files.hpp>
#include <e2e/cron_recipe.hpp>
#include <e2e/swarm_world.hpp>

namespace simmer::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(SwarmEngineOf, WhatIsDeployedThereIsUndeployedThereAlone) {
  const char* image = std::getenv("SIMMER_TEST_IMAGE");
  if (image == nullptr) GTEST_SKIP() << "no image: ./test.sh swarm makes it";
  World world(engine_config() + "base_domain: engines." + base_domain() + "\nhealth: {window: 500ms}\ndeadlines: {start: 60s, plugin: 30s, teardown: 60s}\napps: {cron: {role: canonical}}\n");
  make_cron_recipe(world, image);
  const auto seeded = world.run({"canonical", "seed", "cron"});
  ASSERT_EQ(seeded.code, 0) << seeded.all();
  const auto deployed = world.run({"canonical", "deploy", "cron"});
  ASSERT_EQ(deployed.code, 0) << deployed.all();
  std::string id = docker({"info", "--format", "{{.ID}}"});
  id.pop_back();
  const fs::path mark = world.state() / "canonical/cron/deployed-on";
  const std::string text = read_file(mark), stack = "warm-cron_engines" + stack_suffix();
  EXPECT_THAT(text, HasSubstr("Docker " + id));
  const auto serves = [&] { return docker({"service", "ls", "-q", "--filter", "label=com.docker.stack.namespace=" + stack}).size() > 5; };
  ASSERT_TRUE(serves());
  const auto on_local = world.simmer({"--engine", "local", "canonical", "undeploy", "cron"});
  EXPECT_EQ(on_local.code, 5) << on_local.all();
  EXPECT_THAT(on_local.err, AllOf(HasSubstr("Docker " + id), HasSubstr("today's is local")));
  std::string elsewhere = text;
  write_file_beside(mark, elsewhere.replace(elsewhere.find(id), id.size(), "OTHER"));
  const auto on_another = world.simmer({"canonical", "undeploy", "cron"});
  EXPECT_EQ(on_another.code, 5) << on_another.all();
  EXPECT_THAT(on_another.err, AllOf(HasSubstr("Docker OTHER"), HasSubstr("Docker " + id)));
  EXPECT_TRUE(serves());
  write_file_beside(mark, text);
  const auto undeployed = world.simmer({"canonical", "undeploy", "cron"});
  EXPECT_EQ(undeployed.code, 0) << undeployed.all();
  EXPECT_FALSE(serves());
  EXPECT_THAT(world.left_behind(), IsEmpty());
}

}  // namespace
}  // namespace simmer::e2e
