// `simmer recipe …`: what was understood of a recipe.
#include <commands.hpp>

#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include <base/files.hpp>
#include <recipes/recipe_tree.hpp>
#include <runs/recipe_source.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {

using Json = nlohmann::json;

// A checkout to read from, gone at the end.
class Checkout {
 public:
  Checkout(const RecipeRepository& repository, const std::string& commit) {
    std::string pattern = (fs::temp_directory_path() / "simmer-show-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw_errno("cannot make a temporary folder", errno);
    folder_ = pattern;
    repository.check_out(commit, dir());
  }
  ~Checkout() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  Checkout(const Checkout&) = delete;
  Checkout& operator=(const Checkout&) = delete;
  fs::path dir() const { return folder_ / "recipe"; }

 private:
  fs::path folder_;
};

Json names_of(const std::vector<ResourceFacts>& resources) {
  Json all = Json::array();
  for (const auto& each : resources)
    all.push_back({{"name", each.name}, {"external", each.external}, {"resolved_name", each.resolved_name.empty() ? Json() : Json(each.resolved_name)}, {"options", each.options}});
  return all;
}

Json services_of(const RecipeFacts& facts) {
  Json all = Json::array();
  for (const auto& service : facts.services) {
    Json mounts = Json::array(), ports = Json::array(), backup = Json::object();
    for (const auto& mount : service.mounts) mounts.push_back({{"type", mount.type}, {"source", mount.source}, {"target", mount.target}, {"read_only", mount.read_only}});
    for (const auto& port : service.ports) ports.push_back({{"published", port.published}, {"target", port.target}, {"protocol", port.protocol}, {"mode", port.mode}});
    for (const auto& [label, value] : service.labels)
      if (label.starts_with("backupbot.")) backup[label] = value;
    all.push_back({{"name", service.name},
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

std::string joined(const Json& list, const char* key) {
  std::string text;
  for (const auto& each : list) text += (text.empty() ? "" : ", ") + (key != nullptr ? each.at(key).get<std::string>() : each.get<std::string>());
  return text.empty() ? "none" : text;
}

void print_recipe(const Json& recipe) {
  const auto row = [](const std::string& name, const std::string& text) { std::cout << name << std::string(name.size() < 10 ? 10 - name.size() : 1, ' ') << text << "\n"; };
  row("recipe", recipe["recipe"]);
  row("versions", joined(recipe["versions"], nullptr));
  if (!recipe["odd_tags"].empty()) row("odd tags", joined(recipe["odd_tags"], nullptr) + " (no versions: left out)");
  row("shown", recipe["ref"].get<std::string>() + " = " + recipe["commit"].get<std::string>().substr(0, 12));
  row("label", recipe["label"].get<std::string>().empty() ? "none" : recipe["label"].get<std::string>());
  for (const auto& service : recipe["services"]) {
    row("service", service["name"].get<std::string>() + ": " + service["image"].get<std::string>() + (service["healthcheck"].get<bool>() ? ", healthcheck" : "") +
                       (service["runs_locally"].get<bool>() ? ", runs on the local engine" : ""));
    for (const auto& mount : service["mounts"]) row("", "  " + mount["type"].get<std::string>() + " " + mount["source"].get<std::string>() + " at " + mount["target"].get<std::string>());
    for (const auto& port : service["ports"]) row("", "  port " + port["published"].get<std::string>() + " -> " + port["target"].get<std::string>());
    for (const auto& [label, value] : service["backup_labels"].items()) row("", "  " + label + "=" + value.get<std::string>());
  }
  for (const char* kind : {"volumes", "secrets", "configs", "networks"}) row(kind, joined(recipe[kind], "name"));
  row("timeout", recipe["timeout_s"].is_null() ? "none" : std::to_string(recipe["timeout_s"].get<long>()) + " s");
  row("notes", recipe["notes"].get<std::string>().empty() ? "none" : recipe["notes"].get<std::string>());
  for (const auto& warning : recipe["warnings"]) row("warning", warning);
  for (const auto& finding : recipe["lint"]) row("lint", finding["rule"].get<std::string>() + ": " + finding["message"].get<std::string>());
}

int show(const Invocation& call) {
  const std::string name = call.word(2, "the name of a recipe");
  const RecipeRepository repository(find_recipe(call.session.config, name));
  const auto ref = repository.resolve(call.line.value("ref").value_or(""));
  const Checkout checkout(repository, ref.commit);
  const auto tree = read_recipe_tree(checkout.dir(), name, {{"STACK_NAME", "STACK_NAME"}, {"DOMAIN", "DOMAIN"}});
  Json versions = Json::array(), warnings = tree.warnings, findings = Json::array();
  for (const auto& release : repository.releases()) versions.push_back(release.version.text());
  for (const auto& finding : lint(tree)) findings.push_back({{"rule", finding.rule}, {"error", finding.error}, {"message", finding.message}});
  const std::string label = ref.version.empty() ? tree.version_label : ref.version;
  const Json recipe = {{"recipe", name},
                       {"ref", ref.asked.empty() ? label : ref.asked},
                       {"commit", ref.commit},
                       {"label", label},
                       {"versions", versions},
                       {"odd_tags", repository.odd_tags()},
                       {"compose_files", tree.compose_files},
                       {"services", services_of(tree.facts)},
                       {"volumes", names_of(tree.facts.volumes)},
                       {"secrets", names_of(tree.facts.secrets)},
                       {"configs", names_of(tree.facts.configs)},
                       {"networks", names_of(tree.facts.networks)},
                       {"timeout_s", tree.facts.timeout ? Json(tree.facts.timeout->count() / 1000) : Json()},
                       {"notes", repository.release_notes(ref.commit, label)},
                       {"simmer_yml", tree.facts.simmer_yml.present},
                       {"warnings", warnings},
                       {"lint", findings}};
  if (call.json) print_json(recipe);
  else print_recipe(recipe);
  return 0;
}

int list(const Invocation& call) {
  call.at_most(2);
  Json all = Json::array();
  for (const auto& name : known_recipes(call.session.config)) {
    try {
      const RecipeRepository repository(find_recipe(call.session.config, name));
      const auto newest = repository.newest_release();
      all.push_back({{"recipe", name}, {"newest", newest ? Json(newest->version.text()) : Json()}, {"releases", repository.releases().size()}, {"problem", Json()}});
    } catch (const Error& error) {
      all.push_back({{"recipe", name}, {"newest", Json()}, {"releases", 0}, {"problem", error.what()}});
    }
  }
  if (call.json) print_json(all);
  else
    for (const auto& each : all)
      std::cout << each["recipe"].get<std::string>() << "  "
                << (each["problem"].is_string() ? each["problem"].get<std::string>()
                    : each["newest"].is_null()  ? std::string("no releases")
                                                : each["newest"].get<std::string>() + " (" + std::to_string(each["releases"].get<int>()) + " releases)")
                << "\n";
  if (all.empty()) throw Error(ErrorKind::usage, "there is no recipe in " + call.session.config.recipes().string());
  return 0;
}

int add(const Invocation& call) {
  const std::string name = call.word(2, "a name for the recipe"), url = call.word(3, "the URL of its repository");
  if (name[0] == '.' || name[0] == '-' || name.find('/') != std::string::npos) throw Error(ErrorKind::usage, "'" + name + "' is no name for a recipe");
  if (url[0] == '-') throw Error(ErrorKind::usage, "'" + url + "' is no URL");
  const auto releases = RecipeRepository(add_recipe(call.session, name, url)).releases();
  if (call.json) print_json({{"recipe", name}, {"releases", releases.size()}});
  else std::cout << name << ": added, " << releases.size() << " releases\n";
  return 0;
}

}  // namespace

int command_recipe(const Invocation& call) {
  static const std::vector<std::string> known = {"list", "show", "add"};
  const std::string what = call.word(1, "list, show or add");
  if (what == "list") return list(call);
  if (what == "show") {
    call.at_most(3);
    return show(call);
  }
  if (what == "add") {
    call.at_most(4);
    return add(call);
  }
  throw Error(ErrorKind::usage, "no command 'recipe " + what + "'" + did_you_mean(what, known));
}

}  // namespace simmer
