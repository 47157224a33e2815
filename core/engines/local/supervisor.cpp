#include <local/supervisor.hpp>

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

#include <local/channel.hpp>
#include <local/supervisor_parts.hpp>
#include <local/wire.hpp>
#include <nlohmann/json.hpp>

namespace simmer::local {

using nlohmann::json;

namespace {

constexpr milliseconds orphan_look{20};
constexpr milliseconds group_removal{2000};
constexpr milliseconds limits_look{500};  // version 1 of control groups tells nobody that a process was refused

}  // namespace

void say(const std::string& what) {
  char stamp[32];
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ ", &parts);
  std::fputs((stamp + what + "\n").c_str(), stderr);
  // A service that crash-loops for months must not fill the disk with our remarks.
  struct stat info {};
  if (::fstat(STDERR_FILENO, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > (1 << 20)) [[maybe_unused]]
    const int cut = ::ftruncate(STDERR_FILENO, 0);
}

void Supervisor::take_lock() {
  lock_ = open_file(folder_.lock(), O_RDWR);
  if (!try_lock(lock_)) throw Error(ErrorKind::busy, "the deployment has a supervisor, or is being removed");
  if (!is_same_file(lock_, folder_.lock())) throw Error(ErrorKind::unavailable, "the deployment was removed");
}

void Supervisor::watch(int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) throw_errno("cannot watch a descriptor", errno);
}

// The address is relative to the folder, which is our working directory: its path may be of any length.
void Supervisor::listen() {
  listener_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener_) throw_errno("cannot make a socket", errno);
  ::unlink(folder_.socket().c_str());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "%s", folder_.socket().filename().c_str());
  if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_.get(), 64) != 0)
    throw_errno("cannot listen on " + folder_.socket().string(), errno);
  ::chmod(folder_.socket().c_str(), 0600);
}

// New stacks take any port; a kept app has its own for ever, or none at all.
void Supervisor::assign_ports(const Blueprint& blueprint, std::map<std::string, PortLease>& leases) {
  auto kept = folder_.read_kept_ports();
  std::set<int> avoid;
  for (const auto& [port, stack] : folder_.all_kept_ports()) avoid.insert(port);
  bool is_new = false;
  for (const auto& service : blueprint.services) {
    if (!service.has_port || leases_.contains(service.name)) continue;
    const auto own = kept.find(service.name);
    if (own == kept.end()) {
      auto lease = PortLease::take_any(avoid);
      is_new = true;
      kept[service.name] = lease.port();
      leases.emplace(service.name, std::move(lease));
      continue;
    }
    auto lease = PortLease::take(own->second);
    if (!lease || !is_port_free(own->second))
      throw Error(ErrorKind::infrastructure, "port " + std::to_string(own->second) + ", which belongs to service " +
                                                 service.name + " of " + blueprint.stack +
                                                 ", is taken by another program (`ss -ltnp` names it)");
    leases.emplace(service.name, std::move(*lease));
  }
  if (blueprint.kept && (is_new || !fs::exists(folder_.kept_ports()))) {
    for (const auto& [service, lease] : leases_) kept.emplace(service, lease.port());
    if (!kept.empty()) folder_.write_kept_ports(kept);
  }
}

std::map<std::string, int> Supervisor::ports() const {
  std::map<std::string, int> result;
  for (const auto& [service, lease] : leases_) result[service] = lease.port();
  return result;
}

void Supervisor::make_volumes(const Blueprint& blueprint) const {
  for (const auto& name : blueprint.fresh_volumes) make_folders(blueprint.volumes.at(name));
}

void Supervisor::start_service(const ServiceBlueprint& service) {
  const auto lease = leases_.find(service.name);
  const auto port = lease == leases_.end() ? std::nullopt : std::optional(lease->second.port());
  auto [place, added] = services_.try_emplace(service.name, folder_, service,
                                              expand_service(blueprint_, service, folder_, ports()), port, service.limits);
  if (added) watch(place->second.log().reading_end(), EPOLLIN);
  place->second.start(Clock::now());
}

void Supervisor::begin() {
  take_lock();
  write_leaders();
  // Whoever started us may have been killed meanwhile, and another deployment may have the folder now.
  pollfd deployer{STDOUT_FILENO, 0, 0};
  if (::poll(&deployer, 1, 0) > 0) throw Error(ErrorKind::interrupted, "whoever deployed this was killed: not beginning");
  const auto blueprint = read_blueprint(folder_);
  if (!blueprint) throw Error(ErrorKind::unavailable, "the deployment was removed");
  blueprint_ = *blueprint;
  std::timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  generation_ = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(now.tv_nsec) / 1000;

  epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  sigset_t handled;
  ::sigemptyset(&handled);
  for (const int number : {SIGCHLD, SIGTERM, SIGINT}) ::sigaddset(&handled, number);
  ::sigprocmask(SIG_BLOCK, &handled, nullptr);
  signals_ = Fd(::signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK));
  lock_events_ = Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!epoll_ || !signals_ || !lock_events_) throw_errno("cannot make an event queue", errno);
  ::inotify_add_watch(lock_events_.get(), folder_.lock().c_str(), IN_ATTRIB);

  std::map<std::string, PortLease> leases;
  assign_ports(blueprint_, leases);
  leases_ = std::move(leases);
  make_volumes(blueprint_);
  listen();
  for (const Fd* fd : {&signals_, &lock_events_, &listener_}) watch(fd->get(), EPOLLIN);
  for (const auto& service : blueprint_.services) start_service(service);
  settle();
}

