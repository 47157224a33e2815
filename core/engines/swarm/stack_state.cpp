#include <swarm/stack_state.hpp>

#include <cstdlib>
#include <ctime>

namespace simmer::swarm {

namespace {

using Json = nlohmann::json;
using State = Convergence::State;

constexpr int hopeless_after = 5;       // deaths without having been healthy
constexpr double pulls_within = 180;    // seconds that another node may take to get an image; here it was made present before
constexpr double gives_up_after = 1;    // seconds after the end of a task before Swarm can be said to start no other
constexpr double hangs_after = 10;      // seconds in one state before a task can be called stuck
constexpr double prepares_within = 30;  // the same for one whose container this busy node is making
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

// Swarm calls a task running as soon as its process was started, if nothing checks its health: one that dies at once is
// seen running now and then. After a death it has to last longer.
bool is_up(const Json& task, const Json& service, const StackView& view, int deaths, double now) {
  if (text_at(task, "/Status/State") != "running" || view.ended_containers.contains(text_at(task, "/Status/ContainerStatus/ContainerID"))) return false;
  const bool checked = service.contains(Json::json_pointer("/Spec/TaskTemplate/ContainerSpec/Healthcheck"));
  return checked || now - seconds_of(text_at(task, "/Status/Timestamp")) >= (deaths > 0 ? 3.0 : 0.25);
}

bool is_job(const Json& service) { return text_at(service, "/Spec/TaskTemplate/RestartPolicy/Condition") == "none"; }

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

// A changed template: first its update has to be seen starting. Swarm says nothing of one that had no task to replace: then
// it is over when a moment has passed.
bool is_yet_to_start(const Json& service, StackMemory& memory, double now) {
  const auto before = Json::json_pointer("/PreviousSpec/TaskTemplate"), after = Json::json_pointer("/Spec/TaskTemplate");
  if (!text_at(service, "/UpdateStatus/State").empty() || !service.contains(before) || !service.contains(after)) return false;
  if (template_of(service.at(before)) == template_of(service.at(after))) return false;
  const auto version = text_at(service, "/ID") + " " + service["Version"].dump();
  return now - memory.not_started.try_emplace(version, now).first->second < starts_within;
}

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

// The machine's fault, not the recipe's.
bool is_machines_fault(const std::string& error) {
  for (const char* words : {"No such image", "no suitable node", "could not find an available", "failed to allocate", "network allocation", "no space left",
                            "address already in use", "port is already allocated"})
    if (error.find(words) != std::string::npos) return true;
  return false;
}

struct ServiceVerdict {
  State state = State::converged;
  std::string reason;
};

ServiceVerdict judge_update(const Json& service, StackMemory& memory, double now) {
  if (is_yet_to_start(service, memory, now)) return {State::converging, "its update has not started yet"};
  const auto update = text_at(service, "/UpdateStatus/State");
  const auto message = text_at(service, "/UpdateStatus/Message");
  if (update == "updating") return {State::converging, "is being updated"};
  if (update == "rollback_started") return {State::converging, "is being rolled back by Swarm: " + message};
  if (update == "paused" || update == "rollback_paused") return {State::failed, "its update was paused by Swarm: " + message};
  if (update == "rollback_completed") return {State::failed, "its update was rolled back by Swarm: " + message};
  return {};
}

ServiceVerdict judge_tasks(const Json& service, const std::vector<const Json*>& tasks, int deaths, const StackView& view, double now) {
  std::size_t running = 0, present = 0, completed = 0;
  std::string waiting, last_error;
  bool stuck = false, over = false;
  for (const Json* task : tasks) {
    const auto state = text_at(*task, "/Status/State");
    if (is_dead(*task) && has_current_template(*task, service)) last_error = error_of(*task);
    if (state == "complete" && has_current_template(*task, service)) {
      ++completed;
      const double ended = seconds_of(text_at(*task, "/Status/Timestamp"));
      over = over || (ended > seconds_of(text_at(service, "/UpdatedAt")) && now - ended > gives_up_after);
    }
    if (text_at(*task, "/DesiredState") != "running") continue;
    ++present;
    const bool current = has_current_template(*task, service);
    if (current && is_up(*task, service, view, deaths, now)) {
      ++running;
      continue;
    }
    if (state == "complete") continue;
    const std::string error = text_at(*task, "/Status/Err");
    waiting = !current ? "its old task still runs" : "its task is " + (state == "running" ? "just started" : state) + (error.empty() ? "" : ": " + error);
    const bool early = state == "new" || state == "pending" || state == "assigned" || state == "accepted" || state == "preparing";
    const bool pulls = state == "preparing" && !view.here.empty() && text_at(*task, "/NodeID") != view.here;
    const double patience = pulls ? pulls_within : state == "preparing" ? prepares_within : hangs_after;
    if (early && now - seconds_of(text_at(*task, "/Status/Timestamp")) > patience) stuck = true;
    if (early && is_machines_fault(error) && now - seconds_of(text_at(*task, "/Status/Timestamp")) > 2) stuck = true;
  }
  if (is_machines_fault(last_error) && running == 0) return {State::infrastructure, "its task cannot run: " + last_error};
  if (is_job(service)) {
    if (completed > 0 && running == 0) return {};
    if (deaths > 0 && running == 0 && present == 0) return {State::failed, "the job failed: " + last_error};
    return {stuck ? State::infrastructure : State::converging, running > 0 ? "a job that has not ended yet" : waiting.empty() ? "its task was not made yet" : waiting};
  }
  const auto wanted = wanted_tasks(service, present);
  if (wanted == 0) return {State::converging, "it is stopped"};
  if (deaths >= hopeless_after && running < wanted) return {State::failed, "died " + std::to_string(deaths) + " times without having been up; last: " + last_error};
  if (running >= wanted && running == present) return {};
  if (stuck) return {State::infrastructure, waiting};
  // An app that ends with exit code 0, told to by a failing health check or by itself, is not started again.
  if (over && present == 0 && text_at(service, "/Spec/TaskTemplate/RestartPolicy/Condition") == "on-failure")
    return {State::failed, "its task ended with exit code 0, and its restart_policy (on-failure) does not start it again"};
  if (waiting.empty()) waiting = "its task was not made yet";
  return {State::converging, waiting + (last_error.empty() ? "" : "; before: " + last_error)};
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
      if (is_dead(task) && has_current_template(task, service)) memory.dead_tasks.insert(text_at(service, "/ID") + " " + text_at(task, "/ID"));
    }
    for (const auto& dead : memory.dead_tasks)
      if (dead.starts_with(text_at(service, "/ID") + " ")) ++deaths;
    whole.deaths += deaths;
    auto verdict = judge_update(service, memory, now);
    if (verdict.state == State::converged) verdict = judge_tasks(service, tasks, deaths, view, now);
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
