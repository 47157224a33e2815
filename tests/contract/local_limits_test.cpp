// What a service of a run may take on the local engine, and what becomes of one that takes more: real processes, real control
// groups. Every one of them stays small by itself, should a limit not hold.
#include <gmock/gmock.h>
#include <grp.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iostream>

#include <local/control_group.hpp>

#include "local_fixture.hpp"

namespace simmer::contract {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EngineContract);  // local_test.cpp holds the engine to it

namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr ServiceLimits small{32, 64 << 20, 0.5};

class LocalLimits : public LocalEngineTest {
 protected:
  void SetUp() override {
    for (const auto& what : local::limits_not_held(small)) GTEST_SKIP() << what;
  }
  DeploySpec limited(const std::string& stack, std::vector<ServiceFacts> services) {
    auto wanted = spec(stack, std::move(services));
    wanted.limits = small;
    return wanted;
  }
  local::ControlGroups groups(const std::string& stack) const { return local::ControlGroups(folder(stack)); }
  pid_t leader(const std::string& stack, const std::string& service) const {
    return folder(stack).running().value().leaders.at(service).pid;
  }
  static std::string groups_of(pid_t pid) { return read_file("/proc/" + std::to_string(pid) + "/cgroup"); }
};

// Seven deep, so 255 processes at most. They want a port, so that they are not up before they have begun to take.
const char* fork_bomb =
    "b() { if [ $1 -gt 0 ]; then b $(($1 - 1)) & b $(($1 - 1)) & fi; sleep 1000; }; echo begun; b 7 # ${PORT}";
const char* memory_hog = R"(echo begun; x=$(head -c 300000000 /dev/zero | tr '\0' x); echo survived; exec sleep 1000 # ${PORT})";

TEST_F(LocalLimits, AForkBombIsEndedAndFails) {
  engine_.deploy(limited("l-bomb", {sh_service("web", fork_bomb), sh_service("side", "exec sleep 1000")}), limit());
  const auto end = engine_.wait_converged("l-bomb", limit());
  EXPECT_EQ(end.state, Convergence::State::failed);
  EXPECT_EQ(end.service, "web");
  EXPECT_THAT(end.reason, HasSubstr("tried to have more than 32 processes (runs.limits.pids)"));
  EXPECT_THAT(engine_.logs("l-bomb", "web", 100, limit()), HasSubstr("begun"));
  EXPECT_LE(processes_of("l-bomb"), 33U + 2U) << "its neighbour and the supervisor";
  EXPECT_TRUE(is_alive(folder("l-bomb").running().value().leaders.at("side"))) << "each has limits of its own";
  engine_.remove("l-bomb", limit());
  EXPECT_EQ(processes_of("l-bomb"), 0U);
  EXPECT_THAT(groups("l-bomb").existing(), IsEmpty());
}

// Who ends well by its own account has not, if it was refused a process.
TEST_F(LocalLimits, AJobThatReachesItsLimitHasFailed) {
  auto job = sh_service("job", "for i in $(seq 60); do sleep 1000 & done 2>/dev/null; exit 0");
  job.restart_condition = "none";
  engine_.deploy(limited("l-bomb-job", {job}), limit());
  EXPECT_EQ(engine_.wait_converged("l-bomb-job", limit()).state, Convergence::State::failed);
}

TEST_F(LocalLimits, AMemoryHogIsEndedAndItsSupervisorSurvives) {
  auto hog = sh_service("web", memory_hog);
  engine_.deploy(limited("l-hog", {hog, sh_service("side", "exec sleep 1000")}), limit());
  const auto supervisor_id = supervisor("l-hog");
  const auto end = engine_.wait_converged("l-hog", limit());
  EXPECT_EQ(end.state, Convergence::State::failed);
  EXPECT_THAT(end.reason, HasSubstr("needed more than its 64 MiB of memory (runs.limits.memory)"));
  EXPECT_THAT(engine_.logs("l-hog", "web", 100, limit()), Not(HasSubstr("survived")));
  EXPECT_TRUE(is_alive(supervisor_id));
  EXPECT_TRUE(is_alive(folder("l-hog").running().value().leaders.at("side")));
}

TEST_F(LocalLimits, EachServiceIsInAGroupOfItsOwnAndTheSupervisorInNone) {
  deploy_and_converge(limited("l-groups", {nginx_service("web"), sh_service("side", "exec sleep 1000")}));
  EXPECT_THAT(groups_of(leader("l-groups", "web")), HasSubstr("l-groups/service-web"));
  EXPECT_THAT(groups_of(leader("l-groups", "side")), HasSubstr("l-groups/service-side"));
  EXPECT_THAT(groups_of(supervisor("l-groups").pid), Not(HasSubstr("l-groups")));
  // A command that is run in it is held to the same.
  const auto inside =
      engine_.exec("l-groups", {"side", {"cat", "/proc/self/cgroup", "-"}, "and input", milliseconds(5000)}, limit());
  EXPECT_THAT(inside.out, HasSubstr("l-groups/service-side"));
  EXPECT_TRUE(inside.out.ends_with("and input")) << inside.out;
  EXPECT_EQ(engine_.exec("l-groups", {"side", {"sh", "-c", "exit 3"}, "", milliseconds(5000)}, limit()).exit_code, 3);
  std::string cpu;
  for (const auto& group : groups("l-groups").existing())
    for (const char* file : {"cpu.max", "cpu.cfs_quota_us"}) cpu += read_file_if_there(group / "service-web" / file).value_or("");
  EXPECT_THAT(cpu, ::testing::StartsWith("50000"));
  bool listed = false;
  for (const auto& object : engine_.inventory("l-groups", limit()))
    listed = listed || (object.kind == "control-group" && object.labels.at("run_id") == "run-1");
  EXPECT_TRUE(listed) << "what can be left behind is named";
  engine_.undeploy("l-groups", limit());
  EXPECT_THAT(groups("l-groups").existing(), IsEmpty());
}