int Supervisor::run() {
  while (!has_left_) {
    epoll_event events[32];
    const int count = ::epoll_wait(epoll_.get(), events, 32, static_cast<int>(time_to_wait().count()));
    if (count < 0 && errno != EINTR) throw_errno("cannot wait for events", errno);
    for (int i = 0; i < count && !has_left_; ++i) {
      const auto client = clients_.find(events[i].data.fd);
      if (client != clients_.end() && (events[i].events & EPOLLOUT) != 0) flush(client->second);
      if ((events[i].events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) on_readable(events[i].data.fd);
    }
    if (!has_left_) settle();
  }
  return 0;
}

milliseconds Supervisor::time_to_wait() const {
  std::optional<Clock::time_point> next = orphans_at_;
  for (const auto& [name, service] : services_) {
    const auto at = service.wakes_at();
    if (at && (!next || *at < *next)) next = at;
  }
  if (std::any_of(services_.begin(), services_.end(), [](const auto& entry) { return entry.second.has_group(); })) {
    const auto look = Clock::now() + limits_look;
    next = next ? std::min(*next, look) : look;
  }
  if (!next) return milliseconds(-1);
  return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(*next - Clock::now()));
}

void Supervisor::on_readable(int fd) {
  if (fd == listener_.get()) return accept_clients();
  if (fd == signals_.get()) return read_signals();
  if (fd == lock_events_.get()) return read_lock_events();
  const auto client = clients_.find(fd);
  if (client != clients_.end()) return read_client(client->second);
  for (auto& [name, service] : services_)
    if (fd == service.log().reading_end()) service.log().drain();
}

void Supervisor::read_signals() {
  signalfd_siginfo info;
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGCHLD) continue;  // settle() reaps
    say("asked to end by signal " + std::to_string(info.ssi_signo) + ": ending all services");
    leave_record_ = true;  // the machine goes down, or somebody took us away: that is no clean end of the deployment
    end_all(std::chrono::hours(1));
  }
}

// Somebody removed the folder under us: what runs there has nothing left to run on.
void Supervisor::read_lock_events() {
  char buffer[4096];
  while (::read(lock_events_.get(), buffer, sizeof buffer) > 0) continue;
  struct stat info {};
  if (::fstat(lock_.get(), &info) == 0 && info.st_nlink == 0 && !ending_) {
    say("the folder was removed: ending all services");
    end_all(milliseconds(0));
  }
}

// The last one first, as they may lean on each other in the order they were written.
void Supervisor::stop_all(milliseconds at_most) {
  stopped_ = true;
  const auto now = Clock::now();
  for (auto wanted = blueprint_.services.rbegin(); wanted != blueprint_.services.rend(); ++wanted) {
    const auto service = services_.find(wanted->name);
    if (service != services_.end()) service->second.end(Service::Next::stop, std::min(wanted->grace, at_most), now);
  }
  for (auto& [name, service] : services_)
    if (blueprint_.find(name) == nullptr) service.end(Service::Next::leave, std::min(service.blueprint().grace, at_most), now);
}

void Supervisor::end_all(milliseconds at_most) {
  if (!ending_) {
    say("ending");
    killed_.clear();
  }
  ending_ = true;
  stop_all(at_most);
}

void Supervisor::start_all() {
  if (!stopped_) return;
  stopped_ = false;
  for (auto& [name, service] : services_) {
    service.forget_deaths();
    service.end(Service::Next::start, service.blueprint().grace, Clock::now());
  }
}

void Supervisor::reap() {
  while (true) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return;
    for (auto& [name, service] : services_) {
      if (service.leader() != pid) continue;
      service.on_exit(status, Clock::now());
      if (service.was_killed()) killed_.insert(name);
      if (service.phase() != Service::Phase::stopped && !ending_ && !stopped_) say("service " + name + ": " + service.reason());
    }
  }
}

// Brings everything forward that can go forward now, and tells.
void Supervisor::settle() {
  reap();
  const auto now = Clock::now();
  for (auto& [name, service] : services_) {
    service.tick(now);
    service.check_limits();
  }
  for (auto service = services_.begin(); service != services_.end();) {
    if (!service->second.has_left()) {
      ++service;
      continue;
    }
    former_deaths_ += service->second.deaths();
    leases_.erase(service->first);
    service = services_.erase(service);  // closes its pipe, which leaves the epoll with it
  }
  if (!blueprint_.kept && !stopped_) move_from_strangers();
  write_leaders();
  const bool settled =
      std::all_of(services_.begin(), services_.end(), [](const auto& entry) { return entry.second.has_settled(); });
  if (ending_ && settled) return end_orphans();
  if (stopped_ && settled)
    for (auto& [number, client] : clients_)
      if (client.waits_for_stop) {
        client.waits_for_stop = false;
        reply(client, {{"ok", true}, {"killed", killed_}});
      }
  publish();
}

