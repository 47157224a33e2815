// .env.sample and abra.sh, line by line. Never run, never sourced.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <recipes/recipe_tree.hpp>

namespace simmer {

// `.env.sample` is read as abra reads an app's `.env`: by the rules of godotenv (joho/godotenv 1.5.1, whose fork abra uses), byte for byte,
// or not at all. Held to it by tests/compose-oracle/env.
struct EnvLine {
  std::string name;
  std::string value;       // escapes read, `$X` not yet filled in; `\$` still marks a dollar that is none
  std::string comment;     // what follows the value's `#`
  bool literal = false;    // in single quotes: `$` and `\` mean nothing in it
  bool bare = false;       // in no quotes
  std::size_t line = 0;    // where it begins, from 1
};

// Every assignment, in order. Commented-out ones are comments. Throws Error(recipe) "<shown_name>:3: …" for what godotenv cannot read, and
// for the little that it reads in a way nobody means (a key with a blank in it, two assignments in one line).
std::vector<EnvLine> read_env_lines(const std::string& text, const std::string& shown_name);

// The environment that `lines` make where `given` (what the app and the run set) stands in the place of the lines of the same names: `$X` and
// `${X}` are the value that X has so far, as in godotenv, else the given one, else empty, with a line in `warnings` (names, no values).
Environment evaluate_env(const std::vector<EnvLine>& lines, const Environment& given, const std::string& shown_name, std::vector<std::string>& warnings);

// `value` with $NAME and ${NAME} filled in for the names of `env`; all else stays as written.
std::string with_names_filled_in(const std::string& value, const Environment& env);

// `export NAME=constant …` at the beginning of a line, split as a shell splits it: quotes, several assignments, a comment behind them.
// What only a shell could say (`$`, substitutions, a second command in the line) is not read, with its whole line.
struct AbraScript {
  std::map<std::string, std::string> exports;
  std::map<std::string, std::size_t> lines;   // of each export: where it stands, from 1
  std::map<std::string, std::size_t> unread;  // what a line behind that would set that is not read
};
AbraScript read_abra_script(const std::string& text);

// A name that abra obeys, from its environment and for all that is known from an app's `.env`: a recipe may neither set nor read it. Every other
// (HOME, DOCKER_HOST, LD_PRELOAD) is the recipe's own: Docker's client gets one file in which all names are filled in, and
// nothing of this environment; `local` gives a service what its recipe asks for, with no more rights than its commands have anyway.
bool is_tools_name(const std::string& name);

// SECRET_X_VERSION lines and what their comments ask for. `env`: the version that counts.
std::vector<SecretRule> read_secret_rules(const std::vector<EnvLine>& lines, const Environment& env,
                                          std::vector<std::string>& warnings);

}  // namespace simmer
