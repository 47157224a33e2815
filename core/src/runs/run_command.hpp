// `simmer run` and everything built on it, from the parent's side: resolves what was asked for, owns the locks,
// starts the attempts, settles, promotes, and writes the result. Policy of runs lives here and in lifecycles.hpp.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <base/interruption.hpp>
#include <config/config.hpp>
#include <engine/engine.hpp>
#include <recipes/recipe_repository.hpp>
#include <runs/attempt.hpp>
#include <runs/recover.hpp>
#include <runs/run_report.hpp>
#include <runs/run_spec.hpp>
#include <state/known_good.hpp>

namespace simmer {

// What every command works with; made once by the runner.
struct Session {
  Config config;
  StateFolder state{""};
  std::function<std::unique_ptr<Engine>()> make_engine;
  std::vector<std::string> child_command;
  std::string command_line;  // as typed, for locks and journals
  Interruption* interruption = nullptr;
  Progress* progress = nullptr;
  // Says why on standard error (and on standard output, where a document is wanted) and ends the process at once, from any thread; empty: LastResort's own.
  std::function<void(const Error&)> end;

  RecoverOptions recover_options(bool dry_run = false) const;
  Limit wait_limit() const;  // for locks: --wait
};

struct RunRequest {
  std::string target;  // an app, a recipe or a path
  std::string ref;
  bool quick = false;
  std::vector<Tier> tiers;  // empty: all
  milliseconds keep{0};  // --keep: a red deployment stays that long for inspection
  bool seed = false;   // `canonical seed`: must end in a promotion
  bool fresh = false;  // --fresh: from an empty install
};

struct RunOutcome {
  std::string run_id;
  Verdict verdict = Verdict::error;
  int exit_code = 7;
  std::string summary;      // the last line for people
  std::string result_json;  // the document, as written
  fs::path log;
};

// Errors before anything was begun (unknown recipe, ref, …) are thrown; from then on the outcome says it all.
RunOutcome run_recipe(Session& session, const RunRequest& request);

// Writes the journal and walks `spec` in a child. `kept_stack` not empty: it uses the canonical's name and data.
AttemptReport walk_in_child(const Session& session, const RunSpec& spec, const std::string& kept_stack, bool was_dirty, Progress& progress);
// What every run of an app is told, whatever its mode.
RunSpec spec_of_app(const Config& config, const StateFolder& state, const AppConfig& app);

// Deploys a canonical with its retained data at its own name; undeploys it; puts the snapshot back.
// Returns the URL.
std::string deploy_canonical(Session& session, const std::string& app);
void undeploy_canonical(Session& session, const std::string& app);
RestoreReport restore_canonical(Session& session, const std::string& app);
void drop_canonical(Session& session, const std::string& app);

// The repository of a recipe in the recipes folder. Unknown: Error(usage) naming the nearest.
fs::path find_recipe(const Config& config, const std::string& recipe);
std::vector<std::string> known_recipes(const Config& config);

}  // namespace simmer
