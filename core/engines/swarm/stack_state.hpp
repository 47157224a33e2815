// How a stack stands, from what Docker says of its services and tasks. Pure: JSON in, a value out.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include <engine/engine.hpp>

namespace simmer::swarm {

// The two lists as Docker gives them (GET /services, GET /tasks), of one stack.
struct StackView {
  nlohmann::json services = nlohmann::json::array(), tasks = nlohmann::json::array();
  std::string here{};  // this node's id; empty: there is no other
  std::set<std::string> ended_containers{};  // of this node: Docker knows that one has ended before its task says so
  std::set<std::string> unhealthy_containers{};  // of those that ask_health_of() names: whose health check failed last
};

// Containers whose task is complete, which may have been a job that is done, or a server that was told to end for its failing health
// check: only the container knows.
std::vector<std::string> ask_health_of(const StackView& view);

// What one look does not show: deaths whose tasks Swarm has forgotten by now, and for how long an update has not started.
struct StackMemory {
  std::set<std::string> dead_tasks;
  std::map<std::string, double> not_started;  // service and its version -> when it was first seen so
};

// `now`: seconds since the epoch, for tasks that hang. The log of the service it hangs on is not in it; generation is not set.
Convergence judge_stack(const StackView& view, StackMemory& memory, const std::string& stack, double now);

// Everything whose change is a change of state, as text to compare.
std::string fingerprint_of(const StackView& view);

// Asked for with no replicas: nothing of it is to run until somebody scales it (swarm-cronjob's services).
bool is_at_rest(const nlohmann::json& service);

// Docker keeps the tasks of a job (mode: …-job) for ever, after its service is gone too: of one that has ended nothing is left but this.
bool is_mere_record(const nlohmann::json& task);

// Of an entry of GET /containers/json.
bool has_ended(const nlohmann::json& container);

// "web" of "c-web_web".
std::string short_name(const nlohmann::json& service, const std::string& stack);

}  // namespace simmer::swarm
