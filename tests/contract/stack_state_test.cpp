// How a stack stands, judged from what Docker says of it, without a Docker.
#include <gmock/gmock.h>

#include <swarm/stack_file.hpp>
#include <swarm/stack_state.hpp>

namespace simmer::swarm {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using State = Convergence::State;

json a_service(const json& more = json::object()) {
  json service = {{"ID", "s1"},
                  {"Spec", {{"Name", "st_web"}, {"Mode", {{"Replicated", {{"Replicas", 1}}}}}, {"TaskTemplate", {{"ContainerSpec", {{"Image", "new"}}}}}}}};
  service.merge_patch(more);
  return service;
}
json a_task(const std::string& id, const std::string& state, const json& more = json::object()) {
  json task = {{"ID", id}, {"ServiceID", "s1"}, {"DesiredState", "running"}, {"Status", {{"State", state}, {"Timestamp", "2026-11-24T12:00:00.5Z"}}}};
  task.merge_patch(more);
  return task;
}
constexpr double noon = 1795521600;  // 2026-11-24T12:00:00Z

// A task that says nothing else was made from the service as it is.
StackView view_of(const json& service, std::vector<json> tasks, const std::string& here = "") {
  for (auto& task : tasks)
    if (!task.contains("Spec")) task["Spec"] = service["Spec"]["TaskTemplate"];
  return {json::array({service}), tasks, here};
}
Convergence judged(const json& service, const std::vector<json>& tasks, double later = 1) {
  StackMemory memory;
  return judge_stack(view_of(service, tasks), memory, "st", noon + later);
}
json dead(const std::string& id, const std::string& error) {
  return a_task(id, "failed", {{"DesiredState", "shutdown"}, {"Status", {{"Err", error}}}});
}

TEST(Names, ThatDockerWouldRefuseAreFoundBeforeTheDeploy) {
  DeploySpec spec;
  spec.stack = std::string(50, 's');
  spec.facts.services.push_back({});
  spec.facts.services[0].name = std::string(12, 'a');
  EXPECT_EQ(overlong_name(spec), "") << "63 characters";
  spec.facts.services[0].name += "a";
  EXPECT_EQ(overlong_name(spec), spec.stack + "_" + std::string(13, 'a'));
  spec.facts.services[0].name = "a";
  spec.facts.networks.push_back({std::string(13, 'n'), "", false, {}});
  EXPECT_EQ(overlong_name(spec), "") << "nobody is on it";
  spec.facts.services[0].networks = {std::string(13, 'n')};
  EXPECT_EQ(overlong_name(spec), spec.stack + "_" + std::string(13, 'n')) << "64 of a network";
  spec.facts.networks[0].external = true;
  EXPECT_EQ(overlong_name(spec), "");
  spec.facts.services[0].networks.clear();
  spec.stack += "123456";
  EXPECT_EQ(overlong_name(spec), spec.stack + "_default") << "made for a service that names none";
  spec.facts.services[0].networks = {"n"};
  EXPECT_EQ(overlong_name(spec), "");
  spec.stack.resize(50);
  spec.facts.configs.push_back({"conf", std::string(64, 'c'), false, {}});
  EXPECT_EQ(overlong_name(spec), "");
  spec.facts.secrets.push_back({std::string(14, 't'), "", false, {}});
  EXPECT_EQ(overlong_name(spec), spec.stack + "_" + std::string(14, 't')) << "made from the stack's name";
}

TEST(StackState, WithoutServicesIsGone) {
  StackMemory memory;
  EXPECT_EQ(judge_stack({}, memory, "st", noon).state, State::gone);
}

TEST(StackState, AllTasksOfTheWantedTemplateRunning) {
  EXPECT_EQ(judged(a_service(), {a_task("t1", "running")}).state, State::converged);
  EXPECT_EQ(judged(a_service(), {}).state, State::converging);
  for (const std::string state : {"new", "pending", "assigned", "accepted", "preparing", "ready", "starting"})
    EXPECT_EQ(judged(a_service(), {a_task("t1", state)}).state, State::converging) << state;
}

TEST(StackState, AnOldTaskThatStillServesIsNoConvergence) {
  const auto old = a_task("t1", "running", {{"Spec", {{"ContainerSpec", {{"Image", "old"}}}}}});
  const auto found = judged(a_service(), {old});
  EXPECT_EQ(found.state, State::converging);
  EXPECT_THAT(found.reason, HasSubstr("old task"));
}

// Networks, resources and the like: what is no part of the container is one of the task all the same.
TEST(StackState, ATaskOfOtherNetworksIsAnOldOne) {
  const auto service = a_service({{"Spec", {{"TaskTemplate", {{"Runtime", "container"}, {"Networks", {{{"Target", "n2"}}}}}}}}});
  EXPECT_EQ(judged(service, {a_task("t1", "running", {{"Spec", {{"ContainerSpec", {{"Image", "new"}}}, {"Networks", {{{"Target", "n1"}}}}}}})}).state, State::converging);
  EXPECT_EQ(judged(service, {a_task("t1", "running", {{"Spec", {{"ContainerSpec", {{"Image", "new"}}}, {"Networks", {{{"Target", "n2"}}}}, {"Placement", {{"Constraints", {"x"}}}}}}})}).state, State::converged)
      << "where it may run does not replace a task";
}

// The first of two phases: a changed template whose update Swarm has not begun is none that has ended.
TEST(StackState, AChangedTemplateHasToBeSeenStarting) {
  auto changed = a_service({{"Version", {{"Index", 7}}}, {"PreviousSpec", {{"TaskTemplate", {{"ContainerSpec", {{"Image", "old"}}}}}}}});
  StackMemory memory;
  const auto at = [&](double later) { return judge_stack(view_of(changed, {a_task("t1", "running")}), memory, "st", noon + later); };
  EXPECT_EQ(at(100).state, State::converging);
  EXPECT_THAT(at(101).reason, HasSubstr("not started yet"));
  EXPECT_EQ(at(102.1).state, State::converged) << "there was nothing to replace";
  changed["Version"]["Index"] = 8;
  EXPECT_EQ(at(103).state, State::converging) << "another change";
  changed["UpdateStatus"] = {{"State", "updating"}};
  EXPECT_THAT(at(103.1).reason, HasSubstr("being updated"));
  changed["UpdateStatus"] = {{"State", "completed"}};
  EXPECT_EQ(at(103.2).state, State::converged);
  EXPECT_EQ(judged(a_service({{"PreviousSpec", a_service()["Spec"]}, {"Spec", {{"Labels", {{"a", "b"}}}}}}), {a_task("t1", "running")}).state, State::converged) << "labels alone start no update";
}

TEST(StackState, AnUpdateIsAwaitedAndItsEndIsNamed) {
  const auto with = [](const std::string& state) { return a_service({{"UpdateStatus", {{"State", state}, {"Message", "because"}}}}); };
  const auto running = a_task("t1", "running");
  EXPECT_EQ(judged(with("updating"), {running}).state, State::converging);
  EXPECT_EQ(judged(with("rollback_started"), {running}).state, State::converging);
  for (const std::string end : {"paused", "rollback_paused", "rollback_completed"}) {
    EXPECT_EQ(judged(with(end), {running}).state, State::failed) << end;
    EXPECT_THAT(judged(with(end), {running}).reason, HasSubstr("because"));
  }
  EXPECT_EQ(judged(with("completed"), {running}).state, State::converged);
  EXPECT_EQ(judged(with("completed"), {a_task("t2", "starting"), dead("t1", "exit code 1")}).state, State::converging) << "completed, and dead soon after";
}

TEST(StackState, FiveDeathsWithoutHavingBeenUpEndTheWait) {
  std::vector<json> tasks = {a_task("t9", "starting")};
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(judged(a_service(), tasks).state, State::converging) << i;
    tasks.push_back(dead("d" + std::to_string(i), "task: non-zero exit (1)"));
  }
  const auto found = judged(a_service(), tasks);
  EXPECT_EQ(found.state, State::failed);
  EXPECT_EQ(found.deaths, 5);
  EXPECT_THAT(found.reason, HasSubstr("non-zero exit (1)"));
}

