// What leaves the reader for Docker: the one compose file, and the contents of the files that it would have named.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <engine/service_limits.hpp>
#include <recipes/file_object.hpp>
#include <recipes/yaml_value.hpp>

namespace simmer {

// Configs and secrets of `compose` that are made from files inside `dir`; those outside are left to the policy, which refuses
// them. Error(recipe) for a file that is not there.
std::vector<FileObject> read_file_objects(const std::filesystem::path& dir, const YamlValue& compose);

// What each service of `compose` is to be held to by its own word (deploy.resources.limits).
std::map<std::string, ServiceLimits> read_limits(const YamlValue& compose);

}  // namespace simmer
