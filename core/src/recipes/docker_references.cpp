#include <recipes/docker_references.hpp>

#include <algorithm>
#include <cctype>
#include <set>

#include <recipes/engine_limits.hpp>
#include <recipes/interpolation.hpp>

namespace simmer {
namespace {

bool declares(const YamlValue& compose, const char* section, const std::string& name) {
  const YamlValue* all = compose.find(section);
  return all != nullptr && std::any_of(all->entries.begin(), all->entries.end(), [&](const YamlEntry& entry) { return entry.key == name; });
}

void check_mount(const YamlValue& compose, const YamlValue& mount) {
  const YamlValue* type = mount.find("type");
  const YamlValue* source = mount.find("source");
  const std::string kind = type != nullptr ? type->text : "";
  if (kind == "volume" && source != nullptr && !source->text.empty() && !declares(compose, "volumes", source->text)) mount.refuse("the volume '" + source->text + "' is declared nowhere" + (source->text.find("${") == std::string::npos ? ": add it to volumes" : about_nested_default(source->text)));
  if (kind == "tmpfs" && source != nullptr && !source->text.empty()) mount.refuse("a tmpfs mount takes no source: leave it out");
  const YamlValue* target = mount.find("target");
  if (target == nullptr || target->text.empty()) mount.refuse("a mount names no path in the container: write target: and a path");
  static const std::set<std::string> kinds = {"volume", "bind", "tmpfs"};
  if (!kinds.contains(kind)) return;
  for (const auto& other : kinds)
    if (other != kind && mount.find(other) != nullptr) mount.refuse(other + " options do not go with a mount of type " + kind + ": leave them out");
}

void check_deploy(const YamlValue& deploy) {
  static const std::set<std::string> modes = {"replicated", "global", "replicated-job", "global-job"};
  const YamlValue* mode = deploy.find("mode");
  if (mode != nullptr && !mode->text.empty() && !modes.contains(mode->text)) mode->refuse("deploy.mode '" + mode->text + "' is none of replicated, global, replicated-job and global-job");
  const YamlValue* replicas = deploy.find("replicas");
  if (mode != nullptr && mode->text.starts_with("global") && replicas != nullptr) replicas->refuse("replicas do not go with mode " + mode->text + ": leave them out");
}

void check_service(const YamlValue& compose, const YamlEntry& service) {
  const std::string& name = service.key;
  if (name.find('.') != std::string::npos || std::isalnum(static_cast<unsigned char>(name.front())) == 0 || std::isalnum(static_cast<unsigned char>(name.back())) == 0)
    service.value.refuse("services." + name + ": Docker takes no such name for a service: letters, digits, '-' and '_', the first and the last a letter or digit");
  if (const YamlValue* mounts = service.value.find("volumes"))
    for (const auto& mount : mounts->items) check_mount(compose, mount);
  if (const YamlValue* networks = service.value.find("networks"))
    for (const auto& network : networks->entries)
      if (network.key != "default" && !declares(compose, "networks", network.key)) network.value.refuse("the network '" + network.key + "' is declared nowhere: add it to networks");
  for (const char* section : {"secrets", "configs"})
    if (const YamlValue* uses = service.value.find(section))
      for (const auto& use : uses->items)
        if (const auto& name = use.find("source")->text; !declares(compose, section, name)) use.refuse("'" + name + "' is declared nowhere: add it to " + section);
  if (const YamlValue* check = service.value.find("healthcheck")) {
    const YamlValue* disable = check->find("disable");
    const YamlValue* test = check->find("test");
    if (disable != nullptr && disable->text == "true" && test != nullptr && !test->items.empty())
      disable->refuse("a healthcheck has a test (" + test->place() + ") or is disabled (" + disable->place() + "), not both: leave one of them out");
  }
  if (const YamlValue* deploy = service.value.find("deploy")) check_deploy(*deploy);
}

}  // namespace

void check_references(const YamlValue& compose) {
  if (const YamlValue* services = compose.find("services"))
    for (const auto& service : services->entries) check_service(compose, service);
  check_engine_limits(compose);
}

}  // namespace simmer
