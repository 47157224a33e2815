// What the tests of files, processes and state have in common: a folder of their own, and another process that does
// something, says that it has, and stays until it is ended.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <base/files.hpp>
#include <base/limit.hpp>
#include <base/process.hpp>

namespace simmer::test {

inline Limit a_minute() { return Limit::in(milliseconds(60000)); }
inline Limit no_wait() { return Limit::in(milliseconds(0)); }

// A new folder below ::testing::TempDir(), removed at the end.
class ScratchFolder {
 public:
  explicit ScratchFolder(const fs::path& parent = ::testing::TempDir()) {
    std::string name = parent / "simmer-unit-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw_errno("cannot make " + name, errno);
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const fs::path& path() const { return path_; }
  fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

// Where flushing costs nothing, for tests that flush a hundred times and are not about the disk.
inline fs::path memory_folder() { return fs::exists("/dev/shm") ? fs::path("/dev/shm") : fs::path(::testing::TempDir()); }

// Names in a folder, sorted.
inline std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

// Runs `action` in a process of its own; what it returns is said() here. Then the process stays, with all that it
// holds, until it is killed or let go on; an exception ends it.
class OtherProcess {
 public:
  explicit OtherProcess(const std::function<std::string()>& action, const std::function<void()>& afterwards = {}) {
    int to_us[2], to_it[2];
    if (::pipe2(to_us, O_CLOEXEC) != 0 || ::pipe2(to_it, O_CLOEXEC) != 0) throw_errno("cannot make a pipe", errno);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(to_us[0]);
      ::close(to_it[1]);
      int status = 0;
      try {
        const std::string text = action() + "\n";
        if (::write(to_us[1], text.data(), text.size()) < 0) ::_exit(3);
        if (afterwards) afterwards();
        char byte;
        while (::read(to_it[0], &byte, 1) < 0 && errno == EINTR) {
        }
      } catch (...) {
        status = 1;
      }
      ::_exit(status);
    }
    ::close(to_us[1]);
    ::close(to_it[0]);
    from_ = Fd(to_us[0]);
    let_go_ = Fd(to_it[1]);
    char byte;
    while (::read(from_.get(), &byte, 1) == 1 && byte != '\n') said_ += byte;
  }
  ~OtherProcess() { kill(); }
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;

  pid_t pid() const { return pid_; }
  const std::string& said() const { return said_; }
  // By SIGKILL, as a crash would; returns when it is gone.
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    wait();
  }
  // Lets it end by itself; its exit code.
  int end() {
    let_go_.reset();
    return wait();
  }
  // Its exit code once it has ended.
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_ = 0;
  Fd from_, let_go_;
  std::string said_;
};

}  // namespace simmer::test
