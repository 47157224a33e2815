// A look at a volume before anything is done with it: how much it is, and what in it could not be put
// back by a restore. Refusing early is cheap; an undeployed app without a snapshot is not.
#pragma once

#include <optional>
#include <string>

#include <base/files.hpp>
#include <base/limit.hpp>

namespace simmer::snapshots {

struct Survey {
  std::uint64_t entries = 0;
  std::uint64_t allocated = 0;     // bytes of data that regular files hold, holes not counted
  std::uint64_t largest_file = 0;  // apparent size
  // What an overlay mount would take for its own marks (a whiteout, an opaque folder), if there is any.
  std::optional<std::string> overlay_mark;
};

// Throws Error naming the first path that could not be put back: without root a foreign owner, a device, an
// unreadable file, an xattr that only root may set; always a mount inside the volume.
Survey survey_volume(const std::string& volume, const fs::path& root, const Limit& limit);

// The same without judging what could be put back.
Survey measure_volume(const std::string& volume, const fs::path& root, const Limit& limit);

}  // namespace simmer::snapshots
