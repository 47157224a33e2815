#include <local/service.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace simmer::local {

namespace {

constexpr std::size_t log_limit = 10 << 20;
constexpr milliseconds first_back_off{100}, longest_back_off{5000};
constexpr milliseconds steady_after{5000};  // up so long: earlier deaths do not count any more
constexpr milliseconds clearing_look{20};
// A service without a port is up when it has run so long: one that exits at once was never up.
constexpr milliseconds settled_after{50}, settled_after_death{1000};

// Nothing tells when a socket begins to listen: asked often at first, then less.
milliseconds look_interval(Clock::duration waited) {
  if (waited < std::chrono::seconds(2)) return milliseconds(20);
  return waited < std::chrono::seconds(10) ? milliseconds(50) : milliseconds(200);
}

std::string how_it_ended(int status) {
  if (WIFEXITED(status)) return "exited with code " + std::to_string(WEXITSTATUS(status));
  return "was ended by signal " + std::to_string(WTERMSIG(status)) + " (" + ::strsignal(WTERMSIG(status)) + ")";
}

// Of a child that has yet to become the service: reports a failure, negative, and ends.
void enter(const char* entrance, int report) {
  const int file = ::open(entrance, O_WRONLY | O_CLOEXEC);
  if (file >= 0 && ::write(file, "0", 1) == 1) {
    ::close(file);
    return;
  }
  const int failed = -errno;
  [[maybe_unused]] const auto written = ::write(report, &failed, sizeof failed);
  ::_exit(127);
}

}  // namespace

OutputLog::OutputLog(fs::path file) : file_(std::move(file)) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw_errno("cannot make a pipe", errno);
  read_ = Fd(ends[0]);
  write_ = Fd(ends[1]);
  ::fcntl(read_.get(), F_SETFL, O_NONBLOCK);
  make_folders(file_.parent_path(), 0711);
  open();
}

