// Programs are started with what they were given, ended at their limit, and never mistaken for others.
#include <gmock/gmock.h>

#include <sys/stat.h>
#include <thread>

#include <simmer/error.hpp>

#include "scratch_folder.hpp"

namespace simmer {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Command shell(const std::string& script, const std::string& input = "") { return {{"sh", "-c", script}, {}, false, {}, input}; }

std::optional<Error> error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

// The descriptor counts as readable when the process has ended: no polling.
bool ends_within(pid_t pid, int milliseconds) {
  const Fd pidfd(static_cast<int>(::syscall(434 /* pidfd_open */, pid, 0)));
  if (!pidfd) return errno == ESRCH;
  pollfd wait{pidfd.get(), POLLIN, 0};
  return ::poll(&wait, 1, milliseconds) == 1;
}

TEST(RunCommand, GivesExitCodeAndBothStreamsApart) {
  const auto result = run_command(shell("printf out; printf err >&2; exit 7"), a_minute());
  EXPECT_EQ(result.exit_code, 7);
  EXPECT_EQ(result.out, "out");
  EXPECT_EQ(result.err, "err");
}

TEST(RunCommand, ThatDiesByASignalSaysWhich) { EXPECT_EQ(run_command(shell("kill -9 $$"), a_minute()).exit_code, 128 + 9); }

TEST(RunCommand, WithoutInputSeesAnEmptyOne) { EXPECT_EQ(run_command({{"cat"}, {}, false, {}, ""}, a_minute()).out, ""); }

TEST(RunCommand, TakesLargeInputWhileItWritesLargeOutput) {
  std::string input;
  while (input.size() < 3000000) input += "line " + std::to_string(input.size()) + "\n";
  const auto result = run_command({{"cat"}, {}, false, {}, input}, a_minute());
  EXPECT_EQ(result.out.size(), input.size());
  EXPECT_TRUE(result.out == input);
}

// In a process of its own: Simmer ignores SIGPIPE once it has begun to listen for signals, but must not rest on it.
TEST(RunCommand, ThatDoesNotReadItsInputIsNoHarm) {
  OtherProcess other([] {
    ::signal(SIGPIPE, SIG_DFL);
    return std::to_string(run_command(shell("exec <&-; exit 3", std::string(1000000, 'x')), a_minute()).exit_code);
  });
  EXPECT_EQ(other.said(), "3") << "empty: it died of SIGPIPE";
}

TEST(RunCommand, KeepsNoMoreOutputThanAsked) {
  const auto result = run_command(shell("head -c 1000000 /dev/zero; head -c 500000 /dev/zero >&2"), a_minute(), 1000);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out.size(), 1000u);
  EXPECT_EQ(result.err.size(), 1000u);
}

TEST(RunCommand, AtItsLimitIsKilledAndSaysSo) {
  ScratchFolder scratch;
  const auto begin = Clock::now();
  const auto error = error_of([&] {
    run_command(shell("echo $$ > " + (scratch / "pid").string() + "; trap '' TERM INT; exec sleep 1000"),
                Limit::in(milliseconds(300)));
  });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::unavailable);
  EXPECT_THAT(error->message(), HasSubstr("timed out"));
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(10));
  EXPECT_FALSE(identify_process(std::stoi(read_file(scratch / "pid"))));
}

TEST(RunCommand, ThatIsCancelledIsKilledAtOnce) {
  ScratchFolder scratch;
  ASSERT_EQ(::mkfifo((scratch / "begun").c_str(), 0600), 0);
  std::stop_source stop;
  std::jthread canceller([&] {
    read_file(scratch / "begun");  // until the command has opened and closed its end
    stop.request_stop();
  });
  const auto begin = Clock::now();
  const auto error = error_of([&] {
    run_command(shell("echo > " + (scratch / "begun").string() + "; exec sleep 1000"),
                Limit::in(milliseconds(60000), stop.get_token()));
  });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::interrupted);
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(10));
}

