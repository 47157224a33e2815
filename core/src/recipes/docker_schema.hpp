// What Docker takes for a compose file: the config schemas 3.0 to 3.13 of docker/cli as one table. Each key says since which
// version it is known; a file is held to the version that it names, on every engine, so that what Docker would refuse is red
// at once and with its line.
#pragma once

#include <string>

#include <recipes/yaml_value.hpp>

namespace simmer {

// The minor number of the file's version: 9 of "3.9". Missing, "" and "3" are the newest, 13, as Docker 28 has it (20.10 refuses
// such files; read in full they mean the same to both). Refuses any other.
int compose_version(const YamlValue& file);

// Checks an interpolated file. Throws Error(recipe) at the first thing that Docker refuses, and at keys that its versions read
// differently; names the nearest known key.
void check_schema(const YamlValue& file, int version);

}  // namespace simmer