// Swarm keeps a handful of tasks only.
// Between two deaths its task is called running, for an instant.
TEST(StackState, ATaskThatHasJustStartedIsNotUpYet) {
  EXPECT_EQ(judged(a_service(), {a_task("t1", "running")}, 0.6).state, State::converging);
  EXPECT_EQ(judged(a_service(), {a_task("t1", "running")}, 0.8).state, State::converged);
  EXPECT_EQ(judged(a_service(), {a_task("t2", "running"), dead("t1", "x")}, 3).state, State::converging) << "after a death";
  EXPECT_EQ(judged(a_service(), {a_task("t2", "running"), dead("t1", "x")}, 4).state, State::converged);
  const auto checked = a_service({{"Spec", {{"TaskTemplate", {{"ContainerSpec", {{"Healthcheck", {{"Test", {"CMD", "true"}}}}}}}}}}});
  EXPECT_EQ(judged(checked, {a_task("t1", "running")}, 0.5).state, State::converged) << "its health was asked";
}

// On a busy machine a task is called running for long after its container has ended.
TEST(StackState, ATaskWhoseContainerHasEndedIsNotUp) {
  StackMemory memory;
  auto view = view_of(a_service(), {a_task("t1", "running", {{"Status", {{"ContainerStatus", {{"ContainerID", "c1"}}}}}})});
  EXPECT_EQ(judge_stack(view, memory, "st", noon + 2).state, State::converged);
  view.ended_containers = {"c1"};
  EXPECT_EQ(judge_stack(view, memory, "st", noon + 2).state, State::converging);
}

