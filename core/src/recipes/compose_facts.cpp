// From the merged compose file to facts.
#include <algorithm>
#include <cctype>
#include <charconv>

#include <config/config.hpp>
#include <recipes/compose.hpp>
#include <recipes/docker_words.hpp>
#include <simmer/error.hpp>

namespace simmer {
namespace {

// Names become file names and parts of Docker's names: compose's own pattern, and no way upwards.
void check_name(const YamlEntry& entry, const std::string& what) {
  const bool fine = std::all_of(entry.key.begin(), entry.key.end(), [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-');
  });
  if (!fine || entry.key == "." || entry.key == "..")
    entry.value.refuse(what + " '" + entry.key + "': a name consists of letters, digits, '.', '_' and '-'");
}

std::map<std::string, std::string> texts_of(const YamlValue* map, const std::string& name) {
  std::map<std::string, std::string> texts;
  if (map == nullptr) return texts;
  for (const auto& entry : map->need_map(name).entries) texts[entry.key] = entry.value.is_null() ? "" : entry.value.need_text(name + "." + entry.key);
  return texts;
}

std::vector<std::string> texts_in(const YamlValue* list) {
  std::vector<std::string> texts;
  if (list != nullptr)
    for (const auto& item : list->items) texts.push_back(item.text);
  return texts;
}

std::vector<std::string> sources_in(const YamlValue* uses) {
  std::vector<std::string> names;
  if (uses != nullptr)
    for (const auto& item : uses->items) names.push_back(item.find("source")->text);
  return names;
}

void read_healthcheck(const YamlValue& service, ServiceFacts& facts) {
  const YamlValue* check = service.find("healthcheck");
  if (check == nullptr) return;
  if (const YamlValue* disable = check->find("disable"); disable != nullptr && disable->text == "true") {
    facts.healthcheck = {"NONE"};
    return;
  }
  facts.healthcheck = texts_in(check->find("test"));  // only intervals: the image's own test
  facts.has_healthcheck = !facts.healthcheck.empty() && facts.healthcheck.front() != "NONE";
}

LocalFacts read_local(const YamlValue& section, const std::string& service) {
  static const std::vector<std::string> known = {"command", "environment", "files", "working_dir"};
  const std::string name = "x-simmer-local of service " + service;
  LocalFacts local;
  for (const auto& entry : section.need_map(name).entries) {
    if (entry.key == "command")
      local.command = read_command(entry.value, "command");
    else if (entry.key == "environment")
      local.environment = texts_of(&entry.value, "environment");
    else if (entry.key == "files")
      local.files = texts_of(&entry.value.need_map("files"), "files");
    else if (entry.key == "working_dir")
      local.working_dir = entry.value.is_null() ? "" : entry.value.need_text("working_dir");
    else
      entry.value.refuse("unknown key '" + entry.key + "' in " + name + did_you_mean(entry.key, known));
  }
  if (local.command.empty()) section.refuse(name + " has no command: say what runs");
  return local;
}

ServiceFacts read_service(const YamlEntry& entry) {
  const YamlValue& service = entry.value;
  ServiceFacts facts;
  facts.name = entry.key;
  if (const YamlValue* image = service.find("image")) facts.image = image->text;
  facts.command = texts_in(service.find("command"));
  if (const YamlValue* environment = service.find("environment"))
    for (const auto& variable : environment->entries)
      if (!variable.value.is_null()) facts.environment[variable.key] = variable.value.text;
  facts.labels = texts_of(service.find("labels"), "labels");
  if (const YamlValue* deploy = service.find("deploy")) {
    for (const auto& [name, value] : texts_of(deploy->find("labels"), "deploy.labels")) facts.labels[name] = value;
    if (const YamlValue* replicas = deploy->find("replicas"); replicas != nullptr && replicas->is_scalar())
      std::from_chars(replicas->text.data(), replicas->text.data() + replicas->text.size(), facts.replicas);  // no number: the schema's business
    if (const YamlValue* restart = deploy->find("restart_policy"))
      if (const YamlValue* condition = restart->find("condition")) facts.restart_condition = condition->text;
  }
  if (const YamlValue* mounts = service.find("volumes"))
    for (const auto& mount : mounts->items) facts.mounts.push_back(read_mount(mount));
  if (const YamlValue* ports = service.find("ports"))
    for (const auto& port : ports->items) facts.ports.push_back(read_port(port));
  facts.secrets = sources_in(service.find("secrets"));
  facts.configs = sources_in(service.find("configs"));
  if (const YamlValue* networks = service.find("networks"))
    for (const auto& network : networks->entries) facts.networks.push_back(network.key);
  read_healthcheck(service, facts);
  if (const YamlValue* grace = service.find("stop_grace_period"))
    facts.stop_grace = std::chrono::duration_cast<std::chrono::milliseconds>(parse_go_duration(grace->text).value_or(std::chrono::nanoseconds(0)));
  if (const YamlValue* local = service.find("x-simmer-local")) facts.local = read_local(*local, entry.key);
  return facts;
}

ResourceFacts read_resource(const YamlEntry& entry) {
  ResourceFacts facts;
  facts.name = entry.key;
  facts.external = entry.value.find("external") != nullptr;
  if (const YamlValue* name = entry.value.find("name")) facts.resolved_name = name->text;
  for (const char* key : {"driver", "file", "template_driver"})
    if (const YamlValue* option = entry.value.find(key)) facts.options[key] = option->text;
  for (const auto& [name, option] : texts_of(entry.value.find("driver_opts"), "driver_opts")) facts.options["driver_opts." + name] = option;
  return facts;
}

std::vector<ResourceFacts> read_resources(const YamlValue& compose, const std::string& section) {
  std::vector<ResourceFacts> resources;
  const YamlValue* value = compose.find(section);
  if (value == nullptr) return resources;
  for (const auto& entry : value->need_map(section).entries) {
    check_name(entry, section);
    resources.push_back(read_resource(entry));
  }
  return resources;
}

}  // namespace

MountFacts read_mount(const YamlValue& value) {
  const auto text = [&](const char* key) {
    const YamlValue* found = value.find(key);
    return found != nullptr ? found->text : std::string();
  };
  return {text("type"), text("source"), text("target"), text("read_only") == "true"};
}

PortFacts read_port(const YamlValue& value) {
  PortFacts port;
  for (const auto& [key, field] : {std::pair("target", &port.target), std::pair("published", &port.published), std::pair("protocol", &port.protocol), std::pair("mode", &port.mode)})
    if (const YamlValue* found = value.find(key)) *field = found->text;
  return port;
}

void read_compose_facts(const YamlValue& compose, RecipeFacts& facts) {
  const YamlValue* services = compose.find("services");
  if (services == nullptr || services->entries.empty()) compose.refuse("no services in it: write services, each with an image");
  for (const auto& entry : services->entries) {
    check_name(entry, "service");
    facts.services.push_back(read_service(entry));
  }
  facts.volumes = read_resources(compose, "volumes");
  facts.secrets = read_resources(compose, "secrets");
  facts.configs = read_resources(compose, "configs");
  facts.networks = read_resources(compose, "networks");
}

}  // namespace simmer
