#include <runs/data_kept.hpp>

#include <algorithm>
#include <set>

#include <recipes/yaml_value.hpp>
#include <runs/ready_strategies.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {

constexpr milliseconds census_deadline = std::chrono::minutes(10);

// Markers of contracts, which an upgrade keeps or not: they are no data of the app's. docs/plugin-guide.md tells authors so.
bool is_marker(const std::string& path) {
  for (const std::string_view mark : {"simmer-", "simmer_", ".simmer-"})
    if (path.starts_with(mark) || path.find("/" + std::string(mark)) != std::string::npos) return true;
  return false;
}

bool is_mounted(const RecipeFacts& facts, const std::string& volume) {
  return std::any_of(facts.services.begin(), facts.services.end(), [&](const ServiceFacts& service) {
    return service.replicas > 0 && std::any_of(service.mounts.begin(), service.mounts.end(), [&](const MountFacts& mount) { return mount.type == "volume" && mount.source == volume; });
  });
}

std::set<std::string> mount_points(const RecipeFacts& facts, const std::string& volume) {
  std::set<std::string> targets;
  for (const auto& service : facts.services)
    if (service.replicas > 0)
      for (const auto& mount : service.mounts)
        if (mount.type == "volume" && mount.source == volume) targets.insert(fs::path(mount.target).lexically_normal().string());
  return targets;
}

std::string targets_of(const RecipeFacts& facts, const std::string& volume) {
  std::string all;
  for (const auto& target : mount_points(facts, volume)) all += (all.empty() ? "" : ", ") + one_line(target);
  return all;
}

// At one of its places at least: elsewhere an app does not find what it wrote.
bool is_mounted_as_before(const RecipeFacts& base, const RecipeFacts& head, const std::string& volume) {
  const auto now = mount_points(head, volume);
  const auto before = mount_points(base, volume);
  return std::any_of(before.begin(), before.end(), [&](const std::string& target) { return now.contains(target); });
}

const ResourceFacts* declared(const RecipeFacts& facts, const std::string& volume) {
  const auto found = std::find_if(facts.volumes.begin(), facts.volumes.end(), [&](const ResourceFacts& each) { return each.name == volume; });
  return found == facts.volumes.end() ? nullptr : &*found;
}

bool is_tmpfs(const ResourceFacts& volume) {
  const auto type = volume.options.find("driver_opts.type");
  return type != volume.options.end() && type->second == "tmpfs";
}

bool holds(const std::vector<std::string>& names, const std::string& name) { return std::find(names.begin(), names.end(), name) != names.end(); }

std::string in_bytes(std::uint64_t bytes) {
  if (bytes < 10000) return std::to_string(bytes) + " bytes";
  return bytes < 10000000 ? std::to_string(bytes / 1000) + " kB" : std::to_string(bytes / 1000000) + " MB";
}

std::string in_entries(std::uint64_t entries) { return std::to_string(entries) + (entries == 1 ? " entry" : " entries"); }

// A plugin that cannot say it is a promotion's trouble: until then all volumes count.
std::vector<std::string> kept_by_strategy(RunContext& run, const RecipeState& state) {
  try {
    ReadyStrategiesFor ready(state.tree.facts);
    if (const auto strategy = run.recipe.snapshot_strategy(state.tree.facts, ready)) return strategy->volumes();
    run.report.log(LogLevel::warning, "the plugin returned no snapshot strategy");
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::plugin && error.kind() != ErrorKind::recipe) throw;
    run.report.log(LogLevel::warning, std::string("the plugin does not say which volumes have value: ") + error.what());
  }
  std::vector<std::string> all;
  for (const auto& volume : state.tree.facts.volumes) all.push_back(volume.name);
  return all;
}

}  // namespace

std::vector<std::string> volumes_of_value(RunContext& run, const RecipeState& state) {
  auto volumes = kept_by_strategy(run, state);
  std::erase_if(volumes, [&](const std::string& volume) {
    const ResourceFacts* facts = declared(state.tree.facts, volume);
    return !is_mounted(state.tree.facts, volume) || (facts != nullptr && is_tmpfs(*facts));  // what is in memory is gone at each stop
  });
  return volumes;
}