TEST(StackState, DeathsThatSwarmHasForgottenAreRemembered) {
  StackMemory memory;
  for (int i = 0; i < 5; ++i) judge_stack(view_of(a_service(), {dead("d" + std::to_string(i), "x")}), memory, "st", noon);
  EXPECT_EQ(judge_stack(view_of(a_service(), {a_task("t9", "starting")}), memory, "st", noon).state, State::failed);
}

TEST(StackState, TasksThatFindNoAddressNodeOrImageAreTheMachinesFault) {
  EXPECT_EQ(judged(a_service(), {a_task("t1", "new")}, 60).state, State::infrastructure) << "no address";
  EXPECT_EQ(judged(a_service(), {a_task("t1", "preparing")}, 20).state, State::converging) << "a busy node";
  EXPECT_EQ(judged(a_service(), {a_task("t1", "preparing")}, 60).state, State::infrastructure) << "no image";
  EXPECT_EQ(judged(a_service(), {a_task("t1", "starting")}, 60).state, State::converging) << "slow, and the recipe's own";
  const auto pending = a_task("t1", "pending", {{"Status", {{"Err", "no suitable node (host-mode port already in use on 1 node)"}}}});
  EXPECT_EQ(judged(a_service(), {pending}, 5).state, State::infrastructure);
  EXPECT_THAT(judged(a_service(), {pending}, 5).reason, HasSubstr("port already in use"));
  const auto rejected = a_task("t1", "rejected", {{"DesiredState", "shutdown"}, {"Status", {{"Err", "No such image: x:1"}}}});
  EXPECT_EQ(judged(a_service(), {rejected}).state, State::infrastructure);
}

// Another node gets its images by itself, and may take its time.
TEST(StackState, AnotherNodeMayTakeLongerToGetAnImage) {
  StackMemory memory;
  const auto elsewhere = a_task("t1", "preparing", {{"NodeID", "n2"}});
  EXPECT_EQ(judge_stack(view_of(a_service(), {elsewhere}, "n1"), memory, "st", noon + 60).state, State::converging);
  EXPECT_EQ(judge_stack(view_of(a_service(), {elsewhere}, "n1"), memory, "st", noon + 600).state, State::infrastructure);
  EXPECT_EQ(judge_stack(view_of(a_service(), {elsewhere}, "n2"), memory, "st", noon + 60).state, State::infrastructure);
}

json restarted(const std::string& condition, const json& more = json::object()) {
  auto service = a_service({{"Spec", {{"TaskTemplate", {{"RestartPolicy", {{"Condition", condition}}}}}}}});
  service.merge_patch(more);
  return service;
}
const json ended = a_task("t1", "complete", {{"DesiredState", "shutdown"}});
const json checked = {{"Spec", {{"TaskTemplate", {{"ContainerSpec", {{"Healthcheck", {{"Test", {"CMD", "true"}}}}}}}}}}};
const json routed = {{"Spec", {{"Labels", {{"traefik.http.routers.web.rule", "Host(`x`)"}}}}}};

