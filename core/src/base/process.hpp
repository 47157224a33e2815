// Starting programs, and telling processes apart for sure: the one file that knows posix_spawn and
// /proc.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <base/files.hpp>
#include <base/limit.hpp>

namespace simmer {

// A process, beyond doubt: a pid alone is reused, and a reboot starts all over.
struct ProcessId {
  pid_t pid = 0;
  std::uint64_t start_time = 0;  // field 22 of /proc/<pid>/stat, clock ticks since boot
  std::string boot_id;           // /proc/sys/kernel/random/boot_id
};

std::string this_boot_id();
// Nothing when there is no such process (a zombie counts as none).
std::optional<ProcessId> identify_process(pid_t pid);
ProcessId this_process();
bool is_alive(const ProcessId& process);
// Every process of group `group` that is not a zombie.
std::vector<pid_t> processes_in_group(pid_t group);
// Sends SIGKILL to the whole group, if its leader is (or was) `leader` and not a stranger with the
// same number, and waits until no process of it is left. Error(needs_operator) at the limit.
void end_process_group(const ProcessId& leader, const Limit& limit);
// The same for one that may want to tidy up: SIGTERM, and SIGKILL for what is left after `grace`.
void end_process_group_gently(const ProcessId& leader, milliseconds grace, const Limit& limit);

struct Command {
  std::vector<std::string> argv;  // argv[0] is looked up in PATH
  std::map<std::string, std::string> env;  // added to ours, unless `clean_env`
  bool clean_env = false;
  fs::path working_dir;  // empty: ours
  std::string input;
  // Its input, output and errors are pseudo-terminals (raw, two of them: the streams stay apart), for programs that insist
  // on one. Nothing is typed: `input` must be empty. It stays in our session and process group.
  bool terminal = false;
  // Not zero: it leads a session of its own (no terminal to ask at, no Ctrl-C but ours), and when its time is over all of it
  // gets SIGTERM, and SIGKILL only if it has not ended after this long.
  milliseconds grace{0};
  std::function<void(const ProcessId&)> started = {};  // called once, when it runs
};

struct CommandResult {
  int exit_code = 0;  // 128 + signal when it died by one
  std::string out;
  std::string err;
};

// Runs it to its end. Throws Error(unavailable) when it cannot be started, Error(unavailable)
// "timed out …" at the limit and Error(interrupted) when cancelled; in both cases the child (in our
// process group, but see `grace`) has been killed. At most `max_output` bytes of each stream are kept.
CommandResult run_command(const Command& command, const Limit& limit, std::size_t max_output = 16 << 20);

// Low level: starts without waiting. `fds` maps descriptor in the child -> ours; 0, 1, 2 not in it
// are /dev/null. All others are closed (close-on-exec).
struct SpawnOptions {
  std::vector<std::string> argv;
  std::vector<std::string> env;  // complete, "K=V"
  fs::path working_dir;
  std::map<int, int> fds;
  bool new_session = false;
  bool new_group = false;
};
pid_t spawn_process(const SpawnOptions& options);

// Our environment as "K=V", with changes laid over it.
std::vector<std::string> environment_with(const std::map<std::string, std::string>& changes);

// The path of the program that runs now.
fs::path this_program();

}  // namespace simmer
