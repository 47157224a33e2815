#include <local/process_tree.hpp>

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>

namespace simmer::local {

namespace {

// Fields of /proc/<pid>/stat are counted from the last closing parenthesis: the name may hold anything.
std::optional<ProcessEntry> read_entry(pid_t pid) {
  std::optional<std::string> text;
  try {
    text = read_file_if_there("/proc/" + std::to_string(pid) + "/stat");
  } catch (const Error&) {
    return std::nullopt;  // it ended between open and read
  }
  if (!text) return std::nullopt;
  const auto close = text->rfind(')');
  if (close == std::string::npos || close + 2 >= text->size()) return std::nullopt;
  std::istringstream fields(text->substr(close + 2));
  ProcessEntry entry;
  entry.pid = pid;
  char state = '?';
  pid_t group = 0;
  fields >> state >> entry.parent >> group >> entry.session;
  std::string skipped;
  for (int field = 7; field <= 21; ++field) fields >> skipped;
  fields >> entry.start_time;
  if (!fields || state == 'Z' || state == 'X') return std::nullopt;
  return entry;
}

Fd open_pidfd(pid_t pid) { return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

}  // namespace

std::vector<ProcessEntry> all_processes() {
  std::vector<ProcessEntry> found;
  DIR* proc = ::opendir("/proc");
  if (proc == nullptr) throw_errno("cannot list /proc", errno);
  while (const dirent* line = ::readdir(proc)) {
    char* end = nullptr;
    const long pid = std::strtol(line->d_name, &end, 10);
    if (*end != '\0' || pid <= 0) continue;
    if (const auto entry = read_entry(static_cast<pid_t>(pid))) found.push_back(*entry);
  }
  ::closedir(proc);
  return found;
}

std::vector<ProcessEntry> descendants_of(pid_t root, const std::vector<ProcessEntry>& processes) {
  std::multimap<pid_t, const ProcessEntry*> children;
  for (const auto& process : processes) children.emplace(process.parent, &process);
  std::vector<ProcessEntry> found;
  std::vector<pid_t> open{root};
  std::set<pid_t> seen{root};
  while (!open.empty()) {
    const pid_t parent = open.back();
    open.pop_back();
    const auto [first, last] = children.equal_range(parent);
    for (auto child = first; child != last; ++child) {
      if (!seen.insert(child->second->pid).second) continue;
      found.push_back(*child->second);
      open.push_back(child->second->pid);
    }
  }
  return found;
}

bool was_started_with(pid_t pid, const std::string& entry) {
  try {
    const auto text = read_file_if_there("/proc/" + std::to_string(pid) + "/environ");
    if (!text) return false;
    const std::string wanted = entry + '\0';
    for (auto at = text->find(wanted); at != std::string::npos; at = text->find(wanted, at + 1))
      if (at == 0 || (*text)[at - 1] == '\0') return true;
  } catch (const Error&) {
    // ended meanwhile, or somebody else's
  }
  return false;
}

bool kill_exactly(const ProcessEntry& process) {
  const Fd pidfd = open_pidfd(process.pid);
  if (!pidfd) return true;
  const auto now = read_entry(process.pid);
  if (!now || now->start_time != process.start_time) return true;
  return ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0) == 0 || errno == ESRCH;
}

std::string deployment_mark(const fs::path& stack_folder) { return "SIMMER_DEPLOYMENT=" + stack_folder.string(); }
std::string service_mark(const std::string& service) { return "SIMMER_SERVICE=" + service; }

std::vector<ProcessEntry> leftovers(const StackFolder& folder, const RunningRecord& record) {
  const auto processes = all_processes();
  std::map<pid_t, ProcessEntry> by_pid;
  for (const auto& process : processes) by_pid[process.pid] = process;
  std::set<pid_t> spared;
  for (pid_t pid = ::getpid(); pid > 0 && spared.insert(pid).second;) {
    const auto found = by_pid.find(pid);
    pid = found == by_pid.end() ? 0 : found->second.parent;
  }
  // A session's number is not given out again while the session has a member. So if the leader is
  // gone, whoever is in its session is left over from it; if somebody else has the number now, they are not.
  std::set<pid_t> sessions;
  for (const auto& [service, leader] : record.leaders) {
    if (leader.boot_id != this_boot_id()) continue;
    const auto found = by_pid.find(leader.pid);
    if (found == by_pid.end() || found->second.start_time == leader.start_time) sessions.insert(leader.pid);
  }
  const std::string mark = deployment_mark(folder.path());
  std::map<pid_t, ProcessEntry> found;
  for (const auto& process : processes) {
    if (spared.contains(process.pid)) continue;
    const bool was_seen = std::any_of(record.seen.begin(), record.seen.end(), [&](const ProcessId& seen) {
      return seen.pid == process.pid && seen.start_time == process.start_time && seen.boot_id == this_boot_id();
    });
    if (!was_seen && !sessions.contains(process.session) && !was_started_with(process.pid, mark)) continue;
    found[process.pid] = process;
    for (const auto& child : descendants_of(process.pid, processes))
      if (!spared.contains(child.pid)) found[child.pid] = child;
  }
  std::vector<ProcessEntry> result;
  for (const auto& [pid, process] : found) result.push_back(process);
  return result;
}

void end_leftovers(const StackFolder& folder, const RunningRecord& record, const Limit& limit) {
  while (true) {
    const auto left = leftovers(folder, record);
    if (left.empty()) return;
    for (const auto& process : left)
      if (!kill_exactly(process))
        throw Error(ErrorKind::needs_operator, "not allowed to end process " + std::to_string(process.pid) + ", left over in " +
                                                   folder.path().string() + ": run this as its owner");
    for (const auto& process : left)
      if (!wait_until_gone({process.pid, process.start_time, this_boot_id()}, limit))
        throw Error(ErrorKind::needs_operator, "process " + std::to_string(process.pid) + ", left over in " +
                                                   folder.path().string() + ", does not end after SIGKILL");
  }
}

// The pidfd decides, not the state in /proc: a main thread can be a zombie while others of the process
// still hold its descriptors.
bool wait_until_gone(const ProcessId& process, const Limit& limit) {
  if (process.pid <= 0 || process.boot_id != this_boot_id()) return true;
  const Fd pidfd = open_pidfd(process.pid);
  if (!pidfd) return true;
  const auto now = read_entry(process.pid);
  if (now && now->start_time != process.start_time) return true;  // the number is somebody else's
  while (true) {
    pollfd wait{pidfd.get(), POLLIN, 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(std::min<std::int64_t>(3600'000, limit.remaining().count())));
    if (ready > 0) return true;
    if (ready == 0 && limit.passed()) return false;
    if (ready < 0 && errno != EINTR) throw_errno("cannot wait for a process to end", errno);
  }
}

}  // namespace simmer::local
