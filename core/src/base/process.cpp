#include <base/process.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

extern char** environ;

namespace simmer {

namespace {

struct StatLine {
  char state = '?';
  pid_t group = 0;
  std::uint64_t start_time = 0;
};

// The second field of /proc/<pid>/stat is the program's name in parentheses and may hold anything:
// fields are counted from the last closing one.
std::optional<StatLine> read_stat(pid_t pid) {
  std::optional<std::string> text;
  try {
    text = read_file_if_there("/proc/" + std::to_string(pid) + "/stat");
  } catch (const Error&) {
    return std::nullopt;  // gone between open and read (ESRCH)
  }
  if (!text) return std::nullopt;
  const auto close = text->rfind(')');
  if (close == std::string::npos) return std::nullopt;
  StatLine line;
  std::size_t at = close + 1;
  for (int field = 3; field <= 22; ++field) {
    while (at < text->size() && (*text)[at] == ' ') ++at;
    const auto end = std::min(text->find(' ', at), text->size());
    const std::string value = text->substr(at, end - at);
    if (value.empty()) return std::nullopt;
    if (field == 3) line.state = value[0];
    if (field == 5) line.group = static_cast<pid_t>(std::strtol(value.c_str(), nullptr, 10));
    if (field == 22) line.start_time = std::strtoull(value.c_str(), nullptr, 10);
    at = end;
  }
  return line;
}

// While it lives, a write of this thread to a pipe that nobody reads any more fails with EPIPE, and kills nobody.
class NoSigPipe {
 public:
  NoSigPipe() {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoSigPipe() {
    if (::sigismember(&before_, SIGPIPE) == 1) return;
    const timespec now{};
    while (::sigtimedwait(&pipe_, nullptr, &now) == SIGPIPE) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoSigPipe(const NoSigPipe&) = delete;
  NoSigPipe& operator=(const NoSigPipe&) = delete;

 private:
  sigset_t pipe_, before_;
};

bool is_dead_state(char state) { return state == 'Z' || state == 'X'; }

}  // namespace

std::string this_boot_id() {
  static const std::string id = [] {
    std::string text = read_file("/proc/sys/kernel/random/boot_id");
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
  }();
  return id;
}

std::optional<ProcessId> identify_process(pid_t pid) {
  const auto line = read_stat(pid);
  if (!line || is_dead_state(line->state)) return std::nullopt;
  return ProcessId{pid, line->start_time, this_boot_id()};
}

ProcessId this_process() {
  const auto id = identify_process(::getpid());
  if (!id) throw Error(ErrorKind::unavailable, "cannot read /proc/self/stat: is /proc mounted?");
  return *id;
}

bool is_alive(const ProcessId& process) {
  if (process.pid <= 0 || process.boot_id != this_boot_id()) return false;
  const auto line = read_stat(process.pid);
  return line && !is_dead_state(line->state) && line->start_time == process.start_time;
}

std::vector<pid_t> processes_in_group(pid_t group) {
  std::vector<pid_t> found;
  DIR* proc = ::opendir("/proc");
  if (proc == nullptr) throw_errno("cannot list /proc", errno);
  while (const dirent* entry = ::readdir(proc)) {
    char* end = nullptr;
    const long pid = std::strtol(entry->d_name, &end, 10);
    if (*end != '\0' || pid <= 0) continue;
    const auto line = read_stat(static_cast<pid_t>(pid));
    if (line && line->group == group && !is_dead_state(line->state)) found.push_back(static_cast<pid_t>(pid));
  }
  ::closedir(proc);
  return found;
}

void end_process_group(const ProcessId& leader, const Limit& limit) {
  if (leader.pid <= 1 || leader.boot_id != this_boot_id() || leader.pid == ::getpgrp()) return;
  // A group's number cannot be taken again while one process is in it. So either the leader is
  // alive and ours, or it is gone and whoever is in the group is left over from it, unless the
  // number was reused after the whole group had ended: then its leader has another start time.
  const auto line = read_stat(leader.pid);
  if (line && line->start_time != leader.start_time) return;
  while (true) {
    const auto left = processes_in_group(leader.pid);
    if (left.empty()) return;
    if (::kill(-leader.pid, SIGKILL) != 0 && errno == EPERM)
      throw Error(ErrorKind::needs_operator, "not allowed to end process group " + std::to_string(leader.pid));
    if (limit.passed())
      throw Error(ErrorKind::needs_operator, "process " + std::to_string(left.front()) + " of group " +
                                                 std::to_string(leader.pid) + " does not end after SIGKILL");
    // No event tells when a whole group of strangers has ended; killed processes take microseconds.
    const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, left.front(), 0));
    if (pidfd >= 0) {
      pollfd wait{pidfd, POLLIN, 0};
      ::poll(&wait, 1, 100);
      ::close(pidfd);
    }
  }
}

void end_process_group_gently(const ProcessId& leader, milliseconds grace, const Limit& limit) {
  if (leader.pid <= 1 || leader.pid == ::getpgrp() || !is_alive(leader)) return end_process_group(leader, limit);
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, leader.pid, 0)));
  // Alive after the descriptor was had: it is of this process, not of one that took its number.
  if (pidfd && is_alive(leader) && ::kill(-leader.pid, SIGTERM) == 0) {
    pollfd wait{pidfd.get(), POLLIN, 0};
    ::poll(&wait, 1, static_cast<int>(std::min(grace, limit.remaining()).count()));
  }
  end_process_group(leader, limit);
}

