// The command line: global options, the command word, its own options and words. Options are never abbreviated;
// flag beats SIMMER_… variable beats configuration file.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <config/config.hpp>

namespace simmer {

struct CommandLine {
  std::vector<std::string> words;                          // command, subcommand, arguments
  std::map<std::string, std::vector<std::string>> values;  // long option -> values ("" for a switch)
  std::string typed;                                       // "simmer run custom-html --quick"

  bool has(const std::string& option) const { return values.contains(option); }
  // The last value given; nothing when it was not.
  std::optional<std::string> value(const std::string& option) const;
};

// Throws Error(usage): unknown option (naming the nearest), missing value.
CommandLine parse_command_line(int argc, char** argv);
// Which of the command's own options are allowed: Error(usage) for others, naming the command.
void allow_options(const CommandLine& line, const std::string& command, const std::vector<std::string>& own);

// The configuration file with variables and flags laid over it, checked.
Config configuration_for(const CommandLine& line);
bool wants_json(const CommandLine& line);
// The same of what was typed, where it may be no command line at all.
bool wants_json(int argc, char** argv);
std::string log_level_for(const CommandLine& line, const Config& config);

std::string usage_text();

}  // namespace simmer
