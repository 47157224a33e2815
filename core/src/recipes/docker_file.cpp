#include <recipes/docker_file.hpp>

#include <algorithm>
#include <set>

#include <recipes/docker_env_file.hpp>
#include <recipes/docker_words.hpp>
#include <recipes/inside.hpp>
#include <recipes/yaml_scalar.hpp>
#include <simmer/error.hpp>

namespace simmer {
namespace {

YamlValue list_at(const YamlValue& from) {
  YamlValue list = YamlValue::of_text("", from);
  list.kind = YamlValue::Kind::list;
  return list;
}

YamlValue null_at(const YamlValue& from) {
  YamlValue null = YamlValue::of_text("", from);
  null.kind = YamlValue::Kind::null;
  return null;
}

// Every word as the type that it has to Docker, in the one spelling that all readers of YAML agree on.
YamlValue settled(const YamlValue& value) {
  YamlValue result = value;
  if (value.is_scalar()) {
    const Scalar scalar = scalar_of(value);
    result.text = scalar.text;
    result.quoted = scalar.type == ScalarType::text;
    if (scalar.type == ScalarType::null) result.kind = YamlValue::Kind::null;
  }
  for (auto& item : result.items) item = settled(item);
  for (auto& entry : result.entries) entry.value = settled(entry.value);
  return result;
}

YamlValue as_text(const YamlValue& value) { return YamlValue::of_text(scalar_of(value).text, value); }

// A mapping, or a list of NAME=value, to strings. In an environment (`loose`) a name alone stays one, and a number is still seen
// to be one; elsewhere they are strings.
YamlValue texts_from(const YamlValue& pairs, bool loose) {
  YamlValue map = YamlValue::empty_map(pairs);
  for (const auto& entry : pairs.entries) map.set(entry.key, loose ? settled(entry.value) : as_text(entry.value));
  for (const auto& item : pairs.items) {
    const auto equals = item.text.find('=');
    const std::string name = item.text.substr(0, equals);
    if (name.empty()) item.refuse("'" + item.text + "' has no name before '=': write NAME=value");
    if (equals != std::string::npos) map.set(name, YamlValue::of_text(item.text.substr(equals + 1), item));
    else map.set(name, loose ? null_at(item) : YamlValue::of_text("", item));
  }
  return map;
}

YamlValue as_list(const YamlValue& value) {
  if (value.is_list()) return settled(value);
  YamlValue list = list_at(value);
  list.items.push_back(as_text(value));
  return list;
}

YamlValue as_command(const YamlValue& value, const std::string& name) {
  YamlValue list = list_at(value);
  for (auto& word : read_command(value, name)) list.items.push_back(YamlValue::of_text(std::move(word), value));
  return list;
}

YamlValue as_test(const YamlValue& value) {
  if (value.is_list()) return settled(value);
  YamlValue list = list_at(value);
  list.items = {YamlValue::of_text("CMD-SHELL", value), as_text(value)};
  return list;
}

// "name:address", the one form that 20.10 and 28 read alike.
YamlValue as_hosts(const YamlValue& value) {
  YamlValue list = list_at(value);
  const auto add = [&](const std::string& text, const YamlValue& from) {
    const auto colon = text.find(':');
    if (colon == std::string::npos || colon == 0 || text.find_first_of("=[]") != std::string::npos) from.refuse("extra_hosts: write '" + text + "' as name:address, without brackets; Docker 20.10 and 28 read other forms differently");
    list.items.push_back(YamlValue::of_text(text, from));
  };
  for (const auto& item : value.items) add(item.text, item);
  std::set<std::pair<std::string, const YamlValue*>> sorted;
  for (const auto& entry : value.entries) {
    const Scalar scalar = scalar_of(entry.value);
    if (scalar.type == ScalarType::null) continue;
    if (scalar.type != ScalarType::text || entry.key.find(':') != std::string::npos) entry.value.refuse("extra_hosts: the address of '" + entry.key + "' is no string: put it in quotes");
    sorted.insert({entry.key + ":" + scalar.text, &entry.value});
  }
  for (const auto& [text, from] : sorted) add(text, *from);
  return list;
}

YamlValue as_ports(const YamlValue& value) {
  YamlValue list = list_at(value);
  for (const auto& item : value.items) {
    if (item.is_map()) {
      list.items.push_back(settled(item));
      continue;
    }
    const Scalar scalar = scalar_of(item);
    if (scalar.type == ScalarType::real) item.refuse("ports: '" + item.text + "' is no port: put it in quotes");
    YamlValue text = YamlValue::of_text(scalar.text, item);
    for (auto& port : expand_ports(text)) list.items.push_back(std::move(port));
    if (list.items.size() > 5000) item.refuse("more than 5000 ports");
  }
  return list;
}

YamlValue as_mounts(const YamlValue& value) {
  YamlValue list = list_at(value);
  for (const auto& item : value.items) {
    list.items.push_back(item.is_map() ? settled(item) : expand_mount(item));
    const YamlValue* type = list.items.back().find("type");
    const YamlValue* source = list.items.back().find("source");
    if (type != nullptr && type->text == "bind" && (source == nullptr || source->text.empty())) item.refuse("a bind mount needs a source: write source: and a path");
  }
  return list;
}

YamlValue as_uses(const YamlValue& value, const std::string& name) {
  YamlValue list = list_at(value);
  for (const auto& item : value.items) {
    if (item.is_map()) {
      list.items.push_back(settled(item));
      if (item.find("source") == nullptr) item.refuse(name + ": an item says no source: write source: and the name of one under " + name);
    } else {
      list.items.push_back(YamlValue::empty_map(item));
      list.items.back().set("source", as_text(item));
    }
  }
  return list;
}

YamlValue as_networks(const YamlValue& value) {
  YamlValue map = YamlValue::empty_map(value);
  for (const auto& item : value.items) map.set(item.text, YamlValue::empty_map(item));
  for (const auto& entry : value.entries) {
    YamlValue& use = map.set(entry.key, entry.value.is_map() ? settled(entry.value) : YamlValue::empty_map(entry.value));
    if (const YamlValue* options = use.find("driver_opts")) use.set("driver_opts", texts_from(*options, false));
  }
  return map;
}

YamlValue as_deploy(const YamlValue& value) {
  YamlValue deploy = settled(value);
  if (const YamlValue* labels = value.find("labels")) deploy.set("labels", texts_from(*labels, false));
  return deploy;
}

YamlValue as_logging(const YamlValue& value) {
  YamlValue logging = settled(value);
  if (const YamlValue* options = value.find("options")) logging.set("options", texts_from(*options, false));
  return logging;
}

class ServiceReader {
 public:
  ServiceReader(const YamlValue& service, const ComposeFolder& folder) : service_(service), folder_(folder) {}

