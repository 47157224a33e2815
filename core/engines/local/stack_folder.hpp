// The folder of one deployment, <state>/engines/local/<stack>/, and who may do what in it.
//
//   spec.json       the blueprint: what runs (0600; environment values may be secret)
//   lock            locked by the supervisor while it lives; says nothing else
//   running.json    supervisor and leaders by pid, start time and boot; gone after a clean end
//   control.sock    the supervisor's socket
//   supervisor.log, logs/<service>.log (+ .1)
//   run/<service>/  RUN_DIR, new at each start of the service
//   secrets/<name>  0600 in a 0700 folder
//   volumes/<name>/ the fresh volumes
//
// Beside the stacks, with names that no stack can have: .clients (who changes which stack) and
// .ports/<stack>.json (the ports of kept apps).
#pragma once

#include <map>
#include <optional>
#include <string>

#include <base/files.hpp>
#include <base/limit.hpp>
#include <base/process.hpp>

namespace simmer::local {

// Open-file-description locks: they die with the last descriptor, are not inherited across exec and,
// unlike flock, can be asked about without being taken.
bool try_lock(const Fd& file);
bool is_locked(const Fd& file);
// Is this descriptor still what the path names?
bool is_same_file(const Fd& file, const fs::path& path);

struct RunningRecord {
  ProcessId supervisor;
  std::map<std::string, ProcessId> leaders;  // service -> its first process
  std::vector<ProcessId> seen;               // all that descended from the supervisor when it last looked
  std::vector<int> ports;                    // whose lock files a killed supervisor leaves behind
};

class StackFolder {
 public:
  explicit StackFolder(fs::path path) : path_(std::move(path)) {}

  const fs::path& path() const { return path_; }
  std::string stack() const { return path_.filename().string(); }
  fs::path spec() const { return path_ / "spec.json"; }
  fs::path lock() const { return path_ / "lock"; }
  fs::path socket() const { return path_ / "control.sock"; }
  fs::path supervisor_log() const { return path_ / "supervisor.log"; }
  fs::path log(const std::string& service) const { return path_ / "logs" / (service + ".log"); }
  fs::path run(const std::string& service) const { return path_ / "run" / service; }
  fs::path secrets() const { return path_ / "secrets"; }
  fs::path secret(const std::string& name) const { return secrets() / name; }
  fs::path volumes() const { return path_ / "volumes"; }
  fs::path kept_ports() const { return path_.parent_path() / ".ports" / (stack() + ".json"); }

  bool exists() const;
  // Does its supervisor live?
  bool is_supervised() const;
  // Nothing when it ended cleanly or never began.
  std::optional<RunningRecord> running() const;
  void write_running(const RunningRecord& record) const;
  void forget_running() const;

  // Service -> port; empty when there is no such file.
  std::map<std::string, int> read_kept_ports() const;
  void write_kept_ports(const std::map<std::string, int>& ports) const;
  // The ports that kept apps of this state folder have, running or not.
  std::map<int, std::string> all_kept_ports() const;

 private:
  fs::path path_;
};

// The right to change one stack, among all processes that use the same state folder. Dies with its
// holder. One file serves all stacks (each has a byte of its own), so that a removed stack leaves nothing.
class StackClaim {
 public:
  // Error(busy) at the limit.
  static StackClaim wait(const fs::path& state_dir, const std::string& stack, const Limit& limit);
  // Nothing when somebody else has it.
  static std::optional<StackClaim> attempt(const fs::path& state_dir, const std::string& stack);

 private:
  explicit StackClaim(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

// The last lines of a service's output, oldest first.
std::string last_lines(const fs::path& log, std::size_t max_lines);

}  // namespace simmer::local
