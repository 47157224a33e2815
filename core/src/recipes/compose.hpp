// Compose's own notations, read in one place: facts, merge rules and policy see the same mount.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <recipes/yaml_value.hpp>
#include <simmer/recipe_facts.hpp>

namespace simmer {

// "1m30s", "500ms", "2h"; nothing when it is no such duration. `bare_seconds`: "30" is 30 s.
std::optional<std::chrono::milliseconds> parse_span(const std::string& text, bool bare_seconds);

// Splits as a POSIX shell would split a simple command, without expanding anything. Nothing when a quote is open.
std::optional<std::vector<std::string>> split_words(const std::string& text);

// A command: a list of values, or a string that is split. Refuses other shapes.
std::vector<std::string> read_command(const YamlValue& value, const std::string& name);

// Short or long syntax. In short syntax a source that begins with . / ~ \ or a drive, or holds a
// slash, is a host path.
MountFacts read_mount(const YamlValue& value);
PortFacts read_port(const YamlValue& value);

// "K=V" lists and mappings are two spellings of one thing (environment, labels, …): as a mapping, a
// later one wins; an item without `=` has a null value. Null is an empty mapping.
YamlValue as_mapping(const YamlValue& value, const std::string& name);

// The names in a list of strings and mappings (`source:`), or the keys of a mapping.
std::vector<std::string> read_names(const YamlValue* value, const std::string& name);

// The files, in order: parsed, interpolated, `extends` followed within the folder, merged by Docker's
// rules. `files` are relative to `dir`. Throws Error(recipe).
YamlValue load_compose(const std::filesystem::path& dir, const std::vector<std::string>& files,
                       const std::map<std::string, std::string>& env, std::vector<std::string>& warnings);

// Fills in services, volumes, secrets, configs and networks. `env` gives `environment: [NAME]` its value.
void read_compose_facts(const YamlValue& compose, const std::filesystem::path& dir, const std::map<std::string, std::string>& env,
                        RecipeFacts& facts);

// `simmer.yml`. Throws Error(recipe), naming the nearest known key.
SimmerYml read_simmer_yml(const std::string& text, const std::string& shown_name);

}  // namespace simmer