std::vector<std::string> environment_with(const std::map<std::string, std::string>& changes) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!changes.contains(text.substr(0, text.find('=')))) result.push_back(text);
  }
  for (const auto& [key, value] : changes) result.push_back(key + "=" + value);
  return result;
}

fs::path this_program() { return fs::read_symlink("/proc/self/exe"); }

pid_t spawn_process(const SpawnOptions& options) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  struct Cleanup {
    posix_spawn_file_actions_t* actions;
    posix_spawnattr_t* attributes;
    ~Cleanup() {
      ::posix_spawn_file_actions_destroy(actions);
      ::posix_spawnattr_destroy(attributes);
    }
  } cleanup{&actions, &attributes};

  if (!options.working_dir.empty()) ::posix_spawn_file_actions_addchdir_np(&actions, options.working_dir.c_str());
  // Sources are first moved out of the way of the targets, so that any mapping works.
  std::map<int, Fd> moved;
  for (const auto& [target, source] : options.fds) {
    Fd copy(::fcntl(source, F_DUPFD_CLOEXEC, 64));
    if (!copy) throw_errno("cannot duplicate a descriptor for " + options.argv.at(0), errno);
    ::posix_spawn_file_actions_adddup2(&actions, copy.get(), target);
    moved.emplace(target, std::move(copy));
  }
  for (int standard = 0; standard < 3; ++standard)
    if (!options.fds.contains(standard))
      ::posix_spawn_file_actions_addopen(&actions, standard, "/dev/null", standard == 0 ? O_RDONLY : O_WRONLY, 0);

  short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  sigset_t none, defaults;
  ::sigemptyset(&none);
  ::sigemptyset(&defaults);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD, SIGQUIT, SIGUSR1, SIGUSR2}) ::sigaddset(&defaults, number);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &defaults);
  if (options.new_group) {
    flags |= POSIX_SPAWN_SETPGROUP;
    ::posix_spawnattr_setpgroup(&attributes, 0);
  }
  if (options.new_session) flags |= POSIX_SPAWN_SETSID;
  ::posix_spawnattr_setflags(&attributes, flags);

  std::vector<char*> argv, env;
  for (const auto& word : options.argv) argv.push_back(const_cast<char*>(word.c_str()));
  for (const auto& entry : options.env) env.push_back(const_cast<char*>(entry.c_str()));
  argv.push_back(nullptr);
  env.push_back(nullptr);
  pid_t pid = 0;
  const int failed = ::posix_spawnp(&pid, options.argv.at(0).c_str(), &actions, &attributes, argv.data(), env.data());
  if (failed != 0) throw_errno("cannot start " + options.argv.at(0), failed);
  return pid;
}

namespace {

// Ours and the child's ends of its three streams.
struct Streams {
  Fd in_read, in_write, out_read, out_write, err_read, err_write;
};

Streams open_pipes() {
  const auto pipe = [](Fd& read, Fd& write) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw_errno("cannot make a pipe", errno);
    read = Fd(ends[0]);
    write = Fd(ends[1]);
  };
  Streams streams;
  pipe(streams.in_read, streams.in_write);
  pipe(streams.out_read, streams.out_write);
  pipe(streams.err_read, streams.err_write);
  return streams;
}

