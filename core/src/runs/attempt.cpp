#include <runs/attempt.hpp>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include <base/crash_point.hpp>
#include <base/process.hpp>
#include <runs/error_kind.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {

using Json = nlohmann::json;

milliseconds since(Clock::time_point start) { return std::chrono::duration_cast<milliseconds>(Clock::now() - start); }

Outcome outcome_from(const std::string& name) {
  for (const Outcome outcome : {Outcome::pass, Outcome::fail, Outcome::skip, Outcome::unverified})
    if (to_string(outcome) == name) return outcome;
  return Outcome::unverified;
}

// Turns events into a report; keeps what is open.
class Listener {
 public:
  Listener(const RunSpec& spec, Progress* progress) : spec_(spec), progress_(progress) {}

  void take(const std::string& line);
  void child_ended(int status);
  void fail(ErrorKind kind, const std::string& why);

  AttemptReport report;
  std::string phase = "starting";
  Clock::time_point phase_since = Clock::now(), last_sign = Clock::now();
  std::optional<std::string> call;  // of the plugin, while it runs
  Clock::time_point call_since;
  bool failed_by_event = false;

  std::string plugin() const {
    const auto found = report.facts.find("plugin");
    return found == report.facts.end() ? spec_.recipe : found->second;
  }

 private:
  void handle(const Json& event);
  const RunSpec& spec_;
  Progress* progress_;
  std::optional<Tier> open_tier_;
};

void Listener::take(const std::string& line) {
  const auto event = Json::parse(line, nullptr, false);
  if (!event.is_object()) return;
  try {
    handle(event);
  } catch (const Json::exception& error) {
    fail(ErrorKind::internal, std::string("an event of the run's child could not be read: ") + error.what());
  }
}

void Listener::handle(const Json& event) {
  const auto text = [&](const char* key) { return event.at(key).get<std::string>(); };
  const auto took = [&] { return milliseconds(event.at("ms").get<std::int64_t>()); };
  const auto say = [&](LogLevel level, const std::string& what) {
    if (progress_ != nullptr) progress_->line(level, what);
    last_sign = Clock::now();
  };
  const std::string kind = text("event");
  if (kind == "log") {
    const std::string level = text("level");
    say(level == "debug" ? LogLevel::debug : level == "warning" ? LogLevel::warning : level == "error" ? LogLevel::error : LogLevel::info, text("text"));
  } else if (kind == "phase") {
    phase = text("text");
    phase_since = last_sign = Clock::now();
    if (progress_ != nullptr) progress_->phase(phase);
  } else if (kind == "tier") {
    open_tier_ = tier_from(text("tier"));
    if (open_tier_) report.tiers[*open_tier_];
  } else if (kind == "check") {
    const auto tier = tier_from(text("tier"));
    if (!tier) return;
    CheckReport check{text("name"), event.at("required").get<bool>(), outcome_from(text("outcome")), text("message"), took()};
    const bool bad = check.outcome == Outcome::fail || check.outcome == Outcome::unverified;
    say(bad ? LogLevel::warning : LogLevel::info,
        std::string(to_string(*tier)) + ": " + check.name + ": " + std::string(to_string(check.outcome)) + (check.message.empty() ? "" : ": " + check.message));
    report.tiers[*tier].checks.push_back(std::move(check));
  } else if (kind == "tier_done") {
    const auto tier = tier_from(text("tier"));
    if (!tier) return;
    auto& found = report.tiers[*tier];
    found.outcome = outcome_from(text("outcome"));
    found.why = text("why");
    found.took += took();
    open_tier_.reset();
    say(LogLevel::info, "tier " + std::string(to_string(*tier)) + ": " + std::string(to_string(found.outcome)) + " (" + found.why + ")");
  } else if (kind == "fact") {
    const std::string key = text("key"), value = text("value");
    if (key == "deploys_expected") report.deploys_expected = std::stoi(value);
    else if (key == "cold_not_applicable") report.cold_not_applicable = value;
    else report.facts[key] = value;
  } else if (kind == "facts") {
    event.at("values").get_to(report.fact_maps[text("key")]);
  } else if (kind == "timing") {
    report.timings[text("name")] += took();
  } else if (kind == "warning") {
    report.warnings.push_back(text("text"));
    say(LogLevel::warning, text("text"));
  } else if (kind == "deployed") {
    ++report.deploy_count;
  } else if (kind == "residue") {
    report.residue.push_back(text("text"));
    say(LogLevel::error, "left behind: " + text("text"));
  } else if (kind == "call") {
    call = text("name");
    call_since = Clock::now();
  } else if (kind == "call_end") {
    call.reset();
  } else if (kind == "done") {
    report.ended = true;
  } else if (kind == "failed") {
    failed_by_event = true;
    fail(error_kind_from(text("kind")), text("text"));
  }
}

