// From compose files to what they say: read as Docker reads them, then as facts.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <recipes/yaml_value.hpp>
#include <simmer/recipe_facts.hpp>

namespace simmer {

// The files, in order, as the one compose file that they are to Docker: parsed, interpolated, checked against Docker's schema,
// every notation in its long form (docker_file.hpp says which), merged. `version` is in it when the files say one.
// `files` are relative to `dir`; nothing outside of it is read. `unread`: as for interpolate_compose(). Throws Error(recipe).
YamlValue load_compose(const std::filesystem::path& dir, const std::vector<std::string>& files,
                       const std::map<std::string, std::string>& env, std::vector<std::string>& warnings,
                       const std::map<std::string, std::string>& unread);

// Fills in services, volumes, secrets, configs and networks of what load_compose() made.
void read_compose_facts(const YamlValue& compose, RecipeFacts& facts);

// Its own notations, read in one place: facts and policy see the same mount and the same port.
MountFacts read_mount(const YamlValue& value);
PortFacts read_port(const YamlValue& value);

// `simmer.yml`. Throws Error(recipe), naming the nearest known key.
// `turning_over`: the volumes whose files come and go by themselves (volumes_that_turn_over).
SimmerYml read_simmer_yml(const std::string& text, const std::string& shown_name, std::vector<std::string>& turning_over);

}  // namespace simmer
