// The child of a run: the process that loads the plugin and walks the lifecycle, so that whatever a plugin does
// costs this process alone (promise P9).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <engine/engine.hpp>
#include <runs/run_spec.hpp>
#include <simmer/recipe.hpp>

namespace simmer {

struct ChildPlugin {
  std::string name, version, file;
  std::unique_ptr<Recipe> recipe;
};

// What the program wires in: adapters that core does not know.
struct ChildAdapters {
  std::function<std::unique_ptr<Engine>(const RunSpec& spec)> make_engine;
  // Finds the plugin of spec.recipe (without loading), tells its name to `found`, then loads it.
  std::function<ChildPlugin(const RunSpec& spec, const std::function<void(const std::string& name)>& found)> load_plugin;
};

// Takes over: reads the specification from descriptor `socket`, runs, tells the parent everything, and ends the
// process by _exit.
[[noreturn]] void run_child(int socket, const ChildAdapters& adapters);

}  // namespace simmer
