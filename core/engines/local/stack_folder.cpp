#include <local/stack_folder.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <nlohmann/json.hpp>

namespace simmer::local {

namespace {

using nlohmann::json;

struct flock whole_file() {
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  return range;
}

json to_json(const ProcessId& process) {
  return {{"pid", process.pid}, {"start_time", process.start_time}, {"boot_id", process.boot_id}};
}

ProcessId process_from(const json& value) {
  return {value.at("pid").get<pid_t>(), value.at("start_time").get<std::uint64_t>(), value.at("boot_id").get<std::string>()};
}

}  // namespace

bool try_lock(const Fd& file) {
  struct flock range = whole_file();
  if (::fcntl(file.get(), F_OFD_SETLK, &range) == 0) return true;
  if (errno != EAGAIN && errno != EACCES) throw_errno("cannot lock a file", errno);
  return false;
}

bool is_locked(const Fd& file) {
  struct flock range = whole_file();
  if (::fcntl(file.get(), F_OFD_GETLK, &range) != 0) throw_errno("cannot ask about a lock", errno);
  return range.l_type != F_UNLCK;
}

bool is_same_file(const Fd& file, const fs::path& path) {
  struct stat opened, named;
  return ::fstat(file.get(), &opened) == 0 && ::lstat(path.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
         opened.st_ino == named.st_ino;
}

bool StackFolder::exists() const {
  std::error_code ignored;
  return fs::is_directory(path_, ignored);
}

bool StackFolder::is_supervised() const {
  const Fd file(::open(lock().c_str(), O_RDWR | O_CLOEXEC));
  if (file) return is_locked(file);
  if (errno == ENOENT || errno == ENOTDIR) return false;
  throw_errno("cannot open " + lock().string(), errno);
}

std::optional<RunningRecord> StackFolder::running() const {
  const auto text = read_file_if_there(path_ / "running.json");
  if (!text) return std::nullopt;
  try {
    const auto value = json::parse(*text);
    RunningRecord record{process_from(value.at("supervisor")), {}, {}, value.at("ports").get<std::vector<int>>()};
    for (const auto& process : value.at("seen")) record.seen.push_back(process_from(process));
    for (const auto& [service, leader] : value.at("leaders").items()) record.leaders[service] = process_from(leader);
    return record;
  } catch (const json::exception&) {
    // It is written beside and renamed without a flush: after a power cut it may be torn. Then no process of it lives.
    return RunningRecord{};
  }
}

void StackFolder::write_running(const RunningRecord& record) const {
  json leaders = json::object(), seen = json::array();
  for (const auto& [service, leader] : record.leaders) leaders[service] = to_json(leader);
  for (const auto& process : record.seen) seen.push_back(to_json(process));
  const json all{{"supervisor", to_json(record.supervisor)}, {"leaders", leaders}, {"seen", seen}, {"ports", record.ports}};
  write_file_beside(path_ / "running.json", all.dump() + "\n", 0600);
}

void StackFolder::forget_running() const { ::unlink((path_ / "running.json").c_str()); }

std::map<std::string, int> StackFolder::read_kept_ports() const {
  const auto text = read_file_if_there(kept_ports());
  if (!text) return {};
  try {
    return json::parse(*text).get<std::map<std::string, int>>();
  } catch (const json::exception&) {
    throw Error(ErrorKind::needs_operator,
                "cannot read " + kept_ports().string() + ": mend or remove it (the app then gets new ports)");
  }
}

void StackFolder::write_kept_ports(const std::map<std::string, int>& ports) const {
  make_folders(kept_ports().parent_path());
  write_file_durably(kept_ports(), json(ports).dump() + "\n");
}

std::map<int, std::string> StackFolder::all_kept_ports() const {
  std::map<int, std::string> ports;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(kept_ports().parent_path(), missing)) {
    if (entry.path().extension() != ".json") continue;
    const StackFolder other(path_.parent_path() / entry.path().stem());
    for (const auto& [service, port] : other.read_kept_ports()) ports[port] = other.stack();
  }
  return ports;
}

std::optional<StackClaim> StackClaim::attempt(const fs::path& state_dir, const std::string& stack) {
  make_folders(state_dir);
  Fd fd = open_file(state_dir / ".clients", O_RDWR | O_CREAT, 0600);
  struct flock range = whole_file();
  // Two stacks on one byte would wait for each other now and then, no more.
  range.l_start = static_cast<off_t>(std::stoull(digest_of_bytes(stack).substr(0, 15), nullptr, 16));
  range.l_len = 1;
  if (::fcntl(fd.get(), F_OFD_SETLK, &range) == 0) return StackClaim(std::move(fd));
  if (errno != EAGAIN && errno != EACCES) throw_errno("cannot lock " + (state_dir / ".clients").string(), errno);
  return std::nullopt;
}

StackClaim StackClaim::wait(const fs::path& state_dir, const std::string& stack, const Limit& limit) {
  while (true) {
    if (auto claim = attempt(state_dir, stack)) return std::move(*claim);
    if (limit.passed())
      throw Error(ErrorKind::busy, "another process is changing " + stack + " on the local engine; try again when it has ended");
    // The kernel offers no wait for a lock that a deadline and a stop token could end.
    wait_for(std::min(milliseconds(10), limit.remaining()), limit.stop(), "waiting for another process that changes " + stack);
  }
}

std::string last_lines(const fs::path& log, std::size_t max_lines) {
  static constexpr off_t most = 1 << 20;
  const auto tail_of = [](const fs::path& file) -> std::string {
    const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return {};
    const off_t size = ::lseek(fd.get(), 0, SEEK_END);
    std::string text(static_cast<std::size_t>(std::min(size, most)), '\0');
    const ssize_t got = ::pread(fd.get(), text.data(), text.size(), size - static_cast<off_t>(text.size()));
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return text;
  };
  std::string text = tail_of(log);
  if (static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) < max_lines) {
    fs::path older = log;
    text = tail_of(older += ".1") + text;
  }
  std::size_t at = text.size();
  if (at > 0 && text[at - 1] == '\n') --at;
  for (std::size_t lines = 0; at > 0; --at)
    if (text[at - 1] == '\n' && ++lines == max_lines) break;
  return max_lines == 0 ? std::string() : text.substr(at);
}

}  // namespace simmer::local
