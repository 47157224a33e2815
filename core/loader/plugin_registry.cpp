#include <loader/plugin_registry.hpp>

#include <algorithm>
#include <map>
#include <set>

#include <simmer/plugin_tag.hpp>

namespace simmer {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> shared_objects_in(const fs::path& folder, std::string& problem) {
  std::vector<fs::path> found;
  std::error_code trouble;
  for (fs::directory_iterator entry(folder, trouble), end; !trouble && entry != end; entry.increment(trouble))
    if (entry->path().extension() == ".so" && !entry->path().stem().empty()) found.push_back(entry->path());
  if (trouble) problem = trouble.message();
  std::sort(found.begin(), found.end());
  return found;
}

PluginFile refused(const fs::path& path, std::string why) {
  PluginFile entry;
  entry.path = path;
  entry.refusals.push_back(std::move(why));
  return entry;
}

// A line stays a line: of very many paths the first few are named.
std::string joined(const std::vector<fs::path>& paths) {
  constexpr std::size_t most = 8;
  std::string line;
  for (std::size_t i = 0; i < std::min(paths.size(), most); ++i) line += (line.empty() ? "" : ", ") + paths[i].string();
  if (paths.size() > most) line += " and " + std::to_string(paths.size() - most) + " more";
  return line.empty() ? "(none)" : line;
}

}  // namespace

PluginRegistry PluginRegistry::scan(const std::vector<fs::path>& paths) {
  PluginRegistry registry;
  registry.paths_ = paths;
  SafeFolders folders;
  std::set<std::pair<dev_t, ino_t>> seen;
  const auto add = [&](const fs::path& path) {
    auto plugin = inspect_plugin_file(path, folders);
    if (plugin.inode != 0 && !seen.insert({plugin.device, plugin.inode}).second) return;
    registry.files_.push_back(std::move(plugin));
  };
  for (const auto& path : paths) {
    std::error_code trouble;
    if (fs::is_directory(path, trouble)) {
      std::string problem;
      for (const auto& file : shared_objects_in(path, problem)) add(file);
      if (!problem.empty()) registry.files_.push_back(refused(path, "folder cannot be read: " + problem));
    } else if (fs::exists(fs::symlink_status(path, trouble))) {
      add(path);
    } else {
      registry.files_.push_back(refused(path, "there is no such folder; make it, or correct --plugin-path"));
    }
  }
  registry.refuse_duplicates();
  return registry;
}

std::vector<fs::path> PluginRegistry::paths_but(const std::vector<std::size_t>& indices, std::size_t but) const {
  std::vector<fs::path> others;
  for (const auto index : indices)
    if (index != but) others.push_back(files_[index].path);
  return others;
}

void PluginRegistry::refuse_duplicates() {
  std::map<std::string, std::vector<std::size_t>> by_recipe;
  for (std::size_t i = 0; i < files_.size(); ++i) {
    if (!files_[i].is_loadable()) continue;
    const std::set<std::string> recipes(files_[i].tag->recipes.begin(), files_[i].tag->recipes.end());
    for (const auto& recipe : recipes) by_recipe[recipe].push_back(i);
  }
  for (const auto& [recipe, indices] : by_recipe) {
    if (indices.size() < 2) continue;
    for (const auto i : indices) {
      const auto others = paths_but(indices, i);
      const auto what = recipe == any_recipe ? std::string("every recipe without a plugin") : "recipe " + recipe;
      files_[i].refusals.push_back("it serves " + what + ", and so does " + joined(others) + "; keep one of them");
    }
  }
}

const PluginFile* PluginRegistry::only_one(const std::string& recipe) const {
  std::vector<const PluginFile*> refused_ones;
  for (const auto& file : files_) {
    // A file too damaged to say what it serves is taken by its name.
    if (file.is_loadable() && file.serves(recipe)) return &file;
    if (!file.is_loadable() && (file.serves(recipe) || (!file.tag && file.path.stem() == recipe))) refused_ones.push_back(&file);
  }
  if (refused_ones.empty()) return nullptr;
  std::string line;
  for (const auto* file : refused_ones) line += (line.empty() ? "" : " | ") + file->refusal();
  throw Error(ErrorKind::plugin,
              (recipe == any_recipe ? "the plugin for recipes without one" : "the plugin of recipe " + recipe) +
                  " cannot be used: " + line);
}

const PluginFile& PluginRegistry::plugin_for(const std::string& recipe) const {
  if (recipe != any_recipe)
    if (const auto* own = only_one(recipe)) return *own;
  if (const auto* any = only_one(std::string(any_recipe))) return *any;
  throw Error(ErrorKind::plugin, "no plugin serves recipe " + recipe + ", and generic.so is not in " + joined(paths_) +
                                     "; correct --plugin-path, or install it there");
}

std::vector<std::string> PluginRegistry::recipes() const {
  std::set<std::string> names;
  for (const auto& file : files_)
    if (file.is_loadable()) names.insert(file.tag->recipes.begin(), file.tag->recipes.end());
  names.erase(std::string(any_recipe));
  return {names.begin(), names.end()};
}

}  // namespace simmer
