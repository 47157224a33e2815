#include <runs/recipe_view.hpp>

#include <algorithm>
#include <set>

#include <base/files.hpp>
#include <recipes/inside.hpp>
#include <recipes/yaml_value.hpp>
#include <runs/bounded_reading.hpp>
#include <runs/run_context.hpp>
#include <runs/run_target.hpp>
#include <runs/temporary_folder.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {

// In the place of a run's six random digits.
constexpr const char* example_hex = "0a1b2c";

std::optional<std::string> text_of(const fs::path& dir, const std::string& name) {
  try {
    return read_recipe_file(dir, name);
  } catch (const Error&) {
    return std::nullopt;  // a link out of the recipe, or no file: nothing that a run would read
  }
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code failed;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed)) names.push_back(entry->path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

void read_routers(RecipeView& view) {
  for (const auto& service : view.tree.facts.services)
    for (const auto& [label, value] : service.labels)
      for (const std::string protocol : {"http", "tcp", "udp"}) {
        const std::string prefix = "traefik." + protocol + ".routers.", suffix = ".rule";
        if (!label.starts_with(prefix) || !label.ends_with(suffix) || label.size() <= prefix.size() + suffix.size()) continue;
        const std::string router = label.substr(prefix.size(), label.size() - prefix.size() - suffix.size());
        view.routers.push_back({service.name, router, protocol, value, hosts_in_rule(value)});
      }
}

void read_names(RecipeView& view) {
  const auto& facts = view.tree.facts;
  for (const auto& service : facts.services) view.names.push_back({"service", service.name, view.stack + "_" + service.name, false});
  const auto add = [&](const std::string& kind, const std::vector<ResourceFacts>& resources) {
    for (const auto& each : resources) {
      const std::string own = each.external ? each.name : view.stack + "_" + each.name;
      view.names.push_back({kind, each.name, each.resolved_name.empty() ? own : each.resolved_name, each.external});
    }
  };
  add("volume", facts.volumes);
  add("secret", facts.secrets);
  add("config", facts.configs);
  add("network", facts.networks);
  const bool has_default = std::any_of(facts.networks.begin(), facts.networks.end(), [](const auto& network) { return network.name == "default"; });
  const bool needs_default = std::any_of(facts.services.begin(), facts.services.end(), [](const auto& service) {
    return service.networks.empty() || std::find(service.networks.begin(), service.networks.end(), "default") != service.networks.end();
  });
  if (needs_default && !has_default) view.names.push_back({"network", "default", view.stack + "_default", false});
}

void read_secrets(RecipeView& view) {
  for (const auto& secret : view.tree.facts.secrets) {
    RecipeView::Secret shown{secret.name, false, {}};
    for (const auto& rule : view.tree.secret_rules)
      if (rule.name == secret.name) shown = {secret.name, true, rule};
    view.secrets.push_back(std::move(shown));
  }
}

void read_files(RecipeView& view, const std::string& label) {
  const fs::path& dir = view.tree.dir;
  std::set<std::string> seen;
  const auto add = [&](const std::string& name, bool is_read, const std::string& why) {
    if (seen.insert(name).second) view.files.push_back({name, is_read, why});
  };
  for (const auto& file : view.tree.compose_files) add(file, true, "the app");
  // What lies outside is not read, whatever is allowed.
  const auto add_named = [&](const std::string& name, const std::string& why) {
    const bool inside = stays_inside(dir, name);
    add(name, inside, why + (inside ? "" : ", outside of the recipe"));
  };
  for (const char* kind : {"config", "secret"})
    for (const auto& each : kind == std::string("config") ? view.tree.facts.configs : view.tree.facts.secrets)
      if (const auto file = each.options.find("file"); file != each.options.end()) add_named(file->second, std::string(kind) + " " + each.name);
  for (const auto& service : view.tree.compose.find("services")->entries)
    if (const YamlValue* env_files = service.value.find("env_file"))
      for (const auto& each : env_files->items) add_named(each.text, "the env_file of service " + service.key);
  for (const auto& [name, why] : {std::pair(".env.sample", "the default environment"), std::pair("abra.sh", "its constant exports"), std::pair("simmer.yml", "the recipe's word to Simmer")})
    add(name, fs::exists(dir / name), fs::exists(dir / name) ? why : "there is none");
  for (const auto& name : names_in(dir))
    if (name.find("compose") != std::string::npos && (name.ends_with(".yml") || name.ends_with(".yaml"))) add(name, false, "COMPOSE_FILE does not name it");
  for (const std::string folder : {"release", "releaseNotes"})
    for (const auto& name : names_in(dir / folder)) {
      const bool is_this = Version::parse(label) && (name == label || name == label + ".md");
      const auto text = is_this && view.notes.empty() ? text_of(dir, folder + "/" + name) : std::nullopt;
      if (text) view.notes = *text;
      add(folder + "/" + name, text.has_value(), text ? "the notes of this release" : "notes of another release");
    }
}

RecipeView read_view(const Session& session, const Target& target, const std::string& ref, const fs::path& dir, const Limit& limit) {
  const AppConfig app = session.config.app(target.app);
  RecipeView view;
  view.app = target.app;
  view.recipe = target.recipe;
  if (!target.working_tree.empty()) view.ref = take_working_tree(target.working_tree, dir, limit);
  if (!target.repository.empty()) {
    const RecipeRepository repository(target.repository);
    for (const auto& release : repository.releases()) view.versions.push_back(release.version.text());
    view.odd_tags = repository.odd_tags();
    if (target.working_tree.empty()) {
      view.ref = repository.resolve(ref);
      repository.check_out(view.ref.commit, dir);
    }
  }
  view.domain = cold_label(target.recipe, example_hex) + "." + session.config.base_domain;
  view.stack = stack_of_domain(view.domain);
  view.tree = read_recipe_tree(dir, target.recipe, environment_over({}, app.env, view.stack, view.domain));
  if (!view.ref.version.empty()) view.tree.facts.version = view.ref.version;
  for (auto& violation : judge_policy(view.tree, view.stack, view.domain, {}, session.config.proxy_network)) {
    const bool allowed = !violation.in_any_case && std::find(app.allow.begin(), app.allow.end(), violation.permission) != app.allow.end();
    view.policy.push_back({std::move(violation), allowed});
  }
  read_routers(view);
  read_names(view);
  read_secrets(view);
  read_files(view, view.tree.facts.version);
  view.lint = lint(view.tree);
  return view;
}

}  // namespace