TEST(RunCommand, WithGraceMayTidyUpWithAllItStarted) {
  ScratchFolder folder;
  Command command = shell("trap 'echo tidy > tidy; exit 0' TERM; (trap 'echo too > too; exit 0' TERM; sleep 60 & wait) & sleep 60 & echo ready > ready; wait");
  command.working_dir = folder.path();
  command.grace = milliseconds(20000);
  std::optional<ProcessId> it;
  command.started = [&](const ProcessId& id) { it = id; };
  std::stop_source stop;
  std::jthread canceller([&] {
    while (!fs::exists(folder / "ready")) wait_for(milliseconds(5), {}, "waiting for a shell");
    stop.request_stop();
  });
  const auto error = error_of([&] { run_command(command, Limit::in(milliseconds(60000), stop.get_token())); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::interrupted);
  EXPECT_TRUE(fs::exists(folder / "tidy"));
  ASSERT_TRUE(it);
  EXPECT_THAT(processes_in_group(it->pid), IsEmpty());
}

TEST(RunCommand, ThatDoesNotUseItsGraceIsKilledAfterIt) {
  Command command = shell("trap '' TERM; sleep 60 & wait; sleep 60");
  command.grace = milliseconds(100);
  std::optional<ProcessId> it;
  command.started = [&](const ProcessId& id) { it = id; };
  EXPECT_THAT(error_of([&] { run_command(command, Limit::in(milliseconds(100))); })->message(), HasSubstr("timed out"));
  ASSERT_TRUE(it);
  EXPECT_FALSE(is_alive(*it));
  EXPECT_TRUE(ends_within(it->pid, 5000));
}

TEST(EndGroup, GentlyLetsItTidyUp) {
  ScratchFolder folder;
  for (const std::string trap : {"echo tidy > tidy; exit 0", ""}) {
    SpawnOptions options;
    options.argv = {"sh", "-c", "trap '" + trap + "' TERM; sleep 60 & echo ready > ready; wait; sleep 60"};
    options.env = environment_with({});
    options.working_dir = folder.path();
    options.new_session = true;
    const pid_t pid = spawn_process(options);
    const auto limit = a_minute();
    while (!fs::exists(folder / "ready") && !limit.passed()) wait_for(milliseconds(5), {}, "waiting for a shell");
    end_process_group_gently(*identify_process(pid), milliseconds(trap.empty() ? 100 : 20000), limit);
    EXPECT_THAT(processes_in_group(pid), IsEmpty());
    EXPECT_EQ(fs::exists(folder / "tidy"), true);
    ::waitpid(pid, nullptr, 0);
    fs::remove(folder / "ready");
  }
}

TEST(RunCommand, DoesNotWaitForWhatItLeftInTheBackground) {
  const auto begin = Clock::now();
  const auto result = run_command(shell("sleep 1000 & echo $!"), a_minute());
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(10));
  const pid_t left = std::stoi(result.out);
  EXPECT_TRUE(identify_process(left));
  ::kill(left, SIGKILL);
}

