// Everything a lifecycle works with, as interfaces: it never learns that plugins or a certain engine exist.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include <engine/engine.hpp>
#include <recipes/recipe_tree.hpp>
#include <runs/reporter.hpp>
#include <runs/run_spec.hpp>
#include <simmer/recipe.hpp>
#include <state/journal.hpp>
#include <state/state_folder.hpp>

namespace simmer {

using Values = std::map<std::string, std::string>;
using HostFactory = std::function<std::unique_ptr<Host>(const AppContext& app, const RecipeFacts& facts, const Values& secrets, const Values& env)>;

// Lives as long as the run's child. One thread.
struct RunContext {
  const RunSpec& spec;
  StateFolder state;
  Engine& engine;
  Recipe& recipe;
  Reporter& report;
  Journal& journal;
  HostFactory make_host;
  std::stop_token stop;
  bool red = false;  // a required check has failed by now
  bool has_told_limits = false;  // what of them the engine cannot hold

  fs::path work() const { return state.work(spec.run_id); }
};

// One version of the recipe, checked out and understood for one stack.
struct RecipeState {
  fs::path dir;
  std::string commit;
  std::string version;  // its release label; for a change: the label in its compose file
  RecipeTree tree;
  std::map<std::string, std::string> images{};  // of the known-good: the digests that it was proven with
  Values env;           // complete: .env.sample, kept env, apps.X.env, built-ins (design.md section 5), abra.sh's exports
};

// What is laid over a version's .env.sample: what the known-good keeps, under the app's own env with $DOMAIN and $STACK_NAME filled in (a run
// has another domain each time), under the built-in names.
Values environment_over(const Values& kept_env, const Values& app_env, const std::string& stack, const std::string& domain);

// Writes the tree of `commit` to <work>/<folder> (unless it is there) and reads it: from the app's known-good if it is that one's, else from
// the repository. Error(recipe) when it cannot be
// understood. `kept_env` is what the known-good keeps.
RecipeState take_recipe_state(RunContext& run, const std::string& folder, const std::string& commit, const std::string& version,
                              const std::string& stack, const std::string& domain, const Values& kept_env);

// The part of a deployment's environment that joins the known-good: without built-ins, and without what its abra.sh says anew
// for each version.
Values kept_part_of(const RecipeState& state);

// The secrets that `state` declares, does not bring itself, and that have no value in `kept`.
std::vector<std::string> missing_secrets(const RecipeState& state, const Values& kept);

// Values for every secret that `state` declares: those in `kept`, and new ones for the rest, by the rules of
// .env.sample. With `may_make` false a missing one is an Error(needs_operator) naming it.
Values secrets_for(const RecipeState& state, const Values& kept, bool may_make);

// A random marker of 16 characters [0-9a-z].
std::string make_nonce();

}  // namespace simmer
