#include <runs/run_target.hpp>

#include <algorithm>
#include <cctype>
#include <functional>
#include <set>

#include <base/files.hpp>
#include <runs/recipe_source.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {

bool is_path(const std::string& target) { return target.find('/') != std::string::npos || target == "." || target == ".."; }

// It becomes a part of domains, stack names and folders.
bool is_plain_name(const std::string& name) {
  const auto is_plain = [](unsigned char c) { return c < 128 && (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'); };
  return !name.empty() && std::isalnum(static_cast<unsigned char>(name[0])) != 0 && std::all_of(name.begin(), name.end(), is_plain);
}

void check_recipe_name(const std::string& name, const std::string& where) {
  if (is_plain_name(name)) return;
  throw Error(ErrorKind::usage, "'" + name + "'" + where + " cannot be a recipe's name: rename it (letters, digits, '-', '_' and '.')");
}

bool is_app(const Session& session, const std::string& name) { return session.config.apps.contains(name) || fs::is_directory(session.state.canonical(name)); }

// What the operator says; else what the known-good was made of, as far as it can be read.
std::string recipe_of(const Session& session, const std::string& app) {
  if (const auto configured = session.config.apps.find(app); configured != session.config.apps.end()) return configured->second.recipe;
  const KnownGood known_good(session.state, app);
  const auto asked = [](const std::function<std::string()>& ask) {
    try {
      return ask();
    } catch (const Error&) {
      return std::string();
    }
  };
  const auto made_of = asked([&] { return known_good.exists() ? known_good.snapshot().meta().recipe : ""; });
  if (!made_of.empty()) return made_of;
  const auto recorded = asked([&] { return known_good.record().value_or(CanonicalRecord()).recipe; });
  return recorded.empty() ? app : recorded;
}

// Configured ones, and those that the state alone knows.
std::vector<std::string> canonicals_of_recipe(const Session& session, const std::string& recipe) {
  std::set<std::string> apps;
  for (const auto& [app, about] : session.config.apps)
    if (about.recipe == recipe && about.role == "canonical") apps.insert(app);
  const auto kept = while_doing("reading the state folder; another one can be named with --state DIR", [&] { return session.state.canonical_apps(); });
  for (const auto& app : kept)
    if (recipe_of(session, app) == recipe) apps.insert(app);
  return {apps.begin(), apps.end()};
}

}  // namespace

void check_app_name(const std::string& name) {
  if (!is_plain_name(name)) throw Error(ErrorKind::usage, "'" + name + "' cannot be the name of an app: letters, digits, '-', '_' and '.' make one, a letter or digit first");
}

std::string find_app(const Session& session, const std::string& name, NameOf kind) {
  check_app_name(name);
  if (is_app(session, name)) return name;
  const auto canonicals = canonicals_of_recipe(session, name);
  if (canonicals.size() > 1) {
    std::string all = canonicals[0];
    for (std::size_t i = 1; i < canonicals.size(); ++i) all += (i + 1 == canonicals.size() ? " and " : ", ") + canonicals[i];
    throw Error(ErrorKind::usage, "recipe " + name + " has " + std::to_string(canonicals.size()) + " canonicals, " + all + ": name the app");
  }
  if (canonicals.empty()) return name;
  if (kind == NameOf::app_alone) throw Error(ErrorKind::usage, "'" + name + "' is a recipe, and this command takes the name of an app: did you mean app '" + canonicals[0] + "'?");
  return canonicals[0];
}

AppConfig app_config(const Session& session, const std::string& app) {
  auto about = session.config.app(app);
  about.recipe = recipe_of(session, app);
  return about;
}

Target find_target(const Session& session, const std::string& name, NameOf kind) {
  Target target;
  if (is_path(name)) {
    std::error_code failed;
    target.working_tree = fs::canonical(name, failed);
    if (failed || !fs::is_directory(target.working_tree)) throw Error(ErrorKind::usage, "no folder " + name + " with a recipe in it");
    target.recipe = target.app = target.working_tree.filename();
    check_recipe_name(target.recipe, ", the folder of " + name + ",");
    const auto recipes = known_recipes(session.config);
    if (std::find(recipes.begin(), recipes.end(), target.recipe) != recipes.end()) target.repository = find_recipe(session.config, target.recipe);
    return target;
  }
  target.app = find_app(session, name, kind);
  target.recipe = recipe_of(session, target.app);
  check_recipe_name(target.recipe, "");
  fetch_source(session, target.app, target.recipe);
  target.repository = find_recipe(session.config, target.recipe);
  return target;
}

std::vector<std::string> known_recipes(const Config& config) {
  std::set<std::string> names;
  std::error_code failed;
  for (fs::directory_iterator entry(config.recipes(), failed), end; !failed && entry != end; entry.increment(failed)) {
    std::string name = entry->path().filename();
    if (name.ends_with(".git")) name.resize(name.size() - 4);
    if (entry->is_directory(failed) && name[0] != '.') names.insert(name);
  }
  return {names.begin(), names.end()};
}

fs::path find_recipe(const Config& config, const std::string& recipe) {
  if (recipe.empty() || recipe[0] == '.' || recipe.find('/') != std::string::npos) throw Error(ErrorKind::usage, "'" + recipe + "' is no name of a recipe");
  for (const auto& name : {recipe, recipe + ".git"})
    if (fs::is_directory(config.recipes() / name)) return config.recipes() / name;
  const auto known = known_recipes(config);
  if (known.empty())
    throw Error(ErrorKind::usage, "no recipe '" + recipe + "': there is no recipe repository in " + config.recipes().string() + " (name another folder with --recipes, or add one with: simmer recipe add)");
  throw Error(ErrorKind::usage, "no recipe '" + recipe + "' in " + config.recipes().string() + did_you_mean(recipe, known) + " (see: simmer recipe list)");
}

RunSpec spec_of_app(const Config& config, const StateFolder& state, const AppConfig& app) {
  RunSpec spec;
  spec.app = app.name;
  spec.recipe = app.recipe;
  spec.env = app.env;
  spec.needs = app.needs;
  spec.allow = app.allow;
  spec.turns_over = app.turns_over;
  spec.drops = app.drops;
  spec.proxy_network = config.proxy_network;
  // The local engine's services listen on ports of their own: there is no proxy in front of them.
  spec.proxy_address = config.engine == "local" ? "" : config.proxy_address;
  spec.proxy_tls = config.proxy_tls != "none";
  spec.fork = config.fork;
  spec.limits = config.runs.limits;
  spec.deny_egress = config.runs.deny_egress;
  spec.state = state.root();
  spec.engine = config.engine;
  spec.engines = config.engines;
  spec.plugin_path = config.plugin_path;
  spec.window = config.health.window;
  spec.start = config.start_deadline();
  spec.plugin = config.deadlines.plugin;
  spec.teardown = config.deadlines.teardown;
  return spec;
}

std::string find_canonical(const Session& session, const std::string& name, NameOf kind, bool even_damaged) {
  const auto app = find_app(session, name, kind);
  if (even_damaged && fs::is_directory(session.state.canonical(app) / "snapshot")) return app;
  if (KnownGood(session.state, app).exists()) return app;
  throw Error(ErrorKind::usage, "there is no known-good of '" + name + "'" + did_you_mean(name, session.state.canonical_apps()) + "; seed it with: simmer canonical seed " + name);
}

}  // namespace simmer
