#include <options.hpp>

#include <unistd.h>

#include <boost/program_options.hpp>
#include <cstdlib>
#include <iostream>
#include <sstream>

#include <base/files.hpp>
#include <base/process.hpp>
#include <simmer/error.hpp>
#include <state/state_folder.hpp>

namespace simmer {

namespace po = boost::program_options;

namespace {

po::options_description all_options() {
  po::options_description all;
  const auto value = [] { return po::value<std::vector<std::string>>(); };
  all.add_options()("config", value())("state", value())("engine", value())("recipes", value())("plugin-path", value())("base-domain", value())(
      "offline", "")("wait", value())("json", "")("log-level", value())("version", "")("help,h", "")("ref", value())("pr", value())("quick", "")(
      "tiers", value())("keep", value())("fresh", "")("yes", "")("to", value())("dry-run", "")("all", "")("reason", value())("dir", value());
  return all;
}

const std::vector<std::string>& global_options() {
  static const std::vector<std::string> names = {"config", "state", "engine", "recipes", "plugin-path", "base-domain", "offline", "wait", "json", "log-level", "version", "help"};
  return names;
}

// Flag, else variable, else nothing.
std::optional<std::string> flag_or_variable(const CommandLine& line, const std::string& option) {
  if (const auto given = line.value(option)) return given;
  std::string name = "SIMMER_";
  for (const char c : option) name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const char* variable = std::getenv(name.c_str());
  if (variable == nullptr || *variable == '\0') return std::nullopt;
  return variable;
}

bool is_on(const std::string& value) { return value.empty() || value == "1" || value == "true" || value == "yes" || value == "on"; }

fs::path default_plugin_path() { return this_program().parent_path().parent_path() / "lib/simmer/plugins"; }

}  // namespace

std::optional<std::string> CommandLine::value(const std::string& option) const {
  const auto found = values.find(option);
  if (found == values.end()) return std::nullopt;
  return found->second.back();
}

CommandLine parse_command_line(int argc, char** argv) {
  CommandLine line;
  line.typed = "simmer";
  for (int i = 1; i < argc; ++i) line.typed += " " + std::string(argv[i]);
  const auto options = all_options();
  po::options_description everything;
  everything.add(options).add_options()("words", po::value<std::vector<std::string>>());
  po::positional_options_description positional;
  positional.add("words", -1);
  try {
    const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    const auto parsed = po::command_line_parser(argc, argv).options(everything).positional(positional).style(style).run();
    for (const auto& option : parsed.options) {
      if (option.string_key == "words" || option.position_key >= 0) {
        line.words.insert(line.words.end(), option.value.begin(), option.value.end());
        continue;
      }
      auto& values = line.values[option.string_key];
      if (option.value.empty()) values.push_back("");
      for (const auto& value : option.value) values.push_back(value);
    }
  } catch (const po::unknown_option& error) {
    std::string name = error.get_option_name();
    while (!name.empty() && name.front() == '-') name.erase(0, 1);
    std::vector<std::string> known;
    for (const auto& option : options.options()) known.push_back(option->long_name());
    const std::string near = nearest(name, known);
    throw Error(ErrorKind::usage, "unknown option --" + name + (near.empty() ? "" : ", did you mean '--" + near + "'?") + " (see: simmer --help)");
  } catch (const po::error& error) {
    throw Error(ErrorKind::usage, std::string(error.what()) + " (see: simmer --help)");
  }
  return line;
}

void allow_options(const CommandLine& line, const std::string& command, const std::vector<std::string>& own) {
  for (const auto& [option, values] : line.values) {
    const auto& global = global_options();
    if (std::find(global.begin(), global.end(), option) != global.end()) continue;
    if (std::find(own.begin(), own.end(), option) != own.end()) continue;
    throw Error(ErrorKind::usage, "option --" + option + " does not belong to: simmer " + command);
  }
}

bool wants_json(const CommandLine& line) {
  const auto wish = flag_or_variable(line, "json");
  return wish && is_on(*wish);
}

bool wants_json(int argc, char** argv) {
  CommandLine line;
  for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i)
    if (std::string_view(argv[i]) == "--json") line.values["json"] = {""};
  return wants_json(line);
}

