// From a recipe's compose files to the one thing that they mean to Docker.
#include <algorithm>

#include <recipes/compose.hpp>
#include <recipes/docker_file.hpp>
#include <recipes/docker_references.hpp>
#include <recipes/docker_schema.hpp>
#include <recipes/interpolation.hpp>
#include <simmer/error.hpp>

namespace simmer {
namespace {

YamlValue read_compose_file(const std::string& file, const ComposeFolder& folder, int& version, bool& says_version) {
  const auto text = read_recipe_file(folder.dir, file);
  if (!text) refuse_recipe("there is no " + file + " in the recipe");
  YamlValue compose = parse_yaml(*text, file);
  compose.need_map("a compose file");
  const int own = compose_version(compose);
  if (version < 0) {
    version = own;
    says_version = compose.find("version") != nullptr;
  }
  if (own != version) compose.refuse("this file says compose version \"3." + std::to_string(own) + "\", the first one \"3." + std::to_string(version) + "\": Docker wants one for all; write the same in each, or in none");
  interpolate_compose(compose, folder.env, folder.warnings, folder.unread);
  check_schema(compose, version);
  return understand_file(compose, folder);
}

}  // namespace

YamlValue load_compose(const std::filesystem::path& dir, const std::vector<std::string>& files,
                       const std::map<std::string, std::string>& env, std::vector<std::string>& warnings,
                       const std::map<std::string, std::string>& unread) {
  EnvFilesRead env_files;
  const ComposeFolder folder{dir, env, warnings, unread, env_files};
  int version = -1;
  bool says_version = false;
  YamlValue merged;
  for (const auto& file : files) {
    YamlValue next = read_compose_file(file, folder, version, says_version);
    if (merged.is_null()) merged = std::move(next);
    else merge_file(merged, std::move(next));
  }
  check_references(merged);
  if (says_version) merged.set("version", YamlValue::of_text("3." + std::to_string(version), merged));
  return merged;
}

}  // namespace simmer