void OutputLog::open() {
  out_ = open_file(file_, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
  struct stat info {};
  ::fstat(out_.get(), &info);
  size_ = static_cast<std::size_t>(info.st_size);
}

void OutputLog::drain() {
  char buffer[65536];
  // A service that writes without end must not keep us from everything else: at most 1 MiB a time.
  for (int rounds = 0; rounds < 16; ++rounds) {
    const ssize_t got = ::read(read_.get(), buffer, sizeof buffer);
    if (got <= 0) return;
    if (size_ + static_cast<std::size_t>(got) > log_limit) {
      fs::path older = file_;
      ::rename(file_.c_str(), (older += ".1").c_str());
      open();
    }
    // A full disk costs the service its output, not its life.
    const ssize_t put = ::write(out_.get(), buffer, static_cast<std::size_t>(got));
    if (put > 0) size_ += static_cast<std::size_t>(put);
  }
}

std::string OutputLog::tail(std::size_t max_lines) {
  drain();
  return last_lines(file_, max_lines);
}

Service::Service(StackFolder folder, ServiceBlueprint blueprint, ExpandedService expanded, std::optional<int> port,
                 ServiceLimits limits)
    : folder_(std::move(folder)),
      blueprint_(std::move(blueprint)),
      expanded_(std::move(expanded)),
      port_(port),
      log_(folder_.log(blueprint_.name)),
      limits_(limits),
      groups_(folder_) {}

void Service::redefine(ServiceBlueprint blueprint, ExpandedService expanded, std::optional<int> port) {
  blueprint_ = std::move(blueprint);
  expanded_ = std::move(expanded);
  port_ = port;
  port_stolen_ = false;
}

void Service::forget_deaths() {
  deaths_ = deaths_in_row_ = 0;
  last_death_.clear();
}

// RUN_DIR is new at each start, as a container's own file system is: no stale pid file, no old socket.
std::optional<std::string> Service::prepare_run_dir() {
  const fs::path run = folder_.run(blueprint_.name);
  try {
    remove_tree(run);
    make_folders(run.parent_path(), 0711);
    make_folders(run);
    for (const auto& [name, file] : expanded_.files) {
      make_folders((run / name).parent_path());
      write_file_beside(run / name, file.text, file.executable ? 0755 : 0644);
    }
    return std::nullopt;
  } catch (const Error& error) {
    return error.what();
  }
}

// Returns what went wrong, if anything. The child's parent-death signal follows the thread that forked:
// the supervisor has only one. Its own session keeps a terminal's signals away and groups what it starts.
std::optional<std::string> Service::spawn() {
  const auto path = expanded_.env.find("PATH");
  const auto program = find_program(expanded_.argv[0], path == expanded_.env.end() ? "" : path->second, expanded_.working_dir);
  if (!program) return "cannot start " + expanded_.argv[0] + ": no such executable";
  std::vector<char*> argv, env;
  std::vector<std::string> env_lines;
  for (const auto& [key, value] : expanded_.env) env_lines.push_back(key + "=" + value);
  for (const auto& word : expanded_.argv) argv.push_back(const_cast<char*>(word.c_str()));
  for (const auto& line : env_lines) env.push_back(const_cast<char*>(line.c_str()));
  argv.push_back(nullptr);
  env.push_back(nullptr);
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0) return std::string("cannot make a pipe: ") + std::strerror(errno);
  const Fd report_read(report[0]);
  Fd report_write(report[1]);
  const Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  // Of each process by itself, where nothing holds all of them together.
  const bool limit_data = limits_.memory_bytes > 0 && !groups_.holds_memory(blueprint_.name);
  const rlimit data{static_cast<rlim_t>(limits_.memory_bytes), static_cast<rlim_t>(limits_.memory_bytes)};
  const pid_t supervisor = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return std::string("cannot start a process: ") + std::strerror(errno);
  if (pid == 0) {
    ::setsid();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != supervisor) ::_exit(127);  // it died before the signal was set
    for (const int number : {SIGHUP, SIGPIPE}) ::signal(number, SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::dup2(null.get(), 0);
    ::dup2(log_.writing_end(), 1);
    ::dup2(log_.writing_end(), 2);
    for (const auto& entrance : entrances_) enter(entrance.c_str(), report_write.get());
    if (limit_data) ::setrlimit(RLIMIT_DATA, &data);
    if (::chdir(expanded_.working_dir.c_str()) == 0) ::execve(program->c_str(), argv.data(), env.data());
    const int failed = errno;
    [[maybe_unused]] const auto written = ::write(report_write.get(), &failed, sizeof failed);
    ::_exit(127);
  }
  report_write.reset();
  session_ = pid;
  leader_ = identify_process(pid).value_or(ProcessId{pid, 0, this_boot_id()});
  int failed = 0;
  ssize_t got;
  do got = ::read(report_read.get(), &failed, sizeof failed);
  while (got < 0 && errno == EINTR);
  if (got != sizeof failed) return std::nullopt;  // closed by exec
  ::waitpid(pid, nullptr, 0);
  leader_ = {};
  if (failed < 0) return std::string("cannot enter its control group: ") + std::strerror(-failed);
  return "cannot start " + expanded_.argv[0] + ": " + std::strerror(failed);
}

void Service::start(Clock::time_point now) {
  was_killed_ = has_left_ = false;
  wake_.reset();
  if (blueprint_.at_rest) {
    phase_ = Phase::done;
    return;
  }
  if (port_ && !is_port_free(*port_)) {
    port_stolen_ = true;
    phase_ = Phase::backing_off;
    wake_ = now + std::chrono::seconds(1);
    return;
  }
  port_stolen_ = false;
  if (limits_ != ServiceLimits{}) entrances_ = groups_.prepare(blueprint_.name, limits_);
  refused_before_ = groups_.refused_processes(blueprint_.name);
  killed_before_ = groups_.killed_for_memory(blueprint_.name);
  auto failed = prepare_run_dir();
  if (!failed) failed = spawn();
  since_ = now;
  if (failed) {
    died(*failed, now);
    return;
  }
  foreign_seen_ = 0;
  phase_ = Phase::coming_up;
  wake_ = port_ ? now : now + (deaths_in_row_ == 0 ? settled_after : settled_after_death);
}

