// Compares one volume with its snapshot, changing nothing.
#pragma once

#include <vector>

#include <base/limit.hpp>
#include <snapshots/manifest.hpp>
#include <snapshots/snapshot_store.hpp>

namespace simmer::snapshots {

// The volume that `manifest` is at, against `root`. Adds to `faults` until they are `max_faults`; then it stops, wherever
// `manifest` is.
void compare_volume(ManifestReader& manifest, const fs::path& root, std::vector<SnapshotFault>& faults, std::size_t max_faults,
                    const Limit& limit);

}  // namespace simmer::snapshots
