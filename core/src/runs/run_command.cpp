#include <runs/run_command.hpp>

#include <sys/random.h>

#include <nlohmann/json.hpp>

#include <algorithm>

#include <base/files.hpp>
#include <base/process.hpp>
#include <runs/bounded_reading.hpp>
#include <runs/engine_of.hpp>
#include <runs/error_kind.hpp>
#include <runs/past_runs.hpp>
#include <runs/recipe_source.hpp>
#include <runs/result.hpp>
#include <runs/run_target.hpp>
#include <runs/upgrade_base.hpp>
#include <simmer/error.hpp>
#include <state/alerts.hpp>
#include <state/journal.hpp>
#include <state/lock.hpp>

namespace simmer {

namespace {

std::string make_hex(const StateFolder& state) {
  const auto runs = state.run_ids();
  while (true) {
    unsigned char bytes[3];
    if (::getrandom(bytes, sizeof bytes, 0) != sizeof bytes) throw_errno("cannot get random bytes", errno);
    char hex[7];
    std::snprintf(hex, sizeof hex, "%02x%02x%02x", bytes[0], bytes[1], bytes[2]);
    const bool taken = std::any_of(runs.begin(), runs.end(), [&](const std::string& id) { return id.ends_with(std::string("-") + hex); });
    if (!taken) return hex;
  }
}

class RunOf {
 public:
  RunOf(Session& session, const RunRequest& request) : session_(session), request_(request), config_(session.config), state_(session.state) {}
  RunOutcome go();

 private:
  void resolve();
  void choose_mode();
  void choose_base();
  BaseQuestion question_of_base(const KnownGood& known_good) const;
  std::string label_of_head() const;
  std::string why_not_quick(const KnownGood& known_good);
  bool is_whole_or_absent(const KnownGood& known_good) const;
  bool is_usable(const KnownGood& known_good) const;
  void refuse_full_disk() const;
  void refuse_fresh_over_deployed() const;
  std::vector<EngineObject> inventory();
  void begin();
  void take_tree();
  void leave_nothing();
  template <class Read>
  auto read(const std::string& doing, Read&& read) {
    return read_bounded(session_, doing, [this] { leave_nothing(); }, std::forward<Read>(read));
  }
  void attempt_until_clear();
  void settle(bool uses_canonical, bool keep_dirty);
  void consider_promotion();
  void promote(bool from_empty);
  RunOutcome finish();
  std::string role() const;
  std::string label() const { return record_.spec.head.version.empty() ? record_.spec.head.commit.substr(0, 12) : record_.spec.head.version; }

