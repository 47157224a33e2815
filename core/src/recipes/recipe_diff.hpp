// What changed between two commits of a recipe, for people who look for the cause of a red.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace simmer {

struct RecipeDiff {
  std::vector<std::string> files;  // "M compose.yml", as git's --name-status
  std::string patch;               // unified; cut at max_patch bytes, with a last line that says so
};

// Error(config) when one of the commits (40 hex each) is not in the repository.
RecipeDiff diff_recipe(const std::filesystem::path& repository, const std::string& from, const std::string& to, std::size_t max_patch = 20000);

}  // namespace simmer
