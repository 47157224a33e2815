// The one compose file of a stack: what the recipe's reader made of the recipe's files (DeploySpec::compose), with Simmer's
// marks, placement and limits merged in. Nothing that the recipe says of a volume, a network or a service is replaced, but labels that begin with "simmer.". Docker
// reads this and nothing else: it names no file of the recipe, and no variable (every `$` is written `$$`).
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
inline constexpr const char* volume_label = "simmer.volume";      // its key in the compose file; its name may be another
inline constexpr const char* given_label = "simmer.given";        // a volume whose folder is not Docker's
inline constexpr const char* docker_stack_label = "com.docker.stack.namespace";

// The labels that say whose a thing is: `instance`'s, for this stack and run.
nlohmann::json marks_of(const DeploySpec& spec, const std::string& instance);

// `node`: this one. A kept app is held on it. Of any other, what Simmer has to get at itself is: services with volumes (a
// volume on another node could be neither read nor removed from here) and one that is asked directly; the rest runs wherever
// Swarm puts it. A service in `spec.images` runs that. `instance`: the value of its label. YAML, block style, `version` first.
std::string stack_file(const DeploySpec& spec, const std::string& node, const std::string& instance);

// The first name that Docker would refuse for its length (64 characters; 63 of a service or network); empty: none.
std::string overlong_name(const DeploySpec& spec);

// The service that people come to: the one with a router, else the first.
const ServiceFacts& app_of(const RecipeFacts& facts);

// What a resource is called in Docker.
std::string name_in_docker(const ResourceFacts& resource, const std::string& stack);
std::string name_of(const DeploySpec& spec, const FileObject& object);

}  // namespace simmer::swarm
