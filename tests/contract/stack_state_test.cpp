// How a stack stands, judged from what Docker says of it, without a Docker.
#include <gmock/gmock.h>

#include <swarm/compose_overlay.hpp>
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

TEST(StackState, AJobHasConvergedWhenItIsDone) {
  const auto job = a_service({{"Spec", {{"TaskTemplate", {{"RestartPolicy", {{"Condition", "none"}}}}}}}});
  EXPECT_EQ(judged(job, {a_task("t1", "running")}).state, State::converging);
  EXPECT_EQ(judged(job, {a_task("t1", "complete", {{"DesiredState", "shutdown"}})}).state, State::converged);
  EXPECT_EQ(judged(job, {dead("t1", "task: non-zero exit (7)")}).state, State::failed);
}

// What was told to end by its failing health check often ends with 0.
TEST(StackState, AnAppThatEndsWithoutAnErrorIsNotStartedAgain) {
  const auto service = a_service({{"Spec", {{"TaskTemplate", {{"RestartPolicy", {{"Condition", "on-failure"}}}}}}}});
  const auto ended = a_task("t1", "complete", {{"DesiredState", "shutdown"}});
  EXPECT_EQ(judged(service, {ended}, 5).state, State::failed);
  EXPECT_THAT(judged(service, {ended}, 5).reason, HasSubstr("exit code 0"));
  EXPECT_EQ(judged(service, {ended}, 0.5).state, State::converging) << "another may be on its way";
  EXPECT_EQ(judged(service, {ended, a_task("t2", "running")}, 60).state, State::converged);
  auto started_again = service;
  started_again["UpdatedAt"] = "2099-01-01T00:00:00Z";
  EXPECT_EQ(judged(started_again, {ended}, 5).state, State::converging) << "it ended before it was started again";
}

TEST(StackState, AStoppedServiceHasNotConverged) {
  EXPECT_EQ(judged(a_service({{"Spec", {{"Mode", {{"Replicated", {{"Replicas", 0}}}}}}}}), {}).state, State::converging);
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
