// What abra reads and what it prints, as pure functions. What is known of abra is in docs/engine-abra.md; all of it is drawn from
// public accounts, none of it has met a real abra yet.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <recipes/lint_finding.hpp>

namespace simmer::abra {

// `TYPE=<recipe>[:<version>]` of an app's .env (or RECIPE=): what abra deployed last.
struct AppType {
  std::string recipe;
  std::string version;  // empty: none yet
};
// From the text of an .env; nothing when it has no such line.
std::optional<AppType> type_in_env(const std::string& text);

// The text of an app's .env: `values` under TYPE. Error(infrastructure) naming the one that is not plain: abra's quoting (godotenv's)
// has no spelling for some values, so none is tried.
std::string env_text(const AppType& type, const std::map<std::string, std::string>& values);

// Where an abra.sh sets, in a line that abra may take for an export, what decides which files are deployed, and as which stack:
// "abra.sh:3: sets COMPOSE_FILE"; empty: nowhere. abra reads such lines by rules of its own, whatever a shell would make of them.
std::string obeyed_export_in(const std::string& abra_sh);

// "0.10.0" of what `abra --version` prints; nothing when there is no version in it.
std::optional<std::string> version_in(const std::string& output);
bool is_older(const std::string& version, const std::string& than);

// What it said was fatal, else its last words: one line, without colours. abra prints "FATA …" to standard output.
std::string complaint_in(const std::string& out, const std::string& err);

// Without escape sequences, and with every one of `secrets` replaced.
std::string shown(std::string output, const std::map<std::string, std::string>& secrets);

// The unsatisfied rules of the table that `abra recipe lint` prints; nothing when there is no table in it. Its exit code tells
// only whether lint could run.
std::optional<std::vector<LintFinding>> lint_table(const std::string& output);

// What abra calls the stack of an app: its domain, dots as underscores.
std::string stack_of(const std::string& domain);

}  // namespace simmer::abra
