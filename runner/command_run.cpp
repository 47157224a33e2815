#include <commands.hpp>

#include <unistd.h>

#include <iostream>
#include <sstream>

#include <base/json_text.hpp>

#include <simmer/error.hpp>

namespace simmer {

std::string Invocation::word(std::size_t index, const std::string& what) const {
  if (line.words.size() > index) return line.words[index];
  throw Error(ErrorKind::usage, "simmer " + line.words.front() + " needs " + what + " (see: simmer --help)");
}

void Invocation::at_most(std::size_t most) const {
  if (line.words.size() > most) throw Error(ErrorKind::usage, "'" + line.words[most] + "' is one word too many for: simmer " + line.words.front());
}

namespace {
bool printed_json = false;
}

void print_json(const nlohmann::json& document) {
  printed_json = true;
  std::cout << json_document(document) << std::flush;
}

bool json_was_printed() { return printed_json; }

void confirm(const Invocation& call, const std::string& question) {
  if (call.line.has("yes")) return;
  if (::isatty(STDIN_FILENO) != 1) throw Error(ErrorKind::usage, question + " Say --yes to do it without being asked");
  std::cerr << question << " Type yes: " << std::flush;
  std::string answer;
  if (!std::getline(std::cin, answer) || answer != "yes") throw Error(ErrorKind::usage, "not confirmed: nothing was changed");
}

void confirm_by_name(const Invocation& call, const std::string& what, const std::string& app) {
  const bool asks = !call.line.has("yes");
  if (asks && ::isatty(STDIN_FILENO) != 1) throw Error(ErrorKind::usage, what + " Say --yes to do it without being asked");
  std::cerr << what << (asks ? " Type its name, " + app + ": " : "\n") << std::flush;
  std::string answer;
  if (asks && (!std::getline(std::cin, answer) || answer != app)) throw Error(ErrorKind::usage, "not confirmed: nothing was changed");
}

int command_run(const Invocation& call) {
  RunRequest request;
  request.target = call.word(1, "a recipe or the path of one");
  call.at_most(2);
  request.ref = call.line.value("ref").value_or("");
  request.quick = call.line.has("quick");
  if (const auto tiers = call.line.value("tiers")) {
    std::istringstream list(*tiers);
    for (std::string name; std::getline(list, name, ',');) {
      const auto tier = tier_from(name);
      if (!tier) throw Error(ErrorKind::usage, "no tier '" + name + "'" + did_you_mean(name, {"install", "upgrade", "backup", "restore", "custom"}) + "; there are install, upgrade, backup, restore and custom");
      request.tiers.push_back(*tier);
    }
    if (request.tiers.empty()) throw Error(ErrorKind::usage, "--tiers needs at least one of install, upgrade, backup, restore and custom");
  }
  if (const auto keep = call.line.value("keep")) {
    const auto duration = parse_duration(*keep);
    if (!duration) throw Error(ErrorKind::usage, "--keep must be a duration such as 10m or 1h, not '" + *keep + "'");
    request.keep = *duration;
  }
  const auto outcome = run_recipe(call.session, request);
  if (call.json) std::cout << outcome.result_json << std::flush;
  (call.json ? std::cerr : std::cout) << outcome.summary << "; log: " << outcome.log.string() << std::endl;
  return outcome.exit_code;
}

}  // namespace simmer