void Listener::fail(ErrorKind kind, const std::string& why) {
  if (report.failed) return;
  report.failed = kind;
  report.failure = why;
  if (progress_ != nullptr) progress_->line(kind == ErrorKind::interrupted ? LogLevel::info : LogLevel::error, why);
  if (!open_tier_) return;
  auto& tier = report.tiers[*open_tier_];
  const bool recipes_doing = kind == ErrorKind::recipe || kind == ErrorKind::plugin;
  tier.outcome = recipes_doing ? Outcome::fail : Outcome::unverified;
  tier.why = why;
}

void Listener::child_ended(int status) {
  if (report.ended || report.failed) return;
  const std::string how = WIFSIGNALED(status) ? "died by signal " + std::to_string(WTERMSIG(status)) + " (" + ::strsignal(WTERMSIG(status)) + ")"
                                              : "ended with exit code " + std::to_string(WEXITSTATUS(status));
  if (call) fail(ErrorKind::plugin, "plugin " + plugin() + ": the process " + how + " in its call " + *call);
  else fail(ErrorKind::internal, "the run's child " + how + " while " + phase);
}

}  // namespace

AttemptReport run_attempt(const RunSpec& spec, const AttemptOptions& options) {
  const auto start = Clock::now();
  Listener listener(spec, options.progress);
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) throw_errno("cannot make a socket pair", errno);
  Fd ours(pair[0]), theirs(pair[1]);
  SpawnOptions child;
  child.argv = options.child_command;
  child.argv.push_back("3");
  child.env = environment_with({});
  child.new_group = true;
  const Fd output = open_file(options.output, O_WRONLY | O_CREAT | O_APPEND, 0600);
  child.fds = {{1, output.get()}, {2, output.get()}, {3, theirs.get()}};
  const pid_t pid = spawn_process(child);
  set_crash_companion(-pid);
  theirs.reset();
  const std::string greeting = Json({{"parent", ::getpid()}, {"spec", to_json(spec)}}).dump() + "\n";
  if (::send(ours.get(), greeting.data(), greeting.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(greeting.size()))
    listener.fail(ErrorKind::internal, "the run's child did not take its specification");
  ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);

  const Fd ended(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  std::string buffer;
  bool told_to_stop = false, killed = false;
  std::optional<Clock::time_point> give_up;
  const auto end_it = [&] {
    if (!killed) ::kill(-pid, SIGKILL);
    killed = true;
  };
  bool alive = true;
  while (alive) {
    pollfd wait[3] = {{ours.get(), POLLIN, 0}, {ended.get(), POLLIN, 0}, {told_to_stop || options.interruption == nullptr ? -1 : options.interruption->descriptor(), POLLIN, 0}};
    milliseconds patience(5000);
    if (listener.call) patience = std::min(patience, spec.plugin - since(listener.call_since) + milliseconds(1));
    if (give_up) patience = std::min(patience, milliseconds(200));
    ::poll(wait, 3, static_cast<int>(std::max<std::int64_t>(1, patience.count())));
    char bytes[65536];
    ssize_t got = 0;
    while ((got = ::recv(ours.get(), bytes, sizeof bytes, 0)) > 0) buffer.append(bytes, static_cast<std::size_t>(got));
    for (auto end = buffer.find('\n'); end != std::string::npos; end = buffer.find('\n')) {
      listener.take(buffer.substr(0, end));
      buffer.erase(0, end + 1);
    }
    if (wait[1].revents != 0) alive = false;
    if (!alive) break;
    if (wait[2].revents != 0) {
      told_to_stop = true;
      give_up = Clock::now() + spec.teardown + milliseconds(5000);
      if (options.progress != nullptr) options.progress->line(LogLevel::info, "interrupted: cleaning up");
      ::kill(pid, SIGTERM);
    }
    const bool twice = options.interruption != nullptr && options.interruption->count() > 1;
    if (told_to_stop && (twice || Clock::now() > *give_up)) {
      listener.fail(ErrorKind::interrupted, twice ? "interrupted twice: ended at once" : "interrupted: the run's child did not clean up in time and was killed");
      end_it();
    }
    if (listener.call && since(listener.call_since) > spec.plugin && !killed) {
      listener.fail(ErrorKind::plugin, "plugin " + listener.plugin() + ": its call " + *listener.call + " did not return within " +
                                           std::to_string(spec.plugin.count() / 1000) + "." + std::to_string(spec.plugin.count() % 1000 / 100) + " s and was killed");
      end_it();
    }
    if (since(listener.last_sign) > milliseconds(4900) && options.progress != nullptr) {
      listener.last_sign = Clock::now();
      options.progress->still(listener.phase, since(listener.phase_since));
    }
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  set_crash_companion(0);
  if (told_to_stop && !listener.report.ended) listener.fail(ErrorKind::interrupted, "interrupted while " + listener.phase);
  listener.child_ended(status);
  // Tools that the child started are in its group; none may outlive the attempt.
  if (!processes_in_group(pid).empty()) end_process_group({pid, 0, this_boot_id()}, Limit::in(spec.teardown));
  listener.report.took = since(start);
  return std::move(listener.report);
}

}  // namespace simmer
