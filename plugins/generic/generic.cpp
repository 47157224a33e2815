#include "generic.hpp"

#include <algorithm>
#include <set>

namespace generic {

using simmer::Host;
using simmer::RecipeKind;
using simmer::RecipeTraits;
using simmer::Tier;

std::vector<std::string> volumes_with_value(const RecipeFacts& facts) {
  std::set<std::string> written;
  for (const auto& service : facts.services)
    for (const auto& mount : service.mounts)
      if (service.replicas > 0 && mount.type == "volume" && !mount.source.empty() && !mount.read_only) written.insert(mount.source);
  const auto& worthless = facts.simmer_yml.volumes_without_value;
  // What is in memory alone is gone at each stop.
  const auto in_memory = [](const simmer::ResourceFacts& volume) {
    const auto type = volume.options.find("driver_opts.type");
    return type != volume.options.end() && type->second == "tmpfs";
  };
  std::vector<std::string> kept;
  for (const auto& volume : facts.volumes)
    if (!volume.external && !in_memory(volume) && written.contains(volume.name) &&
        std::find(worthless.begin(), worthless.end(), volume.name) == worthless.end())
      kept.push_back(volume.name);
  return kept;
}

bool has_commands(const RecipeFacts& facts) { return facts.simmer_yml.seed || facts.simmer_yml.verify || facts.simmer_yml.wipe; }

bool answers_http(const RecipeFacts& facts) {
  for (const auto& service : facts.services) {
    if (service.replicas == 0) continue;
    for (const auto& [label, value] : service.labels)
      if (label.starts_with("traefik.http.routers.")) return true;
    for (const auto& port : service.ports)
      if (!port.published.empty() && port.protocol == "tcp") return true;
  }
  return false;
}

namespace {

class Generic : public simmer::Recipe {
 public:
  RecipeTraits traits(const RecipeFacts& facts) override {
    RecipeTraits traits;
    traits.default_role = "test";
    traits.needs = facts.simmer_yml.needs;
    if (const auto start = facts.simmer_yml.timeouts.find("start"); start != facts.simmer_yml.timeouts.end())
      traits.start_timeout = start->second;
    if (!keeps_data(facts)) {
      traits.kind = RecipeKind::stateless;
      const auto reason = "it keeps no data: no volume with value, and no commands in simmer.yml";
      traits.not_applicable = {{Tier::backup, reason}, {Tier::restore, reason}};
    }
    for (const auto& [tier, reason] : facts.simmer_yml.not_applicable) traits.not_applicable[tier] = reason;
    return traits;
  }

  std::unique_ptr<simmer::HealthProbe> health_probe(const RecipeFacts& facts, Host& host) override {
    return make_probe(facts, host);
  }

  std::unique_ptr<simmer::DataContract> data_contract(const RecipeFacts& facts, Host& host) override {
    return make_contract(facts, host);
  }

  std::unique_ptr<simmer::SnapshotStrategy> snapshot_strategy(const RecipeFacts& facts, simmer::ReadyStrategies& ready) override {
    return keeps_data(facts) ? ready.raw_volumes(facts.simmer_yml.volumes_without_value) : ready.version_only();
  }

  std::unique_ptr<simmer::UpgradeGate> upgrade_gate(const RecipeFacts&) override { return nullptr; }
  std::vector<std::unique_ptr<simmer::Check>> checks(Tier, const RecipeFacts&, Host&) override { return {}; }

 private:
  static bool keeps_data(const RecipeFacts& facts) { return has_commands(facts) || !volumes_with_value(facts).empty(); }
};

}  // namespace
}  // namespace generic

SIMMER_PLUGIN(generic::Generic, "generic", "1.0.0", "*");
