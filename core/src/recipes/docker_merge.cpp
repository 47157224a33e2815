// Several files into one, by the rules of docker/cli's loader, which merges Go values with `mergo`: what is zero (an empty list,
// "", 0, false) does not override, lists are appended, mappings merged; what a rule below names is not.
#include <algorithm>
#include <set>

#include <recipes/docker_file.hpp>
#include <recipes/docker_words.hpp>
#include <recipes/yaml_scalar.hpp>

namespace simmer {
namespace {

bool is_zero(const YamlValue& value) {
  switch (value.kind) {
    case YamlValue::Kind::null: return true;
    case YamlValue::Kind::list: return value.items.empty();
    case YamlValue::Kind::map: return value.entries.empty();
    case YamlValue::Kind::scalar: break;
  }
  if (value.quoted) return value.text.empty();
  return value.text == "0" || value.text == "false";
}

std::string text_of(const YamlValue& map, const char* key) {
  const YamlValue* value = map.find(key);
  return value != nullptr && value->is_scalar() ? value->text : "";
}

[[noreturn]] void refuse_difference(const YamlValue& over, const YamlValue& base, const std::string& what) {
  over.refuse(what + " here and at " + base.place() + ": Docker 20.10 and 28 merge that differently; say it in one of the files");
}

// Durations by their length: "0s" is as zero as "".
bool is_zero_at(const std::string& key, const YamlValue& value) {
  static const std::set<std::string> durations = {"delay", "monitor", "window", "interval", "timeout", "start_period", "start_interval", "stop_grace_period"};
  if (durations.contains(key) && value.is_scalar()) {
    const auto duration = parse_go_duration(value.text);
    return duration && duration->count() == 0;
  }
  return is_zero(value);
}

// Numbers that Docker keeps behind a pointer: 28 lets a 0 override, 20.10 does not.
bool is_optional_number(const std::string& key) {
  static const std::set<std::string> keys = {"replicas", "retries", "parallelism", "max_attempts"};
  return keys.contains(key);
}

bool holds_texts(const std::string& key) {
  static const std::set<std::string> keys = {"labels", "sysctls", "driver_opts", "options"};
  return keys.contains(key);
}

void merge(const std::string& key, YamlValue& base, YamlValue over);

void merge_fields(YamlValue& base, YamlValue over) {
  for (auto& entry : over.entries) {
    YamlValue* standing = base.find(entry.key);
    if (standing == nullptr) base.set(entry.key, std::move(entry.value));
    else merge(entry.key, *standing, std::move(entry.value));
  }
}

// Of a list whose items are about something: the last one about the same thing stands, sorted by it.
void merge_by(const std::string& subject, YamlValue& base, const YamlValue& over) {
  std::map<std::string, YamlValue> by_subject;
  for (const YamlValue* list : {static_cast<const YamlValue*>(&base), static_cast<const YamlValue*>(&over)})
    for (const auto& item : list->items) {
      const std::string about = text_of(item, subject.c_str());
      by_subject.insert_or_assign(about.empty() ? "0" : about, item);
    }
  base.items.clear();
  for (auto& [about, item] : by_subject) base.items.push_back(std::move(item));
}

void merge_logging(YamlValue& base, YamlValue over) {
  const std::string before = text_of(base, "driver"), after = text_of(over, "driver");
  if (!before.empty() && !after.empty() && before != after) {
    base = std::move(over);
    return;
  }
  if (before.empty() && !after.empty()) base.set("driver", *over.find("driver"));
  const YamlValue* options = over.find("options");
  if (options == nullptr || is_zero(*options)) return;
  YamlValue* standing = base.find("options");
  // Docker merges into a copy, and drops what is merged when there was nothing to copy.
  if (standing == nullptr || is_zero(*standing)) options->refuse("logging.options are lost by Docker when the logging of an earlier file has none; say them there");
  for (const auto& entry : options->entries) standing->set(entry.key, entry.value);
}

void merge_environment(YamlValue& base, const YamlValue& over) {
  for (const auto& entry : over.entries) {
    if (base.has(entry.key) && (entry.value.is_null() || entry.value.text.empty())) continue;
    base.set(entry.key, entry.value);
  }
}

// Aliases are replaced, addresses where one is given; a name alone changes nothing.
void merge_networks(YamlValue& base, YamlValue over) {
  for (auto& entry : over.entries) {
    YamlValue* standing = base.find(entry.key);
    if (standing == nullptr || standing->entries.empty()) {
      base.set(entry.key, std::move(entry.value));
      continue;
    }
    if (entry.value.entries.empty()) continue;
    standing->remove("aliases");
    if (const YamlValue* aliases = entry.value.find("aliases")) standing->set("aliases", *aliases);
    for (const char* address : {"ipv4_address", "ipv6_address"})
      if (!text_of(entry.value, address).empty()) standing->set(address, *entry.value.find(address));
    if (const YamlValue* options = entry.value.find("driver_opts")) options->refuse("driver_opts of a network that an earlier file joins are lost by Docker; say them there");
  }
}

void merge_mounts(YamlValue& base, YamlValue over) {
  std::map<std::string, const YamlValue*> seen;
  for (const YamlValue* list : {static_cast<const YamlValue*>(&base), static_cast<const YamlValue*>(&over)})
    for (const auto& item : list->items) {
      const auto [before, is_new] = seen.emplace(text_of(item, "target"), &item);
      if (!is_new) refuse_difference(item, *before->second, "a mount at '" + text_of(item, "target") + "'");
    }
  for (auto& item : over.items) base.items.push_back(std::move(item));
}

void merge(const std::string& key, YamlValue& base, YamlValue over) {
  if (key == "environment") return merge_environment(base, over);
  if (key == "command" || key == "entrypoint") {
    if (is_zero(over)) return;
    if (!is_zero(base)) refuse_difference(over, base, "'" + key + "'");
  }
  if (is_optional_number(key) && base.is_scalar() && is_zero(over) && !is_zero(base)) refuse_difference(over, base, "'" + key + ": 0'");
  if (is_zero_at(key, over)) return;
  if (key == "x-simmer-local" || base.kind != over.kind || base.is_null()) {
    base = std::move(over);
  } else if (base.is_map()) {
    if (holds_texts(key))
      for (auto& entry : over.entries) base.set(entry.key, std::move(entry.value));
    else if (key == "ulimits")
      for (auto& entry : over.entries) base.set(entry.key, std::move(entry.value));
    else if (key == "networks") merge_networks(base, std::move(over));
    else if (key == "logging") merge_logging(base, std::move(over));
    else merge_fields(base, std::move(over));
  } else if (base.is_list()) {
    for (auto& item : over.items) base.items.push_back(std::move(item));
  } else {
    base = std::move(over);
  }
}

// Lists whose items are about something are brought together even when the later file says nothing of them: Docker does so for
// every service that stands in both files.
void merge_service(YamlValue& base, YamlValue over) {
  const YamlValue empty;
  const auto take = [&](const char* key) {
    YamlValue value;
    if (YamlValue* found = over.find(key)) value = std::move(*found);
    over.remove(key);
    return value;
  };
  for (const auto& [key, subject] : {std::pair("ports", "published"), std::pair("secrets", "source"), std::pair("configs", "source"), std::pair("volumes", "")}) {
    YamlValue later = take(key);
    YamlValue* standing = base.find(key);
    if (standing == nullptr || is_zero(*standing)) {
      if (!is_zero(later)) base.set(key, std::move(later));
    } else if (std::string(key) == "volumes") {
      merge_mounts(*standing, std::move(later));
    } else {
      merge_by(subject, *standing, later);
    }
  }
  merge_fields(base, std::move(over));
}

}  // namespace

void merge_file(YamlValue& base, YamlValue over) {
  for (auto& section : over.entries) {
    YamlValue* standing = base.find(section.key);
    if (standing == nullptr) {
      base.set(section.key, std::move(section.value));
      continue;
    }
    for (auto& entry : section.value.entries) {
      YamlValue* same = section.key == "services" ? standing->find(entry.key) : nullptr;
      if (same != nullptr) merge_service(*same, std::move(entry.value));
      else standing->set(entry.key, std::move(entry.value));  // volumes, networks, secrets and configs are replaced whole
    }
  }
}

}  // namespace simmer
