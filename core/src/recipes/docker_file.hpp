// One compose file as Docker's loader understands it, before files are merged: every notation in its long form, every value of
// the type that it has to Docker, the environment filled in from env files, external names resolved. What follows (merging,
// judging, deploying) knows one spelling of each thing.
//
//   services.<name>   environment: mapping to strings and nulls · labels, sysctls, deploy.labels, logging.options, driver_opts:
//                     mappings to strings · command, entrypoint, healthcheck.test, dns, dns_search, tmpfs, env_file,
//                     extra_hosts: lists · ports: mappings with mode, target, published, protocol · volumes: mappings with type,
//                     source, target · secrets, configs: mappings with source · networks: mapping to mappings
//   volumes, networks, secrets, configs.<name>   mappings; an external one is external: true and name
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <recipes/yaml_value.hpp>

namespace simmer {

// What the env files of a recipe hold so far, a file that two services name twice: each alone is small, hundreds are minutes.
struct EnvFilesRead {
  std::size_t variables = 0, bytes = 0;
};

struct ComposeFolder {
  const std::filesystem::path& dir;                 // the checkout: env files are read in it, and nowhere else
  const std::map<std::string, std::string>& env;    // what Docker would find in its environment
  std::vector<std::string>& warnings;
  const std::map<std::string, std::string>& unread;  // as for interpolate_compose()
  EnvFilesRead& env_files;
};

// `file`: interpolated and checked against the schema. Throws Error(recipe).
YamlValue understand_file(const YamlValue& file, const ComposeFolder& folder);

// `over` laid over `base` by the rules of docker/cli's loader (cli/compose/loader/merge.go), both understood. Refuses what 20.10
// and 28 merge differently.
void merge_file(YamlValue& base, YamlValue over);

}  // namespace simmer
