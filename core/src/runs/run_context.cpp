#include <runs/run_context.hpp>

#include <sys/random.h>

#include <algorithm>

#include <base/files.hpp>
#include <recipes/env_file.hpp>
#include <simmer/error.hpp>
#include <state/known_good.hpp>

namespace simmer {

namespace {

// Set by Simmer itself for each deployment; never kept.
const std::vector<std::string> built_in_names = {"STACK_NAME", "DOMAIN", "LETS_ENCRYPT_ENV"};

std::string random_text(std::size_t length, std::string_view alphabet) {
  std::string text;
  const unsigned limit = 256 - 256 % static_cast<unsigned>(alphabet.size());  // no letter more likely than another
  while (text.size() < length) {
    unsigned char byte = 0;
    if (::getrandom(&byte, 1, 0) != 1) throw_errno("cannot get random bytes", errno);
    if (byte < limit) text += alphabet[byte % alphabet.size()];
  }
  return text;
}

std::string make_secret(const RecipeTree& tree, const std::string& name) {
  std::size_t length = 32;
  std::string_view alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  for (const auto& rule : tree.secret_rules) {
    if (rule.name != name) continue;
    if (rule.length > 0) length = rule.length;
    if (rule.charset == "hex") alphabet = "0123456789abcdef";
    else if (rule.charset == "digits") alphabet = "0123456789";
    else if (rule.charset == "special") alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!%^*-_=+";
  }
  return random_text(length, alphabet);
}

// The known-good brings its own recipe: what becomes of repositories is nothing to it.
void take_tree(const RunContext& run, const std::string& commit, const fs::path& dir) {
  make_folders(run.work());
  try {
    if (KnownGood(run.state, run.spec.app).unpack_recipe(commit, dir)) return;
  } catch (const Error& damage) {
    // The same commit is the same content, wherever it is from.
    if (damage.kind() != ErrorKind::needs_operator || run.spec.repository.empty() || !RecipeRepository(run.spec.repository).is_whole(commit)) throw;
    run.report.log(LogLevel::warning, std::string(damage.what()) + "; taken from " + run.spec.repository.string());
  }
  if (run.spec.repository.empty())
    throw Error(ErrorKind::config, "there is no repository of " + run.spec.recipe + " here, and the known-good does not keep the recipe at " + commit.substr(0, 12));
  RecipeRepository(run.spec.repository).check_out(commit, dir);
}

}  // namespace

Values environment_over(const Values& kept_env, const Values& app_env, const std::string& stack, const std::string& domain) {
  Values over = kept_env;
  for (const auto& [key, value] : app_env) over[key] = with_names_filled_in(value, {{"STACK_NAME", stack}, {"DOMAIN", domain}});
  over["STACK_NAME"] = stack;
  over["DOMAIN"] = domain;
  over["LETS_ENCRYPT_ENV"] = "";  // a run never orders certificates
  return over;
}

RecipeState take_recipe_state(RunContext& run, const std::string& folder, const std::string& commit, const std::string& version,
                              const std::string& stack, const std::string& domain, const Values& kept_env) {
  RecipeState state;
  state.dir = run.work() / folder;
  state.commit = commit;
  return while_doing("reading the recipe " + run.spec.recipe + " at " + (version.empty() ? commit.substr(0, 12) : version), [&] {
    if (!fs::exists(state.dir)) take_tree(run, commit, state.dir);
    state.tree = read_recipe_tree(state.dir, run.spec.recipe, environment_over(kept_env, run.spec.env, stack, domain));
    state.tree.facts.commit = commit;
    if (!version.empty()) state.tree.facts.version = version;
    else if (!state.tree.version_label.empty()) state.tree.facts.version = state.tree.version_label;
    state.version = state.tree.facts.version;
    state.env = state.tree.environment;
    return state;
  });
}

Values kept_part_of(const RecipeState& state) {
  Values kept = state.env;
  for (const auto& name : built_in_names) kept.erase(name);
  for (const auto& [name, value] : state.tree.facts.abra_exports)
    if (!state.tree.facts.env_sample.contains(name)) kept.erase(name);
  return kept;
}

std::vector<std::string> missing_secrets(const RecipeState& state, const Values& kept) {
  std::vector<std::string> missing;
  for (const auto& declared : state.tree.facts.secrets) {
    const bool is_brought = std::any_of(state.tree.objects.begin(), state.tree.objects.end(), [&](const FileObject& object) { return object.is_secret && object.key == declared.name; });
    if (!is_brought && !kept.contains(declared.name)) missing.push_back(declared.name);
  }
  return missing;
}

Values secrets_for(const RecipeState& state, const Values& kept, bool may_make) {
  Values secrets;
  for (const auto& declared : state.tree.facts.secrets) {
    if (std::any_of(state.tree.objects.begin(), state.tree.objects.end(), [&](const FileObject& object) { return object.is_secret && object.key == declared.name; })) continue;  // the recipe brings it
    if (const auto found = kept.find(declared.name); found != kept.end()) {
      secrets[declared.name] = found->second;
      continue;
    }
    if (!may_make)
      throw Error(ErrorKind::needs_operator, "the value of secret " + declared.name + " is missing from the known-good; it is never made anew");
    secrets[declared.name] = make_secret(state.tree, declared.name);
  }
  return secrets;
}

std::string make_nonce() { return random_text(16, "0123456789abcdefghijklmnopqrstuvwxyz"); }

}  // namespace simmer