void Service::end(Next next, milliseconds grace, Clock::time_point now) {
  leave_after_clearing_ = next == Next::leave;
  start_after_clearing_ = next == Next::start;
  after_clearing_ = Phase::stopped;
  if (phase_ == Phase::ending || phase_ == Phase::clearing) {
    if (phase_ == Phase::ending) wake_ = std::min(*wake_, now + grace);
    return;
  }
  was_killed_ = false;
  if (!runs()) {
    clear(now);
    return;
  }
  phase_ = Phase::ending;
  since_ = now;
  wake_ = now + grace;
  ::kill(leader_.pid, SIGTERM);  // not reaped yet, so the number is still its own
}

void Service::on_exit(int status, Clock::time_point now) {
  const bool was_asked = phase_ == Phase::ending;
  const bool was_steady = phase_ == Phase::up && now - since_ >= steady_after;
  leader_.pid = 0;
  if (was_asked) {
    clear(now);
    return;
  }
  if (was_steady) deaths_in_row_ = 0;
  const bool one_shot = blueprint_.restart == "none" || blueprint_.restart == "on-failure";
  if (one_shot && WIFEXITED(status) && WEXITSTATUS(status) == 0 && !was_refused_a_process()) {
    // With condition: none a health check alone does not make it a server: it may have been healthy until its work was done.
    const bool is_missing = blueprint_.restart == "none" ? port_ || blueprint_.is_reached : is_server();
    after_clearing_ = is_missing ? Phase::broken : Phase::done;
    if (is_missing) last_death_ = "ended with exit code 0, and its restart_policy (" + blueprint_.restart + ") does not start it again; it has a health check, a router or a port: without them it would be a job, and done";
    start_after_clearing_ = leave_after_clearing_ = false;
    deaths_in_row_ = 0;
    clear(now);
    return;
  }
  const auto over = over_limit();
  died(how_it_ended(status) + (over.empty() ? "" : ": it " + over), now);
}

bool Service::was_refused_a_process() const {
  return !entrances_.empty() && groups_.refused_processes(blueprint_.name) > refused_before_;
}

std::string Service::over_limit() const {
  if (entrances_.empty()) return "";
  if (groups_.killed_for_memory(blueprint_.name) > killed_before_)
    return "needed more than its " + std::to_string(limits_.memory_bytes >> 20) + " MiB of memory (runs.limits.memory)";
  if (was_refused_a_process()) return "tried to have more than " + std::to_string(limits_.pids) + " processes (runs.limits.pids)";
  return "";
}

// It would go on for ever at its limit, and take all the processors there are.
void Service::check_limits() {
  if (!runs() || !was_refused_a_process()) return;
  groups_.close(blueprint_.name);
  for (const auto& process : members()) kill_exactly(process);
}

void Service::died(const std::string& how, Clock::time_point now) {
  ++deaths_;
  ++deaths_in_row_;
  last_death_ = how;
  start_after_clearing_ = leave_after_clearing_ = false;
  after_clearing_ = blueprint_.restart == "none" ? Phase::broken : Phase::backing_off;
  const int doublings = std::min(deaths_in_row_ - 1, 10);
  restart_at_ = now + std::min(longest_back_off, first_back_off * (1 << doublings));
  clear(now);
}