// The machine goes down, or somebody ends it: no engine comes after it.
TEST_F(LocalLimits, ASupervisorThatLeavesByItselfTakesItsGroups) {
  deploy_and_converge(limited("l-term", {sh_service("web", "exec sleep 1000")}));
  const auto id = supervisor("l-term");
  ::kill(id.pid, SIGTERM);
  ASSERT_TRUE(local::wait_until_gone(id, limit()));
  EXPECT_THAT(groups("l-term").existing(), IsEmpty());
}

TEST_F(LocalLimits, WithoutLimitsThereIsNoGroup) {
  deploy_and_converge(spec("l-free", {sh_service("web", "exec sleep 1000")}));
  EXPECT_THAT(groups("l-free").existing(), IsEmpty()) << "a live app's";
}

// Promise P4: whoever comes after a killed supervisor finds the groups by the deployment's name alone, and all that is in them.
TEST_F(LocalLimits, AKilledSupervisorLeavesNoGroupAndNoProcess) {
  for (const bool folder_is_gone : {false, true}) {
    deploy_and_converge(
        limited("l-left", {sh_service("web", "env -i setsid sh -c '(sleep 1000 &); exec sleep 1000' & exec sleep 1000")}));
    ASSERT_TRUE(eventually([&] { return groups("l-left").members("web").size() == 3; }));
    std::vector<ProcessId> members;
    for (const pid_t pid : groups("l-left").members("web")) members.push_back(identify_process(pid).value());
    const auto id = supervisor("l-left");
    ::kill(id.pid, SIGKILL);
    ASSERT_TRUE(local::wait_until_gone(id, limit()));
    if (folder_is_gone) remove_tree(folder("l-left").path());
    EXPECT_THAT(engine_.inventory("l-left", limit()), Not(IsEmpty()));
    engine_.remove("l-left", limit());
    EXPECT_THAT(groups("l-left").existing(), IsEmpty());
    for (const auto& process : members) EXPECT_FALSE(is_alive(process)) << process.pid;
    EXPECT_THAT(engine_.inventory("l-left", limit()), IsEmpty());
  }
}

// Without root there are no groups to write: memory alone, of each process by itself.
TEST(LocalLimitsSaid, AnOrdinaryUsersMemoryHogIsRefusedItsMemory) {
  Scratch scratch;
  spec_of(scratch.path() / "recipe", "l-user-hog", {});
  const fs::path home = scratch.path() / "user";
  make_folders(home);
  const bool is_root = ::geteuid() == 0;
  ASSERT_TRUE(!is_root || ::chown(home.c_str(), 65534, 65534) == 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (is_root &&
        (::setgroups(0, nullptr) != 0 || ::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0))
      ::_exit(3);
    ::execl(this_program().c_str(), "hog", "--hog", home.c_str(), (scratch.path() / "recipe").c_str(), nullptr);
    ::_exit(4);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
}

int hog_of_a_user(char** argv) {
  LocalEngine engine(options_for(argv[2]));
  const auto limit = Limit::in(milliseconds(20000));
  auto job = sh_service("web", memory_hog);
  job.restart_condition = "none";
  auto wanted = spec_of(argv[3], "l-user-hog", {job});
  wanted.limits = small;
  const bool said = ::testing::Value(engine.unenforced(wanted),
                                     ::testing::ElementsAre(AllOf(HasSubstr("runs.limits.pids"), HasSubstr("RLIMIT_DATA"))));
  engine.deploy(wanted, limit);
  const auto end = engine.wait_converged("l-user-hog", limit);
  const auto log = engine.logs("l-user-hog", "web", 10, limit);
  engine.remove("l-user-hog", limit);
  std::cerr << end.reason << "\n" << log;
  return said && end.state == Convergence::State::failed && log.find("survived") == std::string::npos ? 0 : 1;
}

TEST(LocalLimitsSaid, WhatCannotBeHeldIsSaid) {
  Scratch scratch;
  LocalEngine engine(options_for(scratch.path() / "state"));
  DeploySpec of_a_run;
  EXPECT_THAT(engine.unenforced(of_a_run), IsEmpty());
  of_a_run.internal_networks = true;
  EXPECT_THAT(engine.unenforced(of_a_run), ::testing::ElementsAre(HasSubstr("runs.egress: deny is without effect")));
}

}  // namespace
}  // namespace simmer::contract

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "--local-supervisor") return simmer::run_local_supervisor(argc, argv);
  if (argc > 1 && std::string(argv[1]) == "--hog") return simmer::contract::hog_of_a_user(argv);
  ::testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
