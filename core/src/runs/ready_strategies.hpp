// The two ways of keeping state that the host hands to plugins: raw volumes, and version only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <simmer/recipe_facts.hpp>
#include <simmer/snapshot_strategy.hpp>

namespace simmer {

// `facts` must outlive it.
class ReadyStrategiesFor : public ReadyStrategies {
 public:
  explicit ReadyStrategiesFor(const RecipeFacts& facts) : facts_(facts) {}
  std::unique_ptr<SnapshotStrategy> raw_volumes(const std::vector<std::string>& without_value) override;
  std::unique_ptr<SnapshotStrategy> version_only() override;

 private:
  const RecipeFacts& facts_;
};

}  // namespace simmer
