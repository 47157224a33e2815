// Reading a recipe's folder: compose files merged and interpolated, .env.sample, abra.sh, simmer.yml.
// Parsed, never run. Unusual but legal compose syntax is kept, not rejected.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <engine/labels_of_stack.hpp>
#include <engine/service_limits.hpp>
#include <recipes/file_object.hpp>
#include <recipes/lint_finding.hpp>
#include <recipes/yaml_value.hpp>
#include <simmer/recipe_facts.hpp>

namespace simmer {

using Environment = std::map<std::string, std::string>;

// KEY=value lines as Docker and abra read them: comments, `export`, quotes (also over several lines).
// Nothing is expanded but a key's own earlier value (COMPOSE_FILE="$COMPOSE_FILE:compose.x.yml").
// Error(recipe) "<shown_name>:3: …"; values are never in the message.
Environment parse_env_file(const std::string& text, const std::string& shown_name);

// Secrets asked for by `.env.sample` comments: SECRET_X_VERSION=v1 # length=32 charset=…
struct SecretRule {
  std::string name;  // compose name: lower case x
  std::string version;
  std::size_t length = 32;
  std::string charset = "default";
};

// One thing in a compose file that a run under test may not do (promise P16).
struct PolicyViolation {
  std::string permission;  // the `allow` word that would permit it: bind-mounts, docker-socket, …
  std::string service;     // empty: top level
  std::string what;        // for people: "compose.yml:12:9: service app mounts /etc"
  bool in_any_case = false;  // refused whatever is allowed: what Simmer would have to read lies outside of the recipe
};

struct RecipeTree {
  std::filesystem::path dir;
  RecipeFacts facts;
  Environment environment;                 // complete: what the compose files were interpolated with, and have to be deployed with
  std::vector<std::string> compose_files;  // relative, in merge order
  YamlValue compose;                       // the one file that these are to Docker: what the policy judges and engines deploy
  std::map<std::string, std::size_t> abra_lines;  // where abra.sh exports each name
  std::vector<FileObject> objects;         // configs and secrets by content, from files of the recipe
  std::map<std::string, ServiceLimits> limits;  // service -> deploy.resources.limits
  std::vector<SecretRule> secret_rules;
  std::vector<std::string> turning_over;  // volumes of which simmer.yml says that their files come and go by themselves
  std::string version_label;          // coop-cloud.${STACK_NAME}.version in the compose file; may be empty
  std::vector<std::string> warnings;  // "compose.yml:12:3: …": unset variables, what was not followed
};

// `env`: laid over .env.sample for COMPOSE_FILE and interpolation; STACK_NAME and DOMAIN should be in it
// (a recipe can be shown without: what is unset is empty, with a warning). As with abra, what abra.sh
// exports wins over both, except STACK_NAME and DOMAIN, which are the deployment's own.
// `simmer_yml_from`: a folder whose simmer.yml counts instead (the target branch's, for a change by
// someone who is not trusted); empty: the tree's own. Throws Error(recipe): file, line, what; that a recipe is read, and which, its caller adds.
RecipeTree read_recipe_tree(const std::filesystem::path& dir, const std::string& recipe, const Environment& env,
                            const std::filesystem::path& simmer_yml_from = {});

// The one file as JSON (which is YAML), for an engine to mark and hand to Docker: without what Docker ignores, with host paths
// made absolute. Nothing in it refers to a file of the recipe or to the environment; a `$` in it is a dollar.
// Error(recipe) when it names what lies outside of the recipe.
std::string one_file(const RecipeTree& tree);

// What of `tree` is not allowed for a run whose stack is `stack` at `domain`. `allowed`: the
// operator's exceptions (the words of PolicyViolation::permission); none helps where it is `in_any_case`. `proxy_network` is not foreign.
std::vector<PolicyViolation> judge_policy(const RecipeTree& tree, const std::string& stack, const std::string& domain,
                                          const std::vector<std::string>& allowed, const std::string& proxy_network);

// What of the proxy's names `tree` defines without the stack's name before it, and another stack has already: two that differ knock each
// other out, and services of one name share their traffic. `others`: labels that stand on the engine, by stack. Not judged where `allowed` holds foreign-hosts.
std::vector<PolicyViolation> judge_taken_names(const RecipeTree& tree, const std::string& stack, const std::vector<std::string>& allowed,
                                               const std::vector<LabelsOfStack>& others);

// The words that `allow` may hold.
const std::vector<std::string>& policy_permissions();

// What lint finds; empty is clean. `tree.facts.version`: the release that it is, where the caller knows one.
std::vector<LintFinding> lint(const RecipeTree& tree);

}  // namespace simmer
