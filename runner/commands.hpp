// The commands: what was typed becomes calls of core, what came back becomes text or JSON and an exit code.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <options.hpp>
#include <runs/run_command.hpp>

namespace simmer {

struct Invocation {
  const CommandLine& line;
  Session& session;
  bool json = false;

  // Word `index` after the command; Error(usage) with `what` when it is missing.
  std::string word(std::size_t index, const std::string& what) const;
  // No more than `most` words: Error(usage) naming the extra one.
  void at_most(std::size_t most) const;
};

int command_run(const Invocation& call);
int command_canonical(const Invocation& call);
int command_snapshot(const Invocation& call);
int command_recipe(const Invocation& call);
int show_recipe(const Invocation& call);  // `recipe show`
int command_plugin(const Invocation& call);
int command_alerts(const Invocation& call);
int command_status(const Invocation& call);
int command_recover(const Invocation& call);
int command_gc(const Invocation& call);
int command_doctor(const Invocation& call);

// Standard output: one JSON document.
void print_json(const nlohmann::json& document);
// It has been printed: what goes wrong from then on is said in words alone.
bool json_was_printed();
// Asks on the terminal unless --yes was given; without a terminal: Error(usage).
void confirm(const Invocation& call, const std::string& question);
// The same for what cannot be had back: `app` itself is what has to be typed. With --yes, `what` is said and done.
void confirm_by_name(const Invocation& call, const std::string& what, const std::string& app);

}  // namespace simmer
