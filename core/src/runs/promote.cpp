// Promotion: design.md 7.4. The canonical's own data is carried forward to the version that was just proven, or
// seeded from an empty install. Up to the commit nothing of the known-good changes; after it, what follows can be
// written again by whoever comes (recover.cpp).
#include <base/crash_point.hpp>
#include <base/files.hpp>
#include <runs/data_kept.hpp>
#include <runs/known_good_fork.hpp>
#include <runs/lifecycles.hpp>
#include <runs/ready_strategies.hpp>
#include <runs/tier_run.hpp>
#include <runs/upgrade_tier.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {

constexpr milliseconds data_deadline = std::chrono::hours(2);

class Promotion {
 public:
  explicit Promotion(RunContext& run) : run_(run), known_good_(run.state, run.spec.app) {}
  void walk();

 private:
  void carry_forward();
  void seed();
  void snapshot_and_commit(const std::map<std::string, fs::path>& volumes, const RecipeState& head, const Values& secrets,
                           const std::string& nonce, const std::map<std::string, std::string>& digests, bool in_place);
  void must(const std::string& what, const CheckResult& result) const;
  void must_be_healthy(const std::string& what, Deployment& app) const;
  std::vector<std::string> volumes_to_keep(const RecipeState& head);

  RunContext& run_;
  KnownGood known_good_;
  std::string strategy_;
  KeptRecipe recipe_;  // as it was checked out
};

void Promotion::must(const std::string& what, const CheckResult& result) const {
  if (result.outcome != Outcome::pass) throw Error(ErrorKind::recipe, what + ": " + result.message);
}

void Promotion::must_be_healthy(const std::string& what, Deployment& app) const {
  const auto health = app.wait_healthy();
  must(what, {health.outcome, health.message});
}

std::vector<std::string> Promotion::volumes_to_keep(const RecipeState& head) {
  ReadyStrategiesFor ready(head.tree.facts);
  const auto strategy = run_.recipe.snapshot_strategy(head.tree.facts, ready);
  if (!strategy) throw Error(ErrorKind::plugin, "the plugin returned no snapshot strategy");
  strategy_ = strategy->name();
  if (strategy->capture_when() == CaptureWhen::running)
    throw Error(ErrorKind::unavailable, "strategy " + strategy->name() + " captures while the app runs: not supported for canonicals yet");
  return strategy->volumes();
}

void Promotion::walk() {
  run_.report.fact("promotion", "begun");
  if (run_.spec.mode == RunMode::seed) seed();
  else carry_forward();
  run_.report.fact("promotion", "done");
}

void Promotion::carry_forward() {
  const auto old = known_good_.snapshot().meta();
  KnownGoodFork fork(run_, known_good_, false);
  auto sources = fork.volume_sources();
  Deployment app(run_, run_.spec.stack, run_.spec.domain, true);
  auto base = take_recipe_state(run_, "promote-base", old.commit, old.version, run_.spec.stack, run_.spec.domain, known_good_.env());
  base.images = old.digests;
  must("the known-good's recipe", judge_state(run_, base));
  const auto old_secrets = secrets_for(base, known_good_.secrets(), false);
  app.deploy(base, sources, old_secrets);
  must_be_healthy("the known-good " + old.version + " does not come up", app);
  if (app.contract() != nullptr) must("the known-good's marker is not there", app.contract()->verify(old.nonce));

  const auto head = take_recipe_state(run_, "promote-head", run_.spec.head.commit, run_.spec.head.version, run_.spec.stack, run_.spec.domain, known_good_.env());
  must("the recipe at the canonical's own name", judge_state(run_, head));
  recipe_ = known_good_.keep_recipe(run_.spec.run_id, head.dir);
  const auto secrets = secrets_for(head, old_secrets, true);
  std::map<std::string, fs::path> captured;
  const fs::path folder = fork.way() == ForkWay::restore ? known_good_.volumes_folder() : run_.state.fork(run_.spec.run_id) / "volumes";
  for (const auto& volume : volumes_to_keep(head)) {
    captured[volume] = folder / volume;
    // A volume that only the new version declares.
    if (!sources.contains(volume)) make_folders(folder / volume);
    sources[volume] = {VolumeSource::Kind::existing, folder / volume};
  }
  DataKept data(run_, app);
  must("data-is-dropped", data.still_has(head));
  app.upgrade(head, sources, secrets);
  must_be_healthy("the upgrade of the known-good's data to " + head.version + " failed", app);
  must("the upgrade did not happen", app.runs_what_was_asked());
  if (app.contract() != nullptr) must("the known-good's marker did not survive the upgrade", app.contract()->verify(old.nonce));
  must("data-is-kept", data.still_there());
  // In what only the new version has too: the next base is this one, and its word is asked.
  if (DataContract* own = app.present_contract()) {
    own->seed(old.nonce);
    must("the marker was not written", own->verify(old.nonce));
  }
  const auto digests = run_.engine.deployed(app.stack(), Limit::in(run_.spec.teardown, run_.stop)).value_or(Deployed{}).digests;
  app.remove();
  // What it deletes when it is told to end would be in the snapshot as well.
  must("data-is-kept, once the app has ended", data.still_there());
  must("the data cannot be kept", app.ended_by_itself());
  snapshot_and_commit(captured, head, secrets, old.nonce, digests, fork.way() == ForkWay::restore);
}

