// What the loader's tests share: scratch folders, copies of plugins, and plugins run in a process of
// their own.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <base/files.hpp>
#include <base/process.hpp>
#include <loader/plugin_file.hpp>

namespace simmer {

inline fs::path bad_plugin(const std::string& name) { return fs::path(BAD_PLUGINS) / (name + ".so"); }
inline fs::path our_plugin(const std::string& name) { return fs::path(OUR_PLUGINS) / (name + ".so"); }

inline PluginFile inspect(const fs::path& path) {
  SafeFolders folders;
  return inspect_plugin_file(path, folders);
}

struct LoadedInChild {
  int exit_code = 0;
  std::string out;
  std::string err;
};

// Loads a plugin and makes its recipe (or, with "check", runs the kit) in a process that may die of it.
inline LoadedInChild load_in_child(const fs::path& plugin, const std::string& mode = {},
                                   const std::map<std::string, std::string>& env = {}, milliseconds limit = milliseconds(60000)) {
  Command command;
  command.argv = {LOAD_ONE, plugin.string()};
  if (!mode.empty()) command.argv.push_back(mode);
  command.env = env;
  const auto result = run_command(command, Limit::in(limit));
  return {result.exit_code, result.out, result.err};
}

class PluginTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "simmer-plugins-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    scratch_ = fs::canonical(pattern);
  }
  void TearDown() override { remove_tree(scratch_); }

  fs::path folder(const std::string& name) {
    make_folders(scratch_ / name);
    return scratch_ / name;
  }
  fs::path write(const std::string& name, const std::string& bytes) {
    write_file_beside(scratch_ / name, bytes);
    return scratch_ / name;
  }
  // A copy, not a link: a link to the same file counts as the same plugin.
  fs::path copy(const fs::path& plugin, const fs::path& to) {
    fs::copy_file(plugin, to);
    return to;
  }

  fs::path scratch_;
};

}  // namespace simmer
