#include <local/launch.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include <base/process.hpp>
#include <local/channel.hpp>
#include <local/wire.hpp>
#include <nlohmann/json.hpp>

namespace simmer::local {

using nlohmann::json;

namespace {

std::vector<std::string> supervisor_environment() {
  std::vector<std::string> env;
  // Not the caller's environment: it may hold secrets, and the supervisor outlives it.
  for (const char* name : {"PATH", "LANG", "XDG_RUNTIME_DIR", "ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"})
    if (const char* value = std::getenv(name)) env.push_back(std::string(name) + "=" + value);
  return env;
}

}  // namespace

void start_supervisor(const StackFolder& folder, const std::vector<std::string>& program, const Limit& limit) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw_errno("cannot make a pipe", errno);
  const Fd answer(ends[0]);
  Fd its_end(ends[1]);
  const Fd log = open_file(folder.supervisor_log(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  SpawnOptions options;
  options.argv = program;
  options.argv.push_back(folder.path().string());
  options.env = supervisor_environment();
  options.fds = {{1, its_end.get()}, {2, log.get()}};
  options.new_session = true;
  const pid_t pid = spawn_process(options);
  its_end.reset();
  ::waitpid(pid, nullptr, 0);  // it forks and ends at once; its child is the supervisor and nobody's child here
  std::string text;
  while (text.find('\n') == std::string::npos) {
    if (!wait_ready(answer.get(), POLLIN, limit, "starting " + folder.stack()))
      throw Error(ErrorKind::unavailable, "the supervisor of " + folder.stack() + " did not start in time");
    char buffer[4096];
    const ssize_t got = ::read(answer.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      const std::string said = last_lines(folder.supervisor_log(), 1);
      throw Error(ErrorKind::unavailable,
                  "the supervisor of " + folder.stack() + " did not start" + (said.empty() ? "" : ": " + said));
    }
    text.append(buffer, static_cast<std::size_t>(got));
  }
  const auto first = json::parse(text.substr(0, text.find('\n')), nullptr, false);
  if (first.is_discarded())
    throw Error(ErrorKind::unavailable, "the supervisor of " + folder.stack() + " did not start: " + text);
  throw_if_failure(first);
}

}  // namespace simmer::local
