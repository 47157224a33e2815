// A fork: the retained volumes of a known-good, lent to one run. Three ways, all of which leave
// the known-good as it was; the choice is logged and can be set (`fork:` in the configuration).
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <base/limit.hpp>

namespace simmer {

enum class ForkWay {
  reflink,  // a copy that shares its blocks (XFS, btrfs)
  overlay,  // an overlay mount: retained folder below, never written; scratch above. Needs root
  restore,  // the retained folder itself; the caller marks it dirty and restores it afterwards
};
std::string_view to_string(ForkWay way);
std::optional<ForkWay> fork_way_from(std::string_view name);

struct ForkChoice {
  ForkWay way = ForkWay::restore;
  std::string reason;  // for the log: "ext4 has no reflink; no file above 64 MiB"
};

// Which way `auto` takes for these volumes (name -> retained folder), given where forks are made.
// `may_overlay` is false for promotions. reflink where the file system can; else overlay where we may
// mount and no file is large (the first write copies the whole file up); else restore.
ForkChoice choose_fork_way(const std::map<std::string, std::filesystem::path>& volumes, const std::filesystem::path& forks_dir,
                           bool may_overlay);

// Makes `<folder>/volumes/<name>` for each volume (reflink: exact copy, all metadata; overlay: mount on
// it, scratch in `<folder>/scratch`). Not for ForkWay::restore. Returns name -> folder. Flushes nothing.
std::map<std::string, std::filesystem::path> make_fork(ForkWay way, const std::map<std::string, std::filesystem::path>& volumes,
                                                       const std::filesystem::path& folder, const Limit& limit);

// Unmounts whatever is mounted below `folder` (what an app has mounted there is undone, see base/mounts.hpp) and removes it. Safe to repeat; needs no knowledge of
// how the fork was made. Nothing there: fine.
void discard_fork(const std::filesystem::path& folder);

// Flushes a fork that is about to become the retained data (promotion).
void flush_tree(const std::filesystem::path& folder);

// Flushes the whole file system that `folder` lies on: all that was ever written there, by an app or by somebody who was
// killed. One call, whatever the size of the tree.
void flush_file_system(const std::filesystem::path& folder);

}  // namespace simmer
