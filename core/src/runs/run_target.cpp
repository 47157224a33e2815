#include <runs/run_target.hpp>

#include <algorithm>
#include <cctype>
#include <set>

#include <base/files.hpp>
#include <runs/recipe_source.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {

bool is_path(const std::string& target) { return target.find('/') != std::string::npos || target == "." || target == ".."; }

std::optional<std::string> app_for(const Config& config, const std::string& name) {
  if (config.apps.contains(name)) return name;
  std::vector<std::string> canonicals, others;
  for (const auto& [app, about] : config.apps)
    if (about.recipe == name) (about.role == "canonical" ? canonicals : others).push_back(app);
  if (canonicals.size() > 1)
    throw Error(ErrorKind::usage, "recipe " + name + " has two canonicals, " + canonicals[0] + " and " + canonicals[1] + ": name the app");
  if (canonicals.size() == 1) return canonicals[0];
  return std::nullopt;
}

// It becomes a part of domains, stack names and folders.
void check_recipe_name(const std::string& name, const std::string& where) {
  const auto is_plain = [](unsigned char c) { return c < 128 && (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'); };
  if (!name.empty() && std::isalnum(static_cast<unsigned char>(name[0])) != 0 && std::all_of(name.begin(), name.end(), is_plain)) return;
  throw Error(ErrorKind::usage, "'" + name + "'" + where + " cannot be a recipe's name: rename it (letters, digits, '-', '_' and '.')");
}

}  // namespace

Target find_target(const Session& session, const std::string& name) {
  Target target;
  if (is_path(name)) {
    std::error_code failed;
    target.working_tree = fs::canonical(name, failed);
    if (failed || !fs::is_directory(target.working_tree)) throw Error(ErrorKind::usage, "no folder " + name + " with a recipe in it");
    target.recipe = target.app = target.working_tree.filename();
    check_recipe_name(target.recipe, ", the folder of " + name + ",");
    const auto recipes = known_recipes(session.config);
    if (std::find(recipes.begin(), recipes.end(), target.recipe) != recipes.end()) target.repository = find_recipe(session.config, target.recipe);
    return target;
  }
  target.app = app_for(session.config, name).value_or(name);
  target.recipe = session.config.app(target.app).recipe;
  check_recipe_name(target.recipe, "");
  fetch_source(session, target.app, target.recipe);
  target.repository = find_recipe(session.config, target.recipe);
  return target;
}

std::vector<std::string> known_recipes(const Config& config) {
  std::set<std::string> names;
  std::error_code failed;
  for (fs::directory_iterator entry(config.recipes(), failed), end; !failed && entry != end; entry.increment(failed)) {
    std::string name = entry->path().filename();
    if (name.ends_with(".git")) name.resize(name.size() - 4);
    if (entry->is_directory(failed) && name[0] != '.') names.insert(name);
  }
  return {names.begin(), names.end()};
}

fs::path find_recipe(const Config& config, const std::string& recipe) {
  if (recipe.empty() || recipe[0] == '.' || recipe.find('/') != std::string::npos) throw Error(ErrorKind::usage, "'" + recipe + "' is no name of a recipe");
  for (const auto& name : {recipe, recipe + ".git"})
    if (fs::is_directory(config.recipes() / name)) return config.recipes() / name;
  const auto known = known_recipes(config);
  if (known.empty())
    throw Error(ErrorKind::usage, "no recipe '" + recipe + "': there is no recipe repository in " + config.recipes().string() + " (name another folder with --recipes, or add one with: simmer recipe add)");
  throw Error(ErrorKind::usage, "no recipe '" + recipe + "' in " + config.recipes().string() + did_you_mean(recipe, known) + " (see: simmer recipe list)");
}

std::string find_canonical(const Session& session, const std::string& name, bool even_damaged) {
  const auto app = app_for(session.config, name).value_or(name);
  if (even_damaged && fs::is_directory(session.state.canonical(app) / "snapshot")) return app;
  if (KnownGood(session.state, app).exists()) return app;
  throw Error(ErrorKind::usage, "there is no known-good of '" + name + "'" + did_you_mean(name, session.state.canonical_apps()) + "; seed it with: simmer canonical seed " + name);
}

}  // namespace simmer
