// Which plugins there are, and which one serves a recipe.
//
// Nothing is loaded here: a listing of 500 files reads some headers and tags. The design's rule is
// that a wrong file never stops the others; ours beside it is that a recipe whose own plugin was
// refused does not silently fall to `generic`, which would know less about its data.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <loader/plugin_file.hpp>
#include <simmer/error.hpp>

namespace simmer {

class PluginRegistry {
 public:
  // Each of `paths` is a folder (its *.so files) or a file. A folder that is not there, or cannot be
  // read, stands in the listing as a refused entry. The same file found twice counts once.
  static PluginRegistry scan(const std::vector<std::filesystem::path>& paths);

  // Everything that was found, in the order of `paths` and of names within a folder. Two loadable
  // plugins for one recipe are both refused here, each naming the other.
  const std::vector<PluginFile>& files() const { return files_; }

  // The plugin that names `recipe`, else the one that serves any. Error(plugin) when two name it
  // (both paths), when the only ones that name it were refused (why), or when nothing serves it. The
  // reference is valid as long as the registry.
  const PluginFile& plugin_for(const std::string& recipe) const;

  // Recipes that loadable plugins name, sorted; not those that only `generic` serves.
  std::vector<std::string> recipes() const;

 private:
  void refuse_duplicates();
  std::vector<std::filesystem::path> paths_but(const std::vector<std::size_t>& indices, std::size_t but) const;
  const PluginFile* only_one(const std::string& recipe) const;

  std::vector<PluginFile> files_;
  std::vector<std::filesystem::path> paths_;
};

// The listing alone, for `simmer plugin list`.
inline std::vector<PluginFile> list_plugins(const std::vector<std::filesystem::path>& paths) {
  return PluginRegistry::scan(paths).files();
}

}  // namespace simmer
