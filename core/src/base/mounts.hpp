// What is mounted inside of folders that are ours to read and to empty. An app that runs as root can mount what it likes in its
// volumes and its run folder, a folder of the host as well as a disk: nobody may walk into that, and nothing below it is ours to
// remove. A bind mount has the device number of what it shows, so mounts are told by the kernel's word alone.
#pragma once

#include <string>
#include <vector>

#include <base/files.hpp>

namespace simmer {

// Which mount an open file or folder belongs to; 0 where the kernel does not say.
std::uint64_t mount_of(int fd);

// Something is mounted on exactly this: on `name` in the folder `in`, which is not followed if it is a link.
bool is_mount_point(int in, const std::string& name);
bool is_mount_point(const fs::path& path);

// Mount points at or below `folder`, deepest first. `folder` need not exist.
std::vector<std::string> mounts_below(const fs::path& folder);

// Unmounts all of them, however often mounted over each other. A busy one: Error(needs_operator) naming it.
void unmount_below(const fs::path& folder);

// Detaches all of them, in use or not, so that `folder` is only what it is itself; what was mounted stays as it is. Returns their
// names, fit for people, and keeps them for take_undone_mounts(). Error(needs_operator), naming it, for one that stays.
std::vector<std::string> undo_mounts(const fs::path& folder);

// The same for what is below `folder`, and not for what is on it.
void undo_mounts_inside(const fs::path& folder);

// What undo_mounts() has undone in this process since this was asked last: somebody's app left it, and whoever reports says so.
std::vector<std::string> take_undone_mounts();

// Undoes the octal escapes of /proc/self/mountinfo.
std::string unescape_mount_point(std::string_view text);

}  // namespace simmer
