// What an operator does to a canonical by hand: deploy, undeploy, restore, drop. Each under the known-good's
// lock and with a journal in the app's folder; recover.cpp finishes or undoes them.
#include <algorithm>

#include <base/files.hpp>
#include <base/process.hpp>
#include <runs/engine_of.hpp>
#include <runs/run_command.hpp>
#include <simmer/error.hpp>
#include <state/alerts.hpp>
#include <state/journal.hpp>
#include <state/lock.hpp>

namespace simmer {

namespace {

// Where it is deployed, if it is; else where it would be.
std::string domain_now(const Session& session, const std::string& app, const KnownGood& known_good) {
  const auto record = known_good.record();
  return record && record->status == "deployed" && !record->domain.empty() ? record->domain : session.config.domain_of(session.config.app(app));
}

// The lock, everything older settled, and the journal of what comes now.
class CanonicalChange {
 public:
  // `settle_first`: not when what is there may be damaged beyond settling, and is to go.
  CanonicalChange(Session& session, const std::string& app, bool settle_first = true)
      : session_(session),
        app_(app),
        engine_(session.make_engine()),
        lock_(Lock::acquire(known_good_lock(session.state, app), Lock::Mode::exclusive, app, session.command_line, session.wait_limit())),
        known_good_(session.state, app),
        domain_(domain_now(session, app, known_good_)),
        stack_(stack_of_domain(domain_)) {
    engine_->check(teardown_limit());
    require_engine_of(session.state, app, *engine_, teardown_limit());
    if (settle_first) settle();
  }

  void begin(const std::string& operation, const std::string& step) {
    JournalEntry entry;
    entry.operation = operation;
    entry.app = app_;
    entry.recipe = session_.config.app(app_).recipe;
    entry.engine = engine_->name();
    entry.engine_id = engine_->identity(teardown_limit());
    entry.command = session_.command_line;
    entry.started_at = utc_time();
    entry.parent = this_process();
    entry.stacks = {stack_};
    entry.kept_stack = stack_;
    const auto dirty = known_good_.dirty();
    entry.was_dirty = dirty && operation == "canonical-undeploy";
    entry.step = step;
    journal_.emplace(session_.state, entry, true);
  }

  void settle() {
    settle_canonical(session_.state, *engine_, app_, session_.recover_options(), false, [&](const std::string& line) {
      if (session_.progress != nullptr) session_.progress->line(LogLevel::info, "recover: " + line);
    });
  }

  void undeploy() {
    engine_->remove(stack_, teardown_limit());
    remove_tree(session_.state.canonical_checkout(app_));
    forget_deployed_on(session_.state, app_);
  }

  void finish() { journal_->finish(); }
  bool is_deployed() const {
    const auto record = known_good_.record();
    return record && record->status == "deployed";
  }

  Limit teardown_limit() const { return Limit::in(session_.config.deadlines.teardown); }
  KnownGood& known_good() { return known_good_; }
  Engine& engine() { return *engine_; }
  const std::string& domain() const { return domain_; }
  const std::string& stack() const { return stack_; }

 private:
  Session& session_;
  std::string app_;
  std::unique_ptr<Engine> engine_;
  Lock lock_;
  KnownGood known_good_;
  std::string domain_, stack_;
  std::optional<Journal> journal_;
};

}  // namespace

std::string deploy_canonical(Session& session, const std::string& app) {
  CanonicalChange change(session, app);
  if (change.is_deployed()) return change.engine().endpoint(change.stack(), "", change.teardown_limit());
  const auto meta = change.known_good().snapshot().meta();
  RunSpec spec = spec_of_app(session.config, session.state, session.config.app(app));
  spec.recipe = meta.recipe;
  spec.mode = RunMode::deploy;
  spec.run_id = utc_stamp() + "-" + app + "-deploy-" + std::to_string(::getpid());
  // Without a repository it is deployed all the same.
  const auto known = known_recipes(session.config);
  if (meta.recipe_file.empty() || std::find(known.begin(), known.end(), meta.recipe) != known.end()) spec.repository = find_recipe(session.config, meta.recipe);
  spec.domain = change.domain();
  spec.stack = change.stack();
  spec.engine_id = change.engine().identity(change.teardown_limit());
  spec.head.commit = meta.commit;
  spec.head.version = meta.version;
  auto run = Lock::acquire(run_lock(session.state, spec.run_id), Lock::Mode::exclusive, "run " + spec.run_id, session.command_line, session.wait_limit());
  make_folders(session.state.run(spec.run_id));
  const auto dirty = change.known_good().dirty();
  const auto report = walk_in_child(session, spec, spec.stack, dirty && dirty->by == "deploy", *session.progress);
  if (report.ended) note_deployed_on(session.state, app, change.engine(), change.teardown_limit());
  if (!report.ended) change.settle();
  else remove_durably(journal_of_canonical(session.state, app));
  // What is deployed at the canonical's own name is the canonical's now, not the run's.
  remove_tree(session.state.run(spec.run_id));
  run.remove_file();
  if (!report.ended) throw Error(report.failed.value_or(ErrorKind::internal), report.failure + "; " + app + " is undeployed again");
  return report.facts.at("url");
}

void undeploy_canonical(Session& session, const std::string& app) {
  CanonicalChange change(session, app);
  change.begin("canonical-undeploy", "undeploying " + change.stack());
  change.undeploy();
  change.known_good().write_record(change.domain(), "idle");
  change.finish();
}

RestoreReport restore_canonical(Session& session, const std::string& app) {
  CanonicalChange change(session, app);
  // Nothing is touched before the snapshot is known to be whole: the data may be all that is left.
  auto faults = change.known_good().snapshot().check();
  if (faults.empty()) faults = change.known_good().snapshot().verify(Limit::in(std::chrono::hours(2), session.interruption->token()));
  if (!faults.empty()) {
    const auto& fault = faults.front();
    const std::string what = (fault.volume.empty() ? "" : "volume " + fault.volume + ": ") + (fault.path.empty() ? "" : fault.path + ": ") + fault.what;
    raise_alert(session.state, "canonical-damaged", app, {{"detail", what}});
    throw Error(ErrorKind::needs_operator, "the snapshot of " + app + " is damaged, nothing was restored: " + what);
  }
  change.begin("canonical-restore", "restoring the retained data");
  change.known_good().set_dirty("restore", "");
  change.undeploy();
  change.known_good().write_record(change.domain(), "idle");
  const auto report = change.known_good().restore(Limit::in(std::chrono::hours(2), session.interruption->token()));
  change.finish();
  return report;
}

void drop_canonical(Session& session, const std::string& app) {
  CanonicalChange change(session, app, false);
  change.begin("canonical-drop", "dropping the known-good");
  change.undeploy();
  // The point of no return; what is left after it is rubbish that anybody may clear away.
  remove_durably(change.known_good().snapshot().folder() / "meta.json");
  change.settle();
}

}  // namespace simmer
