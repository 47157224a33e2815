// What several lifecycles do alike: the preflight's judgement, marker data, and the upgrade in place with all
// that has to be shown about it.
#pragma once

#include <runs/deployment.hpp>
#include <runs/tier_run.hpp>

namespace simmer {

// Facts of the recipe and the plugin's traits, for result.json; lint among them.
void report_recipe(RunContext& run, const RecipeState& head);
// Which image each of its services names, as the fact map `key`: "images" of what is tested, "base_images" of what it upgrades.
void report_images(RunContext& run, const std::string& key, const RecipeState& state);
void report_traits(RunContext& run, const RecipeTraits& traits);

// Promise P16: what the compose file may not do, refused by name before anything is deployed.
CheckResult judge_state(RunContext& run, const RecipeState& state);

// Logs what the recipe needs; Error(unavailable) when there is no provider for it.
void require_no_leases(RunContext& run, const RecipeTraits& traits);

// Seeds marker data and shows that it is there. Without a contract: unverified for a stateful app, a skip for a
// stateless one. True when the run may go on.
bool write_marker(TierRun& tier, RunContext& run, DataContract* contract, const RecipeTraits& traits, const std::string& nonce);

// The negative control: after a wipe, verify must fail, or the plugin is blind to loss (promise P14).
bool notices_loss(TierRun& tier, DataContract* contract, const std::string& nonce);

// Upgrades `app` in place to `head`: it moved, it converged, it serves, the marker is intact, and the
// plugin's own checks pass.
void upgrade_and_check(RunContext& run, TierRun& tier, Deployment& app, const RecipeState& head,
                       const std::map<std::string, VolumeSource>& volumes, const Values& secrets, const std::string& nonce);

}  // namespace simmer
