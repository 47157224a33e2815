// What a plugin implements: one recipe (or several), taught to Simmer.
//
// Order of calls for one deployment: traits() first; then the parts are made, each at most once,
// with the Host of that deployment; then before()/after() around each tier and the parts' own
// calls. All calls come from one thread. Parts live for one deployment and are destroyed before
// their Host. Anything may throw: it costs this run, and names the plugin.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <simmer/check.hpp>
#include <simmer/data_contract.hpp>
#include <simmer/health_probe.hpp>
#include <simmer/host.hpp>
#include <simmer/recipe_facts.hpp>
#include <simmer/snapshot_strategy.hpp>
#include <simmer/tier.hpp>
#include <simmer/upgrade_gate.hpp>

namespace simmer {

enum class RecipeKind { stateless, stateful };

struct RecipeTraits {
  RecipeKind kind = RecipeKind::stateful;
  std::string default_role = "test";  // "live", "canonical" or "test"
  std::vector<std::string> needs;     // what a run leases, e.g. {"keycloak"}
  std::optional<std::chrono::milliseconds> start_timeout;  // nothing: the recipe's TIMEOUT, else the default
  // Tiers that cannot apply to this recipe, with the reason shown to people.
  std::map<Tier, std::string> not_applicable;
  // Not empty: cold runs make no sense at all (it would take host ports); the verdict is `skip`.
  std::string cold_not_applicable;
  // May a copy of its data run under another domain?
  bool fork_may_move = true;
};

class Recipe {
 public:
  virtual ~Recipe() = default;

  // Says what this recipe is. No effects; may be called without any deployment.
  virtual RecipeTraits traits(const RecipeFacts& facts) = 0;

  // The parts. nullptr: it has none (no probe means unverified, never healthy; no data contract
  // means the tiers that need one are unverified unless declared not applicable).
  virtual std::unique_ptr<HealthProbe> health_probe(const RecipeFacts& facts, Host& host) = 0;
  virtual std::unique_ptr<DataContract> data_contract(const RecipeFacts& facts, Host& host) = 0;
  // Never nullptr.
  virtual std::unique_ptr<SnapshotStrategy> snapshot_strategy(const RecipeFacts& facts, ReadyStrategies& ready) = 0;
  // nullptr: the host's own rules alone.
  virtual std::unique_ptr<UpgradeGate> upgrade_gate(const RecipeFacts& facts) = 0;
  // The recipe's own checks of one tier, run after the generic ones, in this order.
  virtual std::vector<std::unique_ptr<Check>> checks(Tier tier, const RecipeFacts& facts, Host& host) = 0;

  // Hooks around a tier; throwing fails the tier. Default: nothing.
  virtual void before(Tier tier, Host& host) {
    (void)tier;
    (void)host;
  }
  virtual void after(Tier tier, Host& host) {
    (void)tier;
    (void)host;
  }
};

}  // namespace simmer
