// The recipe `custom-html`: nginx that serves the volume `content` as it is.
//
// It is healthy when `/` is the very page that lies in the volume, so that a proxy's page, another
// app's, or a wrong root never passes for it. Its data are pages, and they count as there only if the
// volume has them and the server serves them.
#pragma once

#include <simmer/plugin.hpp>

namespace custom_html {

class CustomHtml : public simmer::Recipe {
 public:
  simmer::RecipeTraits traits(const simmer::RecipeFacts& facts) override;
  std::unique_ptr<simmer::HealthProbe> health_probe(const simmer::RecipeFacts& facts, simmer::Host& host) override;
  std::unique_ptr<simmer::DataContract> data_contract(const simmer::RecipeFacts& facts, simmer::Host& host) override;
  std::unique_ptr<simmer::SnapshotStrategy> snapshot_strategy(const simmer::RecipeFacts& facts,
                                                              simmer::ReadyStrategies& ready) override;
  std::unique_ptr<simmer::UpgradeGate> upgrade_gate(const simmer::RecipeFacts& facts) override;
  std::vector<std::unique_ptr<simmer::Check>> checks(simmer::Tier tier, const simmer::RecipeFacts& facts,
                                                     simmer::Host& host) override;
};

}  // namespace custom_html
