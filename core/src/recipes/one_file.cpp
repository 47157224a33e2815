#include <recipes/one_file.hpp>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>

#include <recipes/docker_words.hpp>
#include <recipes/inside.hpp>
#include <recipes/recipe_tree.hpp>

namespace simmer {
namespace {

using Json = nlohmann::json;

// Docker does nothing about them in a stack.
bool is_ignored(const std::string& key) {
  static const std::set<std::string> keys = {"build",        "cgroup_parent", "cgroupns_mode", "container_name", "depends_on", "devices",    "domainname",   "env_file",    "expose", "external_links", "ipc",
                                             "links",        "mac_address",   "network_mode",  "pid",            "privileged", "restart",    "security_opt", "shm_size",    "userns_mode"};
  return keys.contains(key) || key.starts_with("x-");
}

Json to_json(const YamlValue& value) {
  switch (value.kind) {
    case YamlValue::Kind::null: return nullptr;
    case YamlValue::Kind::scalar: return value.quoted ? Json(value.text) : Json::parse(value.text);
    case YamlValue::Kind::list: {
      Json list = Json::array();
      for (const auto& item : value.items) list.push_back(to_json(item));
      return list;
    }
    case YamlValue::Kind::map: break;
  }
  Json map = Json::object();
  for (const auto& entry : value.entries) map[entry.key] = to_json(entry.value);
  return map;
}

// Lists that Docker takes only without repetitions; files that are appended to one another may have brought some.
Json without_repetitions(const Json& list) {
  Json once = Json::array();
  std::set<std::string> seen;
  for (const auto& item : list)
    if (seen.insert(item.dump()).second) once.push_back(item);
  return once;
}

Json service_json(const YamlValue& service, const std::filesystem::path& dir, bool& is_new) {
  Json json = Json::object();
  for (const auto& entry : service.entries)
    if (!is_ignored(entry.key)) json[entry.key] = to_json(entry.value);
  // A number is a string to Docker here, as it stands by now.
  if (json.contains("environment"))
    for (const auto& entry : service.find("environment")->entries)
      if (!entry.value.is_null()) json["environment"][entry.key] = entry.value.text;
  for (const char* list : {"cap_add", "cap_drop", "dns", "dns_search", "tmpfs", "extra_hosts", "ports", "volumes"})
    if (json.contains(list)) json[list] = without_repetitions(json[list]);
  // A path of the host is seen from the checkout; the file has no folder of its own.
  if (json.contains("volumes"))
    for (auto& mount : json["volumes"])
      if (mount.value("type", "") == "bind")
        if (const std::string source = mount.value("source", ""); !source.empty() && source.front() != '/' && source.front() != '\\') mount["source"] = (dir / source).lexically_normal().string();
  if (json.contains("deploy") && json["deploy"].contains("resources"))
    for (auto& part : json["deploy"]["resources"])
      if (part.contains("memory")) part["memory"] = std::to_string(parse_bytes(part["memory"].get<std::string>()).value_or(0));
  is_new = is_new || json.contains("oom_score_adj") || (json.contains("healthcheck") && json["healthcheck"].contains("start_interval"));
  if (json.contains("networks"))
    for (const auto& use : json["networks"]) is_new = is_new || use.contains("driver_opts");
  return json;
}

}  // namespace

std::vector<FileObject> read_file_objects(const std::filesystem::path& dir, const YamlValue& compose) {
  std::vector<FileObject> objects;
  std::size_t total = 0;
  for (const std::string section : {"configs", "secrets"}) {
    const YamlValue* all = compose.find(section);
    if (all == nullptr) continue;
    // Docker's own bounds.
    const std::size_t most = section == "secrets" ? 500 * 1024 : 1000 * 1024;
    std::set<std::string> names;
    for (const auto& entry : all->entries) {
      const std::string name = section.substr(0, section.size() - 1) + " " + entry.key;
      if (entry.value.find("external") != nullptr || entry.value.find("driver") != nullptr) continue;
      const YamlValue* file = entry.value.find("file");
      if (file == nullptr || file->text.empty()) entry.value.refuse(name + " names no file and is not external: write file: and a path, or external: true");
      if (!stays_inside(dir, file->text)) continue;
      FileObject object{section == "secrets", entry.key, "", "", {}};
      auto content = read_recipe_file(dir, file->text);
      if (!content) file->refuse(name + ": there is no file '" + file->text + "' in the recipe");
      object.content = std::move(*content);
      if (object.content.empty() || object.content.size() > most) file->refuse(name + ": '" + file->text + "' has " + std::to_string(object.content.size()) + " bytes; Docker takes 1 to " + std::to_string(most));
      if ((total += object.content.size()) > std::size_t{16} << 20U) file->refuse("the configs and secrets of the recipe are larger than 16 MiB");
      const YamlValue* own_name = entry.value.find("name");
      if (own_name != nullptr && !names.insert(own_name->text).second) own_name->refuse(name + " has the name '" + own_name->text + "' of another one: give it one of its own");
      if (const YamlValue* driver = entry.value.find("template_driver")) object.template_driver = driver->text;
      if (const YamlValue* labels = entry.value.find("labels"))
        for (const auto& label : labels->entries) object.labels[label.key] = label.value.text;
      objects.push_back(std::move(object));
    }
  }
  return objects;
}

std::map<std::string, ServiceLimits> read_limits(const YamlValue& compose) {
  std::map<std::string, ServiceLimits> all;
  const YamlValue* services = compose.find("services");
  if (services == nullptr) return all;
  for (const auto& service : services->entries) {
    const YamlValue* at = &service.value;
    for (const char* key : {"deploy", "resources", "limits"})
      if (at != nullptr) at = at->find(key);
    if (at == nullptr) continue;
    const auto number = [&](const char* key) {
      const YamlValue* value = at->find(key);
      return value == nullptr ? 0.0 : std::strtod(value->text.c_str(), nullptr);
    };
    const YamlValue* memory = at->find("memory");
    all[service.key] = {static_cast<std::int64_t>(number("pids")), memory == nullptr ? 0 : parse_bytes(memory->text).value_or(0), number("cpus")};
  }
  return all;
}

std::string one_file(const RecipeTree& tree) {
  Json json = Json::object();
  bool is_new = false;
  for (const auto& section : tree.compose.entries) {
    if (section.key == "version") continue;
    json[section.key] = Json::object();
    for (const auto& entry : section.value.entries) {
      if (section.key == "services") json["services"][entry.key] = service_json(entry.value, tree.dir, is_new);
      else json[section.key][entry.key] = to_json(entry.value);
      const YamlValue* file = section.key == "configs" || section.key == "secrets" ? entry.value.find("file") : nullptr;
      if (file != nullptr && !stays_inside(tree.dir, file->text)) file->refuse("'" + file->text + "' lies outside of the recipe: Simmer reads nothing there, whatever is allowed");
      const YamlValue* env_files = section.key == "services" ? entry.value.find("env_file") : nullptr;
      if (env_files != nullptr)
        for (const auto& each : env_files->items)
          if (!stays_inside(tree.dir, each.text)) each.refuse("env_file '" + each.text + "' lies outside of the recipe: Simmer reads nothing there, whatever is allowed");
    }
  }
  // All that 3.9 can say is the same from 20.10 on, whatever version the recipe's files name.
  json["version"] = is_new ? "3.13" : "3.9";
  return json.dump();
}

}  // namespace simmer
