// Every recipe that has no plugin of its own, from what its compose file and its simmer.yml say.
//
// It promises to claim nothing it did not see: without a router, a published port or a health check
// there is nothing to ask, and the answer is `unverified`, which is never green. The decisions about
// a recipe are free functions of its facts, so that they can be tested and read in one place.
#pragma once

#include <simmer/plugin.hpp>

namespace generic {

using simmer::RecipeFacts;

// Volumes that some service mounts of which anything runs (replicas: 0 is at rest), that the recipe owns, and that simmer.yml does not call worthless.
std::vector<std::string> volumes_with_value(const RecipeFacts& facts);
bool has_commands(const RecipeFacts& facts);
// A traefik router label, or a published port: something answers at the app's URL.
bool answers_http(const RecipeFacts& facts);

// Over HTTP where something answers, else the services' own health checks, else always unverified.
std::unique_ptr<simmer::HealthProbe> make_probe(const RecipeFacts& facts, simmer::Host& host);
// The commands of simmer.yml, else a marker file in every volume with value, else nullptr.
// Error(recipe) when simmer.yml gives only some of the three commands, or commands that cannot work.
std::unique_ptr<simmer::DataContract> make_contract(const RecipeFacts& facts, simmer::Host& host);

}  // namespace generic