// A stranger has the port: another one is taken, and all that were told the old one start again.
void Supervisor::move_from_strangers() {
  for (auto& [name, service] : services_) {
    if (!service.is_port_stolen()) continue;
    try {
      move_from(name);
    } catch (const Error& error) {
      say(error.what());  // no port is free: the service keeps trying the one it has
    }
  }
}

void Supervisor::move_from(const std::string& name) {
  std::set<int> avoid;
  for (const auto& [port, stack] : folder_.all_kept_ports()) avoid.insert(port);
  say("port " + std::to_string(leases_.at(name).port()) + " of service " + name +
      " is taken by another program: taking another one");
  leases_.insert_or_assign(name, PortLease::take_any(avoid));
  for (auto& [other, service] : services_) {
    const auto* wanted = blueprint_.find(other);
    if (wanted == nullptr) continue;
    auto expanded = expand_service(blueprint_, *wanted, folder_, ports());
    if (other != name && expanded == service.expanded()) continue;
    const auto lease = leases_.find(other);
    service.redefine(*wanted, std::move(expanded), lease == leases_.end() ? std::nullopt : std::optional(lease->second.port()));
    service.forget_deaths();
    service.end(Service::Next::start, wanted->grace, Clock::now());
  }
}

// We are the parent of every orphan below us: nothing of the deployment is left when we have no child.
void Supervisor::end_orphans() {
  const auto left = descendants_of(::getpid(), all_processes());
  for (const auto& process : left) kill_exactly(process);
  reap();
  if (::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD) return leave();
  orphans_at_ = Clock::now() + orphan_look;
}

void Supervisor::leave() {
  has_left_ = true;
  ::unlink(folder_.socket().c_str());
  if (!leave_record_) folder_.forget_running();
  leases_.clear();
  services_.clear();
  try {
    ControlGroups(folder_).remove(Limit::in(group_removal));
  } catch (const Error& error) {
    say(error.what());  // whoever removes the deployment tries again, and fails
  }
  for (auto& [number, client] : clients_) {
    if (client.waits_for_end || client.waits_for_stop) reply(client, {{"ok", true}, {"killed", killed_}});
  }
  say("ended");
}

// When a service has come up, gone, or been up for a while, all that lives below us is noted by number and
// start time: a process that shook off its parents, its session and its environment is found by that alone.
void Supervisor::write_leaders() {
  RunningRecord record{this_process(), {}, {}, {}};
  std::string now;
  for (const auto& [name, service] : services_) {
    now += name + ' ' + std::to_string(service.leader()) + ' ' + std::to_string(static_cast<int>(service.phase())) +
           (service.wakes_at() ? "" : " steady") + '\n';
    if (service.leader() != 0) record.leaders[name] = service.leader_id();
  }
  for (const auto& [name, lease] : leases_) {
    now += std::to_string(lease.port()) + '\n';
    record.ports.push_back(lease.port());
  }
  if (now == recorded_ && has_record_) return;
  for (const auto& process : descendants_of(::getpid(), all_processes()))
    record.seen.push_back({process.pid, process.start_time, this_boot_id()});
  try {
    folder_.write_running(record);
    has_record_ = true;
    recorded_ = std::move(now);
  } catch (const Error& error) {
    say(std::string("cannot record what runs: ") + error.what());  // parent-death signals and marks remain
  }
}

namespace {

// The one who deploys waits for one line on our standard output; after it, that is the log.
void answer_deployer(const json& answer) {
  const std::string line = dump_line(answer) + "\n";
  [[maybe_unused]] const auto written = ::write(STDOUT_FILENO, line.data(), line.size());
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
}

}  // namespace

int supervise(const char* folder) {
  // Nothing of the one who deploys stays with us: no terminal, no descriptor, no parent.
  ::close_range(3, ~0U, 0);
  const pid_t pid = ::fork();
  if (pid < 0) return 7;
  if (pid > 0) ::_exit(0);
  ::setsid();
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  ::umask(022);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::prctl(PR_SET_NAME, "simmer-local");
  try {
    if (::chdir(folder) != 0) throw_errno(std::string("cannot enter ") + folder, errno);
    Supervisor supervisor{StackFolder(folder)};
    supervisor.begin();
    say("began");
    answer_deployer({{"ok", true}});
    return supervisor.run();
  } catch (const Error& error) {
    say(error.what());
    answer_deployer(failure(error));
  } catch (const std::exception& error) {
    say(error.what());
    answer_deployer(failure(Error(ErrorKind::internal, std::string("the supervisor failed: ") + error.what())));
  }
  return 7;
}

}  // namespace simmer::local
