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

// A tag that moves under a job is a change as any other: what it ran with is known when it is over.
TEST_F(SwarmJobsTest, TheImageOfWhatHasEndedAndOfWhatRestsIsKnown) {
  const std::string moving = "hjob-moving:1", resting = "    deploy: {replicas: 0, endpoint_mode: dnsrr}\n";
  const auto id_of = [&](const std::string& name) {
    const auto id = docker({"image", "inspect", "--format", "{{.Id}}", name});
    return id.substr(0, id.size() - 1);
  };
  docker({"tag", image(), moving});
  auto wanted = spec("hjob-digests", one_service("migrate", "exit 0", "    deploy: {endpoint_mode: dnsrr, restart_policy: {condition: none}}\n") + one_service("cron", "exit 0", resting));
  auto& file = wanted.compose;
  for (auto at = file.find(image()); at != std::string::npos; at = file.find(image(), at + 1)) file.replace(at, image().size(), moving);
  engine().deploy(wanted, limit());
  const auto end = engine().wait_converged("hjob-digests", limit());
  ASSERT_EQ(end.state, Convergence::State::converged) << end.reason;
  const auto ran = id_of(image()), other = docker({"images", "-q", "--no-trunc", "nginx:1.22.0"});
  auto digests = engine().deployed("hjob-digests", limit())->digests;
  EXPECT_EQ(digests, (std::map<std::string, std::string>{{"migrate", ran}, {"cron", ran}}));
  docker({"tag", other.substr(0, other.size() - 1), moving});
  digests = engine().deployed("hjob-digests", limit())->digests;
  EXPECT_EQ(digests.at("migrate"), ran) << "it ran before the tag moved";
  EXPECT_EQ(digests.at("cron"), id_of(moving)) << "what it would run now";
  docker({"rmi", moving});
  EXPECT_FALSE(engine().deployed("hjob-digests", limit())->digests.contains("cron")) << "nothing is known of it any more";
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

// Swarm's own jobs: Docker has them since 20.10, its client takes them in a stack since 23. Each that is here.
class ClientTest : public ::testing::TestWithParam<std::string> {
 protected:
  static Limit limit() { return Limit::in(milliseconds(60000)); }
  // The same test with the other client may run at the same time.
  static std::string stack_of_client(const std::string& name) { return GetParam().find("local") == std::string::npos ? name : name + "-local"; }
  void SetUp() override {
    if (::access(GetParam().c_str(), X_OK) != 0) GTEST_SKIP() << "there is no " << GetParam();
  }
};
INSTANTIATE_TEST_SUITE_P(Docker, ClientTest, ::testing::Values("/usr/bin/docker", "/usr/local/bin/docker"), [](const auto& given) { return given.index == 0 ? "Debians" : "Newer"; });

TEST_P(ClientTest, DeploysJobsOrSaysThatItIsTooOld) {
  SwarmUnderTest under_test(nullptr, GetParam());
  auto& engine = under_test.engine();
  const std::string stack = stack_of_client("hjob-jobs"), version = swarm::client_version(GetParam(), limit());
  EXPECT_EQ(engine.tools(limit()).at("docker-cli"), version);
  const auto jobs = [&](const std::string& script) {
    const std::string rest = ", endpoint_mode: dnsrr}\n";
    return under_test.spec_of(stack, one_service("all", script, "    deploy: {mode: global-job" + rest) + one_service("twice", script, "    deploy: {mode: replicated-job, replicas: 2" + rest));
  };
  auto wanted = jobs("sleep 0.2");
  if (!swarm::knows_jobs(version)) {
    // Before anything else is asked for: the image is none.
    wanted.facts.services[0].image = "none-such:1";
    const auto said = refusal([&] { engine.make_images_present(wanted, limit()); }, ErrorKind::recipe);
    EXPECT_THAT(said, AllOf(HasSubstr("service all: the docker CLI " + version + " at " + GetParam() + " knows no mode global-job in a stack: 23 or later does"), HasSubstr("docker.bin")));
    EXPECT_EQ(refusal([&] { engine.deploy(wanted, limit()); }, ErrorKind::recipe), said);
    EXPECT_THAT(engine.inventory(stack, limit()), ::testing::IsEmpty());
    return;
  }
  engine.make_images_present(wanted, limit());
  engine.deploy(wanted, limit());
  auto end = engine.wait_converged(stack, limit());
  EXPECT_EQ(end.state, Convergence::State::converged) << end.reason;
  engine.upgrade(jobs("sleep 0.3"), limit());
  end = engine.wait_converged(stack, limit());
  EXPECT_EQ(end.state, Convergence::State::converged) << end.reason;
  // Which Swarm tries again and again, also while its stack is removed.
  engine.upgrade(jobs("exit 7"), limit());
  end = engine.wait_converged(stack, limit());
  EXPECT_EQ(end.state, Convergence::State::failed);
  EXPECT_THAT(end.reason, HasSubstr("non-zero exit (7)"));
  engine.remove(stack, limit());
  EXPECT_THAT(engine.inventory(stack, limit()), ::testing::IsEmpty());
}

// What else goes by the client.
TEST_P(ClientTest, DeploysAndRunsCommands) {
  const std::string stack = stack_of_client("hjob-client");
  SwarmUnderTest under_test(nullptr, GetParam());
  auto& engine = under_test.engine();
  engine.check(limit());
  const auto findings = engine.examine("none-such", limit());
  EXPECT_TRUE(std::any_of(findings.begin(), findings.end(), [&](const Finding& each) { return each.what == "docker CLI" && each.said.find(" at " + GetParam()) != std::string::npos; }));
  engine.deploy(under_test.spec(stack, Sample::web), limit());
  const auto up = engine.wait_converged(stack, limit());
  EXPECT_EQ(up.state, Convergence::State::converged) << up.reason;
  const auto done = engine.exec(stack, {"web", {"sh", "-c", "cat; exit 3"}, "given", milliseconds(10000)}, limit());
  EXPECT_EQ(done.exit_code, 3);
  EXPECT_EQ(done.out, "given");
  engine.remove(stack, limit());
  EXPECT_THAT(engine.inventory(stack, limit()), ::testing::IsEmpty());
}

TEST(Client, IsTheOneThatIsConfigured) {
  EXPECT_EQ(swarm::docker_program("/opt/docker"), "/opt/docker");
  EXPECT_EQ(swarm::docker_program("sh").back(), 'h');
  EXPECT_THAT(swarm::docker_program("sh"), ::testing::StartsWith("/")) << "a name in PATH";
  SwarmUnderTest under_test(nullptr, "/none/docker");
  EXPECT_THAT(refusal([&] { under_test.engine().check(Limit::in(milliseconds(10000))); }, ErrorKind::unavailable), AllOf(HasSubstr("/none/docker"), HasSubstr("docker.bin")));
  EXPECT_TRUE(swarm::knows_jobs("23.0.0"));
  EXPECT_FALSE(swarm::knows_jobs("20.10.24+dfsg1"));
}

}  // namespace
}  // namespace simmer::contract
