// .env.sample and abra.sh, line by line. Never run, never sourced.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <recipes/recipe_tree.hpp>

namespace simmer {

struct EnvLine {
  std::string name;
  std::string value;
  std::string comment;   // what follows the value's `#`
  bool literal = false;  // in single quotes: `$` means nothing in it
};

// Every assignment, in order. Commented-out ones are comments. Throws Error(recipe).
std::vector<EnvLine> read_env_lines(const std::string& text, const std::string& shown_name);

// `export NAME=value` at the beginning of a line, with a constant value; everything else in the script is ignored.
std::map<std::string, std::string> read_abra_exports(const std::string& text);

// A name that means something to the tools which deploy a recipe (the dynamic loader, Go's runtime, the docker CLI, abra): a
// recipe may neither set it, or it would decide what those load and where they go, nor read it, or it would see this
// machine's value where the policy saw none.
bool is_tools_name(const std::string& name);

// SECRET_X_VERSION lines and what their comments ask for. `env`: the version that counts.
std::vector<SecretRule> read_secret_rules(const std::vector<EnvLine>& lines, const Environment& env,
                                          std::vector<std::string>& warnings);

}  // namespace simmer