std::string log_level_for(const CommandLine& line, const Config& config) { return flag_or_variable(line, "log-level").value_or(config.log_level); }

Config configuration_for(const CommandLine& line) {
  Config config;
  const auto file = flag_or_variable(line, "config");
  if (file) config = read_config(*file);
  else if (::access("/etc/simmer/config.yml", F_OK) == 0) config = read_config("/etc/simmer/config.yml");
  if (const auto state = flag_or_variable(line, "state")) config.state = *state;
  if (config.state.empty()) config.state = StateFolder::default_root();
  config.state = fs::absolute(config.state).lexically_normal();
  if (const auto engine = flag_or_variable(line, "engine")) config.engine = *engine;
  static const std::vector<std::string> engines = {"local", "swarm", "abra"};
  if (std::find(engines.begin(), engines.end(), config.engine) == engines.end())
    throw Error(ErrorKind::usage, "no engine '" + config.engine + "'" + did_you_mean(config.engine, engines) + "; there are local, swarm and abra");
  if (const auto recipes = flag_or_variable(line, "recipes")) config.recipes_dir = fs::absolute(*recipes);
  if (const auto domain = flag_or_variable(line, "base-domain")) config.base_domain = *domain;
  if (const auto offline = flag_or_variable(line, "offline")) config.offline = is_on(*offline);
  if (const auto wait = flag_or_variable(line, "wait")) {
    const auto duration = parse_duration(*wait);
    if (!duration) throw Error(ErrorKind::usage, "--wait takes a duration such as 30s or 5m, not '" + *wait + "'");
    config.deadlines.wait = *duration;
  }
  if (line.has("plugin-path")) {
    config.plugin_path.clear();
    for (const auto& path : line.values.at("plugin-path")) config.plugin_path.push_back(fs::absolute(path));
  } else if (const char* variable = std::getenv("SIMMER_PLUGIN_PATH"); variable != nullptr && *variable != '\0') {
    config.plugin_path.clear();
    std::istringstream list(variable);
    for (std::string path; std::getline(list, path, ':');) config.plugin_path.push_back(fs::absolute(path));
  }
  if (config.plugin_path.empty()) config.plugin_path.push_back(default_plugin_path());
  check_config(config);
  return config;
}

std::string usage_text() {
  return R"(simmer: tests app recipes by deploying them for real, and never loses their last known-good

usage: simmer [options] COMMAND ...

  run RECIPE|PATH [--ref R] [--quick] [--tiers a,b] [--keep D]
                                                      test a release, a branch, a commit or a working tree;
                                                      --keep: a red deployment stays up D long, or until Ctrl-C
  canonical list | show R | seed R [--fresh] | deploy R | undeploy A | verify R | restore A | drop A
                                                      the known-goods that are kept data-warm (A: an app, R: or its recipe)
  snapshot show A | verify A | export A --to DIR      the data of a known-good
  recipe list | show R|PATH [--ref R] | add NAME URL  what was understood of a recipe, what a run would refuse
  plugin list | check FILE                            which plugins there are; the conformance kit
  alerts list | show ID | ack ID                      what needs a person
  status                                              apps, runs, journals, disk
  recover [APP] [--dry-run]                           finish or undo what a killed Simmer left
  gc [--dry-run]                                      remove what no living run owns
  doctor                                              is this machine ready, and what to do if not

options (each has a SIMMER_... variable and a key in the configuration; a flag wins):
  --config FILE        the configuration (default /etc/simmer/config.yml, else defaults)
  --state DIR          where everything is kept (root: /var/lib/simmer, else ~/.local/state/simmer)
  --engine NAME        local (default), swarm or abra
  --recipes DIR        one git repository per recipe
  --plugin-path DIR    may be given several times
  --base-domain D      default simmer.localhost
  --wait D             how long to wait for what another Simmer holds (default: not at all)
  --offline            fetch nothing
  --json               standard output is one JSON document
  --log-level L        debug, info, warning or error
  --version, --help

exit codes: 0 done or green, 1 red or flaky, 2 usage or configuration, 3 held, 4 rolled back, 5 needs an
operator, 6 busy, 7 engine, plugin, dependency or infrastructure unavailable, 130 interrupted
)";
}

}  // namespace simmer
