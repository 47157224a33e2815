// A cold run: design.md 7.1. Deployment one is the version under test from nothing; deployment two, only if
// there is a base, upgrades that base to it. Nothing else is ever deployed.
#include <runs/backup.hpp>
#include <runs/data_kept.hpp>
#include <runs/lifecycles.hpp>
#include <runs/tier_run.hpp>
#include <runs/upgrade_tier.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {

class ColdRun {
 public:
  explicit ColdRun(RunContext& run) : run_(run), nonce_(make_nonce()) {}
  void walk();

 private:
  bool preflight(TierRun& tier);
  void report_base_images();
  void first_deployment(const RecipeTraits& traits);
  void install(Deployment& app, TierRun& tier);
  void data_tiers(Deployment& app, const RecipeTraits& traits);
  void without_backup(bool backup_due, bool restore_due);
  void second_deployment(const RecipeTraits& traits);
  void not_reached(Tier after, const std::string& why);

  RunContext& run_;
  const std::string nonce_;
  RecipeState head_;
  bool installed_ = false;
};

bool first_needed(const RunContext& run) {
  for (const Tier tier : {Tier::install, Tier::custom, Tier::backup, Tier::restore})
    if (tier_is_asked(run, tier)) return true;
  return false;
}

bool ColdRun::preflight(TierRun& tier) {
  run_.report.phase("reading the recipe and checking what it may do");
  const bool parses = tier.step("recipe-parses", [&] {
    head_ = take_recipe_state(run_, "head", run_.spec.head.commit, run_.spec.head.version, run_.spec.stack, run_.spec.domain, {});
  });
  if (!parses) return false;
  report_recipe(run_, head_);
  report_base_images();
  return tier.check("policy", true, [&] { return judge_state(run_, head_); });
}

// Before anything can fail: which images a change brings is worth most when it is red. What is wrong with the base shows later.
void ColdRun::report_base_images() {
  if (run_.spec.base_commit.empty()) return;
  try {
    report_images(run_, "base_images", take_recipe_state(run_, "base", run_.spec.base_commit, run_.spec.base_version, run_.spec.stack, run_.spec.domain, {}));
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
    run_.report.log(LogLevel::debug, std::string("the base's images are not known: ") + error.what());
  }
}

void ColdRun::walk() {
  // The first tier that was asked for carries the preflight.
  const Tier first = first_needed(run_) ? Tier::install : Tier::upgrade;
  RecipeTraits traits;
  {
    TierRun tier(run_, first);
    if (!preflight(tier)) {
      tier.finish();
      return not_reached(first, "not reached: the preflight failed");
    }
    if (!tier.must_work("plugin-traits", [&] { traits = run_.recipe.traits(head_.tree.facts); })) {
      tier.finish();
      return not_reached(first, "not reached: the plugin failed");
    }
    report_traits(run_, traits);
    if (!traits.cold_not_applicable.empty()) {
      run_.report.fact("cold_not_applicable", traits.cold_not_applicable);
      tier.finish_as(Outcome::skip, "declared: " + traits.cold_not_applicable);
      return;
    }
    require_no_leases(run_, traits);
    const bool upgrades = tier_is_asked(run_, Tier::upgrade) && !traits.not_applicable.contains(Tier::upgrade) && run_.spec.no_base.empty() && run_.spec.base_unknown.empty();
    run_.report.fact("deploys_expected", std::to_string((first_needed(run_) ? 1 : 0) + (upgrades ? 1 : 0)));
    if (first == Tier::install) {
      Deployment app(run_, run_.spec.stack, run_.spec.domain, false);
      install(app, tier);
      if (installed_) {
        if (tier_is_asked(run_, Tier::install)) tier.finish();
        else tier.finish_as(Outcome::skip, "not asked for");
        if (tier_is_due(run_, Tier::custom, traits)) {
          TierRun custom(run_, Tier::custom);
          custom.plugin_checks(app);
          custom.finish();
        }
        data_tiers(app, traits);
      } else {
        tier.finish();
      }
      if (app.is_deployed()) app.remove();
      if (!installed_) return not_reached(Tier::install, "not reached: the install failed");
    } else {
      tier.hand_over();
      for (const Tier other : {Tier::install, Tier::backup, Tier::restore, Tier::custom}) report_tier(run_, other, Outcome::skip, "not asked for");
    }
  }
  second_deployment(traits);
}

void ColdRun::install(Deployment& app, TierRun& tier) {
  if (!tier.step("deploys", [&] { app.deploy(head_, {}, secrets_for(head_, {}, true)); })) return;
  if (!tier.healthy("healthy-and-steady", app)) return;
  if (!tier.check("runs-what-was-asked", true, [&] { return app.runs_what_was_asked(); })) return;
  if (tier_is_asked(run_, Tier::install)) tier.plugin_checks(app);
  installed_ = tier.passed();
}

