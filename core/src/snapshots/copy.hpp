// Exact copies of folders and comparison of trees: what backups and tests rest on.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <base/limit.hpp>

namespace simmer {

// Copies the folder `from` to the new folder `to`: types, modes, owners, times, xattrs, ACLs, hard links,
// holes. Blocks are shared where the file system can. `tolerate_changes`: a source that is written
// meanwhile (a running app) is copied as found and vanished files are skipped.
struct CopyReport {
  std::uint64_t files = 0, bytes = 0;
};
CopyReport copy_tree(const std::filesystem::path& from, const std::filesystem::path& to, bool tolerate_changes,
                     const Limit& limit);

}  // namespace simmer