DataKept::DataKept(RunContext& run, const Deployment& app) : run_(run), stack_(app.stack()), base_(app.state()), volumes_(volumes_of_value(run, app.state())) {
  for (const auto& volume : volumes_) {
    try {
      places_[volume] = run_.engine.volume(stack_, volume, Limit::in(run_.spec.teardown, run_.stop)).path;
      before_[volume] = take_census(places_[volume], is_marker, Limit::in(census_deadline, run_.stop));
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      if (not_counted_.empty()) not_counted_ = "what volume " + volume + " holds cannot be counted: " + error.what();
    }
  }
}

std::string DataKept::size_of(const std::string& volume) const {
  const auto found = before_.find(volume);
  return found == before_.end() ? "" : " (" + in_entries(found->second.entries()) + ", " + in_bytes(found->second.bytes()) + ")";
}

bool DataKept::may_drop(const std::string& volume) const {
  const auto allowed = run_.spec.drops.find(head_version_);
  return allowed != run_.spec.drops.end() && holds(allowed->second, volume);
}

CheckResult DataKept::still_has(const RecipeState& head) {
  head_version_ = head.version;
  const auto kept = kept_by_strategy(run_, head);
  std::string dropped, allowed;
  for (const auto& volume : volumes_) {
    const ResourceFacts* before = declared(base_.tree.facts, volume);
    const ResourceFacts* now = declared(head.tree.facts, volume);
    std::string why;
    if (now == nullptr) why = "is declared no more";
    else if (before != nullptr && now->resolved_name != before->resolved_name) why = "is another one now, '" + now->resolved_name + "' instead of '" + before->resolved_name + "'";
    else if (before != nullptr && now->external != before->external) why = now->external ? "is somebody else's now (external)" : "is a new one now (external no more)";
    else if (is_tmpfs(*now) && !(before != nullptr && is_tmpfs(*before))) why = "is in memory alone now (tmpfs)";
    else if (!is_mounted(head.tree.facts, volume)) why = "is mounted by no service that runs any more";
    else if (!holds(kept, volume)) why = "is called without value now";
    else if (!is_mounted_as_before(base_.tree.facts, head.tree.facts, volume)) why = "is mounted at " + targets_of(head.tree.facts, volume) + " instead of " + targets_of(base_.tree.facts, volume);
    if (why.empty()) continue;
    const std::string all = "volume " + volume + size_of(volume) + " " + why;
    if (may_drop(volume)) allowed += (allowed.empty() ? "" : "; ") + all;
    else dropped += (dropped.empty() ? "" : "; ") + all;
  }
  if (!dropped.empty())
    return {Outcome::fail, "the data of " + base_.version + " would be lost: " + dropped + "; an operator may permit it with apps." + run_.spec.app + ".drops: {\"" + head.version + "\": [VOLUME]}"};
  if (!allowed.empty()) run_.report.warning("as apps." + run_.spec.app + ".drops permits " + head.version + ": " + allowed);
  return {Outcome::pass, std::to_string(volumes_.size()) + (volumes_.size() == 1 ? " volume is" : " volumes are") + " still the app's"};
}

CheckResult DataKept::still_there() {
  if (!not_counted_.empty()) return {Outcome::unverified, not_counted_};
  std::string all;
  for (const auto& [volume, before] : before_) {
    if (may_drop(volume)) continue;
    const auto after = take_census(places_.at(volume), is_marker, Limit::in(census_deadline, run_.stop));
    const auto loss = loss_between(before, after);
    const std::string turns_over = holds(base_.tree.turning_over, volume) ? "simmer.yml" : holds(run_.spec.turns_over, volume) ? "apps." + run_.spec.app + ".turns_over" : "";
    const std::string lost = std::to_string(loss.entries) + " of " + in_entries(before.entries()) + " and " + in_bytes(loss.bytes) + " of " + in_bytes(before.bytes());
    if (turns_over.empty() && (2 * loss.entries > before.entries() || 2 * loss.bytes > before.bytes()))
      return {Outcome::fail, "volume " + volume + " lost " + lost + " in the upgrade, " + one_line(loss.first) + " for one; if its files come and go by themselves, say so in the simmer.yml of a release (volumes_that_turn_over), or in apps." + run_.spec.app + ".turns_over"};
    all += (all.empty() ? "" : "; ") + volume + ": " + (before.sizes.empty() ? "nothing but markers" : lost + " gone" + (turns_over.empty() ? "" : ", which " + turns_over + " expects"));
  }
  return {Outcome::pass, all.empty() ? "no volume to count" : all};
}

}  // namespace simmer