TEST(StackState, AJobHasConvergedWhenItIsDone) {
  const auto job = restarted("none");
  EXPECT_EQ(judged(job, {a_task("t1", "running")}).state, State::converging);
  EXPECT_THAT(judged(job, {a_task("t1", "running")}).reason, HasSubstr("a job that has not ended yet"));
  EXPECT_EQ(judged(job, {ended}).state, State::converged);
  EXPECT_EQ(judged(job, {dead("t1", "task: non-zero exit (7)")}).state, State::failed);
  EXPECT_THAT(judged(job, {dead("t1", "task: non-zero exit (7)")}).reason, HasSubstr("non-zero exit (7)"));
  auto two = job;
  two["Spec"]["Mode"]["Replicated"]["Replicas"] = 2;
  EXPECT_EQ(judged(two, {ended, a_task("t2", "preparing")}).state, State::converging) << "one of two";
  EXPECT_EQ(judged(two, {ended, dead("t2", "x")}).state, State::failed) << "one of two";
  EXPECT_EQ(judged(two, {ended, a_task("t2", "complete", {{"DesiredState", "shutdown"}})}).state, State::converged);
}

// condition: none says that nothing is started again, not that it ends.
TEST(StackState, AServerThatIsNotStartedAgainIsUpWhenItIsHealthy) {
  const json published = {{"Spec", {{"EndpointSpec", {{"Ports", {{{"PublishedPort", 80}}}}}}}}};
  for (const json& more : {checked, routed, published}) {
    EXPECT_EQ(judged(restarted("none", more), {a_task("t1", "running")}).state, State::converged) << more;
    EXPECT_EQ(judged(restarted("none", more), {a_task("t1", "starting")}).state, State::converging) << more << ": not healthy yet";
    EXPECT_EQ(judged(restarted("none", more), {}).state, State::converging) << more;
    EXPECT_EQ(judged(restarted("none", more), {dead("t1", "task: non-zero exit (7)")}).state, State::failed) << more;
  }
  const json switched_off = {{"Spec", {{"TaskTemplate", {{"ContainerSpec", {{"Healthcheck", {{"Test", {"NONE"}}}}}}}}}}};
  EXPECT_EQ(judged(restarted("none", switched_off), {a_task("t1", "running")}).state, State::converging) << "healthcheck: {disable: true}";
  EXPECT_EQ(judged(restarted("none", {{"Spec", {{"Labels", {{"traefik.enable", "false"}}}}}}), {a_task("t1", "running")}).state, State::converging) << "no router";
}

TEST(StackState, AServerThatIsNotStartedAgainAndHasEndedIsNotUp) {
  EXPECT_EQ(judged(restarted("none", routed), {ended}).state, State::failed) << "nobody answers there";
  EXPECT_THAT(judged(restarted("none", routed), {ended}).reason, HasSubstr("exit code 0"));
  EXPECT_EQ(judged(restarted("none", checked), {ended}).state, State::converged) << "healthy until its work was done";
  // What Swarm ends for its failing health check obeys with 0: "complete". Its container knows better.
  auto view = view_of(restarted("none", checked), {a_task("t1", "complete", {{"DesiredState", "shutdown"}, {"Status", {{"ContainerStatus", {{"ContainerID", "c1"}}}}}})});
  EXPECT_THAT(ask_health_of(view), ::testing::ElementsAre("c1"));
  view.unhealthy_containers = {"c1"};
  StackMemory memory;
  const auto found = judge_stack(view, memory, "st", noon + 5);
  EXPECT_EQ(found.state, State::failed);
  EXPECT_THAT(found.reason, HasSubstr("its health check failed"));
  EXPECT_TRUE(ask_health_of(view_of(restarted("none"), {ended})).empty()) << "without one there is nothing to ask";
  EXPECT_TRUE(ask_health_of(view_of(a_service(checked), {ended})).empty()) << "this one is started again";
}

