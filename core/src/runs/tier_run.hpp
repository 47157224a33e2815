// One tier while it runs: its checks, each timed and reported, and what they add up to.
#pragma once

#include <functional>
#include <string>

#include <runs/deployment.hpp>
#include <runs/run_context.hpp>

namespace simmer {

class TierRun {
 public:
  TierRun(RunContext& run, Tier tier);

  // Runs one check and reports it; true when it passed. What a recipe or a plugin does wrong (Error kinds
  // recipe and plugin) fails the check; everything else leaves the tier as the Error it is.
  bool check(const std::string& name, bool required, const std::function<CheckResult()>& action);
  // The same for an action that either works or throws.
  bool step(const std::string& name, const std::function<void()>& action);
  // For what nobody wants to read about unless it fails: reported only then.
  bool must_work(const std::string& name, const std::function<void()>& action);
  // Healthy and steady, as a check.
  bool healthy(const std::string& name, Deployment& deployment);

  // The plugin's own checks of this tier with its hooks around them.
  void plugin_checks(Deployment& deployment);

  bool passed() const { return !failed_; }
  // Reports the tier. Without a call it is reported as left in the middle when the object goes.
  void finish();
  // Ends it as a skip or as unverified, with the reason.
  void finish_as(Outcome outcome, const std::string& why);
  // Leaves it to a later TierRun of the same tier: what was checked so far stays reported.
  void hand_over() { finished_ = true; }
  ~TierRun();

 private:
  RunContext& run_;
  Tier tier_;
  Clock::time_point start_;
  bool failed_ = false, finished_ = false;
  bool asked_plugin_ = false, had_plugin_checks_ = false;
  int checks_ = 0;
  std::string first_failure_;
};

// Reports tiers that are not to run: not asked for, declared not applicable. True when it is to run.
bool tier_is_due(RunContext& run, Tier tier, const RecipeTraits& traits);
bool tier_is_asked(const RunContext& run, Tier tier);
// Reports a whole tier that was not reached.
void report_tier(RunContext& run, Tier tier, Outcome outcome, const std::string& why);

}  // namespace simmer
