// The compose file that Simmer lays over a recipe's own: what marks everything as the run's, and what holds kept data here.
// JSON, which is YAML. The recipe's files go to Docker as they are.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include <engine/engine.hpp>

namespace simmer::swarm {

// Labels on everything that Docker lets us label.
inline constexpr const char* stack_label = "simmer.stack";
inline constexpr const char* run_label = "simmer.run";
inline constexpr const char* instance_label = "simmer.instance";  // whose: another Simmer may use the same Docker
inline constexpr const char* version_label = "simmer.version";
inline constexpr const char* commit_label = "simmer.commit";
inline constexpr const char* domain_label = "simmer.domain";
inline constexpr const char* replicas_label = "simmer.replicas";  // of a stopped service: what it had
inline constexpr const char* given_label = "simmer.given";        // a volume whose folder is not Docker's
inline constexpr const char* docker_stack_label = "com.docker.stack.namespace";

// The labels that say whose a thing is: `instance`'s, for this stack and run.
nlohmann::json marks_of(const DeploySpec& spec, const std::string& instance);

// `node`: this one. A kept app is held on it. Of any other, what Simmer has to get at itself is: services with volumes (a
// volume on another node could be neither read nor removed from here) and one that is asked directly; the rest runs wherever
// Swarm puts it. `instance`: the value of its label.
std::string compose_overlay(const DeploySpec& spec, const std::string& node, const std::string& instance);

// The first name that Docker would refuse for its length (64 characters; 63 of a service); empty: none.
std::string overlong_name(const DeploySpec& spec);

// What a resource is called in Docker.
std::string name_in_docker(const ResourceFacts& resource, const std::string& stack);

}  // namespace simmer::swarm
