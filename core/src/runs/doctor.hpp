// `simmer doctor`: is this machine ready, and what to do if not.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <engine/engine.hpp>
#include <runs/run_command.hpp>

namespace simmer {

// What an HTTPS or HTTP question of `host` at the proxy came to: its error, or empty. Given by who can ask.
using AskProxy = std::function<std::string(const std::string& url, const std::string& address)>;

// Looks at everything that a run needs, and changes nothing but a trial file in the state folder. Never throws for what it finds.
std::vector<Finding> examine_machine(Session& session, const AskProxy& ask_proxy);

std::string_view to_string(Finding::Level level);

}  // namespace simmer
