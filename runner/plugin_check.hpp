// `simmer plugin check FILE`: the conformance kit in a process of its own.
#pragma once

#include <string>

namespace simmer {

// The child: loads the plugin, prints one JSON line per check begun and one with the outcome.
int check_plugin_here(const std::string& file);

}  // namespace simmer