Streams open_terminals() {
  const auto terminal = [](Fd& ours, Fd& childs) {
    int master = -1, slave = -1;
    termios plain{};
    ::cfmakeraw(&plain);  // no echo, no \r before \n
    const winsize size{50, 200, 0, 0};
    if (::openpty(&master, &slave, nullptr, &plain, &size) != 0) throw_errno("cannot make a pseudo-terminal", errno);
    ours = Fd(master);
    childs = Fd(slave);
    for (const int fd : {master, slave}) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  };
  Streams streams;
  terminal(streams.out_read, streams.out_write);
  terminal(streams.err_read, streams.err_write);
  streams.in_read = Fd(::fcntl(streams.out_write.get(), F_DUPFD_CLOEXEC, 0));
  return streams;
}

}  // namespace

CommandResult run_command(const Command& command, const Limit& limit, std::size_t max_output) {
  Streams streams = command.terminal ? open_terminals() : open_pipes();
  Fd &in_read = streams.in_read, &in_write = streams.in_write, &out_read = streams.out_read;
  Fd &out_write = streams.out_write, &err_read = streams.err_read, &err_write = streams.err_write;

  SpawnOptions options;
  options.argv = command.argv;
  options.working_dir = command.working_dir;
  options.new_session = command.grace.count() > 0;
  options.fds = {{0, in_read.get()}, {1, out_write.get()}, {2, err_write.get()}};
  if (command.clean_env)
    for (const auto& [key, value] : command.env) options.env.push_back(key + "=" + value);
  else
    options.env = environment_with(command.env);
  const pid_t pid = spawn_process(options);
  in_read.reset();
  out_write.reset();
  err_write.reset();
  for (const Fd* end : {&in_write, &out_read, &err_read})
    if (*end) ::fcntl(end->get(), F_SETFL, O_NONBLOCK);
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (command.input.empty()) in_write.reset();

  // Until it is waited for its number is nobody else's, nor is its group's.
  const auto end_it = [&] {
    const auto id = command.grace.count() > 0 ? identify_process(pid) : std::nullopt;
    if (id) end_process_group_gently(*id, command.grace, Limit::in(milliseconds(10000)));
    else ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  };
  if (command.started) {
    try {
      if (const auto id = identify_process(pid)) command.started(*id);
    } catch (...) {
      end_it();
      throw;
    }
  }
  CommandResult result;
  std::size_t written = 0;
  int status = 0;
  bool ended = false;
  std::optional<Clock::time_point> drain_until;  // a grandchild may keep the pipes open for ever
  while (!ended || out_read || err_read) {
    pollfd wait[4] = {{in_write.get(), POLLOUT, 0}, {out_read.get(), POLLIN, 0}, {err_read.get(), POLLIN, 0}, {ended ? -1 : pidfd.get(), POLLIN, 0}};
    // A stop token has no descriptor: looked at ten times a second.
    const int ready = ::poll(wait, 4, static_cast<int>(std::min<std::int64_t>(100, std::max<std::int64_t>(1, limit.remaining().count()))));
    if (ready < 0 && errno != EINTR) throw_errno("cannot poll " + command.argv.at(0), errno);
    if (!ended && limit.stop().stop_requested()) {
      end_it();
      limit.check_stop("running " + command.argv.at(0));
    }
    if (!ended && limit.passed()) {
      end_it();
      throw Error(ErrorKind::unavailable, command.argv.at(0) + " timed out and was killed");
    }
    if (in_write && (wait[0].revents & (POLLOUT | POLLERR)) != 0) {
      const NoSigPipe quiet;
      const ssize_t put = ::write(in_write.get(), command.input.data() + written, command.input.size() - written);
      if (put > 0) written += static_cast<std::size_t>(put);
      if ((put < 0 && errno != EAGAIN && errno != EINTR) || written == command.input.size()) in_write.reset();
    }
    const auto drain = [&](Fd& from, std::string& to) {
      if (!from) return;
      char buffer[16384];
      const ssize_t got = ::read(from.get(), buffer, sizeof buffer);
      if (got > 0 && to.size() < max_output) to.append(buffer, std::min(static_cast<std::size_t>(got), max_output - to.size()));
      if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) from.reset();
    };
    drain(out_read, result.out);
    drain(err_read, result.err);
    if (!ended && ::waitpid(pid, &status, WNOHANG) == pid) {
      ended = true;
      drain_until = Clock::now() + milliseconds(200);
      in_write.reset();
    }
    if (drain_until && Clock::now() > *drain_until) break;
  }
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace simmer
