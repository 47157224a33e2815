// Overlay mounts: made with any path (an option string has its own ideas about commas and colons), found again
// from the kernel's own list, and unmounted, whoever made them.
#pragma once

#include <string>
#include <vector>

#include <base/files.hpp>

namespace simmer::snapshots {

// Mounts `lower`, never written, under `upper` on `target`. Hard links stay links when they are copied up, and folders of
// `lower` can be renamed. All four are folders; upper and work on one file system. Needs root.
void mount_overlay(const fs::path& lower, const fs::path& upper, const fs::path& work, const fs::path& target);

// Mount points at or below `folder`, deepest first. `folder` need not exist.
std::vector<std::string> mounts_below(const fs::path& folder);

// Unmounts all of them, however often mounted over each other. A busy one: Error(needs_operator) naming it.
void unmount_below(const fs::path& folder);

// Undoes the octal escapes of /proc/self/mountinfo.
std::string unescape_mount_point(std::string_view text);

}  // namespace simmer::snapshots
