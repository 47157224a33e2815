// When the local engine calls a deployment converged, and when it gives it up: services that stay, jobs, and what is at rest.
#include <signal.h>

#include "local_fixture.hpp"

namespace simmer::contract {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EngineContract);  // local_test.cpp holds the engine to it

namespace {

TEST_F(LocalEngineTest, ADeathAfterConvergenceIsTold) {
  deploy_and_converge(spec("l-dies", {nginx_service("web")}));
  const auto seen = engine_.state("l-dies", limit());
  ::kill(folder("l-dies").running().value().leaders.at("web").pid, SIGKILL);
  const auto after = engine_.wait_for_change("l-dies", seen.generation, limit());
  EXPECT_GT(after.generation, seen.generation);
  EXPECT_EQ(after.state, Convergence::State::converging);
  EXPECT_EQ(after.deaths, 1);
  const auto end = engine_.wait_converged("l-dies", limit());
  EXPECT_EQ(end.state, Convergence::State::converged);
  EXPECT_EQ(end.deaths, 1);
}

TEST_F(LocalEngineTest, AnAppThatMayNotBeRestartedFailsAtOnce) {
  auto job = sh_service("job", "echo no luck; exit 7");
  job.restart_condition = "none";
  engine_.deploy(spec("l-job", {job}), limit());
  ASSERT_TRUE(eventually([&] { return engine_.state("l-job", limit()).state == Convergence::State::failed; }));
  const auto state = engine_.state("l-job", limit());
  EXPECT_EQ(state.deaths, 1);
  EXPECT_NE(state.reason.find("code 7"), std::string::npos) << state.reason;
  EXPECT_NE(state.log_tail.find("no luck"), std::string::npos);
}

TEST_F(LocalEngineTest, ACrashLoopIsGivenUpWithinTwoSeconds) {
  const auto start = Clock::now();
  engine_.deploy(spec("l-loop", {sh_service("web", "exit 1 # ${PORT}")}), limit());
  EXPECT_EQ(engine_.wait_converged("l-loop", limit()).state, Convergence::State::failed);
  EXPECT_LT(Clock::now() - start, milliseconds(4000));
}

TEST_F(LocalEngineTest, AJobHasConvergedWhenItIsDoneAndNotBefore) {
  auto job = sh_service("job", "until [ -e go ]; do sleep 0.02; done");
  job.restart_condition = "none";
  engine_.deploy(spec("l-slow-job", {sh_service("web", "exec sleep 1000"), job}), limit());
  const auto before = engine_.wait_converged("l-slow-job", limit(700));
  EXPECT_EQ(before.state, Convergence::State::converging);
  EXPECT_EQ(before.service, "job");
  EXPECT_NE(before.reason.find("job"), std::string::npos) << before.reason;
  std::ofstream(folder("l-slow-job").path() / "run/job/go") << "";
  EXPECT_EQ(engine_.wait_converged("l-slow-job", limit()).state, Convergence::State::converged);
}

TEST_F(LocalEngineTest, AServerThatIsNotStartedAgainIsNoJob) {
  auto server = sh_service("web", "exec sleep 1000");
  server.restart_condition = "none";
  server.has_healthcheck = true;
  engine_.deploy(spec("l-server", {server}), limit());
  const auto up = engine_.wait_converged("l-server", limit(3000));
  EXPECT_EQ(up.state, Convergence::State::converged) << up.reason;
  ::kill(folder("l-server").running().value().leaders.at("web").pid, SIGKILL);
  ASSERT_TRUE(eventually([&] { return engine_.state("l-server", limit()).state == Convergence::State::failed; }));
}

TEST_F(LocalEngineTest, AServerThatEndsWithoutAnErrorAndIsNotStartedAgainHasFailed) {
  for (const std::string condition : {"none", "on-failure"}) {
    auto server = sh_service("web", "until [ -e go ]; do sleep 0.02; done");
    server.restart_condition = condition;
    if (condition == "none") server.ports = {{"8080", "80", "tcp", ""}};
    else server.has_healthcheck = true;
    const std::string stack = "l-ended-" + condition;
    engine_.deploy(spec(stack, {server}), limit());
    ASSERT_EQ(engine_.wait_converged(stack, limit(3000)).state, Convergence::State::converged);
    std::ofstream(folder(stack).path() / "run/web/go") << "";
    ASSERT_TRUE(eventually([&] { return engine_.state(stack, limit()).state == Convergence::State::failed; })) << condition;
    const auto reason = engine_.state(stack, limit()).reason;
    EXPECT_NE(reason.find("ended with exit code 0, and its restart_policy (" + condition + ") does not start it again"), std::string::npos) << reason;
    // Without what makes it a server it is done.
    server.ports.clear();
    server.has_healthcheck = condition == "none";
    const std::string job = "l-done-" + condition;
    engine_.deploy(spec(job, {server}), limit());
    ASSERT_TRUE(eventually([&] { return fs::exists(folder(job).path() / "run/web"); }));
    std::ofstream(folder(job).path() / "run/web/go") << "";
    ASSERT_TRUE(eventually([&] { return folder(job).running() && !folder(job).running()->leaders.contains("web"); }));
    const auto done = engine_.wait_converged(job, limit(3000));
    EXPECT_EQ(done.state, Convergence::State::converged) << condition << ": " << done.reason;
    EXPECT_EQ(done.deaths, 0);
  }
}

// swarm-cronjob's shape: somebody else starts it when its time has come.
// In a run that is thrown away nothing waits longer than its teardown may take: neither an upgrade nor the end.
TEST_F(LocalEngineTest, WhatHasADayToEndIsReplacedAndEndedInARun) {
  auto wanted = spec("l-day", {sh_service("deaf", "trap '' TERM; touch ready; while [ ! -e never ]; do sleep 0.1; done")});
  wanted.facts.services[0].stop_grace = std::chrono::hours(24);
  wanted.longest_grace = milliseconds(200);
  deploy_and_converge(wanted);
  const auto before = folder("l-day").running().value().leaders.at("deaf");
  wanted.facts.services[0].local->environment["CHANGED"] = "yes";
  const auto start = Clock::now();
  engine_.upgrade(wanted, limit());
  ASSERT_EQ(engine_.wait_converged("l-day", limit(5000)).state, Convergence::State::converged);
  EXPECT_NE(folder("l-day").running().value().leaders.at("deaf").pid, before.pid);
  EXPECT_LT(Clock::now() - start, milliseconds(5000));
  // And without such a bound the caller's deadline is one.
  wanted.longest_grace.reset();
  wanted.facts.services[0].local->environment["CHANGED"] = "again";
  engine_.remove("l-day", limit());
  deploy_and_converge(wanted);
  EXPECT_EQ(engine_.remove("l-day", limit(3000)), std::vector<std::string>{"deaf"});
  EXPECT_EQ(processes_of("l-day"), 0U);
}

TEST_F(LocalEngineTest, AServiceWithoutReplicasIsNotStartedAndHoldsNothingUp) {
  auto cron = sh_service("cron", "touch ${VOLUME_content}/ran; exit 1");
  cron.restart_condition = "none";
  cron.replicas = 0;
  auto wanted = spec("l-cron", {cron, nginx_service("web")});
  deploy_and_converge(wanted);
  EXPECT_EQ(http_get(engine_.endpoint("l-cron", "", limit()) + "/"), "hello\n");
  EXPECT_FALSE(fs::exists(folder("l-cron").volumes() / "content/ran"));
  std::string message;
  EXPECT_EQ(kind_of_failure(
                [&] {
                  engine_.exec("l-cron", {"cron", {"true"}, "", milliseconds(1000)}, limit());
                },
                &message),
            ErrorKind::unavailable);
  EXPECT_NE(message.find("replicas: 0"), std::string::npos) << message;
  engine_.stop("l-cron", limit());
  engine_.start("l-cron", limit());
  EXPECT_EQ(engine_.wait_converged("l-cron", limit()).state, Convergence::State::converged);
  EXPECT_FALSE(fs::exists(folder("l-cron").volumes() / "content/ran"));
  wanted.facts.services[0].replicas = 1;
  engine_.upgrade(wanted, limit());
  EXPECT_EQ(engine_.wait_converged("l-cron", limit()).state, Convergence::State::failed) << "now it is one like any other";
  EXPECT_TRUE(fs::exists(folder("l-cron").volumes() / "content/ran"));
}

}  // namespace
}  // namespace simmer::contract

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "--local-supervisor") return simmer::run_local_supervisor(argc, argv);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
