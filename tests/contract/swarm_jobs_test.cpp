// Services that are there to do something and end, on a real Swarm: when they are done, what their update comes to, and what is known
// of them afterwards.
#include <gmock/gmock.h>

#include "swarm_fixture.hpp"

namespace simmer::contract {
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EngineContract);
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class SwarmJobsTest : public SwarmEngineTest {
 protected:
  // `migrate` beside the app: one task after another, each with a script of its own.
  DeploySpec migrating(const std::string& stack, const std::string& condition, const std::string& script, const std::string& more = "") {
    return spec(stack, one_service("migrate", script, "    deploy: {endpoint_mode: dnsrr, restart_policy: {condition: " + condition + ", delay: 100ms}" + more + "}\n"));
  }
  Convergence after_upgrade(const std::string& stack, const std::string& condition, const std::string& script, const std::string& more = "") {
    engine().deploy(migrating(stack, condition, "echo first", more), limit());
    const auto first = engine().wait_converged(stack, limit());
    EXPECT_EQ(first.state, Convergence::State::converged) << first.reason;
    auto changed = migrating(stack, condition, script, more);
    changed.facts.commit = "c2";
    engine().upgrade(changed, limit());
    return engine().wait_converged(stack, limit());
  }
};

TEST_F(SwarmJobsTest, AJobThatTheUpgradeChangesIsDoneWhenItEndsWithExitCode0) {
  for (const std::string condition : {"none", "on-failure"}) {
    const auto end = after_upgrade("hjob-" + condition, condition, "echo second");
    EXPECT_EQ(end.state, Convergence::State::converged) << condition << ": " << end.reason;
    EXPECT_EQ(docker({"service", "inspect", "--format", "{{.UpdateStatus.State}}", "hjob-" + condition + "_migrate"}), "paused\n") << "as Swarm has it";
    EXPECT_EQ(engine().deployed("hjob-" + condition, limit())->commit, "c2");
    EXPECT_TRUE(engine().deployed("hjob-" + condition, limit())->running);
  }
}

TEST_F(SwarmJobsTest, AJobThatTheUpgradeBreaksHasFailedWithItsExitCode) {
  const auto end = after_upgrade("hjob-bad", "none", "echo no such table; exit 7");
  EXPECT_EQ(end.state, Convergence::State::failed);
  EXPECT_THAT(end.reason, AllOf(HasSubstr("service migrate: "), HasSubstr("non-zero exit (7)")));
  EXPECT_THAT(end.log_tail, HasSubstr("no such table"));
}

// What is deployed is the old job: nothing to be green about, and the recipe's own wish.
TEST_F(SwarmJobsTest, AJobThatSwarmRollsBackSaysThatItEndedWell) {
  const auto end = after_upgrade("hjob-undone", "none", "echo second", ", update_config: {failure_action: rollback}");
  EXPECT_EQ(end.state, Convergence::State::failed);
  EXPECT_THAT(end.reason, AllOf(HasSubstr("service migrate: its update was rolled back by Swarm"), HasSubstr("although its task ended with exit code 0"), HasSubstr("failure_action: continue")));
}

TEST_F(SwarmJobsTest, AJobThatSaysContinueIsDone) {
  const auto end = after_upgrade("hjob-continue", "none", "echo second", ", update_config: {failure_action: continue, monitor: 1s}");
  EXPECT_EQ(end.state, Convergence::State::converged) << end.reason;
}

// Which Swarm does not start again either.
TEST_F(SwarmJobsTest, AServerThatEndsWithExitCode0HasFailed) {
  auto wanted = spec("hjob-server", one_service("web", "sleep 1", "    deploy:\n      endpoint_mode: dnsrr\n      restart_policy: {condition: on-failure}\n      labels: [\"traefik.http.routers.web.rule=Host(`${DOMAIN}`)\"]\n"));
  engine().deploy(wanted, limit());
  const auto wait = limit();
  auto end = engine().wait_converged("hjob-server", wait);
  while (end.state != Convergence::State::failed && !wait.passed()) end = engine().wait_for_change("hjob-server", end.generation, Limit::in(milliseconds(500)));
  EXPECT_THAT(end.reason, HasSubstr("ended with exit code 0, and its restart_policy (on-failure) does not start it again"));
}

}  // namespace
}  // namespace simmer::contract
