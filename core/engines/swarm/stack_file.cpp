#include <swarm/stack_file.hpp>

#include <algorithm>
#include <engine/router_label.hpp>
#include <nlohmann/json.hpp>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <sstream>

#include <base/utf8.hpp>

namespace simmer::swarm {

namespace {

using Json = nlohmann::json;

bool is_held(const DeploySpec& spec, const ServiceFacts& service) {
  if (spec.kept) return true;
  if (std::any_of(service.mounts.begin(), service.mounts.end(), [](const MountFacts& mount) { return mount.type == "volume"; })) return true;
  return spec.asked_directly && service.name == app_of(spec.facts).name;
}

}  // namespace

const ServiceFacts& app_of(const RecipeFacts& facts) {
  const auto app = std::find_if(facts.services.begin(), facts.services.end(), has_router);
  return app == facts.services.end() ? facts.services.front() : *app;
}

Json marks_of(const DeploySpec& spec, const std::string& instance) { return {{stack_label, spec.stack}, {run_label, spec.run_id}, {instance_label, instance}}; }

std::string name_in_docker(const ResourceFacts& resource, const std::string& stack) {
  if (!resource.resolved_name.empty()) return resource.resolved_name;
  return resource.external ? resource.name : stack + "_" + resource.name;
}

std::string name_of(const DeploySpec& spec, const FileObject& object) {
  const auto& resources = object.is_secret ? spec.facts.secrets : spec.facts.configs;
  const auto found = std::find_if(resources.begin(), resources.end(), [&](const ResourceFacts& resource) { return resource.name == object.key; });
  return found == resources.end() ? spec.stack + "_" + object.key : name_in_docker(*found, spec.stack);
}

std::string overlong_name(const DeploySpec& spec) {
  for (const auto& service : spec.facts.services)
    if (const auto name = spec.stack + "_" + service.name; name.size() > 63) return name;
  // Docker makes those networks alone that a service uses.
  for (const auto& service : spec.facts.services)
    for (const auto& key : service.networks.empty() ? std::vector<std::string>{"default"} : service.networks) {
      const auto declared = std::find_if(spec.facts.networks.begin(), spec.facts.networks.end(), [&](const ResourceFacts& network) { return network.name == key; });
      if (declared != spec.facts.networks.end() && declared->external) continue;
      const auto name = declared == spec.facts.networks.end() ? spec.stack + "_" + key : name_in_docker(*declared, spec.stack);
      if (name.size() > 63) return name;
    }
  for (const auto* resources : {&spec.facts.secrets, &spec.facts.configs})
    for (const auto& resource : *resources)
      if (const auto name = name_in_docker(resource, spec.stack); name.size() > 64) return name;
  return "";
}

namespace {

// Docker's readers know fewer printable characters than Unicode has: what is not plainly text is written as its number.
void write_text(const std::string& text, bool is_value, std::string& out) {
  out += '"';
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view rest = std::string_view(text).substr(i);
    const std::size_t length = std::max<std::size_t>(utf8_length(rest), 1);
    const std::uint32_t point = utf8_code(rest.substr(0, length));
    i += length;
    if (point == '$' && is_value) {
      out += "$$";  // it would be interpolated, in values alone
    } else if (point == '"' || point == '\\') {
      out += {'\\', static_cast<char>(point)};
    } else if (point >= ' ' && point < 0x7f) {
      out += static_cast<char>(point);
    } else {
      char number[11];
      std::snprintf(number, sizeof number, "\\U%08X", point);
      out += number;
    }
  }
  out += '"';
}

// Behind "key:" or "-": a blank, or a new line and what is indented.
void write_value(const Json& value, std::size_t indent, std::string& out) {
  if (value.is_structured() && !value.empty()) {
    out += '\n';
    for (auto entry = value.begin(); entry != value.end(); ++entry) {
      out.append(indent, ' ');
      if (value.is_array()) {
        out += '-';
      } else {
        const bool plain = entry.key().find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos && entry.key().size() > 3;
        if (plain) out += entry.key();
        else write_text(entry.key(), false, out);
        out += ':';
      }
      write_value(*entry, indent + 2, out);
    }
    return;
  }
  out += ' ';
  if (value.is_string()) write_text(value.get<std::string>(), true, out);
  else out += value.dump();
  out += '\n';
}

// What begins so is ours to say: by it, things are found, spared and removed. The reader warns of it.
void leave_out_ours(Json& owner) {
  if (!owner.contains("labels")) return;
  Json& labels = owner["labels"];
  for (auto label = labels.begin(); label != labels.end();) label = label.key().starts_with("simmer.") ? labels.erase(label) : std::next(label);
}

void mark(Json& owner, const Json& marks) {
  leave_out_ours(owner);
  if (!owner.contains("labels")) owner["labels"] = Json::object();
  owner["labels"].update(marks);
}

// What the recipe says itself stays as it stands where it is the tighter one.
void limit_service(Json& service, const ServiceLimits& ours, const ServiceLimits& asked) {
  const auto held = tighter(ours, asked);
  if (held == asked) return;
  Json& all = service["deploy"]["resources"]["limits"];
  if (held.pids != asked.pids) all["pids"] = held.pids;
  if (held.memory_bytes != asked.memory_bytes) all["memory"] = std::to_string(held.memory_bytes);
  std::ostringstream cpus;
  cpus << held.cpus;
  if (held.cpus != asked.cpus) all["cpus"] = cpus.str();
}

}  // namespace

