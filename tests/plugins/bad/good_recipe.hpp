// A recipe without any fault, as small as can be: each bad plugin beside this file is bad in one way.
#pragma once

#include <simmer/plugin.hpp>

struct GoodRecipe : simmer::Recipe {
  simmer::RecipeTraits traits(const simmer::RecipeFacts&) override {
    simmer::RecipeTraits traits;
    traits.kind = simmer::RecipeKind::stateless;
    return traits;
  }
  std::unique_ptr<simmer::HealthProbe> health_probe(const simmer::RecipeFacts&, simmer::Host&) override { return nullptr; }
  std::unique_ptr<simmer::DataContract> data_contract(const simmer::RecipeFacts&, simmer::Host&) override { return nullptr; }
  std::unique_ptr<simmer::SnapshotStrategy> snapshot_strategy(const simmer::RecipeFacts&,
                                                              simmer::ReadyStrategies& ready) override {
    return ready.version_only();
  }
  std::unique_ptr<simmer::UpgradeGate> upgrade_gate(const simmer::RecipeFacts&) override { return nullptr; }
  std::vector<std::unique_ptr<simmer::Check>> checks(simmer::Tier, const simmer::RecipeFacts&, simmer::Host&) override {
    return {};
  }
};

// A plugin made by hand: the tag is `tag_expression`, the rest of the descriptor follows.
#define HANDMADE_PLUGIN(tag_expression, ...)                                                                             \
  extern "C" {                                                                                                           \
  __attribute__((used, section(".simmer_plugin"))) constinit const simmer::PluginTag simmer_plugin_tag = tag_expression; \
  __attribute__((used)) constinit const simmer_plugin_descriptor_t simmer_plugin_descriptor = {__VA_ARGS__};             \
  }                                                                                                                      \
  static_assert(true)
#define GOOD_MAGIC \
  { 'S', 'I', 'M', 'M', 'E', 'R', '-', 'P', 'L', 'U', 'G', 'I', 'N' }