void Promotion::seed() {
  const auto head = take_recipe_state(run_, "promote-head", run_.spec.head.commit, run_.spec.head.version, run_.spec.stack, run_.spec.domain, {});
  must("the recipe at the canonical's own name", judge_state(run_, head));
  recipe_ = known_good_.keep_recipe(run_.spec.run_id, head.dir);
  const auto secrets = secrets_for(head, {}, true);
  const std::string nonce = make_nonce();
  const fs::path folder = run_.state.fork(run_.spec.run_id) / "volumes";
  run_.journal.begin_step("making empty volumes for a first known-good");
  make_folders(folder);
  std::map<std::string, VolumeSource> sources;
  std::map<std::string, fs::path> captured;
  for (const auto& volume : volumes_to_keep(head)) {
    make_folders(folder / volume);
    captured[volume] = folder / volume;
    sources[volume] = {VolumeSource::Kind::existing, folder / volume};
  }
  Deployment app(run_, run_.spec.stack, run_.spec.domain, true);
  app.deploy(head, sources, secrets);
  must_be_healthy("the first install at " + run_.spec.domain + " is not healthy", app);
  must("something else was deployed", app.runs_what_was_asked());
  if (app.contract() != nullptr) {
    app.contract()->seed(nonce);
    must("the marker was not written", app.contract()->verify(nonce));
  }
  const auto digests = run_.engine.deployed(app.stack(), Limit::in(run_.spec.teardown, run_.stop)).value_or(Deployed{}).digests;
  app.remove();
  must("the data cannot be kept", app.ended_by_itself());
  snapshot_and_commit(captured, head, secrets, nonce, digests, false);
}

void Promotion::snapshot_and_commit(const std::map<std::string, fs::path>& volumes, const RecipeState& head, const Values& secrets,
                                    const std::string& nonce, const std::map<std::string, std::string>& digests, bool in_place) {
  run_.report.phase("taking the new snapshot");
  run_.journal.begin_step("taking the new snapshot");
  const auto start = Clock::now();
  if (!in_place) flush_tree(run_.state.fork(run_.spec.run_id));
  SnapshotMeta about;
  about.recipe = run_.spec.recipe;
  about.version = head.version;
  about.commit = head.commit;
  about.run_id = run_.spec.run_id;
  about.nonce = nonce;
  about.strategy = strategy_;
  about.digests = digests;
  about.recipe_file = recipe_.file;
  about.recipe_digest = recipe_.digest;
  const auto meta = known_good_.prepare(about, volumes, kept_part_of(head), secrets, Limit::in(data_deadline, run_.stop));
  known_good_.set_dirty("promote", run_.spec.run_id);
  run_.journal.begin_step("committing the new known-good");
  run_.report.phase("committing the new known-good");
  // Beside the old one's, which go when all is settled.
  run_.engine.keep_images(run_.spec.app, digests, Limit::in(run_.spec.teardown, run_.stop));
  crash_point("after the images are kept");
  known_good_.commit(meta);  // the point of no return
  crash_point("after the commit");
  known_good_.adopt_volumes(run_.state.fork(run_.spec.run_id));
  known_good_.clear_dirty();
  known_good_.write_record(run_.spec.domain, "idle");
  known_good_.snapshot().drop_unreferenced();
  crash_point("after dropping the old snapshot");
  discard_fork(run_.state.fork(run_.spec.run_id));
  run_.report.timing("snapshot", std::chrono::duration_cast<milliseconds>(Clock::now() - start));
}

}  // namespace

void run_promote(RunContext& run) { Promotion(run).walk(); }

void run_deploy(RunContext& run) {
  KnownGood known_good(run.state, run.spec.app);
  const auto meta = known_good.snapshot().meta();
  // Data that a run left dirty is restored; what an earlier `canonical deploy` made of it stays.
  if (const auto dirty = known_good.dirty(); !dirty || dirty->by != "deploy") settle_retained_data(run, known_good);
  run.journal.begin_step("marking the retained data dirty");
  known_good.set_dirty("deploy", run.spec.run_id);
  const auto base = take_recipe_state(run, "base", meta.commit, meta.version, run.spec.stack, run.spec.domain, known_good.env());
  // The deployment outlives this run, and so does the checkout it runs from.
  const fs::path checkout = run.state.canonical_checkout(run.spec.app);
  remove_tree(checkout);
  rename_durably(base.dir, checkout);
  auto kept = base;
  kept.dir = checkout;
  kept.images = meta.digests;
  Deployment app(run, run.spec.stack, run.spec.domain, true);
  std::map<std::string, VolumeSource> sources;
  for (const auto& [name, folder] : known_good.volumes()) sources[name] = {VolumeSource::Kind::existing, folder};
  app.deploy(kept, sources, secrets_for(kept, known_good.secrets(), false));
  if (const auto health = app.wait_healthy(); health.outcome != Outcome::pass)
    throw Error(ErrorKind::recipe, run.spec.app + " does not come up: " + health.message);
  known_good.write_record(run.spec.domain, "deployed");
  run.report.fact("url", run.engine.endpoint(app.stack(), "", Limit::in(run.spec.teardown, run.stop)));
}

}  // namespace simmer
