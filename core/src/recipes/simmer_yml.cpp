// `simmer.yml`, a recipe's own word to Simmer (docs/formats/simmer-yml.md). Every key is optional, an
// unknown one is an error: a setting that silently does nothing is worse than none.
#include <functional>

#include <config/config.hpp>
#include <recipes/compose.hpp>
#include <recipes/docker_words.hpp>
#include <simmer/error.hpp>

namespace simmer {
namespace {

using KeyReader = std::function<void(const YamlValue&)>;

void read_keys(const YamlValue& map, const std::string& where, const std::map<std::string, KeyReader>& readers) {
  if (map.is_null()) return;
  for (const auto& entry : map.need_map(where).entries) {
    const auto reader = readers.find(entry.key);
    if (reader == readers.end()) {
      std::vector<std::string> known;
      for (const auto& [name, unused] : readers) known.push_back(name);
      entry.value.refuse("unknown key '" + entry.key + "' in " + where + did_you_mean(entry.key, known));
    }
    if (!entry.value.is_null()) reader->second(entry.value);
  }
}

std::vector<std::string> read_texts(const YamlValue& list, const std::string& name) {
  std::vector<std::string> texts;
  for (const auto& item : list.need_list(name).items) texts.push_back(item.need_text("an item of " + name));
  return texts;
}

SimmerYml::Command read_service_command(const YamlValue& value, const std::string& name) {
  SimmerYml::Command command;
  read_keys(value, name,
            {{"service", [&](const YamlValue& v) { command.service = v.need_text("service"); }},
             {"argv", [&](const YamlValue& v) {
                read_texts(v, "argv");  // a string would hide a shell: the list says what runs
                command.argv = read_command(v, "argv");
              }}});
  if (command.service.empty() || command.argv.empty()) value.refuse(name + " needs both service and argv");
  return command;
}

void read_not_applicable(const YamlValue& value, SimmerYml& yml) {
  std::vector<std::string> tiers;
  for (const Tier tier : all_tiers) tiers.emplace_back(to_string(tier));
  for (const auto& entry : value.need_map("not_applicable").entries) {
    const auto tier = tier_from(entry.key);
    if (!tier) entry.value.refuse("unknown tier '" + entry.key + "'" + did_you_mean(entry.key, tiers));
    if (!entry.value.is_scalar() || entry.value.text.empty())
      entry.value.refuse("not_applicable." + entry.key + " needs a reason");
    yml.not_applicable[*tier] = entry.value.text;
  }
}

}  // namespace

SimmerYml read_simmer_yml(const std::string& text, const std::string& shown_name, std::vector<std::string>& turning_over) {
  SimmerYml yml;
  yml.present = true;
  const auto timeout = [&](const char* name) -> KeyReader {
    return [&yml, name](const YamlValue& value) {
      const auto span = parse_span(value.need_text(name), true);
      if (!span || span->count() == 0) value.refuse("'" + value.text + "' is no duration (like 90s or 5m)");
      yml.timeouts[name] = *span;
    };
  };
  const auto health_path = [&](const YamlValue& value) {
    yml.health_path = value.need_text("path");
    if (yml.health_path.empty() || yml.health_path.front() != '/' ||
        yml.health_path.find_first_of(" \t\r\n") != std::string::npos)
      value.refuse("health.path must begin with '/' and hold no blanks");
  };
  const auto command = [&](const char* name, std::optional<SimmerYml::Command>& into) -> KeyReader {
    return [name, &into](const YamlValue& value) { into = read_service_command(value, std::string("commands.") + name); };
  };
  read_keys(parse_yaml(text, shown_name), "simmer.yml",
            {{"health",
              [&](const YamlValue& value) {
                read_keys(
                    value, "health",
                    {{"path", health_path}, {"expect", [&](const YamlValue& v) { yml.health_expect = v.need_text("expect"); }}});
              }},
             {"needs", [&](const YamlValue& value) { yml.needs = read_texts(value, "needs"); }},
             {"timeouts",
              [&](const YamlValue& value) {
                read_keys(value, "timeouts",
                          {{"start", timeout("start")}, {"plugin", timeout("plugin")}, {"teardown", timeout("teardown")}});
              }},
             {"not_applicable", [&](const YamlValue& value) { read_not_applicable(value, yml); }},
             {"volumes_without_value",
              [&](const YamlValue& value) { yml.volumes_without_value = read_texts(value, "volumes_without_value"); }},
             {"volumes_that_turn_over", [&](const YamlValue& value) { turning_over = read_texts(value, "volumes_that_turn_over"); }},
            {"commands", [&](const YamlValue& value) {
                read_keys(value, "commands",
                          {{"seed", command("seed", yml.seed)},
                           {"verify", command("verify", yml.verify)},
                           {"wipe", command("wipe", yml.wipe)}});
              }}});
  return yml;
}

}  // namespace simmer