std::string stack_file(const DeploySpec& spec, const std::string& node, const std::string& instance) {
  const Json marks = marks_of(spec, instance);
  Json all_marks = marks;
  all_marks.update({{version_label, spec.facts.version}, {commit_label, spec.facts.commit}, {domain_label, spec.domain}});
  Json file = Json::parse(spec.compose);
  for (const auto& service : spec.facts.services) {
    Json& json = file["services"][service.name];
    mark(json["deploy"], all_marks);
    if (const auto image = spec.images.find(service.name); image != spec.images.end()) json["image"] = image->second;
    if (is_held(spec, service)) json["deploy"]["placement"]["constraints"].push_back("node.id == " + node);
    // A container's marks are part of what a change restarts: a live app, which no run deploys, has none.
    if (spec.run_id.empty()) {
      leave_out_ours(json);
      continue;
    }
    mark(json, marks);
    const auto asked = spec.asked_limits.find(service.name);
    // Docker waits without an end for what is negative.
    if (spec.longest_grace && service.stop_grace && (*service.stop_grace > *spec.longest_grace || service.stop_grace->count() < 0)) json["stop_grace_period"] = std::to_string(spec.longest_grace->count()) + "ms";
    limit_service(json, spec.limits, asked == spec.asked_limits.end() ? ServiceLimits{} : asked->second);
  }
  for (auto& [key, volume] : file["volumes"].items())
    if (!volume.contains("external")) {
      mark(volume, marks);
      volume["labels"][volume_label] = key;
    }
  const bool has_default = std::any_of(spec.facts.services.begin(), spec.facts.services.end(), [](const auto& service) { return service.networks.empty(); });
  if (has_default && !file["networks"].contains("default")) file["networks"]["default"] = Json::object();
  for (auto& network : file["networks"]) {
    if (network.contains("external")) continue;
    mark(network, marks);
    if (spec.internal_networks && !spec.run_id.empty()) network["internal"] = true;
  }
  // Made by the engine, by content, before the deploy.
  for (const auto& object : spec.objects) {
    Json& json = file[object.is_secret ? "secrets" : "configs"][object.key];
    json = {{"external", true}, {"name", name_of(spec, object)}};
  }
  std::string out = "version: \"" + file["version"].get<std::string>() + "\"";
  file.erase("version");
  for (const char* section : {"volumes", "networks"})
    if (file[section].empty()) file.erase(section);
  write_value(file, 0, out);
  return out;
}

}  // namespace simmer::swarm
