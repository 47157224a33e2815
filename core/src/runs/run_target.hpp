// What a name on the command line means: an app, a recipe, or a folder with a recipe in it.
#pragma once

#include <string>

#include <runs/run_command.hpp>

namespace simmer {

struct Target {
  std::string app, recipe;
  fs::path working_tree;  // `run PATH`
  fs::path repository;    // empty: a working tree of an unknown recipe
};

// What destroys takes the name of an app alone: of a recipe's name nobody sees whose data it means.
enum class NameOf { app_or_recipe, app_alone };

// The app that `name` means, for every command: the app of exactly that name, configured or in the state; else the only canonical of that recipe; else the
// app that would be called so. Two canonicals, or a recipe's name where an app's must be given: Error(usage) naming them.
std::string find_app(const Session& session, const std::string& name, NameOf kind);
// Error(usage) for what cannot be the name of an app: it becomes a part of folders and domains.
void check_app_name(const std::string& name);
// As Config::app(); the recipe of one that only the state knows is the one that its known-good was made of.
AppConfig app_config(const Session& session, const std::string& app);

// Unknown, or two candidates: Error(usage). A recipe with a configured source is fetched first, unless offline. Of a path the folder's name is the app's.
Target find_target(const Session& session, const std::string& name, NameOf kind = NameOf::app_or_recipe);
// The app that find_app() says, if it has a known-good. None: Error(usage). One whose meta.json cannot be read: Error(needs_operator), unless `even_damaged`.
std::string find_canonical(const Session& session, const std::string& name, NameOf kind = NameOf::app_or_recipe, bool even_damaged = false);

}  // namespace simmer
