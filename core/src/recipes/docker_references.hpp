// What Docker finds only when it turns a compose file into services: names that nothing declares, options that exclude one
// another; then what its engine refuses (engine_limits.hpp). Asked of the merged file on every engine, so that it is red before anything is deployed.
#pragma once

#include <recipes/yaml_value.hpp>

namespace simmer {

// Throws Error(recipe) at the first one.
void check_references(const YamlValue& compose);

}  // namespace simmer
