// One service of a deployment inside its supervisor: starting its process, knowing when it is up,
// restarting it when it dies, ending it wholly. It never blocks: the supervisor calls tick() when
// wakes_at() has come or a child has ended, and on_exit() for its leader.
//
//   stopped -> coming_up -> up ------ dies -----> clearing -> backing_off -> coming_up …
//                 |          \-- end() -> ending -> clearing -> stopped, coming_up or gone
//                 \- exits 0, restart none/on-failure -> clearing -> done;  exits otherwise, none -> broken
//
// One at rest (replicas: 0) is done when it is started. Limits are held by a control group, if there can be one; who reaches its
// limit of processes is ended, which counts as a death.
//
// "clearing": the leader is gone, and what it left behind is being killed; nothing new starts before
// the last of it has ended, because it could still hold the port.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include <local/blueprint.hpp>
#include <local/control_group.hpp>
#include <local/ports.hpp>
#include <local/process_tree.hpp>

namespace simmer::local {

// What a service writes goes through a pipe into a file that is begun anew at 10 MiB, one old file kept.
class OutputLog {
 public:
  explicit OutputLog(fs::path file);
  int reading_end() const { return read_.get(); }
  int writing_end() const { return write_.get(); }
  // Takes over what is in the pipe now.
  void drain();
  // Last lines, what is still in the pipe included.
  std::string tail(std::size_t max_lines);

 private:
  void open();
  fs::path file_;
  Fd read_, write_, out_;
  std::size_t size_ = 0;
};

class Service {
 public:
  enum class Phase { stopped, coming_up, up, ending, clearing, backing_off, done, broken };
  enum class Next { stop, start, leave };  // what follows the end

  Service(StackFolder folder, ServiceBlueprint blueprint, ExpandedService expanded, std::optional<int> port,
          ServiceLimits limits);

  const ServiceBlueprint& blueprint() const { return blueprint_; }
  const ExpandedService& expanded() const { return expanded_; }
  // What the next start uses; a running process is not touched.
  void redefine(ServiceBlueprint blueprint, ExpandedService expanded, std::optional<int> port);

  void start(Clock::time_point now);
  // SIGTERM to the leader, after `grace` SIGKILL to all of it; then `next`.
  void end(Next next, milliseconds grace, Clock::time_point now);
  // Forgets earlier deaths: it is another deployment from here.
  void forget_deaths();

  pid_t leader() const { return leader_.pid; }
  const ProcessId& leader_id() const { return leader_; }
  void on_exit(int status, Clock::time_point now);
  void tick(Clock::time_point now);
  // Ends it if it was refused a process: for a look now and then, as nothing tells.
  void check_limits();
  bool has_group() const { return runs() && !entrances_.empty(); }
  // Files that a command run in it by somebody else writes "0" into first, to be under its limits.
  const std::vector<std::string>& entrances() const { return entrances_; }
  // Nothing: only an event will change it.
  std::optional<Clock::time_point> wakes_at() const;

  Phase phase() const { return phase_; }
  bool runs() const { return phase_ == Phase::coming_up || phase_ == Phase::up; }
  bool has_settled() const { return phase_ == Phase::stopped || phase_ == Phase::done || phase_ == Phase::broken; }
  bool has_left() const { return has_left_; }      // ended, and not wanted any more
  bool was_killed() const { return was_killed_; }  // needed SIGKILL at its last end
  bool has_converged() const { return ((phase_ == Phase::up && !is_job()) || phase_ == Phase::done) && !has_failed(); }
  // Will not come up: died five times without having been up steadily, or may not be restarted.
  bool has_failed() const { return phase_ == Phase::broken || deaths_in_row_ >= hopeless_after; }
  // Somebody else listens on its port.
  bool is_port_stolen() const { return port_stolen_; }
  int deaths() const { return deaths_; }
  // For people: what is being waited for, or what failed.
  std::string reason() const;
  OutputLog& log() { return log_; }

 private:
  static constexpr int hopeless_after = 5;

  std::optional<std::string> prepare_run_dir();
  std::optional<std::string> spawn();
  std::vector<ProcessEntry> members() const;
  void died(const std::string& how, Clock::time_point now);
  void clear(Clock::time_point now);
  void is_up(Clock::time_point now);
  // Serves nothing and may not be restarted: it is there to do something and end.
  bool is_job() const { return blueprint_.restart == "none" && !is_server(); }
  // There to stay: when it ends, it is missing.
  bool is_server() const { return port_ || blueprint_.is_server; }
  bool was_refused_a_process() const;
  std::string over_limit() const;
  void look_for_listener(Clock::time_point now);

  StackFolder folder_;
  ServiceBlueprint blueprint_;
  ExpandedService expanded_;
  std::optional<int> port_;
  OutputLog log_;
  ServiceLimits limits_;
  ControlGroups groups_;
  std::vector<std::string> entrances_;  // of its control group; none: it has none
  std::uint64_t refused_before_ = 0, killed_before_ = 0;

  Phase phase_ = Phase::stopped;
  Phase after_clearing_ = Phase::stopped;
  bool start_after_clearing_ = false, leave_after_clearing_ = false;
  ProcessId leader_;           // pid 0: none
  pid_t session_ = 0;          // of the leader, also after its death
  Clock::time_point since_{};  // of this phase
  std::optional<Clock::time_point> wake_;
  Clock::time_point restart_at_{};
  int foreign_seen_ = 0;
  bool has_left_ = false, was_killed_ = false, port_stolen_ = false;
  int deaths_ = 0, deaths_in_row_ = 0;
  std::string last_death_;
};

}  // namespace simmer::local
