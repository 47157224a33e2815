// Compose's ${…}: $X, ${X}, ${X:-d}, ${X-d}, ${X:?m}, ${X?m}, ${X:+a}, ${X+a}, defaults inside
// defaults, and $$ for a dollar. Values are interpolated, keys are not, as Docker does.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <recipes/yaml_value.hpp>

namespace simmer {

// Interpolates `text`. What is unset becomes empty, with a line in `warnings` (so that a recipe can be
// shown without an app's environment; a deployment's engine refuses a required value that is missing).
// Throws Error(recipe) "<place>: …" when a `$` begins nothing legal.
std::string interpolate(const std::string& text, const std::map<std::string, std::string>& env, const std::string& place,
                        std::vector<std::string>& warnings);

// Every value of a compose file's services, volumes, networks, secrets and configs; extensions (`x-…`)
// stay as written: `x-simmer-local` is expanded by the engine, with names that only it knows.
void interpolate_compose(YamlValue& file, const std::map<std::string, std::string>& env, std::vector<std::string>& warnings);

}  // namespace simmer
