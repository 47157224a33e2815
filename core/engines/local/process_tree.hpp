// Finding and ending every process of a deployment, also those that ran away: daemonised,
// double-forked, in sessions of their own. Processes are identified by number and start time and
// signalled through a pidfd, so that a reused number never costs a stranger.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <base/files.hpp>
#include <base/limit.hpp>
#include <base/process.hpp>
#include <local/stack_folder.hpp>

namespace simmer::local {

// One line of /proc. Zombies are left out: nothing of them runs.
struct ProcessEntry {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t session = 0;
  std::uint64_t start_time = 0;
};

std::vector<ProcessEntry> all_processes();

// All that descend from `root`, which itself is not among them.
std::vector<ProcessEntry> descendants_of(pid_t root, const std::vector<ProcessEntry>& processes);

// Does the environment the process was started with hold this "KEY=value"? False where we may not look.
bool was_started_with(pid_t pid, const std::string& entry);

// SIGKILL to exactly this process; gone meanwhile is fine. False when we are not allowed to.
bool kill_exactly(const ProcessEntry& process);

// The environment entries by which the processes of a deployment are known. The folder is unique on
// a machine; a stack's name is not (another state folder may have the same).
std::string deployment_mark(const fs::path& stack_folder);
std::string service_mark(const std::string& service);

// What was left by a deployment whose supervisor is dead: marked processes, those in the sessions of
// the recorded leaders, those it had seen, and all their descendants. Never ourselves or our ancestors.
std::vector<ProcessEntry> leftovers(const StackFolder& folder, const RunningRecord& record);

// Ends them by SIGKILL and waits until they are gone. Error(needs_operator) at the limit.
void end_leftovers(const StackFolder& folder, const RunningRecord& record, const Limit& limit);

// Waits until a process has ended (it need not be our child). False when the limit passed first.
bool wait_until_gone(const ProcessId& process, const Limit& limit);

}  // namespace simmer::local
