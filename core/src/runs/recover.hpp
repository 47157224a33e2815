// Finishing or undoing what was in flight when a Simmer was killed (promise P3), and the same settling at the
// end of every run: one code path, always exercised. Needs the engine and the journals, no plugin.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <engine/engine.hpp>
#include <state/known_good.hpp>
#include <state/state_folder.hpp>

namespace simmer {

struct RecoverOptions {
  std::function<std::string(const std::string& app)> domain_of;  // of a canonical
  // In the repository of `recipe`, of all that was ever kept for that app only `commit` (empty: nothing) stays reachable. May be empty.
  std::function<void(const std::string& app, const std::string& recipe, const std::string& commit)> keep_only;
  std::chrono::milliseconds teardown{60000};
  bool dry_run = false;
};

// What was done (or, with dry_run, would be), one line each.
using RecoverLog = std::function<void(const std::string& line)>;

// Brings a canonical to before or after whatever its journal says was in flight. The caller holds its lock
// exclusively. `keep_dirty`: a green run by restore-on-failure may leave the data dirty until its next use.
void settle_canonical(const StateFolder& state, Engine& engine, const std::string& app, const RecoverOptions& options, bool keep_dirty, const RecoverLog& log);

// Writes a damaged (or lost) canonical.json again from meta.json, and says so. Whether the app is deployed is asked of the engine; its domain is
// assumed to be the configured one. The caller holds the lock exclusively. Nothing without a known-good, or with a record that is whole.
void mend_record(const StateFolder& state, Engine& engine, const std::string& app, const RecoverOptions& options, const RecoverLog& log);

// Ends what a run left: its process group, stacks that are its own, fork, checkouts. The caller holds the run's
// lock. What could not be removed is returned, and raised as an alert.
std::vector<std::string> settle_run(const StateFolder& state, Engine& engine, const std::string& run_id, const RecoverOptions& options, const RecoverLog& log);

// All runs and canonicals (or one app's) whose Simmer is dead. Those of living ones are left alone; an `app` that
// is named and in use is Error(busy). One that cannot be recovered never keeps the others from it: it raises an
// alert and is returned, in words.
std::vector<std::string> recover_dead(const StateFolder& state, Engine& engine, const std::string& app, const RecoverOptions& options, const RecoverLog& log);

}  // namespace simmer
