// One file that may be a plugin, judged without loading it.
//
// Every refusal is one line that says what is wrong and what to do; of a file with several faults all
// are told at once. docs/plugin-abi.md lists them with their remedies.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace simmer {

// What the tag says, once it has been understood.
struct PluginTagFacts {
  std::uint32_t api_major = 0;
  std::uint32_t api_minor = 0;
  std::string name;
  std::string version;
  std::vector<std::string> recipes;        // "*": every recipe without a plugin of its own
  std::map<std::string, std::string> abi;  // compiler, library, strings, containers, language, sanitizer
  std::string bytes;                       // as it stands in the file
};

struct PluginFile {
  std::filesystem::path path;       // as it was found
  std::filesystem::path real_path;  // links resolved; empty when that failed
  dev_t device = 0;
  ino_t inode = 0;
  std::int64_t size = 0;
  timespec modified{};
  // Also there for a refused file, as far as its tag could be read.
  std::optional<PluginTagFacts> tag;
  // Empty: loadable.
  std::vector<std::string> refusals;
  std::uint64_t bytes_read = 0;

  bool is_loadable() const { return refusals.empty(); }
  // "<path>: <why>; <why>": one line. Empty when loadable.
  std::string refusal() const;
  bool serves(const std::string& recipe) const;
};

// The files and folders whose owners and modes were found safe already: a folder with 500 plugins is
// looked at once.
using SafeFolders = std::map<std::filesystem::path, std::string>;

// Never throws for what the file is or contains.
PluginFile inspect_plugin_file(const std::filesystem::path& path, SafeFolders& folders);

// What this program was built with, as a tag says it.
const std::map<std::string, std::string>& abi_of_this_program();

}  // namespace simmer
