// The control groups of one deployment: where the kernel holds its services to their limits, and knows every process of them,
// also one that shook off its parents, its session and its environment. Version 1 and 2, whatever is mounted and may be written,
// which as a rule takes root; what is not there is left out, and limits_not_held() says so.
//
//   <mount>/simmer-<8 hex of the state folder>-<stack>/service-<name>
//
// The name alone finds them, so that they can be removed by whoever comes after a killed supervisor. The supervisor itself is in
// none of them: it has to survive what the kernel does to a service that takes too much.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <base/limit.hpp>
#include <engine/service_limits.hpp>
#include <local/stack_folder.hpp>

namespace simmer::local {

// Which of these limits no control group can hold on this machine, in a sentence; nothing: all are held.
std::vector<std::string> limits_not_held(const ServiceLimits& limits);

// The command that enters control groups by their files (ControlGroups::prepare()) and becomes `argv`. A service that is just
// ending has no group any more: then it is the command all the same.
std::vector<std::string> entering(const std::vector<std::string>& entrances, std::vector<std::string> argv);

// One of the kernel's controllers that can be used here, and the root of the hierarchy that it is in.
struct Controller {
  std::string name;  // pids, memory, cpu
  fs::path root;
  bool is_v2 = false;
};

class ControlGroups {
 public:
  explicit ControlGroups(const StackFolder& folder);

  // Makes the service's group, or brings it to these limits. Returns the files that a process writes "0" into to enter it; none
  // when there is nothing to hold or nothing to hold it with.
  std::vector<std::string> prepare(const std::string& service, const ServiceLimits& limits) const;
  // Is its memory held by a group, so that nothing else need?
  bool holds_memory(const std::string& service) const;

  // Its processes make no other ones from now: who kills them is faster than they are. prepare() lifts it.
  void close(const std::string& service) const;
  std::vector<pid_t> members(const std::string& service) const;

  // How often a process of it was refused another one; was killed for want of memory. Since the group was made.
  std::uint64_t refused_processes(const std::string& service) const;
  std::uint64_t killed_for_memory(const std::string& service) const;

  // Ends all that is in them by SIGKILL, and removes them. Not there: fine. Error(needs_operator) at the limit.
  void remove(const Limit& limit) const;
  // Those that exist.
  std::vector<fs::path> existing() const;

 private:
  fs::path place(const std::string& controller, const std::string& service, const std::string& file) const;

  std::string name_;
  std::vector<Controller> controllers_;
};

}  // namespace simmer::local