json job_of_swarm(const json& mode, std::int64_t iteration = 0) {
  auto service = a_service({{"JobStatus", {{"JobIteration", json::object()}}}});
  service["Spec"]["Mode"] = mode;
  if (iteration > 0) service["JobStatus"]["JobIteration"]["Index"] = iteration;
  return service;
}
json job_task(const std::string& id, const std::string& state, const json& more = json::object()) {
  json task = a_task(id, state, {{"DesiredState", state == "failed" ? "shutdown" : "complete"}, {"JobIteration", json::object()}, {"NodeID", "n1"}});
  task.merge_patch(more);
  return task;
}

// As Docker 20.10 tells of them.
TEST(StackState, AReplicatedJobHasConvergedWhenAllOfItIsDone) {
  const auto job = job_of_swarm({{"ReplicatedJob", {{"MaxConcurrent", 1}, {"TotalCompletions", 2}}}});
  EXPECT_EQ(judged(job, {}).state, State::converging);
  EXPECT_EQ(judged(job, {job_task("t1", "running")}, 100).state, State::converging);
  EXPECT_EQ(judged(job, {job_task("t1", "complete")}, 100).state, State::converging) << "one of two";
  EXPECT_EQ(judged(job, {job_task("t1", "complete"), job_task("t2", "complete")}).state, State::converged);
  EXPECT_EQ(judged(job, {job_task("t1", "complete"), job_task("t2", "failed"), job_task("t3", "complete")}).state, State::converged) << "it was tried again";
  EXPECT_EQ(judged(job_of_swarm({{"ReplicatedJob", {{"MaxConcurrent", 0}, {"TotalCompletions", 0}}}}), {}).state, State::converged) << "replicas: 0";
  EXPECT_EQ(judged(job, {job_task("t1", "new")}, 60).state, State::infrastructure) << "no address";
}

TEST(StackState, AReplicatedJobThatIsNotTriedAgainHasFailed) {
  const auto job = job_of_swarm({{"ReplicatedJob", {{"MaxConcurrent", 1}, {"TotalCompletions", 1}}}});
  const auto failed = job_task("t1", "failed", {{"Status", {{"Err", "task: non-zero exit (7)"}}}});
  EXPECT_EQ(judged(job, {failed}, 1).state, State::converging) << "another may be on its way";
  EXPECT_EQ(judged(job, {failed, job_task("t2", "ready")}, 60).state, State::converging);
  EXPECT_EQ(judged(job, {failed}, 5).state, State::failed);
  EXPECT_THAT(judged(job, {failed}, 5).reason, HasSubstr("non-zero exit (7)"));
  std::vector<json> tasks = {job_task("t9", "running")};
  for (int i = 0; i < 5; ++i) tasks.push_back(job_task("d" + std::to_string(i), "failed"));
  EXPECT_EQ(judged(job, tasks).state, State::failed) << "again and again";
}

TEST(StackState, AGlobalJobHasConvergedWhenItIsDoneOnEachNode) {
  const auto job = job_of_swarm({{"GlobalJob", json::object()}});
  EXPECT_EQ(judged(job, {}).state, State::converging);
  EXPECT_EQ(judged(job, {job_task("t1", "complete")}).state, State::converged);
  EXPECT_EQ(judged(job, {job_task("t1", "complete"), job_task("t2", "running", {{"NodeID", "n2"}})}).state, State::converging);
  EXPECT_EQ(judged(job, {job_task("t1", "complete"), job_task("t2", "failed", {{"NodeID", "n2"}})}, 5).state, State::failed);
}

TEST(StackState, OfAJobThatHasEndedItsTasksAreNoMoreThanARecord) {
  for (const std::string state : {"complete", "failed", "rejected", "shutdown"}) EXPECT_TRUE(is_mere_record(job_task("t1", state))) << state;
  for (const std::string state : {"new", "pending", "starting", "running"}) EXPECT_FALSE(is_mere_record(job_task("t1", state))) << state;
  EXPECT_FALSE(is_mere_record(ended)) << "of any other service they go with it";
}