  YamlValue read() {
    YamlValue result = YamlValue::empty_map(service_);
    for (const auto& entry : service_.entries) {
      if (entry.key.starts_with("x-") && entry.key != "x-simmer-local") continue;
      if (entry.value.is_null()) continue;
      result.set(entry.key, understood(entry.key, entry.value));
    }
    if (service_.find("environment") != nullptr || service_.find("env_file") != nullptr) result.set("environment", environment(result.find("env_file")));
    return result;
  }

 private:
  static YamlValue understood(const std::string& key, const YamlValue& value) {
    if (key == "x-simmer-local") return value;
    if (key == "labels" || key == "sysctls") return texts_from(value, false);
    if (key == "command" || key == "entrypoint") return as_command(value, key);
    if (key == "dns" || key == "dns_search" || key == "tmpfs" || key == "env_file") return as_list(value);
    if (key == "extra_hosts") return as_hosts(value);
    if (key == "ports") return as_ports(value);
    if (key == "volumes") return as_mounts(value);
    if (key == "secrets" || key == "configs") return as_uses(value, key);
    if (key == "networks") return as_networks(value);
    if (key == "deploy") return as_deploy(value);
    if (key == "logging") return as_logging(value);
    YamlValue plain = settled(value);
    if (key == "healthcheck")
      if (const YamlValue* test = value.find("test")) plain.set("test", as_test(*test));
    return plain;
  }

