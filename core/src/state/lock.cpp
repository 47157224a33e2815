#include <state/lock.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sstream>

#include <base/process.hpp>
#include <simmer/error.hpp>
#include <state/state_folder.hpp>

namespace simmer {

namespace {

// Whoever released a lock by removing its file may have done so between our open and our flock:
// what we hold must be what the name leads to.
bool is_current(const Fd& fd, const fs::path& file) {
  struct stat held, named;
  return ::fstat(fd.get(), &held) == 0 && ::stat(file.c_str(), &named) == 0 && held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

bool flock_now(const Fd& fd, const fs::path& file, Lock::Mode mode) {
  const int how = (mode == Lock::Mode::shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
  while (::flock(fd.get(), how) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return false;
    throw_errno("cannot lock " + file.string(), errno);
  }
  return true;
}

std::optional<Fd> try_once(const fs::path& file, Lock::Mode mode) {
  while (true) {
    Fd fd = open_file(file, O_RDWR | O_CREAT, 0644);
    if (!flock_now(fd, file, mode)) return std::nullopt;
    if (is_current(fd, file)) return fd;
  }
}

// Tells when somebody else closes a file or changes its name. Where inotify cannot be had, its waits just take their time.
class Watch {
 public:
  explicit Watch(const fs::path& file) : fd_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    if (fd_) ::inotify_add_watch(fd_.get(), file.c_str(), IN_CLOSE | IN_ATTRIB);
  }
  void wait(milliseconds at_most) {
    pollfd events{fd_.get(), POLLIN, 0};
    ::poll(&events, fd_ ? 1 : 0, static_cast<int>(at_most.count()));
    char buffer[4096];
    while (fd_ && ::read(fd_.get(), buffer, sizeof buffer) > 0) {
    }
  }

 private:
  Fd fd_;
};

// The kernel's own list: "1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF".
std::optional<pid_t> holding_process(const fs::path& file) {
  struct stat info;
  if (::stat(file.c_str(), &info) != 0) return std::nullopt;
  std::istringstream lines(read_file("/proc/locks"));
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string number, type, advisory, mode, pid, place;
    words >> number >> type;
    if (type == "->") continue;  // waits, does not hold
    words >> advisory >> mode >> pid >> place;
    const auto colon = place.rfind(':');
    if (type != "FLOCK" || colon == std::string::npos || place.substr(colon + 1) != std::to_string(info.st_ino)) continue;
    return static_cast<pid_t>(std::strtol(pid.c_str(), nullptr, 10));
  }
  return std::nullopt;
}

void write_content(const Fd& fd, const std::string& text) {
  if (::ftruncate(fd.get(), 0) != 0 || ::pwrite(fd.get(), text.data(), text.size(), 0) < 0) {
    // Only people read it: a full disk must not keep us from locking.
  }
}

}  // namespace

std::optional<Lock> Lock::try_acquire(const fs::path& file, Mode mode, const std::string& what_for) {
  auto fd = try_once(file, mode);
  if (!fd) return std::nullopt;
  write_content(*fd, what_for + ", since " + utc_time());
  return Lock(std::move(*fd), file);
}

Lock Lock::acquire(const fs::path& file, Mode mode, const std::string& subject, const std::string& what_for, const Limit& limit) {
  while (true) {
    // Opened once for all tries, as closing it would wake us. The watch is set before the first: a release in between is
    // not missed. A holder's descriptor is closed when it ends, however it ends.
    Fd fd = open_file(file, O_RDWR | O_CREAT, 0644);
    Watch watch(file);
    while (true) {
      const bool locked = flock_now(fd, file, mode);
      if (!is_current(fd, file)) break;
      if (locked) {
        write_content(fd, what_for + ", since " + utc_time());
        return Lock(std::move(fd), file);
      }
      limit.check_stop("waiting for " + subject);
      if (limit.passed()) {
        const std::string who = holder(file);
        throw Error(ErrorKind::busy, subject + " is in use by " + (who.empty() ? "another process" : who) + "; try again later, or wait with --wait D");
      }
      watch.wait(std::min(limit.remaining() + milliseconds(1), milliseconds(200)));
    }
  }
}

bool Lock::is_held(const fs::path& file) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return false;
  return !try_once(file, Mode::exclusive).has_value();
}

std::string Lock::holder(const fs::path& file) {
  const auto pid = holding_process(file);
  if (!pid) return "";
  std::string about;
  try {
    about = read_file_if_there(file).value_or("");
  } catch (const Error&) {
  }
  return "pid " + std::to_string(*pid) + (about.empty() ? "" : " (" + about + ")");
}

void Lock::remove_file() {
  ::unlink(file_.c_str());
  fd_.reset();
}

}  // namespace simmer