TEST(RunCommand, ThatCannotBeStartedNamesTheProgram) {
  const auto error = error_of([] { run_command({{"no-such-program-of-simmer"}, {}, false, {}, ""}, a_minute()); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::unavailable);
  EXPECT_THAT(error->message(), HasSubstr("no-such-program-of-simmer"));
  EXPECT_TRUE(error_of([] { run_command({{"true"}, {}, false, "/no/such/folder", ""}, a_minute()); }));
}

TEST(RunCommand, HasTheEnvironmentAndFolderItWasGiven) {
  ScratchFolder scratch;
  ::setenv("SIMMER_UNIT_TEST", "ours", 1);
  Command command = shell("echo $SIMMER_UNIT_TEST $EXTRA; pwd -P");
  command.working_dir = scratch.path();
  command.env = {{"EXTRA", "more"}};
  EXPECT_EQ(run_command(command, a_minute()).out, "ours more\n" + fs::canonical(scratch.path()).string() + "\n");
  command.env = {{"EXTRA", "more"}, {"SIMMER_UNIT_TEST", "changed"}};
  EXPECT_THAT(run_command(command, a_minute()).out, HasSubstr("changed more\n"));
  command = {{"/usr/bin/env"}, {{"ONLY", "this"}}, true, {}, ""};
  EXPECT_EQ(run_command(command, a_minute()).out, "ONLY=this\n");
  ::unsetenv("SIMMER_UNIT_TEST");
}

TEST(SpawnProcess, GivesNoDescriptorThatWasNotNamed) {
  ScratchFolder scratch;
  const Fd ours = open_file(scratch / "ours", O_RDWR | O_CREAT);
  const Fd given = open_file(scratch / "given", O_RDWR | O_CREAT);
  const pid_t pid =
      spawn_process({{"sh", "-c", "ls -l /proc/self/fd >&5"}, environment_with({}), {}, {{5, given.get()}}, false, false});
  int status = 0;
  ::waitpid(pid, &status, 0);
  const auto seen = read_file(scratch / "given");
  EXPECT_THAT(seen, HasSubstr("/given"));
  EXPECT_THAT(seen, HasSubstr("0 -> /dev/null"));
  EXPECT_THAT(seen, Not(HasSubstr("/ours")));
}

TEST(SpawnProcess, MapsDescriptorsThatChangePlaces) {
  ScratchFolder scratch;
  const Fd a = open_file(scratch / "a", O_RDWR | O_CREAT), b = open_file(scratch / "b", O_RDWR | O_CREAT);
  const pid_t pid =
      spawn_process({{"sh", "-c", "printf one >&" + std::to_string(a.get()) + "; printf two >&" + std::to_string(b.get())},
                     environment_with({}),
                     {},
                     {{a.get(), b.get()}, {b.get(), a.get()}},
                     false,
                     false});
  ::waitpid(pid, nullptr, 0);
  EXPECT_EQ(read_file(scratch / "b"), "one");
  EXPECT_EQ(read_file(scratch / "a"), "two");
}

TEST(ProcessId, TellsAProcessFromItsSuccessorAndFromAnotherBoot) {
  ProcessId us = this_process();
  EXPECT_EQ(us.pid, ::getpid());
  EXPECT_TRUE(is_alive(us));
  ProcessId later = us;
  ++later.start_time;
  EXPECT_FALSE(is_alive(later));
  ProcessId before = us;
  before.boot_id = "another";
  EXPECT_FALSE(is_alive(before));
  EXPECT_FALSE(is_alive({}));
}

TEST(ProcessId, OfAZombieIsNone) {
  OtherProcess other([] { return "up"; });
  const auto id = identify_process(other.pid());
  ASSERT_TRUE(id);
  EXPECT_TRUE(is_alive(*id));
  ::kill(other.pid(), SIGKILL);
  ASSERT_TRUE(ends_within(other.pid(), 10000));  // a zombie until ~OtherProcess
  EXPECT_FALSE(is_alive(*id));
  EXPECT_FALSE(identify_process(other.pid()));
}

// The name in /proc/<pid>/stat may hold what ends it.
TEST(ProcessId, IsReadWhateverTheProgramIsCalled) {
  ScratchFolder scratch;
  fs::copy_file("/bin/sleep", scratch / "a) R 1 1");
  const pid_t pid = spawn_process({{(scratch / "a) R 1 1").string(), "1000"}, environment_with({}), {}, {}, false, true});
  const auto id = identify_process(pid);
  EXPECT_TRUE(id);
  EXPECT_GE(id ? id->start_time : 0, this_process().start_time);
  EXPECT_THAT(processes_in_group(pid), ElementsAre(pid));
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

// A group: a leader that ignores SIGTERM, and a child of it; `said` holds the child's pid.
class Group {
 public:
  Group() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const Fd read(ends[0]);
    Fd write(ends[1]);
    leader_ = spawn_process({{"sh", "-c", "trap '' TERM HUP; sleep 1000 & echo $!; wait"},
                             environment_with({}),
                             {},
                             {{1, write.get()}},
                             false,
                             true});
    write.reset();
    char text[32] = {};
    EXPECT_GT(::read(read.get(), text, sizeof text - 1), 0);
    child_ = std::atoi(text);
    id_ = *identify_process(leader_);
  }
  ~Group() {
    ::kill(child_, SIGKILL);
    if (leader_ > 0) ::kill(leader_, SIGKILL);
    reap();
  }
  void reap() {
    if (leader_ > 0) ::waitpid(leader_, nullptr, 0);
    leader_ = 0;
  }
  const ProcessId& id() const { return id_; }
  pid_t child() const { return child_; }

 private:
  pid_t leader_ = 0, child_ = 0;
  ProcessId id_;
};

TEST(EndProcessGroup, EndsAllOfItAndWaitsUntilItIsGone) {
  Group group;
  end_process_group(group.id(), a_minute());
  EXPECT_THAT(processes_in_group(group.id().pid), IsEmpty());
  EXPECT_FALSE(identify_process(group.child()));
}

TEST(EndProcessGroup, EndsWhatOutlivedItsLeader) {
  Group group;
  ::kill(group.id().pid, SIGKILL);
  group.reap();
  ASSERT_THAT(processes_in_group(group.id().pid), ElementsAre(group.child()));
  end_process_group(group.id(), a_minute());
  EXPECT_FALSE(identify_process(group.child()));
}

TEST(EndProcessGroup, LeavesStrangersAlone) {
  Group group;
  ProcessId earlier = group.id();
  --earlier.start_time;
  end_process_group(earlier, a_minute());
  ProcessId before_boot = group.id();
  before_boot.boot_id = "another";
  end_process_group(before_boot, a_minute());
  EXPECT_TRUE(is_alive(group.id()));
  EXPECT_TRUE(identify_process(group.child()));
}

TEST(EndProcessGroup, NeverEndsItself) {
  OtherProcess other([] {
    ::setpgid(0, 0);
    end_process_group(this_process(), a_minute());
    end_process_group({}, a_minute());
    ProcessId init;
    init.pid = 1;
    init.boot_id = this_boot_id();
    end_process_group(init, a_minute());
    return std::string("lives");
  });
  EXPECT_EQ(other.said(), "lives");
}

TEST(EndProcessGroup, ThatIsGoneIsFine) {
  Group group;
  end_process_group(group.id(), a_minute());
  group.reap();
  end_process_group(group.id(), a_minute());
}

TEST(Waiting, EndsAtOnceWhenCancelledAndNotBeforeItsTime) {
  std::stop_source stop;
  const auto begin = Clock::now();
  wait_for(milliseconds(30), stop.get_token(), "nothing");
  EXPECT_GE(Clock::now() - begin, milliseconds(30));
  std::jthread canceller([&] { stop.request_stop(); });
  const auto error = error_of([&] { wait_for(milliseconds(60000), stop.get_token(), "waiting for the moon"); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::interrupted);
  EXPECT_THAT(error->message(), HasSubstr("waiting for the moon"));
}

}  // namespace
}  // namespace simmer
