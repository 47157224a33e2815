// `simmer plugin …`: what the files say, and the conformance kit. This process loads no plugin.
#include <commands.hpp>

#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include <base/process.hpp>
#include <loader/plugin_registry.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {

using Json = nlohmann::json;

int list(const Invocation& call) {
  call.at_most(2);
  const auto registry = PluginRegistry::scan(call.session.config.plugin_path);
  Json all = Json::array();
  for (const auto& file : registry.files()) {
    Json each = {{"file", file.path.string()}, {"loadable", file.is_loadable()}, {"refusals", file.refusals}};
    if (file.tag) each.update({{"name", file.tag->name}, {"version", file.tag->version}, {"recipes", file.tag->recipes}});
    all.push_back(each);
  }
  if (call.json) {
    print_json(all);
    return 0;
  }
  for (const auto& file : registry.files()) {
    if (!file.is_loadable()) {
      std::cout << "refused  " << file.refusal() << "\n";
      continue;
    }
    std::string recipes;
    for (const auto& recipe : file.tag->recipes) recipes += (recipes.empty() ? "" : ", ") + (recipe == "*" ? std::string("every recipe without a plugin") : recipe);
    std::cout << file.tag->name << " " << file.tag->version << "  for " << recipes << "  (" << file.path.string() << ")\n";
  }
  return 0;
}

int check(const Invocation& call) {
  const std::string file = fs::absolute(call.word(2, "the file of a plugin")).string();
  call.at_most(3);
  CommandResult result;
  try {
    result = run_command({{this_program().string(), "--check-plugin", file}, {}, false, {}, ""}, Limit::in(call.session.config.deadlines.plugin, call.session.interruption->token()));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unavailable) throw;
    throw Error(ErrorKind::plugin, file + ": a check did not end within the plugin deadline and was killed");
  }
  std::string begun, line;
  Json outcome;
  std::istringstream lines(result.out);
  while (std::getline(lines, line)) {
    const auto json = Json::parse(line, nullptr, false);
    if (!json.is_object()) continue;
    if (json.contains("begun")) begun = json["begun"];
    if (json.contains("passed")) outcome = json;
  }
  if (outcome.is_null()) throw Error(ErrorKind::plugin, file + ": the process ended with " + std::to_string(result.exit_code) + (begun.empty() ? " while loading" : " in the check " + begun));
  if (call.json) {
    print_json(outcome);
  } else {
    for (const auto& each : outcome["checks"])
      std::cout << each["verdict"].get<std::string>() << "  " << each["check"].get<std::string>() << (each["message"].get<std::string>().empty() ? "" : ": " + each["message"].get<std::string>()) << "\n";
    std::cout << (outcome["passed"].get<bool>() ? "the plugin conforms\n" : "the plugin does not conform\n");
  }
  return outcome["passed"].get<bool>() ? 0 : 1;
}

}  // namespace

int command_plugin(const Invocation& call) {
  const std::string what = call.word(1, "list or check");
  if (what == "list") return list(call);
  if (what == "check") return check(call);
  throw Error(ErrorKind::usage, "no command 'plugin " + what + "'" + did_you_mean(what, {"list", "check"}));
}

}  // namespace simmer
