// `simmer recipe show`: one recipe as Simmer understands it, for the person who is about to run it.
#include <commands.hpp>

#include <iostream>
#include <nlohmann/json.hpp>

#include <runs/recipe_view.hpp>

namespace simmer {

namespace {

using Json = nlohmann::json;

// `internal`, `attachable`, `ipam`: said of a network by the file alone, the facts have no room for it.
const YamlValue* written_network(const RecipeView& view, const std::string& name) {
  const YamlValue* networks = view.tree.compose.find("networks");
  return networks == nullptr ? nullptr : networks->find(name);
}

bool says_true(const YamlValue* network, const char* key) {
  const YamlValue* value = network == nullptr ? nullptr : network->find(key);
  return value != nullptr && value->text == "true";
}

Json ipam_of(const YamlValue* network) {
  const YamlValue* ipam = network == nullptr ? nullptr : network->find("ipam");
  if (ipam == nullptr) return nullptr;
  Json all = Json::object();
  if (const YamlValue* driver = ipam->find("driver")) all["driver"] = driver->text;
  if (const YamlValue* config = ipam->find("config"))
    for (const auto& each : config->items)
      if (const YamlValue* subnet = each.find("subnet")) all["config"].push_back({{"subnet", subnet->text}});
  return all;
}

Json names_of(const RecipeView& view, const std::string& kind, const std::vector<ResourceFacts>& resources) {
  Json all = Json::array();
  for (const auto& named : view.names) {
    if (named.kind != kind) continue;
    Json each = {{"name", named.name}, {"docker_name", named.docker_name}, {"external", named.external}, {"options", Json::object()}};
    for (const auto& resource : resources)
      if (resource.name == named.name) each["options"] = resource.options;
    if (kind == "network") {
      const YamlValue* network = written_network(view, named.name);
      each["internal"] = says_true(network, "internal");
      each["attachable"] = says_true(network, "attachable");
      each["ipam"] = ipam_of(network);
    }
    all.push_back(each);
  }
  return all;
}

Json secrets_of(const RecipeView& view) {
  Json all = names_of(view, "secret", view.tree.facts.secrets);
  for (std::size_t i = 0; i < all.size() && i < view.secrets.size(); ++i) {
    const auto& secret = view.secrets[i];
    all[i]["version"] = secret.is_ruled ? Json(secret.rule.version) : Json();
    all[i]["length"] = secret.rule.length;
    all[i]["charset"] = secret.rule.charset;
  }
  return all;
}

Json services_of(const RecipeView& view) {
  Json all = Json::array();
  for (const auto& service : view.tree.facts.services) {
    Json mounts = Json::array(), ports = Json::array(), backup = Json::object();
    for (const auto& mount : service.mounts) mounts.push_back({{"type", mount.type}, {"source", mount.source}, {"target", mount.target}, {"read_only", mount.read_only}});
    for (const auto& port : service.ports) ports.push_back({{"published", port.published}, {"target", port.target}, {"protocol", port.protocol}, {"mode", port.mode}});
    for (const auto& [label, value] : service.labels)
      if (label.starts_with("backupbot.")) backup[label] = value;
    all.push_back({{"name", service.name},
                   {"docker_name", view.stack + "_" + service.name},
                   {"image", service.image},
                   {"mounts", mounts},
                   {"ports", ports},
                   {"secrets", service.secrets},
                   {"configs", service.configs},
                   {"networks", service.networks},
                   {"healthcheck", service.has_healthcheck},
                   {"runs_locally", service.local.has_value()},
                   {"backup_labels", backup}});
  }
  return all;
}

Json json_of(const RecipeView& view, const AppConfig& app) {
  const auto& facts = view.tree.facts;
  Json policy = Json::array(), routers = Json::array(), files = Json::array(), findings = Json::array(), set = Json::array();
  for (const auto& each : view.policy) policy.push_back({{"allow", each.violation.in_any_case ? Json() : Json(each.violation.permission)}, {"what", each.violation.what}, {"allowed", each.allowed}});
  for (const auto& router : view.routers) routers.push_back({{"service", router.service}, {"name", router.name}, {"protocol", router.protocol}, {"rule", router.rule}, {"hosts", router.hosts}});
  for (const auto& file : view.files) files.push_back({{"name", file.name}, {"read", file.is_read}, {"why", file.why}});
  for (const auto& finding : view.lint) findings.push_back({{"rule", finding.rule}, {"error", finding.error}, {"message", finding.message}});
  for (const auto& [name, value] : app.env) set.push_back(name);  // a value may be a secret
  return {{"recipe", view.recipe},
          {"app", view.app},
          {"ref", view.ref.asked.empty() ? view.ref.version : view.ref.asked},
          {"commit", view.ref.commit},
          {"tag", view.ref.version.empty() ? Json() : Json(view.ref.version)},
          {"label", view.tree.version_label},
          {"versions", view.versions},
          {"odd_tags", view.odd_tags},
          {"domain", view.domain},
          {"stack", view.stack},
          {"app_env", set},
          {"policy", policy},
          {"routers", routers},
          {"compose_files", view.tree.compose_files},
          {"files", files},
          {"services", services_of(view)},
          {"volumes", names_of(view, "volume", facts.volumes)},
          {"secrets", secrets_of(view)},
          {"configs", names_of(view, "config", facts.configs)},
          {"networks", names_of(view, "network", facts.networks)},
          {"timeout_s", facts.timeout ? Json(facts.timeout->count() / 1000) : Json()},
          {"notes", view.notes},
          {"simmer_yml", facts.simmer_yml.present},
          {"warnings", view.tree.warnings},
          {"lint", findings}};
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text.empty() ? "none" : text;
}

void row(const std::string& name, const std::string& text) { std::cout << name << std::string(name.size() < 10 ? 10 - name.size() : 1, ' ') << text << "\n"; }

void print_policy(const RecipeView& view) {
  std::vector<std::string> missing;
  bool in_any_case = false;
  for (const auto& [violation, allowed] : view.policy) {
    row("policy", (allowed ? "allowed: " : "refused: ") + violation.what + (violation.in_any_case ? "" : " (" + violation.permission + ")"));
    in_any_case = in_any_case || violation.in_any_case;
    if (!allowed && !violation.in_any_case && std::find(missing.begin(), missing.end(), violation.permission) == missing.end()) missing.push_back(violation.permission);
  }
  if (view.policy.empty()) row("policy", "the recipe stays within its run");
  const std::string words = "apps: {" + view.app + ": {allow: [" + joined(missing) + "]}}";
  if (in_any_case) row("", "a run is red, and no word of allow changes that" + (missing.empty() ? "" : "; what is refused by a word needs " + words + " too"));
  else if (!missing.empty()) row("", "a run is red, unless the configuration says: " + words);
}

void print_services(const RecipeView& view) {
  for (const auto& service : view.tree.facts.services) {
    row("service", service.name + ": " + view.stack + "_" + service.name + ", " + (service.image.empty() ? "no image" : service.image) + (service.has_healthcheck ? ", healthcheck" : "") + (service.local ? ", runs on the local engine" : ""));
    for (const auto& mount : service.mounts) row("", "  " + mount.type + " " + mount.source + " at " + mount.target);
    for (const auto& port : service.ports) row("", "  port " + port.published + " -> " + port.target);
    for (const auto& [label, value] : service.labels)
      if (label.starts_with("backupbot.")) row("", "  " + label + "=" + value);
  }
  for (const auto& router : view.routers) row("router", router.service + ": " + router.protocol + " " + router.name + ": " + router.rule + " (hosts: " + joined(router.hosts) + ")");
}

std::string about_network(const YamlValue* network) {
  std::string about = says_true(network, "internal") ? ", internal" : "";
  if (says_true(network, "attachable")) about += ", attachable";
  const Json ipam = ipam_of(network);
  if (ipam.contains("driver")) about += ", addresses by the driver " + ipam["driver"].get<std::string>();
  if (ipam.contains("config"))
    for (const auto& each : ipam["config"]) about += ", subnet " + each["subnet"].get<std::string>();
  return about;
}

void print_names(const RecipeView& view) {
  for (const auto& named : view.names) {
    if (named.kind == "service") continue;
    std::string more = named.external ? ", external" : "";
    for (const auto& secret : view.secrets)
      if (named.kind == "secret" && secret.name == named.name)
        more += ", length " + std::to_string(secret.rule.length) + ", charset " + secret.rule.charset + (secret.is_ruled ? "" : " (by default)");
    if (named.kind == "network") more += about_network(written_network(view, named.name));
    row(named.kind, named.name + ": " + named.docker_name + more);
  }
}

void print_files(const RecipeView& view) {
  for (const auto& file : view.files) row(file.is_read ? "read" : "not read", file.name + ": " + file.why);
}

void print_notes(std::string notes) {
  while (!notes.empty() && notes.back() == '\n') notes.pop_back();
  // Behind the margin: what a note says is never taken for a row of ours.
  for (auto at = notes.find('\n'); at != std::string::npos; at = notes.find('\n', at + 11)) notes.replace(at, 1, "\n" + std::string(10, ' '));
  row("notes", notes.empty() ? "none" : notes);
}

void print(const RecipeView& view, const AppConfig& app) {
  row("recipe", view.recipe + (view.app == view.recipe ? "" : " (app " + view.app + ")"));
  row("versions", joined(view.versions));
  if (!view.odd_tags.empty()) row("odd tags", joined(view.odd_tags) + " (no versions: left out)");
  row("shown", (view.ref.asked.empty() ? view.ref.version : view.ref.asked) + " = " + view.ref.commit.substr(0, 12));
  row("tag", view.ref.version.empty() ? "none" : view.ref.version);
  row("label", view.tree.version_label.empty() ? "none" : view.tree.version_label);
  row("as in", "a cold run, here at " + view.domain + ", stack " + view.stack);
  if (!app.env.empty()) {
    std::vector<std::string> set;
    for (const auto& [name, value] : app.env) set.push_back(name);
    row("app env", joined(set));
  }
  print_policy(view);
  print_services(view);
  print_names(view);
  print_files(view);
  row("timeout", view.tree.facts.timeout ? std::to_string(view.tree.facts.timeout->count() / 1000) + " s" : "none");
  print_notes(view.notes);
  for (const auto& warning : view.tree.warnings) row("warning", warning);
  for (const auto& finding : view.lint) row("lint", finding.rule + ": " + finding.message);
}

}  // namespace

int show_recipe(const Invocation& call) {
  const RecipeView view = view_recipe(call.session, call.word(2, "the name of a recipe, or the path of one"), call.line.value("ref").value_or(""));
  const AppConfig app = call.session.config.app(view.app);
  if (call.json) print_json(json_of(view, app));
  else print(view, app);
  // A run would be red: a script that asks before it pushes wants to know.
  return std::all_of(view.policy.begin(), view.policy.end(), [](const auto& judged) { return judged.allowed; }) ? 0 : 1;
}

}  // namespace simmer
