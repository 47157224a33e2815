#include <runs/tier_run.hpp>

#include <algorithm>

#include <simmer/error.hpp>

namespace simmer {

namespace {
milliseconds since(Clock::time_point start) { return std::chrono::duration_cast<milliseconds>(Clock::now() - start); }
}  // namespace

TierRun::TierRun(RunContext& run, Tier tier) : run_(run), tier_(tier), start_(Clock::now()) { run_.report.tier_started(tier); }

TierRun::~TierRun() {
  if (!finished_) run_.report.tier_done(tier_, failed_ ? Outcome::fail : Outcome::unverified, failed_ ? first_failure_ : "ended in the middle", since(start_));
}

bool TierRun::check(const std::string& name, bool required, const std::function<CheckResult()>& action) {
  const auto start = Clock::now();
  CheckResult result;
  try {
    result = action();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::recipe && error.kind() != ErrorKind::plugin) throw;
    result = {Outcome::fail, error.what()};
  }
  ++checks_;
  run_.report.check(tier_, name, required, result, since(start));
  const bool bad = result.outcome == Outcome::fail || result.outcome == Outcome::unverified;
  if (bad && required && !failed_) {
    failed_ = run_.red = true;
    first_failure_ = name + ": " + result.message;
  }
  return !bad;
}

bool TierRun::step(const std::string& name, const std::function<void()>& action) {
  return check(name, true, [&]() -> CheckResult {
    action();
    return {Outcome::pass, ""};
  });
}

bool TierRun::healthy(const std::string& name, Deployment& deployment) {
  return check(name, true, [&]() -> CheckResult {
    const auto health = deployment.wait_healthy();
    return {health.outcome, health.message};
  });
}

bool TierRun::must_work(const std::string& name, const std::function<void()>& action) {
  try {
    action();
    return true;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::recipe && error.kind() != ErrorKind::plugin) throw;
    return check(name, true, [&]() -> CheckResult { return {Outcome::fail, error.what()}; });
  }
}

void TierRun::plugin_checks(Deployment& deployment) {
  asked_plugin_ = true;
  if (!must_work("before-hook", [&] { run_.recipe.before(tier_, deployment.host()); })) return;
  std::vector<std::unique_ptr<Check>> checks;
  if (!must_work("list-checks", [&] { checks = deployment.checks(tier_); })) return;
  had_plugin_checks_ = had_plugin_checks_ || !checks.empty();
  for (const auto& each : checks) {
    run_.report.phase(std::string(to_string(tier_)) + ": " + each->name());
    check(each->name(), each->required(), [&] { return each->run(); });
  }
  must_work("after-hook", [&] { run_.recipe.after(tier_, deployment.host()); });
}

void TierRun::finish() {
  finished_ = true;
  if (failed_) run_.report.tier_done(tier_, Outcome::fail, first_failure_, since(start_));
  else if (checks_ == 0 && asked_plugin_ && !had_plugin_checks_)
    run_.report.tier_done(tier_, Outcome::skip, "structural: the plugin has no checks of this tier", since(start_));
  else if (checks_ == 0) run_.report.tier_done(tier_, Outcome::unverified, "no check was executed", since(start_));
  else run_.report.tier_done(tier_, Outcome::pass, std::to_string(checks_) + (checks_ == 1 ? " check" : " checks"), since(start_));
}

void TierRun::finish_as(Outcome outcome, const std::string& why) {
  finished_ = true;
  run_.report.tier_done(tier_, outcome, why, since(start_));
}

bool tier_is_asked(const RunContext& run, Tier tier) {
  return std::find(run.spec.tiers.begin(), run.spec.tiers.end(), tier) != run.spec.tiers.end();
}

void report_tier(RunContext& run, Tier tier, Outcome outcome, const std::string& why) {
  run.report.tier_started(tier);
  run.report.tier_done(tier, outcome, why, milliseconds(0));
}

bool tier_is_due(RunContext& run, Tier tier, const RecipeTraits& traits) {
  if (!tier_is_asked(run, tier)) {
    report_tier(run, tier, Outcome::skip, "not asked for");
    return false;
  }
  if (const auto declared = traits.not_applicable.find(tier); declared != traits.not_applicable.end()) {
    report_tier(run, tier, Outcome::skip, "declared: " + declared->second);
    return false;
  }
  return true;
}

}  // namespace simmer
