// `simmer plugin check FILE`: the conformance kit, run on a plugin as it was built.
//
// It loads the plugin into this process, so the runner calls it in a child: a plugin that hangs or
// crashes ends that child, and `on_begin` told where it was.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <loader/plugin_file.hpp>

namespace simmer {

struct ConformanceLine {
  std::string check;
  std::string verdict;  // "passed", "failed", "warning", "skipped"
  std::string message;
};

struct ConformanceOutcome {
  bool passed = false;
  std::vector<ConformanceLine> lines;
};

// Checks each recipe that the plugin names in the kit's standard world (a web site served from one
// volume); what that world cannot show of a special app is skipped. A file that is refused or cannot
// be loaded is one failed line, "load". Throws nothing of the plugin's.
ConformanceOutcome check_plugin_file(const std::filesystem::path& file,
                                     const std::function<void(const std::string& check)>& on_begin);

}  // namespace simmer
