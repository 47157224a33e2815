// Overlay mounts, made with any path (an option string has its own ideas about commas and colons).
#pragma once

#include <base/files.hpp>

namespace simmer::snapshots {

// Mounts `lower`, never written, under `upper` on `target`. Hard links stay links when they are copied up, and folders of
// `lower` can be renamed. All four are folders; upper and work on one file system. Needs root.
void mount_overlay(const fs::path& lower, const fs::path& upper, const fs::path& work, const fs::path& target);

}  // namespace simmer::snapshots