// Each change of a job does it anew, a change of its labels too; and it never has an update.
TEST(StackState, AJobIsJudgedByItsLastTime) {
  auto job = job_of_swarm({{"ReplicatedJob", {{"TotalCompletions", 1}}}}, 1);
  EXPECT_EQ(judged(job, {job_task("t1", "complete")}).state, State::converging);
  EXPECT_EQ(judged(job, {job_task("t1", "failed")}, 60).state, State::converging);
  job["PreviousSpec"]["TaskTemplate"]["ContainerSpec"]["Image"] = "old";
  EXPECT_EQ(judged(job, {job_task("t1", "failed"), job_task("t2", "complete", {{"JobIteration", {{"Index", 1}}}})}).state, State::converged);
}

// What was told to end by its failing health check often ends with 0.
TEST(StackState, AServerThatEndsWithoutAnErrorIsNotStartedAgain) {
  for (const json& more : {checked, routed}) {
    const auto service = restarted("on-failure", more);
    EXPECT_EQ(judged(service, {ended}, 5).state, State::failed) << more;
    EXPECT_THAT(judged(service, {ended}, 5).reason, HasSubstr("its task ended with exit code 0, and its restart_policy (on-failure) does not start it again"));
    EXPECT_EQ(judged(service, {ended}, 0.5).state, State::converging) << "another may be on its way";
    EXPECT_EQ(judged(service, {ended, a_task("t2", "running")}, 60).state, State::converged);
    auto started_again = service;
    started_again["UpdatedAt"] = "2099-01-01T00:00:00Z";
    EXPECT_EQ(judged(started_again, {ended}, 5).state, State::converging) << "it ended before it was started again";
  }
  auto view = view_of(restarted("on-failure", checked), {a_task("t1", "complete", {{"DesiredState", "shutdown"}, {"Status", {{"ContainerStatus", {{"ContainerID", "c1"}}}}}})});
  EXPECT_THAT(ask_health_of(view), ::testing::ElementsAre("c1"));
  view.unhealthy_containers = {"c1"};
  StackMemory memory;
  const auto found = judge_stack(view, memory, "st", noon + 5);
  EXPECT_EQ(found.state, State::failed);
  EXPECT_THAT(found.reason, HasSubstr("its health check failed; its task ended with exit code 0"));
}

// The other way to write a job, and what a worker is that has nothing left to do.
TEST(StackState, WhatIsStartedAgainOnFailureAloneIsDoneWhenItEndsWithoutOne) {
  const auto job = restarted("on-failure");
  EXPECT_EQ(judged(job, {ended}, 5).state, State::converged);
  EXPECT_EQ(judged(job, {dead("t0", "x"), ended}, 5).state, State::converged) << "at the second try";
  EXPECT_EQ(judged(job, {ended}, 0.5).state, State::converging);
  EXPECT_EQ(judged(job, {a_task("t1", "running")}).state, State::converged) << "a worker is up";
  auto two = job;
  two["Spec"]["Mode"]["Replicated"]["Replicas"] = 2;
  EXPECT_EQ(judged(two, {ended, a_task("t2", "running")}, 5).state, State::converged) << "one is done, one is up";
  EXPECT_EQ(judged(two, {ended, a_task("t2", "starting")}, 5).state, State::converging);
  EXPECT_EQ(judged(two, {ended}, 5).state, State::converging) << "the other was not made yet";
}

