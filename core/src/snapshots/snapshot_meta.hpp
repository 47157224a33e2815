// meta.json, the commit point of a snapshot: JSON for people and tools, with a digest over its own content, since a flipped bit
// in a version would be as fatal as one in the data.
#pragma once

#include <string>
#include <string_view>

#include <base/files.hpp>
#include <snapshots/snapshot_store.hpp>

namespace simmer::snapshots {

std::string meta_text(const SnapshotMeta& meta);
// Error(needs_operator) naming `path` when it is damaged, incomplete, or of a later format.
SnapshotMeta parse_meta(std::string_view text, const fs::path& path);

}  // namespace simmer::snapshots
