// Puts one volume back, in place.
#pragma once

#include <base/limit.hpp>
#include <snapshots/manifest.hpp>
#include <snapshots/segment.hpp>
#include <snapshots/snapshot_store.hpp>

namespace simmer::snapshots {

// Makes `root` equal to the volume that `manifest` is at. See SnapshotStore::restore().
void restore_volume(ManifestReader& manifest, const SegmentReader& segments, const fs::path& root, RestoreReport& report,
                    const Limit& limit);

}  // namespace simmer::snapshots
