#include <swarm/compose_overlay.hpp>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include <base/files.hpp>

namespace simmer::swarm {

namespace {

using Json = nlohmann::json;

// The overlay must be of the same file version as the recipe's, or Docker refuses the pair.
std::string version_of(const fs::path& compose) {
  std::istringstream lines(read_file(compose));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("version:")) continue;
    std::string version;
    for (const char c : line.substr(8))
      if ((c >= '0' && c <= '9') || c == '.') version += c;
    return version;
  }
  return "3.8";
}

bool has_router(const ServiceFacts& service) {
  return std::any_of(service.labels.begin(), service.labels.end(), [](const auto& label) { return label.first.starts_with("traefik.http.routers."); });
}

bool is_held(const DeploySpec& spec, const ServiceFacts& service) {
  if (spec.kept) return true;
  if (std::any_of(service.mounts.begin(), service.mounts.end(), [](const MountFacts& mount) { return mount.type == "volume"; })) return true;
  if (!spec.asked_directly) return false;
  const auto app = std::find_if(spec.facts.services.begin(), spec.facts.services.end(), has_router);
  return service.name == (app == spec.facts.services.end() ? spec.facts.services.front() : *app).name;
}

}  // namespace

Json marks_of(const DeploySpec& spec, const std::string& instance) { return {{stack_label, spec.stack}, {run_label, spec.run_id}, {instance_label, instance}}; }

std::string name_in_docker(const ResourceFacts& resource, const std::string& stack) {
  if (!resource.resolved_name.empty()) return resource.resolved_name;
  return resource.external ? resource.name : stack + "_" + resource.name;
}

std::string overlong_name(const DeploySpec& spec) {
  for (const auto& service : spec.facts.services)
    if (const auto name = spec.stack + "_" + service.name; name.size() > 63) return name;
  for (const auto* resources : {&spec.facts.secrets, &spec.facts.configs})
    for (const auto& resource : *resources)
      if (const auto name = name_in_docker(resource, spec.stack); name.size() > 64) return name;
  return "";
}

std::string compose_overlay(const DeploySpec& spec, const std::string& node, const std::string& instance) {
  const Json marks = marks_of(spec, instance);
  Json all_marks = marks;
  all_marks.update({{version_label, spec.facts.version}, {commit_label, spec.facts.commit}, {domain_label, spec.domain}});
  Json overlay = {{"version", version_of(spec.recipe_dir / spec.compose_files.front())}, {"services", Json::object()}};
  for (const auto& service : spec.facts.services) {
    Json deploy = {{"labels", all_marks}};
    if (is_held(spec, service)) deploy["placement"] = {{"constraints", {"node.id == " + node}}};
    overlay["services"][service.name]["deploy"] = deploy;
    // A container's marks are part of what a change restarts: a live app, which no run deploys, has none.
    if (!spec.run_id.empty()) overlay["services"][service.name]["labels"] = marks;
  }
  const auto mark = [&](const char* section, const std::vector<ResourceFacts>& resources) {
    for (const auto& resource : resources)
      if (!resource.external) overlay[section][resource.name]["labels"] = marks;
  };
  mark("volumes", spec.facts.volumes);
  // Not configs and secrets: Docker takes a missing `file` for the overlay's own folder. The engine marks them afterwards.
  mark("networks", spec.facts.networks);
  const bool has_default = std::any_of(spec.facts.services.begin(), spec.facts.services.end(), [](const auto& service) { return service.networks.empty(); });
  if (has_default) overlay["networks"]["default"]["labels"] = marks;
  // A `$` would be interpolated.
  std::string text = overlay.dump(2), escaped;
  for (const char c : text) escaped += c == '$' ? std::string("$$") : std::string(1, c);
  return escaped + "\n";
}

}  // namespace simmer::swarm