// All processes of the service: its leader, its session, and whoever carries its mark; of our descendants
// only, so that a command run in it by somebody else is not taken for a part of it.
std::vector<ProcessEntry> Service::members() const {
  const auto processes = all_processes();
  const std::string mark = service_mark(blueprint_.name);
  std::map<pid_t, ProcessEntry> found;
  if (!entrances_.empty()) {
    const auto in_group = groups_.members(blueprint_.name);
    for (const auto& process : processes)
      if (std::find(in_group.begin(), in_group.end(), process.pid) != in_group.end()) found[process.pid] = process;
  }
  for (const auto& process : descendants_of(::getpid(), processes)) {
    const bool ours = (leader_.pid != 0 && process.pid == leader_.pid) || (session_ != 0 && process.session == session_) ||
                      was_started_with(process.pid, mark);
    if (!ours) continue;
    found[process.pid] = process;
    for (const auto& child : descendants_of(process.pid, processes)) found[child.pid] = child;
  }
  std::vector<ProcessEntry> result;
  for (const auto& [pid, process] : found) result.push_back(process);
  return result;
}

void Service::clear(Clock::time_point now) {
  phase_ = Phase::clearing;
  if (!entrances_.empty()) groups_.close(blueprint_.name);
  const auto left = members();
  if (!left.empty()) {
    for (const auto& process : left) kill_exactly(process);
    wake_ = now + clearing_look;
    return;
  }
  session_ = 0;
  wake_.reset();
  since_ = now;
  if (start_after_clearing_) {
    start(now);
    return;
  }
  phase_ = after_clearing_;
  has_left_ = leave_after_clearing_;
  if (phase_ == Phase::backing_off) wake_ = restart_at_;
}

void Service::is_up(Clock::time_point now) {
  phase_ = Phase::up;
  port_stolen_ = false;
  since_ = now;
  wake_ = now + steady_after;
}

void Service::look_for_listener(Clock::time_point now) {
  wake_ = now + look_interval(now - since_);
  const auto sockets = listening_sockets(*port_);
  if (sockets.empty()) {
    foreign_seen_ = 0;
    return;
  }
  std::vector<pid_t> pids;
  for (const auto& process : members()) pids.push_back(process.pid);
  if (any_holds(pids, sockets)) {
    is_up(now);
  } else if (++foreign_seen_ >= 2) {
    // Twice, because a process may have come between our looks at the sockets and at the processes.
    port_stolen_ = true;
  }
}

void Service::tick(Clock::time_point now) {
  if (phase_ == Phase::clearing) return clear(now);
  if (!wake_ || now < *wake_) return;
  switch (phase_) {
    case Phase::coming_up:
      return port_ ? look_for_listener(now) : is_up(now);
    case Phase::backing_off:
      return start(now);
    case Phase::up:
      deaths_in_row_ = 0;
      wake_.reset();
      return;
    case Phase::ending:
      was_killed_ = true;
      for (const auto& process : members()) kill_exactly(process);
      wake_ = now + clearing_look;
      return;
    default:
      wake_.reset();
  }
}

std::optional<Clock::time_point> Service::wakes_at() const { return wake_; }

std::string Service::reason() const {
  if (port_stolen_) return "port " + std::to_string(*port_) + " is taken by another program (`ss -ltnp` names it)";
  switch (phase_) {
    case Phase::coming_up: {
      const std::string waiting = port_ ? "waiting for it to listen on port " + std::to_string(*port_) : "being started";
      return last_death_.empty() ? waiting : waiting + "; before, it " + last_death_;
    }
    case Phase::up:
      if (is_job()) return "a job (restart: none) that has not ended yet";
      return has_failed() ? "died " + std::to_string(deaths_in_row_) + " times; last it " + last_death_ : "";
    case Phase::ending:
    case Phase::clearing:
      return last_death_.empty() || after_clearing_ == Phase::stopped ? "ending" : last_death_;
    case Phase::backing_off:
      return has_failed() ? "died " + std::to_string(deaths_in_row_) + " times without having been up; last it " + last_death_
                          : last_death_ + "; being restarted";
    case Phase::broken:
      return deaths_in_row_ == 0 ? last_death_ : last_death_ + ", and it is not to be restarted";
    case Phase::stopped:
      return "stopped";
    case Phase::done:
      return blueprint_.at_rest ? "it is at rest (replicas: 0)" : "";
  }
  return "";
}

}  // namespace simmer::local
