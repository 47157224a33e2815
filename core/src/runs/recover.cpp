#include <runs/recover.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>

#include <base/crash_point.hpp>
#include <base/mounts.hpp>
#include <base/process.hpp>
#include <runs/engine_of.hpp>
#include <runs/result.hpp>
#include <runs/run_command.hpp>
#include <simmer/error.hpp>
#include <snapshots/fork.hpp>
#include <state/alerts.hpp>
#include <state/journal.hpp>
#include <state/lock.hpp>

namespace simmer {

namespace {

constexpr milliseconds data_deadline = std::chrono::hours(2);

// The dead run's tools die some milliseconds after its locks are free.
void end_what_lives(const JournalEntry& entry, const RecoverOptions& options, const RecoverLog& log) {
  if (entry.child.pid == 0) return;
  const auto left = entry.child.boot_id == this_boot_id() ? processes_in_group(entry.child.pid) : std::vector<pid_t>{};
  if (left.empty()) return;
  log("run " + entry.run_id + ": ending " + std::to_string(left.size()) + " processes that outlived it");
  if (!options.dry_run) end_process_group(entry.child, Limit::in(options.teardown));
}

void remove_stack(Engine& engine, const std::string& stack, const RecoverOptions& options, const RecoverLog& log, std::vector<std::string>& residue) {
  const Limit limit = Limit::in(options.teardown);
  if (engine.inventory(stack, limit).empty()) return;
  log("removing the deployment " + stack);
  if (options.dry_run) return;
  try {
    engine.remove(stack, limit);
    for (const auto& left : engine.inventory(stack, limit)) residue.push_back(left.kind + " " + left.name);
  } catch (const Error& error) {
    residue.push_back("deployment " + stack + ": " + error.what());
  }
}

// What apps had mounted and nobody is left to report.
void tell_undone_mounts(const std::string& subject, const RecoverLog& log) {
  for (const auto& mount : take_undone_mounts()) log(subject + ": an app had left a mount on " + mount + ": undone");
}

void alert_residue(const StateFolder& state, const std::string& app, const std::vector<std::string>& residue) {
  if (residue.empty()) return;
  std::string all;
  for (const auto& left : residue) all += (all.empty() ? "" : "; ") + left;
  raise_alert(state, "teardown-failed", app, {{"detail", "could not be removed: " + all}});
}

nlohmann::json known_of(const std::string& run_id, const std::optional<JournalEntry>& entry) {
  nlohmann::json known = {{"schema", 1}, {"run_id", run_id}};
  if (entry)
    known.update({{"app", entry->app}, {"recipe", entry->recipe}, {"engine", entry->engine}, {"mode", entry->operation}, {"started_at", entry->started_at}});
  return known;
}

std::string step_of(const std::optional<JournalEntry>& entry) { return !entry || entry->step.empty() ? "it began" : entry->step; }

// Of all that was held for the app outside of its folder, what is the known-good's stays. Refs serve ancestry alone, and an image that is not
// here is for `canonical verify` to say: neither keeps anybody from settling.
void settle_what_is_held(Engine& engine, const KnownGood& known_good, const JournalEntry& entry, const RecoverOptions& options, const RecoverLog& log) {
  try {
    engine.keep_only_images(known_good.app(), known_good.exists() ? known_good.snapshot().meta().digests : std::map<std::string, std::string>(), Limit::in(options.teardown));
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
    log(known_good.app() + ": the images of the known-good are not held: " + error.what());
  }
  if (!options.keep_only) return;
  try {
    const auto meta = known_good.exists() ? known_good.snapshot().meta() : SnapshotMeta();
    options.keep_only(known_good.app(), meta.recipe.empty() ? entry.recipe : meta.recipe, meta.commit);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
    log(known_good.app() + ": the commit of the known-good is not kept reachable in its repository: " + error.what());
  }
}

bool belongs_to(const JournalEntry& entry, const std::string& run_id) { return entry.run_id == run_id; }

}  // namespace

void settle_canonical(const StateFolder& state, Engine& engine, const std::string& app, const RecoverOptions& options, bool keep_dirty, const RecoverLog& log) {
  KnownGood known_good(state, app);
  require_engine_of(state, app, engine, Limit::in(options.teardown));
  const auto entry = read_journal(journal_of_canonical(state, app));
  const bool exists = known_good.exists();
  if (!entry) return mend_record(state, engine, app, options, log);
  const bool may_have_none = entry->operation == "seed" || entry->operation == "canonical-drop";
  if (!exists && !may_have_none)
    throw Error(ErrorKind::needs_operator, app + ": a " + entry->operation + " was in flight and snapshot/meta.json is gone; what is left in " +
                                               known_good.folder().string() + " is kept as it is");
  end_what_lives(*entry, options, log);
  const bool committed = exists && !entry->run_id.empty() && known_good.snapshot().meta().run_id == entry->run_id;
  // An undeploy, a restore and a drop past its commit are finished, everything else is undone.
  const bool to_finish = committed || !exists || entry->operation == "canonical-undeploy" || entry->operation == "canonical-restore";
  log(app + ": " + entry->operation + (entry->run_id.empty() ? "" : " of run " + entry->run_id) + " was in flight (" + entry->step + "): " +
      (to_finish ? "finishing it" : "undoing it"));
  std::vector<std::string> residue;
  if (!entry->kept_stack.empty()) remove_stack(engine, entry->kept_stack, options, log, residue);
  if (options.dry_run) return;
  if (!residue.empty()) {
    alert_residue(state, app, residue);
    throw Error(ErrorKind::needs_operator, app + ": a deployment could not be removed: " + residue.front());
  }
  forget_deployed_on(state, app);
  const fs::path fork = entry->run_id.empty() ? fs::path() : state.fork(entry->run_id);
  remove_tree(state.canonical_checkout(app));
  if (committed && known_good.adopt_volumes(fork)) {
    // The fork's content is what the snapshot was taken of: nothing has run on it since.
    log(app + ": put the new data in place");
    known_good.clear_dirty();
  }
  if (!committed) remove_tree(known_good.folder() / "volumes.old");
  if (!fork.empty()) discard_fork(fork);
  if (exists) {
    const auto dirty = known_good.dirty();
    bool missing = false;
    for (const auto& [name, folder] : known_good.volumes()) missing = missing || !fs::is_directory(folder);
    // What an operator made of a deployed canonical's data is his, until it is used or restored.
    const bool operators_own = dirty && dirty->by == "deploy" && entry->was_dirty;
    if ((dirty && !keep_dirty && !operators_own) || missing) {
      log(app + ": restoring the retained data from the snapshot");
      known_good.restore(Limit::in(data_deadline));
    }
    known_good.write_record(options.domain_of(app), "idle");
    known_good.snapshot().drop_unreferenced();
  } else {
    // A first seed before its commit, or a drop after it: nothing here is a known-good.
    remove_tree(known_good.snapshot().folder());
    remove_tree(known_good.volumes_folder());
    remove_tree(known_good.aside_folder());
    remove_durably(known_good.folder() / "dirty");
    remove_tree(known_good.folder() / "canonical.json");
    if (!entry->kept_stack.empty()) engine.forget(entry->kept_stack);
  }
  settle_what_is_held(engine, known_good, *entry, options, log);
  tell_undone_mounts(app, log);
  remove_durably(journal_of_canonical(state, app));
  if (!exists) {
    std::error_code not_empty;
    fs::remove(known_good.folder(), not_empty);
  }
}

void mend_record(const StateFolder& state, Engine& engine, const std::string& app, const RecoverOptions& options, const RecoverLog& log) {
  KnownGood known_good(state, app);
  if (!known_good.exists()) return;
  const auto record = known_good.record();
  if (record && record->damage.empty()) return;
  const std::string domain = options.domain_of(app);
  const auto deployed = engine.deployed(stack_of_domain(domain), Limit::in(options.teardown));
  const std::string status = deployed && deployed->running ? "deployed" : "idle";
  log(app + ": warning: " + (record ? record->damage : "canonical.json is lost") + "; it is written again from snapshot/meta.json, with the domain that is configured, " + domain + ", and as " + status +
      ", as the engine says of that");
  if (status == "idle" && fs::exists(state.canonical_checkout(app)))
    log(app + ": warning: " + state.canonical_checkout(app).string() + " is there: it may be deployed at another domain");
  if (!options.dry_run) known_good.write_record(domain, status);
}

std::vector<std::string> settle_run(const StateFolder& state, Engine& engine, const std::string& run_id, const RecoverOptions& options, const RecoverLog& log) {
  std::vector<std::string> residue;
  const auto entry = read_journal(journal_of_run(state, run_id));
  if (entry) {
    require_engine_of(state, *entry, engine, Limit::in(options.teardown));
    end_what_lives(*entry, options, log);
    for (const auto& stack : entry->stacks)
      if (stack != entry->kept_stack) remove_stack(engine, stack, options, log, residue);
  }
  if (options.dry_run) return residue;
  const auto app_journal = entry && !entry->app.empty() ? read_journal(journal_of_canonical(state, entry->app)) : std::nullopt;
  const bool fork_is_wanted = app_journal && belongs_to(*app_journal, run_id);
  try {
    if (!fork_is_wanted) discard_fork(state.fork(run_id));
    remove_tree(state.work(run_id));
  } catch (const Error& error) {
    residue.push_back(error.what());
  }
  tell_undone_mounts("run " + run_id, log);
  if (entry) {
    alert_residue(state, entry->app, residue);
    if (residue.empty()) remove_durably(journal_of_run(state, run_id));
  }
  return residue;
}

std::vector<std::string> recover_dead(const StateFolder& state, Engine& engine, const std::string& app, const RecoverOptions& options, const RecoverLog& log) {
  std::vector<std::string> problems;
  const auto try_it = [&](const std::string& subject, const std::function<void()>& action) {
    try {
      action();
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      problems.push_back(subject + ": " + error.what());
      log(problems.back());
      if (!options.dry_run) raise_alert(state, "recovery-failed", subject, {{"detail", error.what()}});
    }
  };
  // Canonicals first: their journals are the authority for their data and their forks.
  for (const auto& name : state.canonical_apps()) {
    if (!app.empty() && name != app) continue;
    const auto needs_mending = [&] {
      try {
        const KnownGood known_good(state, name);
        const auto record = known_good.record();
        return known_good.exists() && (!record || !record->damage.empty());
      } catch (const Error&) {
        return false;  // a damaged snapshot is not for us to mend
      }
    };
    if (!fs::exists(journal_of_canonical(state, name)) && !needs_mending()) continue;
    auto lock = Lock::try_acquire(known_good_lock(state, name), Lock::Mode::exclusive, "simmer recover " + name);
    if (lock) try_it(name, [&] { settle_canonical(state, engine, name, options, false, log); });
    else if (!app.empty())
      throw Error(ErrorKind::busy, name + " is in use by " + Lock::holder(known_good_lock(state, name)) + "; nothing to recover while it lives");
  }
  for (const auto& run_id : state.run_ids()) {
    std::optional<JournalEntry> entry;
    bool readable = false;
    try_it("run-" + run_id, [&] {
      entry = read_journal(journal_of_run(state, run_id));
      readable = true;
    });
    if (!readable) continue;
    // A run that ended takes its lock's file with it.
    const bool unfinished = entry || fs::exists(state.work(run_id)) || fs::exists(run_lock(state, run_id));
    if (!unfinished || (!app.empty() && entry && entry->app != app)) continue;
    auto lock = Lock::try_acquire(run_lock(state, run_id), Lock::Mode::exclusive, "simmer recover");
    if (!lock) continue;
    log("run " + run_id + " was killed" + (entry && !entry->step.empty() ? " while " + entry->step : "") + ": cleaning up after it");
    try_it("run-" + run_id, [&] {
      const auto residue = settle_run(state, engine, run_id, options, log);
      // Nothing disappears from history.
      if (!options.dry_run) write_killed_result(state, run_id, known_of(run_id, entry), "Simmer was killed while " + step_of(entry) + "; recovered at " + utc_time());
      if (!residue.empty()) throw Error(ErrorKind::needs_operator, "left something that could not be removed: " + residue.front());
    });
    if (!options.dry_run) lock->remove_file();
  }
  // Locks of runs that were killed before they had a folder.
  if (app.empty() && !options.dry_run) {
    for (const auto& file : fs::directory_iterator(state.locks())) {
      const std::string name = file.path().filename();
      if (!name.starts_with("run-") || fs::exists(state.run(name.substr(4)))) continue;
      if (auto lock = Lock::try_acquire(file.path(), Lock::Mode::exclusive, "simmer recover")) lock->remove_file();
    }
  }
  // Forks whose run is not even known any more.
  std::error_code none;
  for (fs::directory_iterator fork(state.forks(), none), end; !none && fork != end; fork.increment(none)) {
    const std::string run_id = fork->path().filename();
    if (fs::exists(journal_of_run(state, run_id)) || Lock::is_held(run_lock(state, run_id))) continue;
    log("discarding the fork of run " + run_id);
    const fs::path folder = fork->path();
    if (!options.dry_run) try_it("run-" + run_id, [&] { discard_fork(folder); });
  }
  return problems;
}

}  // namespace simmer
