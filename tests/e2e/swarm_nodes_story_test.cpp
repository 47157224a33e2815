// A cold run whose app Swarm puts on the other node of two, reached through Traefik on this one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <base/files.hpp>
#include <e2e/swarm_world.hpp>

namespace simmer::e2e {

namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(SwarmNodes, AColdRunOnTheOtherNodeIsGreenAndLeavesNothing) {
  if (std::getenv("SIMMER_TEST_SECOND_NODE") == nullptr) GTEST_SKIP() << "no second node: the swarm is not one that tests/swarm/up.sh made";
  const auto before = everything();
  World world(engine_config() + "proxy: {address: \"127.0.0.1:18443\"}\nhealth: {window: 500ms}\ndeadlines: {start: 120s, plugin: 30s, teardown: 60s}\n");
  const std::string recipe = (world.recipes() / "plain").string();
  const auto changed = run_command({{"sh", "-euc", "cd " + recipe + " && git checkout -q -b over-there && sed -i 's/^      restart_policy:/      placement: {constraints: [node.role == worker]}\\n      restart_policy:/' compose.yml && "
                                                   "git -c user.name=a -c user.email=a@b commit -qam 'On a worker' && git checkout -q main"}, {}, false, {}, ""}, Limit::in(std::chrono::seconds(30)));
  ASSERT_EQ(changed.exit_code, 0) << changed.err;
  const char* certificate = std::getenv("SIMMER_TEST_CA");
  const auto ran = world.simmer({"run", "plain", "--ref", "over-there", "--json"}, {{"SSL_CERT_FILE", certificate == nullptr ? "" : certificate}}, std::chrono::seconds(300));
  ASSERT_EQ(ran.code, 0) << ran.all();
  EXPECT_EQ(ran.result["digests"]["app"], "nginx:1.22.1") << "not said by the other node: " << ran.result["digests"].dump();
  EXPECT_EQ(everything(), before);
  EXPECT_THAT(world.left_behind(), IsEmpty());
}

TEST(SwarmNodes, AWorkerIsNoPlaceToRunSimmer) {
  const char* worker = std::getenv("SIMMER_TEST_SECOND_NODE");
  if (worker == nullptr) GTEST_SKIP() << "no second node: the swarm is not one that tests/swarm/up.sh made";
  World world(engine_config());
  const auto ran = world.simmer({"run", "plain"}, {{"DOCKER_HOST", worker}});
  EXPECT_EQ(ran.code, 7) << ran.all();
  EXPECT_THAT(ran.err, HasSubstr("is a worker of its swarm, no manager: run Simmer on a manager"));
  EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
  EXPECT_FALSE(fs::exists(world.state() / "runs") && !fs::is_empty(world.state() / "runs")) << "nothing was begun";
}

}  // namespace

}  // namespace simmer::e2e
