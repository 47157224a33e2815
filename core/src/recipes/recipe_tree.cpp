// A recipe's folder, read as a whole: which files count, with which environment, and what they say.
#include <recipes/recipe_tree.hpp>

#include <algorithm>

#include <recipes/compose.hpp>
#include <recipes/docker_words.hpp>
#include <recipes/one_file.hpp>
#include <recipes/env_file.hpp>
#include <simmer/error.hpp>

namespace simmer {
namespace {

// What abra exports, under what the deployment itself decides: a recipe chooses neither its stack nor who makes its certificates.
void lay_over(Environment& env, const std::map<std::string, std::string>& exports) {
  for (const auto& [name, value] : exports)
    if (name != "STACK_NAME" && name != "DOMAIN" && name != "LETS_ENCRYPT_ENV") env[name] = value;
}

void refuse_tools_names(const Environment& set, const std::string& file) {
  for (const auto& [name, value] : set)
    if (is_tools_name(name)) refuse_recipe(file + ": sets " + name + ", which the tools that deploy it obey; call the variable something else");
}

std::vector<std::string> files_to_read(const std::filesystem::path& dir, const Environment& env) {
  const auto asked = env.find("COMPOSE_FILE");
  if (asked != env.end() && !asked->second.empty()) {
    std::vector<std::string> files;
    std::istringstream parts(asked->second);
    for (std::string file; std::getline(parts, file, ':');)
      if (!file.empty() && std::find(files.begin(), files.end(), file) == files.end()) files.push_back(file);
    if (files.size() > 50) refuse_recipe("COMPOSE_FILE names more than 50 files");
    if (!files.empty()) return files;
  }
  for (const char* name : {"compose.yml", "compose.yaml", "docker-compose.yml", "docker-compose.yaml"})
    if (read_recipe_file(dir, name)) return {name};
  refuse_recipe("there is no compose.yml in it");
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
  return while_doing("reading recipe " + recipe, [&] {
    RecipeTree tree;
    tree.dir = dir;
    tree.facts.recipe = recipe;

    Environment full;
    std::vector<EnvLine> sample;
    if (const auto text = read_recipe_file(dir, ".env.sample")) {
      sample = read_env_lines(*text, ".env.sample");
      tree.facts.env_sample = parse_env_file(*text, ".env.sample");
      refuse_tools_names(tree.facts.env_sample, ".env.sample");
    }
    refuse_tools_names(env, "the app's env");
    full = evaluate_env(sample, env, ".env.sample", tree.warnings);
    if (const auto text = read_recipe_file(dir, "abra.sh")) tree.facts.abra_exports = read_abra_exports(*text);
    refuse_tools_names(tree.facts.abra_exports, "abra.sh");
    // Its deployer reads COMPOSE_FILE before it reads this file.
    if (tree.facts.abra_exports.count("COMPOSE_FILE") != 0) refuse_recipe("abra.sh: sets COMPOSE_FILE; it belongs into .env.sample");
    lay_over(full, tree.facts.abra_exports);
    tree.environment = full;

    tree.compose_files = files_to_read(dir, full);
    tree.compose = load_compose(dir, tree.compose_files, full, tree.warnings);
    read_compose_facts(tree.compose, tree.facts);
    warn_of_our_labels(tree.compose, tree.warnings);
    tree.objects = read_file_objects(dir, tree.compose);
    tree.limits = read_limits(tree.compose);
    tree.secret_rules = read_secret_rules(sample, full, tree.warnings);
    tree.version_label = find_label(tree.facts, full, "version");
    tree.facts.version = tree.version_label;
    tree.facts.timeout = find_timeout(tree.facts, full, tree.warnings);

    const auto& yml_dir = simmer_yml_from.empty() ? dir : simmer_yml_from;
    if (const auto text = read_recipe_file(yml_dir, "simmer.yml")) tree.facts.simmer_yml = read_simmer_yml(*text, "simmer.yml");
    return tree;
  });
}

}  // namespace simmer