// Swarm takes a task that ends within the update's monitor for one that failed, whatever its exit code.
TEST(StackState, AJobWhoseUpdateSwarmPausesIsJudgedByItsExitCode) {
  const json paused = {{"UpdateStatus", {{"State", "paused"}, {"Message", "early termination of task t1"}}}};
  const auto old = a_task("t0", "complete", {{"DesiredState", "shutdown"}, {"Spec", {{"ContainerSpec", {{"Image", "old"}}}}}});
  for (const std::string condition : {"none", "on-failure"}) {
    const auto job = restarted(condition, paused);
    EXPECT_EQ(judged(job, {old, ended}, 5).state, State::converged) << condition;
    const auto failed = judged(job, {old, dead("t1", "task: non-zero exit (7)")}, 5);
    EXPECT_EQ(failed.state, State::failed) << condition;
    EXPECT_THAT(failed.reason, ::testing::AllOf(HasSubstr("service web"), HasSubstr("paused by Swarm"), HasSubstr("non-zero exit (7)")));
    EXPECT_EQ(judged(job, {old}, 5).state, State::failed) << "nothing of it is known";
    auto two = job;
    two["Spec"]["Mode"]["Replicated"]["Replicas"] = 2;
    const auto half = judged(two, {old, ended}, 5);
    EXPECT_EQ(half.state, State::failed) << "Swarm starts the other one no more";
    EXPECT_THAT(half.reason, ::testing::AllOf(HasSubstr("1 of its tasks ended with exit code 0"), HasSubstr("failure_action: continue")));
    auto server = restarted(condition, routed);
    server.merge_patch(paused);
    EXPECT_EQ(judged(server, {old, ended}, 5).state, State::failed) << condition << ": a server that ended";
    EXPECT_EQ(judged(server, {old, a_task("t2", "running")}, 5).state, State::failed) << condition;
  }
  EXPECT_EQ(judged(restarted("none", paused), {ended, a_task("t2", "running")}).state, State::converging) << "the other one still runs";
}

TEST(StackState, AJobThatSwarmRollsBackSaysHowItEnded) {
  const json rolled_back = {{"UpdateStatus", {{"State", "rollback_completed"}, {"Message", "rollback completed"}}}};
  const json of_other = {{"CreatedAt", "2026-11-24T12:00:00Z"}, {"Spec", {{"ContainerSpec", {{"Image", "newer"}}}}}};
  const auto said = [&](const json& service, json undone) {
    undone.merge_patch(of_other);
    auto before = dead("t0", "of an earlier update");
    before.merge_patch(of_other);
    before["CreatedAt"] = "2026-11-24T11:00:00Z";
    const auto found = judged(service, {before, undone, a_task("t2", "complete", {{"DesiredState", "shutdown"}})}, 5);
    EXPECT_EQ(found.state, State::failed);
    return found.reason;
  };
  EXPECT_THAT(said(restarted("none", rolled_back), ended), ::testing::AllOf(HasSubstr("rolled back by Swarm: rollback completed, although its task ended with exit code 0"), HasSubstr("failure_action: continue")));
  EXPECT_THAT(said(restarted("none", rolled_back), dead("t1", "task: non-zero exit (7)")), HasSubstr("rollback completed: task: non-zero exit (7)"));
  EXPECT_THAT(said(a_service(rolled_back), ended), ::testing::EndsWith("rollback completed")) << "a server has nothing to end for";
}

TEST(StackState, AStoppedServiceHasNotConverged) {
  const auto stopped = a_service({{"Spec", {{"Mode", {{"Replicated", {{"Replicas", 0}}}}}, {"Labels", {{replicas_label, "1"}}}}}});
  EXPECT_EQ(judged(stopped, {}).state, State::converging);
  EXPECT_FALSE(is_at_rest(stopped));
}

// swarm-cronjob's services: it scales them when their time has come.
TEST(StackState, AServiceWithoutReplicasHasConverged) {
  for (const std::string condition : {"none", "any", "on-failure"}) {
    const auto cron = restarted(condition, {{"Spec", {{"Mode", {{"Replicated", {{"Replicas", 0}}}}}}}});
    EXPECT_TRUE(is_at_rest(cron));
    EXPECT_EQ(judged(cron, {}).state, State::converged) << condition;
    EXPECT_EQ(judged(cron, {ended}, 60).state, State::converged) << condition << ": it has had its time";
    EXPECT_EQ(judged(cron, {dead("t1", "x")}, 60).state, State::converged) << condition;
    EXPECT_EQ(judged(cron, {a_task("t1", "running", {{"DesiredState", "remove"}})}).state, State::converging) << condition << ": it had one before";
  }
}

TEST(StackState, TheWorstServiceIsNamed) {
  auto other = a_service({{"ID", "s2"}, {"Spec", {{"Name", "st_db"}}}});
  StackMemory memory;
  auto view = view_of(a_service(), {a_task("t1", "running")});
  view.services.push_back(other);
  const auto found = judge_stack(view, memory, "st", noon + 1);
  EXPECT_EQ(found.service, "db");
}

}  // namespace
}  // namespace simmer::swarm