std::vector<std::string> hosts_in_rule(const std::string& rule) {
  std::vector<std::string> hosts;
  for (auto at = rule.find("Host"); at != std::string::npos; at = rule.find("Host", at)) {
    const auto open = rule.find_first_not_of("HostRegexpSNI ", at);
    if (open == std::string::npos) break;
    at = open;
    if (rule[open] != '(') continue;
    for (++at; at < rule.size() && rule[at] != ')'; ++at) {
      if (rule[at] != '`' && rule[at] != '"' && rule[at] != '\'') continue;
      const auto close = rule.find(rule[at], at + 1);
      if (close == std::string::npos) return hosts;
      hosts.push_back(rule.substr(at + 1, close - at - 1));
      at = close;
    }
  }
  return hosts;
}

RecipeView view_recipe(const Session& session, const std::string& name, const std::string& ref) {
  const Target target = find_target(session, name);
  if (!target.working_tree.empty() && !ref.empty()) throw Error(ErrorKind::usage, "--ref and a path exclude each other: the working tree is shown as it is");
  const TemporaryFolder temporary("simmer-show");
  const auto remove = [folder = temporary.path()] {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  };
  return read_bounded(session, "reading " + target.recipe, remove, [&](const Limit& limit) {
    return while_doing("reading the recipe " + target.recipe, [&] { return read_view(session, target, ref, temporary.path() / "recipe", limit); });
  });
}

}  // namespace simmer
