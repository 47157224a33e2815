// A plugin in this process. The child of a run loads the one it needs, once, and ends by _exit.
//
// It is never unloaded: what it made may live in statics, and a plugin that used std::map stays mapped
// anyway. Static constructors of a plugin run inside load_plugin(): one that aborts ends the process,
// which is why no long-lived process may call this.
#pragma once

#include <filesystem>
#include <memory>

#include <loader/plugin_file.hpp>
#include <simmer/recipe.hpp>

struct simmer_plugin_descriptor_t;

namespace simmer {

// A handle, copied freely; the library behind it stays.
class LoadedPlugin {
 public:
  LoadedPlugin(PluginFile file, const simmer_plugin_descriptor_t* descriptor) : file_(std::move(file)), descriptor_(descriptor) {}

  const PluginFile& file() const { return file_; }
  // A new Recipe, by the plugin's factory. Error(plugin), naming plugin and file, when the factory
  // fails or returns nothing.
  std::unique_ptr<Recipe> create_recipe() const;

 private:
  PluginFile file_;
  const simmer_plugin_descriptor_t* descriptor_;
};

// Loads what was found loadable. Error(plugin) when it was refused, has changed on disk since, cannot
// be loaded (with the dynamic loader's own words), or is not what its tag said.
LoadedPlugin load_plugin(const PluginFile& file);

}  // namespace simmer
