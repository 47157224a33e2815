#include <runs/upgrade_tier.hpp>

#include <recipes/proxy_labels.hpp>
#include <runs/data_kept.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// Ours, and instead of the rules that abra has as well, abra's own word where it is the engine.
std::vector<LintFinding> lint_findings(RunContext& run, const RecipeState& head) {
  auto findings = lint(head.tree);
  DeploySpec spec;
  spec.stack = run.spec.stack;
  spec.run_id = run.spec.run_id;
  spec.recipe_dir = head.dir;
  spec.repository = run.spec.repository;
  spec.facts = head.tree.facts;
  const auto theirs = run.engine.lint(spec, Limit::in(run.spec.plugin, run.stop));
  if (!theirs) return findings;
  std::erase_if(findings, [](const LintFinding& finding) { return finding.rule.starts_with("R"); });
  findings.insert(findings.end(), theirs->begin(), theirs->end());
  return findings;
}

}  // namespace

void report_recipe(RunContext& run, const RecipeState& head) {
  if (!head.version.empty()) run.report.fact("label", head.version);
  for (const auto& warning : head.tree.warnings) run.report.log(LogLevel::warning, warning);
  std::vector<std::string> errors;
  for (const auto& finding : lint_findings(run, head)) {
    run.report.log(finding.error ? LogLevel::warning : LogLevel::info, "lint: " + finding.rule + ": " + finding.message);
    if (finding.error) errors.push_back(finding.rule + ": " + finding.message);
  }
  std::map<std::string, std::string> keys;
  for (const auto& [key, value] : head.env) keys[key] = "";  // a value may be a secret
  run.report.facts("environment", keys);
  report_images(run, "images", head);
  run.report.fact("lint", errors.empty() ? "clean" : joined(errors));
}

void report_images(RunContext& run, const std::string& key, const RecipeState& state) {
  std::map<std::string, std::string> images;
  for (const auto& service : state.tree.facts.services) images[service.name] = service.image;
  run.report.facts(key, images);
}

void report_traits(RunContext& run, const RecipeTraits& traits) {
  run.report.fact("default_role", traits.default_role);
  run.report.fact("kind", traits.kind == RecipeKind::stateful ? "stateful" : "stateless");
}

CheckResult judge_state(RunContext& run, const RecipeState& state) {
  auto violations = judge_policy(state.tree, run.spec.stack, run.spec.domain, run.spec.allow, run.spec.proxy_network);
  if (violations.empty() && !names_not_after(state.tree.compose, run.spec.stack).empty())
    violations = judge_taken_names(state.tree, run.spec.stack, run.spec.allow, run.engine.proxy_labels(Limit::in(std::chrono::seconds(30), run.stop)));
  if (violations.empty()) return {Outcome::pass, "the recipe stays within its run"};
  std::string all;
  bool may_be_permitted = false;
  for (const auto& violation : violations) {
    all += (all.empty() ? "" : "; ") + violation.what + " (" + violation.permission + (violation.in_any_case ? ", whatever is allowed)" : ")");
    may_be_permitted |= !violation.in_any_case;
  }
  return {Outcome::fail, "refused before the deploy: " + all + (may_be_permitted ? "; an operator may permit it with apps." + run.spec.app + ".allow" : "")};
}

void require_no_leases(RunContext& run, const RecipeTraits& traits) {
  auto needs = traits.needs;
  for (const auto& need : run.spec.needs)
    if (std::find(needs.begin(), needs.end(), need) == needs.end()) needs.push_back(need);
  run.report.log(LogLevel::info, "leases: declared [" + joined(needs) + "]");
  if (!needs.empty())
    throw Error(ErrorKind::unavailable, run.spec.recipe + " needs a lease from " + joined(needs) + ", and no live app of that name is kept here");
}

bool write_marker(TierRun& tier, RunContext& run, DataContract* contract, const RecipeTraits& traits, const std::string& nonce) {
  if (contract == nullptr) {
    const bool stateless = traits.kind == RecipeKind::stateless;
    return tier.check("marker-is-written", true, [&]() -> CheckResult {
      if (stateless) return {Outcome::skip, "stateless: there is no data to lose"};
      return {Outcome::unverified, "the plugin has no data contract: nothing shows whether data survives"};
    });
  }
  run.report.phase("writing marker data");
  return tier.step("marker-is-written", [&] { contract->seed(nonce); }) && tier.check("marker-is-there", true, [&] { return contract->verify(nonce); });
}

bool notices_loss(TierRun& tier, DataContract* contract, const std::string& nonce) {
  if (contract == nullptr) return true;
  return tier.step("data-is-wiped", [&] { contract->wipe(); }) && tier.check("loss-is-noticed", true, [&]() -> CheckResult {
    const auto after = contract->verify(nonce);
    if (after.outcome == Outcome::fail) return {Outcome::pass, "verify sees the loss: " + after.message};
    return {Outcome::fail, "the plugin is blind to loss: after wipe, verify still said " + std::string(to_string(after.outcome)) +
                               "; its word on the data is worth nothing"};
  });
}

void upgrade_and_check(RunContext& run, TierRun& tier, Deployment& app, const RecipeState& head,
                       const std::map<std::string, VolumeSource>& volumes, const Values& secrets, const std::string& nonce) {
  std::optional<DataKept> data;
  CheckResult has;
  if (!tier.must_work("data-is-counted", [&] {
        data.emplace(run, app);
        has = data->still_has(head);
      }))
    return;
  if (has.outcome != Outcome::pass) {
    tier.check("data-is-dropped", true, [&] { return has; });
    return;
  }
  if (!tier.step("upgrade-is-accepted", [&] { app.upgrade(head, volumes, secrets); })) return;
  if (!tier.healthy("healthy-and-steady", app)) return;
  // Read last: an engine may have put the old version back by itself behind healthy numbers.
  if (!tier.check("it-moved", true, [&] { return app.runs_what_was_asked(); })) return;
  DataContract* contract = nullptr;
  if (!tier.must_work("data-contract", [&] { contract = app.contract(); })) return;
  if (contract != nullptr && !tier.check("marker-is-intact", true, [&] { return contract->verify(nonce); })) return;
  if (!tier.check("data-is-kept", true, [&] { return data->still_there(); })) return;
  tier.plugin_checks(app);
}

}  // namespace simmer
