#include <base/crash_point.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>

#include <base/files.hpp>

namespace simmer {

namespace {
std::atomic<pid_t> companion{0};
}

void set_crash_companion(pid_t pid_or_negative_group) { companion = pid_or_negative_group; }

void crash_point(std::string_view where) {
  const char* file = std::getenv("SIMMER_CRASH_COUNT");
  if (file == nullptr) return;
  const Fd fd(::open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
  if (!fd) return;
  const std::string line = std::string(where) + "\n";
  if (::write(fd.get(), line.data(), line.size()) < 0) return;
  const char* at = std::getenv("SIMMER_CRASH_AT");
  if (at == nullptr) return;
  const std::string lines = read_file(file);
  if (std::count(lines.begin(), lines.end(), '\n') != std::atol(at)) return;
  if (companion != 0) ::kill(companion, SIGKILL);
  ::kill(::getpid(), SIGKILL);
}

}  // namespace simmer
