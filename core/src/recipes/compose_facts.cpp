// From the merged compose file to facts. Shapes that compose does not know are refused with their
// place; keys that nobody reads here are left alone.
#include <algorithm>
#include <cctype>
#include <charconv>

#include <config/config.hpp>
#include <recipes/compose.hpp>
#include <recipes/inside.hpp>
#include <recipes/recipe_tree.hpp>
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

std::map<std::string, std::string> texts_of(const YamlValue* value, const std::string& name) {
  std::map<std::string, std::string> texts;
  if (value == nullptr) return texts;
  for (const auto& entry : as_mapping(*value, name).entries)
    texts[entry.key] = entry.value.is_null() ? "" : entry.value.need_text(name + "." + entry.key);
  return texts;
}

void read_environment(const YamlValue& service, const std::filesystem::path& dir, const Environment& env, ServiceFacts& facts) {
  if (const YamlValue* files = service.find("env_file")) {
    const std::vector<YamlValue> one = {*files};
    for (const auto& file : files->is_list() ? files->items : one) {
      const YamlValue* path = file.is_map() ? file.find("path") : &file;
      if (path == nullptr || !path->is_scalar()) file.refuse("env_file must be a path or a list of paths");
      if (!stays_inside(dir, path->text)) continue;  // the policy's business
      if (const auto text = read_recipe_file(dir, path->text))
        for (const auto& [name, value] : parse_env_file(*text, path->text)) facts.environment[name] = value;
    }
  }
  const YamlValue* environment = service.find("environment");
  if (environment == nullptr) return;
  for (const auto& entry : as_mapping(*environment, "environment").entries) {
    if (!entry.value.is_null())
      facts.environment[entry.key] = entry.value.need_text("environment." + entry.key);
    else if (const auto passed = env.find(entry.key); passed != env.end())
      facts.environment[entry.key] = passed->second;  // a name alone passes the caller's value on
  }
}

void read_healthcheck(const YamlValue& service, ServiceFacts& facts) {
  const YamlValue* check = service.find("healthcheck");
  if (check == nullptr) return;
  check->need_map("healthcheck");
  const YamlValue* disable = check->find("disable");
  const YamlValue* test = check->find("test");
  if (disable != nullptr && disable->need_bool("healthcheck.disable")) {
    facts.healthcheck = {"NONE"};
    return;
  }
  if (test == nullptr) return;  // only intervals: the image's own test
  if (test->is_scalar())
    facts.healthcheck = {"CMD-SHELL", test->text};
  else
    facts.healthcheck = read_command(*test, "healthcheck.test");
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

ServiceFacts read_service(const YamlEntry& entry, const std::filesystem::path& dir, const Environment& env) {
  const YamlValue& service = entry.value.need_map("service " + entry.key);
  ServiceFacts facts;
  facts.name = entry.key;
  if (const YamlValue* image = service.find("image")) facts.image = image->need_text("image");
  if (const YamlValue* command = service.find("command")) facts.command = read_command(*command, "command");
  read_environment(service, dir, env, facts);
  facts.labels = texts_of(service.find("labels"), "labels");
  if (const YamlValue* deploy = service.find("deploy")) {
    deploy->need_map("deploy");
    for (const auto& [name, value] : texts_of(deploy->find("labels"), "deploy.labels")) facts.labels[name] = value;
    if (const YamlValue* replicas = deploy->find("replicas"); replicas != nullptr && replicas->is_scalar())
      std::from_chars(replicas->text.data(), replicas->text.data() + replicas->text.size(), facts.replicas);  // no number: the schema's business
    if (const YamlValue* restart = deploy->find("restart_policy"))
      if (const YamlValue* condition = restart->need_map("restart_policy").find("condition"))
        facts.restart_condition = condition->need_text("condition");
  }
  if (const YamlValue* mounts = service.find("volumes"))
    for (const auto& mount : mounts->need_list("volumes").items) facts.mounts.push_back(read_mount(mount));
  if (const YamlValue* ports = service.find("ports"))
    for (const auto& port : ports->need_list("ports").items) facts.ports.push_back(read_port(port));
  facts.secrets = read_names(service.find("secrets"), "secrets");
  facts.configs = read_names(service.find("configs"), "configs");
  facts.networks = read_names(service.find("networks"), "networks");
  read_healthcheck(service, facts);
  if (const YamlValue* grace = service.find("stop_grace_period")) {
    facts.stop_grace = parse_span(grace->need_text("stop_grace_period"), false);
    if (!facts.stop_grace) grace->refuse("'" + grace->text + "' is no duration (like 1m30s)");
  }
  if (const YamlValue* local = service.find("x-simmer-local")) facts.local = read_local(*local, entry.key);
  return facts;
}

ResourceFacts read_resource(const YamlEntry& entry) {
  ResourceFacts facts;
  facts.name = entry.key;
  if (entry.value.is_null()) return facts;
  const YamlValue& value = entry.value.need_map(entry.key);
  if (const YamlValue* external = value.find("external")) {
    facts.external = external->is_map() || external->need_bool("external");
    const YamlValue* old_name = external->find("name");  // `external: {name: x}`, before 3.5
    if (old_name != nullptr) facts.resolved_name = old_name->need_text("name");
  }
  if (const YamlValue* name = value.find("name")) facts.resolved_name = name->need_text("name");
  if (facts.external && facts.resolved_name.empty()) facts.resolved_name = entry.key;
  for (const char* key : {"driver", "file", "environment", "content", "template_driver"})
    if (const YamlValue* option = value.find(key)) facts.options[key] = option->need_text(key);
  for (const auto& [name, option] : texts_of(value.find("driver_opts"), "driver_opts"))
    facts.options["driver_opts." + name] = option;
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

void read_compose_facts(const YamlValue& compose, const std::filesystem::path& dir, const Environment& env, RecipeFacts& facts) {
  const YamlValue* services = compose.find("services");
  if (services == nullptr || services->need_map("services").entries.empty()) compose.refuse("no services in it");
  for (const auto& entry : services->entries) {
    check_name(entry, "service");
    facts.services.push_back(read_service(entry, dir, env));
  }
  facts.volumes = read_resources(compose, "volumes");
  facts.secrets = read_resources(compose, "secrets");
  facts.configs = read_resources(compose, "configs");
  facts.networks = read_resources(compose, "networks");
}

}  // namespace simmer
