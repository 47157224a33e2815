// What the upgrade of a run starts from (design.md 7.1 "Base version", 7.2): the known-good, or a release; from which of
// the repositories that are at hand. Decides only; reads git, deploys nothing.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <recipes/recipe_repository.hpp>

namespace simmer {

struct BaseQuestion {
  struct KnownGoodIs {
    std::string commit, version;
    bool has_recipe = false;  // it keeps its own: no repository need have it
  };
  ResolvedRef head;  // under test
  // Where it and older releases are looked for: of a working tree its own repository first. The first that has releases decides.
  std::vector<std::filesystem::path> repositories;
  std::optional<KnownGoodIs> known_good;
  std::function<std::string()> label;  // the version in head's compose file, "" when it has none; asked for only when history does not tell
};

struct UpgradeBase {
  // Where the commit is, with all its files. Empty although there is a base: the known-good, which keeps its own recipe, and it is in no repository.
  std::filesystem::path repository;
  std::string commit, version;  // empty: there is no base, or none that is certain
  bool is_known_good = false;
  std::string why;       // without a base: the reason
  bool is_known = true;  // without a base: is it certain that there is none?
};

// For a cold run: the known-good if it is older than what is tested, else the newest older release.
UpgradeBase choose_upgrade_base(const BaseQuestion& question);

// For a quick run: the known-good, which must lead to what is tested (a working tree without history counts as newer).
UpgradeBase base_of_quick_run(const BaseQuestion& question);

// Reads the label of the recipe in `dir`; "" when it has none, or cannot be read. The same of a commit, which is checked out
// into the new folder `scratch` for that time.
std::string version_label_in(const std::filesystem::path& dir, const std::string& recipe);
std::string version_label_at(const RecipeRepository& repository, const std::string& commit, const std::string& recipe, const std::filesystem::path& scratch);

}  // namespace simmer