  Session& session_;
  const RunRequest& request_;
  const Config& config_;
  const StateFolder& state_;
  Target target_;
  AppConfig app_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<RunLog> log_;
  std::optional<Lock> run_lock_, known_good_lock_;
  RunRecord record_;
  int exit_code_ = 0;
};

void RunOf::resolve() {
  target_ = find_target(session_, request_.target, request_.fresh ? NameOf::app_alone : NameOf::app_or_recipe);
  app_ = app_config(session_, target_.app);
  auto& spec = record_.spec;
  spec = spec_of_app(config_, state_, app_);
  spec.app = target_.app;
  spec.recipe = target_.recipe;
  spec.repository = target_.repository;
  if (target_.working_tree.empty()) spec.head = read("reading " + target_.repository.string(), [&](const Limit&) { return RecipeRepository(target_.repository).resolve(request_.ref); });
  else if (!request_.ref.empty()) throw Error(ErrorKind::usage, "--ref and a path exclude each other: the working tree is tested as it is");
  spec.keep = request_.keep;
  spec.tiers = request_.tiers.empty() ? std::vector<Tier>(all_tiers.begin(), all_tiers.end()) : request_.tiers;
}

BaseQuestion RunOf::question_of_base(const KnownGood& known_good) const {
  BaseQuestion question;
  question.head = record_.spec.head;
  // A checkout that is tested knows its own history and its own tags best.
  if (question.head.is_working_tree && !question.head.commit.starts_with("tree-")) question.repositories.push_back(target_.working_tree);
  if (!target_.repository.empty() && std::find(question.repositories.begin(), question.repositories.end(), target_.repository) == question.repositories.end())
    question.repositories.push_back(target_.repository);
  if (is_usable(known_good)) {
    const auto meta = known_good.snapshot().meta();
    question.known_good = {meta.commit, meta.version, !meta.recipe_file.empty()};
  }
  question.label = [this] { return label_of_head(); };
  return question;
}

std::string RunOf::label_of_head() const {
  const auto& spec = record_.spec;
  const fs::path work = state_.work(spec.run_id);
  return spec.head_is_taken ? version_label_in(work / "head", spec.recipe) : version_label_at(RecipeRepository(target_.repository), spec.head.commit, spec.recipe, work / "label");
}

// Chooses the base on the way: where the known-good's commit is.
std::string RunOf::why_not_quick(const KnownGood& known_good) {
  if (!is_usable(known_good)) return "the known-good of " + target_.app + " is damaged: see simmer alerts list";
  if (!known_good.exists()) return "there is no known-good of " + target_.app + " yet: simmer canonical seed " + target_.app;
  const auto faults = known_good.check();
  if (!faults.empty()) {
    raise_alert(state_, "canonical-damaged", target_.app, {{"detail", faults.front()}});
    return "the known-good of " + target_.app + " is damaged: " + faults.front();
  }
  const auto base = read("looking for the base of the upgrade", [&](const Limit&) { return base_of_quick_run(question_of_base(known_good)); });
  if (!base.repository.empty()) record_.spec.repository = base.repository;
  return base.why;
}

void RunOf::choose_mode() {
  auto& spec = record_.spec;
  record_.mode_asked = request_.quick ? "quick" : "cold";
  if (!request_.quick) return;
  known_good_lock_ = Lock::acquire(known_good_lock(state_, target_.app), Lock::Mode::exclusive, target_.app,
                                   session_.command_line + ", run " + spec.run_id, session_.wait_limit());
  KnownGood known_good(state_, target_.app);
  if (is_usable(known_good))
    settle_canonical(state_, *engine_, target_.app, session_.recover_options(), false, [&](const std::string& line) { log_->line(LogLevel::info, "recover: " + line); });
  if (is_usable(known_good) && is_deployed(state_, known_good))
    throw Error(ErrorKind::busy, target_.app + " is deployed: simmer canonical undeploy " + target_.app + " first");
  record_.mode_reason = why_not_quick(known_good);
  if (!record_.mode_reason.empty()) {
    log_->line(LogLevel::warning, "not quick but cold: " + record_.mode_reason);
    known_good_lock_.reset();
    return;
  }
  spec.mode = RunMode::quick;
  const auto meta = known_good.snapshot().meta();
  spec.base_commit = meta.commit;
  spec.base_version = meta.version;
  record_.canonical_before = record_.canonical_after = meta.version;
}

// A meta.json that cannot be read is an alert, and no reason not to test a change.
bool RunOf::is_whole_or_absent(const KnownGood& known_good) const {
  try {
    known_good.exists();
    return true;
  } catch (const Error& error) {
    raise_alert(state_, "canonical-damaged", target_.app, {{"detail", error.what()}});
    return false;
  }
}

bool RunOf::is_usable(const KnownGood& known_good) const { return is_whole_or_absent(known_good) && known_good.exists(); }

void RunOf::choose_base() {
  auto& spec = record_.spec;
  if (spec.mode == RunMode::quick) return;
  const KnownGood known_good(state_, target_.app);
  UpgradeBase base;
  {
    std::optional<Lock> shared;
    if (is_usable(known_good)) {
      shared = Lock::acquire(known_good_lock(state_, target_.app), Lock::Mode::shared, target_.app, session_.command_line,
                             Limit::in(std::max(config_.deadlines.wait, milliseconds(5000)), session_.interruption->token()));
      record_.canonical_before = record_.canonical_after = known_good.snapshot().meta().version;
    }
    base = read("looking for the base of the upgrade", [&](const Limit&) { return choose_upgrade_base(question_of_base(known_good)); });
  }
  if (base.commit.empty()) {
    (base.is_known ? spec.no_base : spec.base_unknown) = base.why;
    log_->line(base.is_known ? LogLevel::info : LogLevel::warning, "upgrade tier: " + base.why);
    return;
  }
  if (!base.repository.empty()) spec.repository = base.repository;
  spec.base_commit = base.commit;
  spec.base_version = base.version;
  if (base.is_known_good) log_->line(LogLevel::info, "upgrade tier: from the known-good, " + base.version);
  else
    log_->line(LogLevel::info, "upgrade tier: from the older release " + base.version +
                                   (record_.canonical_before.empty() ? "" : "; the known-good, " + record_.canonical_before + ", is not older than what is tested, or cannot be had"));
}

void RunOf::refuse_full_disk() const {
  const int used = percent_used(state_.root());
  if (used < config_.disk.high) return;
  const std::string what = "the disk of " + state_.root().string() + " is " + std::to_string(used) + " % full, the mark is " + std::to_string(config_.disk.high) +
                           " % (disk.high): no new run; make room, or see simmer gc";
  try {
    raise_alert(state_, "disk-high", target_.app, {{"detail", what}});
  } catch (const Error&) {
    // No room even for the alert: what is printed must do.
  }
  throw Error(ErrorKind::infrastructure, what);
}

// What an operator has deployed, and may have edited, is not for a seed to end: he undeploys it first.
void RunOf::refuse_fresh_over_deployed() const {
  const KnownGood known_good(state_, target_.app);
  if (!request_.fresh || !is_usable(known_good)) return;
  if (is_deployed(state_, known_good)) throw Error(ErrorKind::busy, target_.app + " is deployed: simmer canonical undeploy " + target_.app + " first");
  const auto meta = known_good.snapshot().meta();
  if (session_.progress != nullptr)
    session_.progress->line(LogLevel::warning, "the known-good of " + target_.app + ", " + meta.version + " of " + meta.taken_at + ", " + std::to_string(meta.bytes) + " bytes, will be replaced by a fresh one");
}

void RunOf::begin() {
  auto& spec = record_.spec;
  spec.hex = make_hex(state_);
  spec.run_id = utc_stamp() + "-" + spec.app + "-" + spec.hex;
  record_.started_at = utc_time();
  run_lock_ = Lock::acquire(run_lock(state_, spec.run_id), Lock::Mode::exclusive, "run " + spec.run_id, session_.command_line,
                            Limit::in(milliseconds(1000), session_.interruption->token()));
  make_folders(state_.run(spec.run_id));
  log_ = std::make_unique<RunLog>(state_.run(spec.run_id) / "log", session_.progress);
}

// Of the run's own name, and nobody else's: what stands beside it may change while it runs.
std::vector<EngineObject> RunOf::inventory() { return engine_->inventory(record_.spec.stack, Limit::in(config_.deadlines.teardown)); }

// After every attempt, whatever came of it: the same code that recovers after a crash.
void RunOf::settle(bool uses_canonical, bool keep_dirty) {
  const auto log = [&](const std::string& line) { log_->line(LogLevel::debug, "settle: " + line); };
  auto& report = record_.attempts.back();
  try {
    if (uses_canonical) settle_canonical(state_, *engine_, target_.app, session_.recover_options(), keep_dirty, log);
    for (const auto& left : settle_run(state_, *engine_, record_.spec.run_id, session_.recover_options(), log)) report.residue.push_back(left);
  } catch (const Error& error) {
    report.residue.push_back(error.what());
  }
  for (const auto& left : report.residue) record_.residue.push_back(left);
  if (report.residue.empty()) return;
  raise_alert(state_, "teardown-failed", target_.app, {{"detail", "run " + record_.spec.run_id + " left " + report.residue.front()}});
  exit_code_ = worst_exit_code(exit_code_, 5);
}

void RunOf::take_tree() {
  const fs::path work = state_.work(record_.spec.run_id);
  make_folders(work);
  record_.spec.head = read("copying " + target_.working_tree.string(), [&](const Limit& limit) { return take_working_tree(target_.working_tree, work / "head", limit); });
  record_.spec.head_is_taken = true;
}

// Nothing was begun: nothing stays. Also called by another thread, while this one hangs.
void RunOf::leave_nothing() {
  if (record_.spec.run_id.empty()) return;
  remove_tree(state_.run(record_.spec.run_id));
  if (run_lock_) run_lock_->remove_file();
}

void RunOf::attempt_until_clear() {
  auto& spec = record_.spec;
  const bool quick = spec.mode == RunMode::quick;
  record_.inventory_before = inventory();
  record_.tools = engine_->tools(Limit::in(config_.deadlines.teardown));
  write_begun(state_, record_);
  for (spec.attempt = 1;; ++spec.attempt) {
    record_.attempts.push_back(walk_in_child(session_, spec, quick ? spec.stack : "", false, *log_));
    auto& report = record_.attempts.back();
    record_.verdict = judge(report, spec.tiers);
    settle(quick, record_.verdict == Verdict::pass);
    record_.verdict = judge(report, spec.tiers);
    // A red cold run is repeated once in isolation: a loaded machine must not be taken for a bad change.
    if (quick || record_.verdict != Verdict::fail || spec.attempt == 2 || session_.interruption->count() > 0 || !report.residue.empty()) break;
    log_->line(LogLevel::info, "red: " + reason_of(report) + "; once more, to be sure");
    // By now there is a run: what is left of it, if this hangs, is for `recover`.
    if (!target_.working_tree.empty()) spec.head = read_bounded(session_, "copying " + target_.working_tree.string(), {}, [&](const Limit& limit) { return take_working_tree(target_.working_tree, state_.work(spec.run_id) / "head", limit); });
  }
  if (spec.attempt == 2 && record_.verdict == Verdict::pass) record_.verdict = Verdict::flaky;
  record_.full = !quick && is_full(record_.attempts.back(), spec.tiers);
  const auto& last = record_.attempts.back();
  record_.reason = reason_of(record_.verdict == Verdict::flaky ? record_.attempts.front() : last);
  if (record_.verdict == Verdict::flaky) record_.reason = "red and then green: " + record_.reason;
  if (record_.verdict == Verdict::error) exit_code_ = worst_exit_code(exit_code_, exit_code_of(last.failed.value_or(ErrorKind::internal)));
  else if (record_.verdict == Verdict::fail || record_.verdict == Verdict::flaky) exit_code_ = worst_exit_code(exit_code_, 1);
}

std::string RunOf::role() const {
  if (!app_.role.empty()) return app_.role;
  const auto& facts = record_.attempts.back().facts;
  const auto said = facts.find("default_role");
  return said == facts.end() ? "test" : said->second;
}

// Only a green, full, cold run of the newest released version advances a canonical, and only forwards (P11).
void RunOf::consider_promotion() {
  const auto& spec = record_.spec;
  const auto unchanged = [&](const std::string& why) {
    record_.canonical_outcome = "unchanged";
    record_.canonical_reason = why;
    if (request_.seed) {
      log_->line(LogLevel::error, "not seeded: " + why);
      exit_code_ = worst_exit_code(exit_code_, exit_code_ == 0 ? 1 : 0);
    }
  };
  if (spec.mode == RunMode::quick) return unchanged("a quick run never moves the known-good");
  if (record_.verdict != Verdict::pass) return unchanged("the run was not green");
  if (role() != "canonical") return unchanged("the role of " + spec.app + " is " + role() + ", not canonical");
  if (spec.head.is_working_tree) return unchanged("a working tree is never promoted");
  if (!spec.head.is_newest_release) return unchanged("this is not the newest release");
  if (!record_.full) return unchanged("not every tier ran");
  known_good_lock_ = Lock::try_acquire(known_good_lock(state_, target_.app), Lock::Mode::exclusive, session_.command_line + ", run " + spec.run_id);
  if (!known_good_lock_) {
    try {
      known_good_lock_ = Lock::acquire(known_good_lock(state_, target_.app), Lock::Mode::exclusive, target_.app,
                                       session_.command_line + ", run " + spec.run_id, session_.wait_limit());
    } catch (const Error& error) {
      record_.canonical_outcome = "busy";
      record_.canonical_reason = error.message();
      exit_code_ = worst_exit_code(exit_code_, exit_code_of(error.kind()));
      return;
    }
  }
  const KnownGood known_good(state_, target_.app);
  if (!is_whole_or_absent(known_good)) {
    // An operator decides what becomes of it; a run never writes over what may still be saved.
    record_.canonical_outcome = "failed";
    record_.canonical_reason = "the known-good is damaged: simmer canonical verify " + target_.app + ", or drop it and seed anew";
    exit_code_ = worst_exit_code(exit_code_, 5);
    return;
  }
  try {
    // What could not be recovered at the beginning would lose its journal to the promotion's.
    settle_canonical(state_, *engine_, target_.app, session_.recover_options(), false, [&](const std::string& line) { log_->line(LogLevel::info, "recover: " + line); });
  } catch (const Error& error) {
    record_.canonical_outcome = "failed";
    record_.canonical_reason = error.message();
    exit_code_ = worst_exit_code(exit_code_, exit_code_of(error.kind()));
    return;
  }
  if (!known_good.exists()) return promote(true);
  // Read again under the lock: somebody else may have been faster.
  const auto meta = known_good.snapshot().meta();
  record_.canonical_before = record_.canonical_after = meta.version;
  if (is_deployed(state_, known_good)) {
    record_.canonical_outcome = "busy";
    record_.canonical_reason = target_.app + " is deployed: simmer canonical undeploy " + target_.app;
    exit_code_ = worst_exit_code(exit_code_, 6);
    return;
  }
  if (request_.fresh) return promote(true);
  if (meta.commit == spec.head.commit) {
    record_.canonical_outcome = "unchanged";
    record_.canonical_reason = meta.version + " is the known-good already";
    return;
  }
  const auto old_version = Version::parse(meta.version), new_version = Version::parse(spec.head.version);
  if (old_version && new_version && *new_version < *old_version) return unchanged("only forwards: the known-good is " + meta.version);
  promote(false);
}

void RunOf::promote(bool from_empty) {
  RunSpec spec = record_.spec;
  spec.mode = from_empty ? RunMode::seed : RunMode::promote;
  spec.domain = config_.domain_of(app_);
  spec.stack = stack_of_domain(spec.domain);
  log_->line(LogLevel::info, (from_empty ? "seeding the known-good: " : "promoting: ") + (record_.canonical_before.empty() ? "" : record_.canonical_before + " -> ") + spec.head.version);
  const auto cold = record_.attempts.back();
  // Before the commit, beside the old one's, which goes when all is settled: at every instant the known-good's is there.
  try {
    RecipeRepository(target_.repository).keep(spec.app, spec.head.commit);
  } catch (const Error& error) {
    log_->line(LogLevel::warning, std::string("the commit cannot be kept reachable: ") + error.what());
  }
  record_.attempts.push_back(walk_in_child(session_, spec, spec.stack, false, *log_));
  settle(true, false);
  const auto promotion = record_.attempts.back();
  record_.attempts.pop_back();
  record_.promotion_took = promotion.took;
  record_.promotion_deploys = promotion.deploy_count;
  const KnownGood known_good(state_, target_.app);
  const bool committed = known_good.exists() && known_good.snapshot().meta().run_id == spec.run_id;
  if (committed) {
    record_.canonical_outcome = from_empty ? "seeded" : "promoted";
    record_.canonical_after = known_good.snapshot().meta().version;
    return;
  }
  record_.canonical_outcome = "failed";
  record_.canonical_reason = promotion.failure.empty() ? "the promotion did not come to its end" : promotion.failure;
  const bool interrupted = promotion.failed == ErrorKind::interrupted;
  exit_code_ = worst_exit_code(exit_code_, interrupted ? 130 : 1);
  log_->line(LogLevel::error, "the promotion failed, the old known-good stays: " + record_.canonical_reason);
  if (!interrupted)
    raise_alert(state_, "promote-failed", target_.app,
                {{"attempted", spec.head.version}, {"last_good", record_.canonical_before}, {"latest", spec.head.version}, {"recovered", "true"}, {"release_notes", ""}, {"detail", record_.canonical_reason}});
}

RunOutcome RunOf::finish() {
  record_.exit_code = exit_code_;
  record_.ended_at = utc_time();
  try {
    record_.inventory_after = inventory();
  } catch (const Error& error) {
    log_->line(LogLevel::warning, std::string("the inventory after the run could not be taken: ") + error.what());
  }
  if (record_.verdict == Verdict::fail || record_.verdict == Verdict::flaky)
    if (const auto green = last_green_before(state_, target_.app, record_.spec.run_id)) record_.since_green = difference_since(*green, result_of(record_), target_.repository);
  RunOutcome outcome;
  outcome.run_id = record_.spec.run_id;
  outcome.verdict = record_.verdict;
  outcome.exit_code = exit_code_;
  outcome.log = log_->file();
  outcome.summary = record_.spec.app + " " + label() + ": " + std::string(to_string(record_.verdict));
  if (record_.spec.mode == RunMode::quick) outcome.summary += " (quick: not a permission to merge)";
  else outcome.summary += ", level " + std::to_string(climb(record_.attempts.back()).level);
  if (!record_.reason.empty()) outcome.summary += "; " + record_.reason;
  if (record_.canonical_outcome == "promoted" || record_.canonical_outcome == "seeded") outcome.summary += "; " + record_.canonical_outcome;
  else if (record_.canonical_outcome == "failed" || record_.canonical_outcome == "busy") outcome.summary += "; not promoted: " + record_.canonical_reason;
  std::replace(outcome.summary.begin(), outcome.summary.end(), '\n', ' ');
  log_->line(LogLevel::info, "result: " + outcome.summary);
  outcome.result_json = write_result(state_, record_);
  run_lock_->remove_file();
  return outcome;
}

RunOutcome RunOf::go() {
  resolve();
  state_.prepare();
  engine_ = session_.make_engine();
  engine_->check(Limit::in(config_.deadlines.teardown, session_.interruption->token()));
  recover_dead(state_, *engine_, "", session_.recover_options(), [&](const std::string& line) {
    if (session_.progress != nullptr) session_.progress->line(LogLevel::info, "recover: " + line);
  });
  record_.spec.engine_id = engine_->identity(Limit::in(config_.deadlines.teardown, session_.interruption->token()));
  refuse_full_disk();
  refuse_fresh_over_deployed();
  begin();
  try {
    if (!target_.working_tree.empty()) take_tree();
    auto& spec = record_.spec;
    choose_mode();
    log_->line(LogLevel::info, "run " + spec.run_id + ": " + std::string(to_string(spec.mode)) + " run of " + spec.app + " at " + label() + " (" + spec.head.commit.substr(0, 12) + ")");
    choose_base();
    spec.domain = spec.mode == RunMode::quick ? config_.domain_of(app_) : cold_label(spec.recipe, spec.hex) + "." + config_.base_domain;
    spec.stack = stack_of_domain(spec.domain);
  } catch (...) {
    log_.reset();
    leave_nothing();
    throw;
  }
  attempt_until_clear();
  consider_promotion();
  known_good_lock_.reset();
  return finish();
}

}  // namespace

AttemptReport walk_in_child(const Session& session, const RunSpec& spec, const std::string& kept_stack, bool was_dirty, Progress& progress) {
  JournalEntry entry;
  entry.operation = spec.mode == RunMode::deploy ? "canonical-deploy" : to_string(spec.mode);
  entry.run_id = spec.run_id;
  entry.app = spec.app;
  entry.recipe = spec.recipe;
  entry.engine = spec.engine;
  entry.engine_id = spec.engine_id;
  entry.command = session.command_line;
  entry.started_at = utc_time();
  entry.parent = this_process();
  entry.kept_stack = kept_stack;
  entry.was_dirty = was_dirty;
  entry.step = "beginning";
  Journal(session.state, entry, !kept_stack.empty());
  AttemptOptions options;
  options.child_command = session.child_command;
  options.output = session.state.run(spec.run_id) / "output";
  options.interruption = session.interruption;
  options.progress = &progress;
  return run_attempt(spec, options);
}

RecoverOptions Session::recover_options(bool dry_run) const {
  RecoverOptions options;
  options.domain_of = [this](const std::string& app) { return config.domain_of(config.app(app)); };
  options.keep_only = [this](const std::string& app, const std::string& recipe, const std::string& commit) { keep_only_known_good(config, app, recipe, commit); };
  options.teardown = config.deadlines.teardown;
  options.dry_run = dry_run;
  return options;
}

Limit Session::wait_limit() const { return Limit::in(config.deadlines.wait, interruption->token()); }

RunOutcome run_recipe(Session& session, const RunRequest& request) { return RunOf(session, request).go(); }

}  // namespace simmer
