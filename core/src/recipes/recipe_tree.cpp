// A recipe's folder, read as a whole: which files count, with which environment, and what they say.
#include <recipes/recipe_tree.hpp>

#include <algorithm>

#include <config/config.hpp>
#include <recipes/compose.hpp>
#include <recipes/docker_words.hpp>
#include <recipes/env_file.hpp>
#include <recipes/inside.hpp>
#include <recipes/one_file.hpp>
#include <simmer/error.hpp>

namespace simmer {
namespace {

// What abra exports, under what the deployment itself decides: a recipe chooses neither its stack nor who makes its certificates.
void lay_over(Environment& env, const std::map<std::string, std::string>& exports) {
  for (const auto& [name, value] : exports)
    if (name != "STACK_NAME" && name != "DOMAIN" && name != "LETS_ENCRYPT_ENV") env[name] = value;
}

[[noreturn]] void refuse_tools_name(const std::string& place, const std::string& name) {
  refuse_recipe(place + ": sets " + name + ", which the tools that deploy it obey; call the variable something else");
}

// abra.sh, judged as far as reading goes.
AbraScript read_script(const std::string& text) {
  AbraScript script = read_abra_script(text);
  for (const auto& [name, line] : script.lines) {
    const std::string place = "abra.sh:" + std::to_string(line);
    if (is_tools_name(name)) refuse_tools_name(place, name);
    // Its deployer reads COMPOSE_FILE before it reads this file.
    if (name == "COMPOSE_FILE") refuse_recipe(place + ": sets COMPOSE_FILE; it belongs into .env.sample");
  }
  return script;
}

// Why a variable of a line that is not read has no value: said where it is asked for.
std::map<std::string, std::string> reasons_of(const AbraScript& script) {
  std::map<std::string, std::string> reasons;
  for (const auto& [name, line] : script.unread)
    if (name != "STACK_NAME" && name != "DOMAIN" && name != "LETS_ENCRYPT_ENV") reasons[name] = "abra.sh:" + std::to_string(line) + " is not read: only a shell could work it out; write a constant";
  return reasons;
}

std::vector<std::string> compose_files_in(const std::filesystem::path& dir) {
  std::vector<std::string> names;
  std::error_code failed;
  for (std::filesystem::directory_iterator entry(dir, failed), end; !failed && entry != end; entry.increment(failed))
    if (const std::string name = entry->path().filename(); name.ends_with(".yml") || name.ends_with(".yaml")) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

// `place`: where COMPOSE_FILE is set.
std::vector<std::string> files_to_read(const std::filesystem::path& dir, const Environment& env, const std::string& place) {
  const auto asked = env.find("COMPOSE_FILE");
  if (asked != env.end() && !asked->second.empty()) {
    std::vector<std::string> files;
    std::istringstream parts(asked->second);
    for (std::string file; std::getline(parts, file, ':');)
      if (!file.empty() && std::find(files.begin(), files.end(), file) == files.end()) files.push_back(file);
    if (files.size() > 50) refuse_recipe(place + ": COMPOSE_FILE names more than 50 files: merge some of them");
    for (const auto& file : files) {
      const std::string names = place + ": COMPOSE_FILE names '" + one_line(file) + "', ";
      if (!stays_inside(dir, file)) refuse_recipe(names + "which leaves the recipe's folder: name files of the recipe");
      if (!read_recipe_file(dir, file)) refuse_recipe(names + "and there is no such file in the recipe" + did_you_mean(file, compose_files_in(dir)));
    }
    if (!files.empty()) return files;
  }
  for (const char* name : {"compose.yml", "compose.yaml", "docker-compose.yml", "docker-compose.yaml"})
    if (read_recipe_file(dir, name)) return {name};
  refuse_recipe("there is no compose.yml in it: write one, or name the files in COMPOSE_FILE in .env.sample");
}

// "app's env" where the app sets it: that is what counts then.
std::string place_of(const std::string& name, const std::vector<EnvLine>& sample, const Environment& given) {
  std::string place = "the app's env";
  if (given.contains(name)) return place;
  for (const auto& line : sample)
    if (line.name == name) place = ".env.sample:" + std::to_string(line.line);
  return place;
}

// "coop-cloud.<stack>.version"; without a known stack, any one between the two.
std::string find_label(const RecipeFacts& facts, const Environment& env, const std::string& what) {
  const auto stack = env.find("STACK_NAME");
  const std::string exact = "coop-cloud." + (stack != env.end() ? stack->second : "") + "." + what;
  for (const auto& service : facts.services) {
    for (const auto& name : {exact, "coop-cloud.${STACK_NAME}." + what})  // a key of a mapping is not interpolated
      if (const auto label = service.labels.find(name); label != service.labels.end()) return label->second;
  }
  return "";
}

std::optional<std::chrono::milliseconds> find_timeout(const RecipeFacts& facts, const Environment& env,
                                                      std::vector<std::string>& warnings) {
  const auto set = env.find("TIMEOUT");
  const std::string text = set != env.end() && !set->second.empty() ? set->second : find_label(facts, env, "timeout");
  if (text.empty()) return std::nullopt;
  const auto span = parse_span(text, true);
  if (!span) warnings.push_back(one_line("TIMEOUT: '" + text + "' is no number of seconds; ignored"));
  return span;
}

// The engines leave them out: by labels of theirs, things are found, spared and removed.
void warn_of_our_labels(const YamlValue& compose, std::vector<std::string>& warnings) {
  const auto look = [&](const YamlValue* owner, const std::string& what) {
    const YamlValue* labels = owner == nullptr ? nullptr : owner->find("labels");
    if (labels == nullptr) return;
    for (const auto& label : labels->entries)
      if (label.key.starts_with("simmer.") && warnings.size() < 200)
        warnings.push_back(one_line(label.value.place() + ": the label " + label.key + " of " + what + " is left out: labels that begin with simmer. are Simmer's own"));
  };
  for (const auto& [section, kind] : {std::pair("services", "service"), std::pair("volumes", "volume"), std::pair("networks", "network"), std::pair("configs", "config"), std::pair("secrets", "secret")}) {
    const YamlValue* all = compose.find(section);
    if (all == nullptr) continue;
    for (const auto& each : all->entries) {
      look(&each.value, kind + (" " + each.key));
      look(each.value.find("deploy"), kind + (" " + each.key));
    }
  }
}

}  // namespace

RecipeTree read_recipe_tree(const std::filesystem::path& dir, const std::string& recipe, const Environment& env,
                            const std::filesystem::path& simmer_yml_from) {
  RecipeTree tree;
  tree.dir = dir;
  tree.facts.recipe = recipe;

  std::vector<EnvLine> sample;
  if (const auto text = read_recipe_file(dir, ".env.sample")) {
    sample = read_env_lines(*text, ".env.sample");
    tree.facts.env_sample = parse_env_file(*text, ".env.sample");
    for (const auto& line : sample)
      if (is_tools_name(line.name)) refuse_tools_name(".env.sample:" + std::to_string(line.line), line.name);
  }
  for (const auto& [name, value] : env)
    if (is_tools_name(name)) refuse_tools_name("the app's env", name);
  Environment full = evaluate_env(sample, env, ".env.sample", tree.warnings);
  AbraScript script;
  if (const auto text = read_recipe_file(dir, "abra.sh")) script = read_script(*text);
  tree.facts.abra_exports = script.exports;
  tree.abra_lines = script.lines;
  lay_over(full, script.exports);
  tree.environment = full;

  tree.compose_files = files_to_read(dir, full, place_of("COMPOSE_FILE", sample, env));
  tree.compose = load_compose(dir, tree.compose_files, full, tree.warnings, reasons_of(script));
  read_compose_facts(tree.compose, tree.facts);
  warn_of_our_labels(tree.compose, tree.warnings);
  tree.objects = read_file_objects(dir, tree.compose);
  tree.limits = read_limits(tree.compose);
  tree.secret_rules = read_secret_rules(sample, full, tree.warnings);
  tree.version_label = find_label(tree.facts, full, "version");
  tree.facts.version = tree.version_label;
  tree.facts.timeout = find_timeout(tree.facts, full, tree.warnings);

  const auto& yml_dir = simmer_yml_from.empty() ? dir : simmer_yml_from;
  if (const auto text = read_recipe_file(yml_dir, "simmer.yml")) tree.facts.simmer_yml = read_simmer_yml(*text, "simmer.yml", tree.turning_over);
  return tree;
}

}  // namespace simmer
