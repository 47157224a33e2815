// What the stories on Docker Swarm share: what there is of Docker's, before and after.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <e2e/simmer_world.hpp>

namespace simmer::e2e {

// The docker CLI's output; a failure of it fails the test.
std::string docker(std::vector<std::string> arguments);

// Everything that Docker has, by kind, name and id, a line each; without what stories told at the same time have.
std::string everything();

// Stories that are told at the same time have names (SIMMER_STORY_NAME: s0, s1, …), and domains after them; traefik.sh's
// certificate knows s0 to s7.
std::string base_domain();
// What the names of its cold stacks and canonicals end with.
std::string stack_suffix();

// The engine that the story runs on (SIMMER_STORY_ENGINE: swarm, the default, or abra), as configuration.
std::string engine_config();

// Waits up to a minute until `done` holds; false: it never did.
bool eventually(const std::function<bool()>& done);

}  // namespace simmer::e2e
