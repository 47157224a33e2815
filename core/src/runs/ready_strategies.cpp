#include <runs/ready_strategies.hpp>

#include <algorithm>

namespace simmer {

namespace {

// A strategy of the host's: it says which volumes and which way back, core does the rest.
class ReadyStrategy : public SnapshotStrategy {
 public:
  ReadyStrategy(std::string name, CaptureWhen when, std::vector<std::string> volumes, std::vector<WayBackStep> way_back)
      : name_(std::move(name)), when_(when), volumes_(std::move(volumes)), way_back_(std::move(way_back)) {}
  std::string name() const override { return name_; }
  CaptureWhen capture_when() const override { return when_; }
  std::vector<std::string> volumes() const override { return volumes_; }
  void capture(const std::string&) override {}
  void verify(const std::string&) override {}
  void restore(const std::string&) override {}
  std::vector<WayBackStep> way_back() const override { return way_back_; }

 private:
  std::string name_;
  CaptureWhen when_;
  std::vector<std::string> volumes_;
  std::vector<WayBackStep> way_back_;
};

}  // namespace

std::unique_ptr<SnapshotStrategy> ReadyStrategiesFor::raw_volumes(const std::vector<std::string>& without_value) {
  std::vector<std::string> volumes;
  for (const auto& volume : facts_.volumes)
    if (std::find(without_value.begin(), without_value.end(), volume.name) == without_value.end()) volumes.push_back(volume.name);
  return std::make_unique<ReadyStrategy>("raw-volumes", CaptureWhen::stopped, volumes,
                                         std::vector{WayBackStep::undeploy, WayBackStep::restore, WayBackStep::deploy, WayBackStep::probe});
}

std::unique_ptr<SnapshotStrategy> ReadyStrategiesFor::version_only() {
  return std::make_unique<ReadyStrategy>("version-only", CaptureWhen::never, std::vector<std::string>{},
                                         std::vector{WayBackStep::deploy_in_place, WayBackStep::probe});
}

}  // namespace simmer
