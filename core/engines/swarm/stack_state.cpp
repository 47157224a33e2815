#include <swarm/stack_state.hpp>

#include <swarm/blame.hpp>

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include <swarm/stack_file.hpp>

namespace simmer::swarm {

namespace {

using Json = nlohmann::json;
using State = Convergence::State;

constexpr int hopeless_after = 5;       // deaths without having been healthy
constexpr double pulls_within = 180;    // seconds that another node may take to get an image; here it was made present before
constexpr double gives_up_after = 1;    // seconds after the end of a task before Swarm can be said to start no other
constexpr double hangs_after = 10;      // seconds in one state before a task can be called stuck
constexpr double prepares_within = 30;  // the same for one whose container this busy node is making
constexpr const char* early_end = ": Swarm takes a task that ends within update_config.monitor for one that failed; with failure_action: continue the update of a job stands";
constexpr double starts_within = 2;     // seconds after a change before Swarm can be said to have nothing to update

std::string text_at(const Json& json, const std::string& pointer) {
  const auto found = Json::json_pointer(pointer);
  return json.contains(found) && json.at(found).is_string() ? json.at(found).get<std::string>() : "";
}

// "2026-11-24T12:00:00.123456789Z"
double seconds_of(const std::string& time) {
  std::tm parts{};
  const char* rest = ::strptime(time.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr) return 0;
  return static_cast<double>(::timegm(&parts)) + (*rest == '.' ? std::strtod(rest, nullptr) : 0);
}

std::string container_of(const Json& task) { return text_at(task, "/Status/ContainerStatus/ContainerID"); }

// Its own in the compose file; without a test in it, the image's. ["NONE"] switches the image's off.
bool has_health_check(const Json& service) {
  const auto check = Json::json_pointer("/Spec/TaskTemplate/ContainerSpec/Healthcheck");
  return service.contains(check) && text_at(service, "/Spec/TaskTemplate/ContainerSpec/Healthcheck/Test/0") != "NONE";
}

bool is_router(const std::string& label) { return label.starts_with("traefik.") && label.find(".routers.") != std::string::npos; }

// Somebody reaches it from outside: it is there to stay, whatever its restart policy says.
bool is_reached(const Json& service) {
  for (const char* place : {"/Spec/Labels", "/Spec/TaskTemplate/ContainerSpec/Labels"}) {
    const auto labels = Json::json_pointer(place);
    if (!service.contains(labels) || !service.at(labels).is_object()) continue;
    for (const auto& [label, value] : service.at(labels).items())
      if (is_router(label)) return true;
  }
  const auto ports = Json::json_pointer("/Spec/EndpointSpec/Ports");
  return service.contains(ports) && !service.at(ports).empty();
}

// There to stay: what of it ends has not done its work, it is missing.
bool is_server(const Json& service) { return has_health_check(service) || is_reached(service); }

// Swarm calls a task running as soon as its process was started, if nothing checks its health: one that dies at once is
// seen running now and then. After a death it has to last longer.
bool is_up(const Json& task, const Json& service, const StackView& view, int deaths, double now) {
  if (text_at(task, "/Status/State") != "running" || view.ended_containers.contains(container_of(task))) return false;
  return has_health_check(service) || now - seconds_of(text_at(task, "/Status/Timestamp")) >= (deaths > 0 ? 3.0 : 0.25);
}

// By us, who remember what it had.
bool is_stopped(const Json& service) { return service.contains(Json::json_pointer("/Spec/Labels") / replicas_label); }

std::string restart_condition(const Json& service) { return text_at(service, "/Spec/TaskTemplate/RestartPolicy/Condition"); }

// Its task is not started again once it has ended with exit code 0.
bool is_one_shot(const Json& service) { return restart_condition(service) == "none" || restart_condition(service) == "on-failure"; }

// Swarm's own jobs (mode: replicated-job, global-job): their tasks are to become complete, not to run.
bool is_job_by_mode(const Json& service) {
  return service.contains(Json::json_pointer("/Spec/Mode/ReplicatedJob")) || service.contains(Json::json_pointer("/Spec/Mode/GlobalJob"));
}

// Such a job is done anew at each change of its service; tasks of earlier times stay. Docker leaves a 0 out.
std::int64_t iteration_of(const Json& json, const char* pointer) {
  const auto index = Json::json_pointer(pointer);
  return json.contains(index) ? json.at(index).get<std::int64_t>() : 0;
}

// The tasks that a service should have: its replicas, or for a global one whatever Swarm made of it.
std::size_t wanted_tasks(const Json& service, std::size_t present) {
  const auto replicas = Json::json_pointer("/Spec/Mode/Replicated/Replicas");
  return service.contains(replicas) ? service.at(replicas).get<std::size_t>() : present;
}

// What makes Swarm replace a task: all of its template, but where it may run (if it still may run where it is). Of the runtime
// ("container") only services tell.
Json template_of(Json spec) {
  if (spec.is_object())
    for (const char* other : {"Placement", "Runtime"}) spec.erase(other);
  return spec;
}

bool has_current_template(const Json& task, const Json& service) {
  return template_of(task.value("Spec", Json())) == template_of(service["Spec"].value("TaskTemplate", Json()));
}

// Made from the service as it is now.
bool is_current(const Json& task, const Json& service) {
  return has_current_template(task, service) && iteration_of(task, "/JobIteration/Index") == iteration_of(service, "/JobStatus/JobIteration/Index");
}

// A changed template: first its update has to be seen starting. Swarm says nothing of one that had no task to replace: then
// it is over when a moment has passed.
bool is_yet_to_start(const Json& service, StackMemory& memory, double now) {
  const auto before = Json::json_pointer("/PreviousSpec/TaskTemplate"), after = Json::json_pointer("/Spec/TaskTemplate");
  if (!text_at(service, "/UpdateStatus/State").empty() || !service.contains(before) || !service.contains(after)) return false;
  if (template_of(service.at(before)) == template_of(service.at(after))) return false;
  const auto version = text_at(service, "/ID") + " " + service["Version"].dump();
  return now - memory.not_started.try_emplace(version, now).first->second < starts_within;
}

// Ended for its failing health check: that it obeyed with exit code 0 does not make it a job.
bool was_unhealthy(const Json& task, const StackView& view) { return view.unhealthy_containers.contains(container_of(task)); }

bool is_dead(const Json& task) {
  const auto state = text_at(task, "/Status/State");
  return state == "failed" || state == "rejected" || state == "orphaned";
}

std::string error_of(const Json& task) {
  std::string error = text_at(task, "/Status/Err");
  const auto code = Json::json_pointer("/Status/ContainerStatus/ExitCode");
  if (error.empty() && task.contains(code) && task.at(code).get<int>() != 0) error = "exit code " + std::to_string(task.at(code).get<int>());
  return error.empty() ? text_at(task, "/Status/Message") : error;
}

struct ServiceVerdict {
  State state = State::converged;
  std::string reason;
};

// How the task ended for which Swarm has undone an update: the last that was made of another template than the one that it went back to.
std::string why_undone(const Json& service, const std::vector<const Json*>& tasks) {
  const Json* undone = nullptr;
  for (const Json* task : tasks)
    if (!has_current_template(*task, service) && (undone == nullptr || text_at(*task, "/CreatedAt") > text_at(*undone, "/CreatedAt"))) undone = task;
  if (undone == nullptr) return "";
  if (is_dead(*undone)) return ": " + error_of(*undone);
  if (text_at(*undone, "/Status/State") != "complete" || !is_one_shot(service)) return "";
  return std::string(", although its task ended with exit code 0") + early_end;
}

ServiceVerdict judge_update(const Json& service, const std::vector<const Json*>& tasks, StackMemory& memory, double now) {
  if (is_yet_to_start(service, memory, now)) return {State::converging, "its update has not started yet"};
  const auto update = text_at(service, "/UpdateStatus/State");
  const auto message = text_at(service, "/UpdateStatus/Message");
  if (update == "updating") return {State::converging, "is being updated"};
  if (update == "rollback_started") return {State::converging, "is being rolled back by Swarm: " + message};
  if (update == "paused") return {State::failed, "its update was paused by Swarm: " + message};
  if (update == "rollback_paused") return {State::failed, "its update was paused by Swarm: " + message + why_undone(service, tasks)};
  if (update == "rollback_completed") return {State::failed, "its update was rolled back by Swarm: " + message + why_undone(service, tasks)};
  return {};
}

// What the tasks of one service come to.
struct Tally {
  std::size_t running = 0;              // up, as wanted
  std::size_t present = 0;              // that Swarm wants
  std::size_t live = 0;                 // of those, that have not ended
  std::size_t alive = 0;                // whose container runs, wanted or not
  std::size_t completed = 0, dead = 0;  // that did what they should, that did not; as far as Swarm remembers
  std::set<std::string> nodes, done_nodes, all_nodes;  // of its current tasks; of those that are done; of former ones too
  std::string waiting, last_error;
  bool stuck = false;  // on something that is the machine's, not the recipe's
  double completed_at = 0, ended_at = 0;  // when the last ended with exit code 0; whichever way
};

// New or not ready for longer than this busy machine explains.
bool is_stuck(const Json& task, const StackView& view, double now) {
  const auto state = text_at(task, "/Status/State");
  const bool early = state == "new" || state == "pending" || state == "assigned" || state == "accepted" || state == "preparing";
  const bool pulls = state == "preparing" && !view.here.empty() && text_at(task, "/NodeID") != view.here;
  const double patience = pulls ? pulls_within : state == "preparing" ? prepares_within : hangs_after;
  const double since = now - seconds_of(text_at(task, "/Status/Timestamp"));
  return early && (since > patience || (is_machines_fault(text_at(task, "/Status/Err")) && since > 2));
}

Tally tally_of(const Json& service, const std::vector<const Json*>& tasks, int deaths, const StackView& view, double now) {
  Tally tally;
  const std::string wanted_state = is_job_by_mode(service) ? "complete" : "running";
  for (const Json* task : tasks) {
    const auto state = text_at(*task, "/Status/State");
    const bool current = is_current(*task, service), completed = state == "complete" && !was_unhealthy(*task, view), ended = state == "complete" || is_dead(*task);
    if (state == "running" || state == "starting") ++tally.alive;
    tally.all_nodes.insert(text_at(*task, "/NodeID"));
    if (current) tally.nodes.insert(text_at(*task, "/NodeID"));
    if (current && ended) {
      const double at = seconds_of(text_at(*task, "/Status/Timestamp"));
      tally.ended_at = std::max(tally.ended_at, at);
      if (state == "complete") tally.completed_at = std::max(tally.completed_at, at);
      if (completed) {
        ++tally.completed;
        tally.done_nodes.insert(text_at(*task, "/NodeID"));
      } else {
        ++tally.dead;
        tally.last_error = state == "complete" ? "its health check failed" : error_of(*task);
      }
    }
    if (text_at(*task, "/DesiredState") != wanted_state) continue;
    ++tally.present;
    if (!ended) ++tally.live;
    if (current && is_up(*task, service, view, deaths, now)) {
      ++tally.running;
      continue;
    }
    if (completed) continue;
    const std::string error = text_at(*task, "/Status/Err");
    tally.waiting = !current ? "its old task still runs" : "its task is " + (state == "running" ? "just started" : state) + (error.empty() ? "" : ": " + error);
    tally.stuck = tally.stuck || is_stuck(*task, view, now);
  }
  return tally;
}

// replicated-job and global-job.
ServiceVerdict judge_job(const Json& service, const Tally& tally, int deaths, double now) {
  const auto total = Json::json_pointer("/Spec/Mode/ReplicatedJob/TotalCompletions");
  const bool everywhere = service.contains(Json::json_pointer("/Spec/Mode/GlobalJob"));
  const std::size_t wanted = service.contains(total) ? service.at(total).get<std::size_t>() : 1;
  if (everywhere ? !tally.nodes.empty() && tally.done_nodes == tally.nodes : tally.completed >= wanted) return {};
  const bool given_up = tally.dead > 0 && tally.live == 0 && now - tally.ended_at > gives_up_after;
  if (given_up || deaths >= hopeless_after) return {State::failed, "the job failed" + (deaths > 1 ? " " + std::to_string(deaths) + " times" : "") + ": " + tally.last_error};
  const std::string doing = tally.running > 0 ? "a job that has not ended yet" : tally.waiting.empty() ? "its task was not made yet" : tally.waiting;
  return {tally.stuck ? State::infrastructure : State::converging, doing + (tally.last_error.empty() ? "" : "; before: " + tally.last_error)};
}

// All that was wanted of it, or runs still where it may.
bool is_done(const Json& service, const Tally& tally) {
  const std::size_t up = restart_condition(service) == "on-failure" ? tally.running : 0;
  const auto wanted = wanted_tasks(service, tally.all_nodes.size());
  return tally.completed > 0 && tally.live == up && tally.completed + up >= wanted;
}

ServiceVerdict ended_server(const Json& service, const Tally& tally) {
  return {State::failed, (tally.completed == 0 ? tally.last_error + "; " : "") + "its task ended with exit code 0, and its restart_policy (" + restart_condition(service) + ") does not start it again; it has " + (is_reached(service) ? "a router or a published port" : "a health check") + ": without it it would be a job, and done"};
}

// restart_policy.condition: none. Whether it is a job shows when its task has ended; one that is reached from outside is none all the same. Nothing: it
// is there to stay, and judged as such.
std::optional<ServiceVerdict> judge_one_shot(const Json& service, const Tally& tally) {
  if (tally.live == 0 && tally.dead > 0) return ServiceVerdict{State::failed, "the job failed: " + tally.last_error};
  if (tally.live == 0 && tally.completed > 0) return is_reached(service) ? ended_server(service, tally) : ServiceVerdict{};
  if (is_server(service)) return std::nullopt;
  return ServiceVerdict{tally.stuck ? State::infrastructure : State::converging, tally.running > 0 ? "a job that has not ended yet" : tally.waiting.empty() ? "its task was not made yet" : tally.waiting};
}

// condition: on-failure. What has ended with exit code 0 is not started again, told to end by a failing health check or not. Nothing:
// it may be on its way, or is up.
std::optional<ServiceVerdict> judge_unless_failed(const Json& service, const Tally& tally, double now) {
  const bool over = tally.completed_at > seconds_of(text_at(service, "/UpdatedAt")) && now - tally.completed_at > gives_up_after;
  if (!over) return std::nullopt;
  if (is_server(service)) return tally.present == 0 ? std::optional(ended_server(service, tally)) : std::nullopt;
  return is_done(service, tally) ? std::optional(ServiceVerdict{}) : std::nullopt;
}

ServiceVerdict judge_tasks(const Json& service, const std::vector<const Json*>& tasks, int deaths, const StackView& view, double now) {
  const auto tally = tally_of(service, tasks, deaths, view, now);
  if (is_stopped(service)) return {State::converging, "it is stopped"};
  if (is_at_rest(service)) return tally.alive == 0 ? ServiceVerdict{} : ServiceVerdict{State::converging, "its last task has not ended yet"};
  std::optional<ServiceVerdict> job;
  if (is_job_by_mode(service)) job = judge_job(service, tally, deaths, now);
  else if (restart_condition(service) == "none") job = judge_one_shot(service, tally);
  else if (restart_condition(service) == "on-failure") job = judge_unless_failed(service, tally, now);
  const bool has_ended_well = job && job->state == State::converged;
  if (!has_ended_well && is_machines_fault(tally.last_error) && tally.running == 0) return {State::infrastructure, "its task cannot run: " + tally.last_error};
  if (job) return *job;
  const auto wanted = wanted_tasks(service, tally.present);
  if (deaths >= hopeless_after && tally.running < wanted) return {State::failed, "died " + std::to_string(deaths) + " times without having been up; last: " + tally.last_error};
  if (wanted > 0 && tally.running >= wanted && tally.running == tally.present) return {};
  if (tally.stuck) return {State::infrastructure, tally.waiting};
  return {State::converging, (tally.waiting.empty() ? "its task was not made yet" : tally.waiting) + (tally.last_error.empty() ? "" : "; before: " + tally.last_error)};
}

// Swarm pauses an update for a task that ends soon, with exit code 0 too: what a job does. `paused`: what is said of it otherwise.
ServiceVerdict judge_paused_job(const Json& service, const std::vector<const Json*>& tasks, int deaths, const StackView& view, double now, ServiceVerdict paused) {
  const auto tally = tally_of(service, tasks, deaths, view, now);
  if (tally.dead > 0) return {State::failed, paused.reason + ": " + tally.last_error};
  if (is_done(service, tally)) return {};
  if (tally.live > tally.running || (tally.live > 0 && restart_condition(service) == "none")) return {State::converging, "a job that has not ended yet"};
  if (tally.completed == 0) return paused;
  return {State::failed, paused.reason + ": " + std::to_string(tally.completed) + " of its tasks ended with exit code 0, the others were not started" + early_end};
}

ServiceVerdict judge_service(const Json& service, const std::vector<const Json*>& tasks, int deaths, const StackView& view, StackMemory& memory, double now) {
  if (is_job_by_mode(service)) return judge_tasks(service, tasks, deaths, view, now);  // it has no update: it is done anew
  auto update = judge_update(service, tasks, memory, now);
  if (update.state == State::converged) return judge_tasks(service, tasks, deaths, view, now);
  if (text_at(service, "/UpdateStatus/State") != "paused" || update.state != State::failed || !is_one_shot(service) || is_server(service)) return update;
  return judge_paused_job(service, tasks, deaths, view, now, std::move(update));
}

// What counts most is told first.
int weight(State state) {
  switch (state) {
    case State::failed: return 0;
    case State::infrastructure: return 1;
    case State::converging: return 2;
    case State::gone: return 3;
    case State::converged: return 4;
  }
  return 4;
}

}  // namespace

bool has_ended(const Json& container) {
  const auto state = text_at(container, "/State");
  return state == "exited" || state == "dead";
}

std::string short_name(const Json& service, const std::string& stack) {
  const auto name = text_at(service, "/Spec/Name");
  return name.starts_with(stack + "_") ? name.substr(stack.size() + 1) : name;
}

std::vector<std::string> ask_health_of(const StackView& view) {
  std::vector<std::string> containers;
  for (const auto& service : view.services) {
    if (!is_one_shot(service) || !has_health_check(service)) continue;
    for (const auto& task : view.tasks)
      if (text_at(task, "/ServiceID") == text_at(service, "/ID") && text_at(task, "/Status/State") == "complete" && is_current(task, service)) containers.push_back(container_of(task));
  }
  return containers;
}

bool is_mere_record(const Json& task) {
  const auto state = text_at(task, "/Status/State");
  return task.contains("JobIteration") && (state == "complete" || state == "shutdown" || state == "remove" || is_dead(task));
}

bool is_at_rest(const Json& service) {
  const auto replicas = Json::json_pointer("/Spec/Mode/Replicated/Replicas");
  return service.contains(replicas) && service.at(replicas) == 0 && !is_stopped(service);
}

Convergence judge_stack(const StackView& view, StackMemory& memory, const std::string& stack, double now) {
  Convergence whole;
  if (view.services.empty()) {
    whole.state = State::gone;
    whole.reason = "nothing is deployed as " + stack;
    return whole;
  }
  whole.state = State::converged;
  for (const auto& service : view.services) {
    std::vector<const Json*> tasks;
    int deaths = 0;
    for (const auto& task : view.tasks) {
      if (text_at(task, "/ServiceID") != text_at(service, "/ID")) continue;
      tasks.push_back(&task);
      if (is_dead(task) && is_current(task, service)) memory.dead_tasks.insert(text_at(service, "/ID") + " " + text_at(task, "/ID"));
    }
    for (const auto& dead : memory.dead_tasks)
      if (dead.starts_with(text_at(service, "/ID") + " ")) ++deaths;
    whole.deaths += deaths;
    const auto verdict = judge_service(service, tasks, deaths, view, memory, now);
    if (weight(verdict.state) >= weight(whole.state)) continue;
    whole.state = verdict.state;
    whole.service = short_name(service, stack);
    whole.reason = "service " + whole.service + ": " + verdict.reason;
  }
  return whole;
}

std::string fingerprint_of(const StackView& view) {
  std::set<std::string> parts;
  for (const auto& service : view.services)
    parts.insert(text_at(service, "/ID") + " " + service["Spec"]["TaskTemplate"].dump() + service["Spec"].value("Mode", Json()).dump() +
                 text_at(service, "/UpdateStatus/State"));
  for (const auto& task : view.tasks) parts.insert(text_at(task, "/ID") + " " + text_at(task, "/Status/State") + " " + text_at(task, "/DesiredState"));
  std::string all;
  for (const auto& part : parts) all += part + "\n";
  return all;
}

}  // namespace simmer::swarm
