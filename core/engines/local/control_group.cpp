#include <local/control_group.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <map>
#include <sstream>

namespace simmer::local {

namespace {

bool put(const fs::path& file, const std::string& text) {
  const Fd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::string text_of(const fs::path& file) {
  try {
    return read_file_if_there(file).value_or("");
  } catch (const Error&) {
    return "";  // it went while we read
  }
}

bool has_word(const std::string& text, const std::string& word, char between) {
  std::istringstream words(text);
  for (std::string each; std::getline(words, each, between);)
    if (each.substr(0, each.find('\n')) == word) return true;
  return false;
}

// The number behind `key` in lines of "key number"; without a key: the first number.
std::uint64_t number_in(const fs::path& file, const std::string& key) {
  std::istringstream lines(text_of(file));
  std::string word;
  std::uint64_t number = 0;
  while (lines >> word >> number)
    if (word == key) return number;
  return 0;
}

// A controller that version 1 has is not in version 2.
Controller find_controller(const std::string& name) {
  Controller found{name, {}, false};
  std::istringstream mounts(text_of("/proc/self/mountinfo"));
  for (std::string line; std::getline(mounts, line);) {
    const auto dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::string skipped, place, type, source, options;
    std::istringstream(line) >> skipped >> skipped >> skipped >> skipped >> place;
    std::istringstream(line.substr(dash + 3)) >> type >> source >> options;
    const bool v1 = type == "cgroup" && has_word(options, name, ',');
    const bool v2 = type == "cgroup2" && has_word(text_of(fs::path(place) / "cgroup.controllers"), name, ' ');
    if ((!v1 && !v2) || ::access(place.c_str(), W_OK | X_OK) != 0) continue;
    // Below the true root, which alone has no type, it can be switched on; elsewhere it has to be on already.
    if (v2 && !has_word(text_of(fs::path(place) / "cgroup.subtree_control"), name, ' ') &&
        fs::exists(fs::path(place) / "cgroup.type"))
      continue;
    found.root = place;
    found.is_v2 = v2;
    return found;
  }
  return found;
}

std::vector<Controller> usable_controllers() {
  std::vector<Controller> found;
  for (const char* name : {"pids", "memory", "cpu"})
    if (auto controller = find_controller(name); !controller.root.empty()) found.push_back(std::move(controller));
  return found;
}

bool is_limited(const ServiceLimits& limits, const std::string& controller) {
  return controller == "pids" ? limits.pids > 0 : controller == "memory" ? limits.memory_bytes > 0 : limits.cpus > 0;
}

bool set_limit(const Controller& controller, const fs::path& group, const ServiceLimits& limits) {
  constexpr int period = 100000;  // microseconds
  if (controller.name == "pids") return put(group / "pids.max", limits.pids > 0 ? std::to_string(limits.pids) : "max");
  if (controller.name == "memory") {
    const std::string bytes = std::to_string(limits.memory_bytes);
    const bool set = put(group / (controller.is_v2 ? "memory.max" : "memory.limit_in_bytes"), limits.memory_bytes > 0 ? bytes
                                                                                              : controller.is_v2      ? "max"
                                                                                                                      : "-1");
    // Swap would make room for more; where the kernel does not count it, there is no file.
    if (limits.memory_bytes > 0)
      put(group / (controller.is_v2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes"), controller.is_v2 ? "0" : bytes);
    return set;
  }
  const auto quota = std::max(1000L, std::lround(limits.cpus * period));
  if (controller.is_v2)
    return put(group / "cpu.max", (limits.cpus > 0 ? std::to_string(quota) : "max") + " " + std::to_string(period));
  put(group / "cpu.cfs_period_us", std::to_string(period));
  return put(group / "cpu.cfs_quota_us", limits.cpus > 0 ? std::to_string(quota) : "-1");
}

std::string leaf_of(const std::string& service) { return "service-" + service; }  // apart from the kernel's own files

std::vector<pid_t> members_of(const fs::path& group) {
  std::vector<pid_t> pids;
  std::istringstream lines(text_of(group / "cgroup.procs"));
  for (pid_t pid; lines >> pid;)
    if (pid > 0 && pid != ::getpid()) pids.push_back(pid);
  return pids;
}

std::vector<fs::path> roots_of(const std::vector<Controller>& controllers) {
  std::vector<fs::path> all;
  for (const auto& controller : controllers)
    if (std::find(all.begin(), all.end(), controller.root) == all.end()) all.push_back(controller.root);
  return all;
}

const Controller* find_in(const std::vector<Controller>& controllers, const std::string& name) {
  for (const auto& controller : controllers)
    if (controller.name == name) return &controller;
  return nullptr;
}

// Through a descriptor: the number of one that has ended meanwhile may be a stranger's.
void kill_all_in(const fs::path& group) {
  std::map<pid_t, Fd> open;
  for (const pid_t pid : members_of(group)) open[pid] = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  for (const pid_t pid : members_of(group))
    if (const auto found = open.find(pid); found != open.end() && found->second)
      ::syscall(SYS_pidfd_send_signal, found->second.get(), SIGKILL, nullptr, 0);
}

std::vector<fs::path> leaves_of(const fs::path& group) {
  std::vector<fs::path> leaves;
  std::error_code gone;
  for (fs::directory_iterator entry(group, gone), end; !gone && entry != end; entry.increment(gone))
    if (entry->path().filename().string().starts_with("service-")) leaves.push_back(entry->path());
  return leaves;
}

}  // namespace

std::vector<std::string> limits_not_held(const ServiceLimits& limits) {
  const auto usable = usable_controllers();
  std::string missing;
  for (const std::string name : {"pids", "memory", "cpu"})
    if (is_limited(limits, name) && find_in(usable, name) == nullptr)
      missing += (missing.empty() ? "runs.limits." : ", runs.limits.") + (name == "cpu" ? "cpus" : name);
  if (missing.empty()) return {};
  return {"the local engine cannot hold services to " + missing +
          " here: that needs control groups that it may write, which takes root" +
          (missing.find("memory") == std::string::npos ? "" : "; memory is limited for each process by itself (RLIMIT_DATA)")};
}

std::vector<std::string> entering(const std::vector<std::string>& entrances, std::vector<std::string> argv) {
  if (entrances.empty()) return argv;
  std::vector<std::string> all = {
      "/bin/sh", "-c", R"(n=$1; shift; while [ "$n" -gt 0 ]; do echo 0 2>/dev/null >"$1"; shift; n=$((n - 1)); done; exec "$@")",
      "sh", std::to_string(entrances.size())};
  all.insert(all.end(), entrances.begin(), entrances.end());
  all.insert(all.end(), argv.begin(), argv.end());
  return all;
}

ControlGroups::ControlGroups(const StackFolder& folder)
    : name_("simmer-" + digest_of_bytes(folder.path().parent_path().string()).substr(0, 8) + "-" + folder.stack()),
      controllers_(usable_controllers()) {}

std::vector<std::string> ControlGroups::prepare(const std::string& service, const ServiceLimits& limits) const {
  std::vector<std::string> enter;
  for (const auto& controller : controllers_) {
    const fs::path above = controller.root / name_, group = above / leaf_of(service);
    // One that is there may have had a limit before.
    if (!is_limited(limits, controller.name) && !fs::exists(group)) continue;
    if (controller.is_v2) put(controller.root / "cgroup.subtree_control", "+" + controller.name);
    ::mkdir(above.c_str(), 0755);
    if (controller.is_v2) put(above / "cgroup.subtree_control", "+" + controller.name);
    ::mkdir(group.c_str(), 0755);
    if (!set_limit(controller, group, limits)) continue;
    if (const auto file = (group / "cgroup.procs").string(); std::find(enter.begin(), enter.end(), file) == enter.end())
      enter.push_back(file);
  }
  return enter;
}

fs::path ControlGroups::place(const std::string& controller, const std::string& service, const std::string& file) const {
  const auto* found = find_in(controllers_, controller);
  return found == nullptr ? fs::path() : found->root / name_ / leaf_of(service) / file;
}

bool ControlGroups::holds_memory(const std::string& service) const {
  return fs::exists(place("memory", service, "cgroup.procs"));
}

void ControlGroups::close(const std::string& service) const { put(place("pids", service, "pids.max"), "0"); }

std::vector<pid_t> ControlGroups::members(const std::string& service) const {
  std::vector<pid_t> all;
  for (const auto& root : roots_of(controllers_))
    for (const pid_t pid : members_of(root / name_ / leaf_of(service)))
      if (std::find(all.begin(), all.end(), pid) == all.end()) all.push_back(pid);
  return all;
}

std::uint64_t ControlGroups::refused_processes(const std::string& service) const {
  return number_in(place("pids", service, "pids.events"), "max");
}

std::uint64_t ControlGroups::killed_for_memory(const std::string& service) const {
  const auto* memory = find_in(controllers_, "memory");
  return memory == nullptr
             ? 0
             : number_in(place("memory", service, memory->is_v2 ? "memory.events" : "memory.oom_control"), "oom_kill");
}

std::vector<fs::path> ControlGroups::existing() const {
  std::vector<fs::path> found;
  for (const auto& root : roots_of(controllers_)) {
    std::error_code none;
    if (fs::is_directory(root / name_, none)) found.push_back(root / name_);
  }
  return found;
}

void ControlGroups::remove(const Limit& limit) const {
  for (const auto& group : existing()) {
    while (true) {
      for (const auto& leaf : leaves_of(group)) {
        put(leaf / "pids.max", "0");
        kill_all_in(leaf);
        ::rmdir(leaf.c_str());
      }
      if (::rmdir(group.c_str()) == 0 || errno == ENOENT) break;
      if (limit.passed())
        throw Error(ErrorKind::needs_operator,
                    "the control group " + group.string() + " cannot be removed: a process in it does not end after SIGKILL");
      wait_for(milliseconds(2), {}, "removing a control group");
    }
  }
}

}  // namespace simmer::local
