// A quick run: design.md 7.2. From the known-good's own data, at its own name, and never a byte of it is moved
// (promise P6). The parent holds the known-good's lock and has checked that it is whole.
#include <base/files.hpp>
#include <runs/known_good_fork.hpp>
#include <runs/lifecycles.hpp>
#include <runs/tier_run.hpp>
#include <runs/upgrade_tier.hpp>
#include <simmer/error.hpp>
#include <state/known_good.hpp>

namespace simmer {

namespace {

// What must be byte-identical before and after.
std::string fingerprint_of(const KnownGood& known_good) {
  std::string all = read_file(known_good.snapshot().folder() / "meta.json");
  const auto record = known_good.record();
  if (record) all += record->version + record->commit + record->run_id + record->promoted_at;
  for (const auto& fault : known_good.snapshot().check()) all += fault.what;
  return digest_of_bytes(all);
}

class QuickRun {
 public:
  explicit QuickRun(RunContext& run) : run_(run), known_good_(run.state, run.spec.app) {}
  void walk();

 private:
  bool read_head(TierRun& tier);
  void on_the_fork(const SnapshotMeta& meta, TierRun& tier);
  void custom_tier(Deployment& app);

  RunContext& run_;
  KnownGood known_good_;
  RecipeState head_;
  RecipeTraits traits_;
};

bool QuickRun::read_head(TierRun& tier) {
  run_.report.phase("reading the recipe and checking what it may do");
  return tier.step("recipe-parses", [&] {
           head_ = take_recipe_state(run_, "head", run_.spec.head.commit, run_.spec.head.version, run_.spec.stack, run_.spec.domain, known_good_.env());
           report_recipe(run_, head_);
         }) &&
         tier.check("policy", true, [&] { return judge_state(run_, head_); }) &&
         tier.must_work("plugin-traits", [&] { traits_ = run_.recipe.traits(head_.tree.facts); });
}

void QuickRun::walk() {
  for (const Tier tier : {Tier::install, Tier::backup, Tier::restore}) report_tier(run_, tier, Outcome::skip, "structural: a quick run has no such tier");
  const std::string before = fingerprint_of(known_good_);
  const auto meta = known_good_.snapshot().meta();
  {
    TierRun tier(run_, Tier::upgrade);
    if (!read_head(tier)) {
      tier.finish();
      if (tier_is_asked(run_, Tier::custom)) report_tier(run_, Tier::custom, Outcome::unverified, "not reached: the preflight failed");
      else report_tier(run_, Tier::custom, Outcome::skip, "not asked for");
      return;
    }
    report_traits(run_, traits_);
    require_no_leases(run_, traits_);
    run_.report.fact("deploys_expected", "1");
    on_the_fork(meta, tier);
  }
  if (fingerprint_of(known_good_) != before)
    throw Error(ErrorKind::needs_operator, "the known-good of " + run_.spec.app + " is not what it was before this quick run");
}

void QuickRun::on_the_fork(const SnapshotMeta& meta, TierRun& tier) {
  KnownGoodFork fork(run_, known_good_, true);
  const auto volumes = fork.volume_sources();
  Deployment app(run_, run_.spec.stack, run_.spec.domain, true);
  // The known-good itself must come up: if it does not, the change is not to blame.
  auto base = take_recipe_state(run_, "base", meta.commit, meta.version, run_.spec.stack, run_.spec.domain, known_good_.env());
  base.images = meta.digests;
  report_images(run_, "base_images", base);
  const auto broken = [&](const std::string& why) {
    throw Error(ErrorKind::needs_operator, "the known-good of " + run_.spec.app + " (" + meta.version + ") does not come up: " + why +
                                               "; look at it with: simmer canonical verify " + run_.spec.app);
  };
  if (const auto policy = judge_state(run_, base); policy.outcome != Outcome::pass) broken(policy.message);
  const auto secrets = secrets_for(base, known_good_.secrets(), false);
  app.deploy(base, volumes, secrets);
  if (const auto health = app.wait_healthy(); health.outcome != Outcome::pass) broken(health.message);
  app.report_digests("base_digests");
  if (app.contract() != nullptr)
    if (const auto there = app.contract()->verify(meta.nonce); there.outcome != Outcome::pass) broken("its marker is not there: " + there.message);

  const bool same_commit = meta.commit == head_.commit;
  if (!tier_is_asked(run_, Tier::upgrade)) {
    if (!same_commit) upgrade_and_check(run_, tier, app, head_, volumes, secrets_for(head_, secrets, true), meta.nonce);
    tier.finish_as(tier.passed() ? Outcome::skip : Outcome::fail, "not asked for");
  } else if (same_commit) {
    tier.finish_as(Outcome::skip, "same commit: " + meta.version + " is the known-good");
  } else {
    upgrade_and_check(run_, tier, app, head_, volumes, secrets_for(head_, secrets, true), meta.nonce);
    tier.finish();
  }
  if (!tier_is_asked(run_, Tier::custom)) report_tier(run_, Tier::custom, Outcome::skip, "not asked for");
  else if (tier.passed()) custom_tier(app);
  else report_tier(run_, Tier::custom, Outcome::unverified, "not reached: the upgrade failed");
  app.remove();
  fork.discard();
}

void QuickRun::custom_tier(Deployment& app) {
  TierRun tier(run_, Tier::custom);
  tier.plugin_checks(app);
  // On a copy that nobody will use again: the word of verify above is only worth something if it can say no.
  if (tier.passed()) notices_loss(tier, app.contract(), known_good_.snapshot().meta().nonce);
  tier.finish();
}

}  // namespace

void run_quick(RunContext& run) { QuickRun(run).walk(); }

}  // namespace simmer