  // Of what is empty or has no value, Docker's own environment decides; env files come first.
  YamlValue environment(const YamlValue* files) const {
    YamlValue result = YamlValue::empty_map(service_);
    const auto lay = [&](const YamlValue& vars) {
      for (const auto& entry : vars.entries) {
        const auto known = folder_.env.find(entry.key);
        const bool open = entry.value.is_null() || entry.value.text.empty();
        result.set(entry.key, open && known != folder_.env.end() ? YamlValue::of_text(known->second, entry.value) : entry.value);
      }
    };
    if (files != nullptr) {
      YamlValue vars = YamlValue::empty_map(*files);
      for (const auto& file : files->items) {
        if (!stays_inside(folder_.dir, file.text)) continue;  // what cannot be read is refused by the policy
        const auto text = read_recipe_file(folder_.dir, file.text);
        if (!text) file.refuse("env_file: there is no file '" + file.text + "' in the recipe");
        auto read = read_docker_env_file(*text, file.text, folder_.env);
        count(read.size(), text->size(), file);
        for (auto& [name, value] : read) vars.set(name, YamlValue::of_text(std::move(value), file));
      }
      lay(vars);
    }
    if (const YamlValue* own = service_.find("environment")) lay(texts_from(*own, true));
    return result;
  }

  void count(std::size_t variables, std::size_t bytes, const YamlValue& file) const {
    EnvFilesRead& all = folder_.env_files;
    if ((all.variables += variables) > yaml_max_values) file.refuse("env_file '" + file.text + "': more than " + std::to_string(yaml_max_values) + " variables in all env files together, each counted where a service names it: leave some out");
    if ((all.bytes += bytes) > 4 * yaml_max_bytes) file.refuse("env_file '" + file.text + "': more than 4 MiB in all env files together, each counted where a service names it: leave some out");
  }

  const YamlValue& service_;
  const ComposeFolder& folder_;
};

bool is_set(const YamlValue& map, const char* key) {
  const YamlValue* value = map.find(key);
  return value != nullptr && !(value->is_scalar() && value->text.empty()) && !(value->is_map() && value->entries.empty());
}

YamlValue resource_from(const YamlEntry& entry, const std::string& section) {
  YamlValue result = YamlValue::empty_map(entry.value);
  if (!entry.value.is_map()) return result;
  for (const auto& field : entry.value.entries) {
    if (field.key.starts_with("x-") || field.value.is_null()) continue;
    result.set(field.key, field.key == "labels" || field.key == "driver_opts" ? texts_from(field.value, false) : settled(field.value));
  }
  const std::string kind = section.substr(0, section.size() - 1) + " " + entry.key;
  const YamlValue* external = result.find("external");
  const bool is_external = external != nullptr && (external->is_map() || external->text == "true");
  if (!is_external) {
    result.remove("external");
    if (is_set(result, "driver") && is_set(result, "file") && section != "networks") entry.value.refuse(kind + " has a driver and a file; Docker takes one of them");
    return result;
  }
  const YamlValue* old_name = external->find("name");  // `external: {name: x}`, before 3.5
  const bool renamed = old_name != nullptr && !old_name->text.empty();
  if (renamed && is_set(result, "name")) entry.value.refuse(kind + " has external.name and name; Docker takes one of them");
  if (section == "volumes")
    for (const char* key : {"driver", "driver_opts", "labels"})
      if (is_set(result, key)) entry.value.refuse(kind + " is external and has " + key + ", which Docker refuses together: leave one of them out");
  YamlValue outside = YamlValue::empty_map(entry.value);
  outside.set("external", settled([&] {
    YamlValue yes = YamlValue::of_text("true", *external);
    yes.quoted = false;
    return yes;
  }()));
  outside.set("name", renamed ? *old_name : is_set(result, "name") ? *result.find("name") : YamlValue::of_text(entry.key, entry.value));
  return outside;
}

}  // namespace

YamlValue understand_file(const YamlValue& file, const ComposeFolder& folder) {
  YamlValue result = YamlValue::empty_map(file);
  if (const YamlValue* services = file.find("services")) {
    YamlValue all = YamlValue::empty_map(*services);
    if (services->entries.size() > 500) services->refuse("more than 500 services");
    for (const auto& entry : services->entries) all.set(entry.key, ServiceReader(entry.value, folder).read());
    result.set("services", std::move(all));
  }
  for (const std::string section : {"networks", "volumes", "secrets", "configs"}) {
    const YamlValue* resources = file.find(section);
    if (resources == nullptr) continue;
    YamlValue all = YamlValue::empty_map(*resources);
    for (const auto& entry : resources->entries) all.set(entry.key, resource_from(entry, section));
    result.set(section, std::move(all));
  }
  return result;
}

}  // namespace simmer