// Marker data -> backup, verified -> damage -> restore -> the marker is back.
void ColdRun::data_tiers(Deployment& app, const RecipeTraits& traits) {
  const auto plan = backup_plan_of(head_.tree.facts);
  const bool backup_due = tier_is_due(run_, Tier::backup, traits), restore_due = tier_is_due(run_, Tier::restore, traits);
  if (!plan) return without_backup(backup_due, restore_due);
  if (!backup_due && !restore_due) return;
  for (const auto& warning : plan->warnings) run_.report.warning(warning);
  const Limit limit = Limit::in(std::max(run_.spec.start, milliseconds(60000)), run_.stop);
  const fs::path folder = run_.work() / ("backup-" + std::to_string(run_.spec.attempt));
  DataContract* contract = nullptr;
  {
    TierRun tier(run_, Tier::backup);
    run_.report.phase("backing up");
    const bool taken = tier.must_work("data-contract", [&] { contract = app.contract(); }) && write_marker(tier, run_, contract, traits, nonce_) &&
                       tier.check("backup-is-taken", true, [&]() -> CheckResult {
                         const auto report = take_backup(*plan, run_.engine, app.stack(), folder, limit);
                         return {Outcome::pass, std::to_string(report.files) + " files, " + std::to_string(report.bytes) + " bytes"};
                       });
    if (backup_due) {
      if (taken) tier.plugin_checks(app);
      tier.finish();
    } else {
      tier.finish_as(Outcome::skip, "not asked for");
    }
    if (!taken) {
      if (restore_due) report_tier(run_, Tier::restore, Outcome::unverified, "not reached: there is no backup to restore");
      return;
    }
  }
  if (!restore_due) return;
  TierRun tier(run_, Tier::restore);
  run_.report.phase("damaging the data and restoring the backup");
  if (contract == nullptr) return tier.finish_as(Outcome::unverified, "the plugin has no data contract: nothing shows that a restore brings data back");
  if (notices_loss(tier, contract, nonce_) && tier.step("backup-is-restored", [&] { restore_backup(*plan, run_.engine, app.stack(), folder, limit); }) &&
      tier.healthy("healthy-again", app) && tier.check("marker-is-back", true, [&] {
        auto back = contract->verify(nonce_);
        if (const auto partly = volumes_backed_up_in_part(*plan, volumes_of_value(run_, head_)); back.outcome == Outcome::fail && !partly.empty())
          back.message += "; the backup labels do not select all of " + partly + ": where a dump takes its place, the commands of simmer.yml can show that it brings the data back";
        return back;
      }))
    tier.plugin_checks(app);
  tier.finish();
}

void ColdRun::without_backup(bool backup_due, bool restore_due) {
  for (const auto& [tier, due] : {std::pair(Tier::backup, backup_due), std::pair(Tier::restore, restore_due)})
    if (due) report_tier(run_, tier, Outcome::skip, "structural: no service carries backupbot.backup=true");
}

void ColdRun::second_deployment(const RecipeTraits& traits) {
  if (!tier_is_due(run_, Tier::upgrade, traits)) return;
  if (!run_.spec.no_base.empty()) return report_tier(run_, Tier::upgrade, Outcome::skip, "structural: " + run_.spec.no_base);
  if (!run_.spec.base_unknown.empty()) return report_tier(run_, Tier::upgrade, Outcome::unverified, run_.spec.base_unknown);
  // The first deployment was kept for inspection, and that was ended.
  if (run_.red && run_.stop.stop_requested()) return report_tier(run_, Tier::upgrade, Outcome::unverified, "not reached: interrupted");
  TierRun tier(run_, Tier::upgrade);
  Deployment app(run_, run_.spec.stack, run_.spec.domain, false);
  const auto base_broken = [&](const std::string& why) {
    tier.finish_as(Outcome::unverified, "base-broken: " + run_.spec.base_version + ": " + why);
    if (app.is_deployed()) app.remove();
  };
  RecipeState base;
  Values secrets;
  std::map<std::string, VolumeSource> volumes;
  try {
    base = take_recipe_state(run_, "base", run_.spec.base_commit, run_.spec.base_version, run_.spec.stack, run_.spec.domain, {});
    // A release may be older than the rules of today: it is held to them all the same.
    if (const auto policy = judge_state(run_, base); policy.outcome != Outcome::pass) return base_broken(policy.message);
    secrets = secrets_for(base, {}, true);
    app.deploy(base, volumes, secrets);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::recipe) throw;
    return base_broken(error.what());
  }
  if (const auto health = app.wait_healthy(); health.outcome != Outcome::pass) return base_broken(health.message);
  app.report_digests("base_digests");
  DataContract* contract = nullptr;
  if (tier.must_work("data-contract", [&] { contract = app.contract(); }) && write_marker(tier, run_, contract, traits, nonce_))
    upgrade_and_check(run_, tier, app, head_, volumes, secrets_for(head_, secrets, true), nonce_);
  if (tier.passed()) notices_loss(tier, app.contract(), nonce_);
  tier.finish();
  app.remove();
}

void ColdRun::not_reached(Tier after, const std::string& why) {
  for (const Tier tier : all_tiers) {
    if (tier == after) continue;
    if (tier_is_asked(run_, tier)) report_tier(run_, tier, Outcome::unverified, why);
    else report_tier(run_, tier, Outcome::skip, "not asked for");
  }
}

}  // namespace

void run_cold(RunContext& run) { ColdRun(run).walk(); }

}  // namespace simmer
