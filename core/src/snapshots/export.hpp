// Writes one volume of a snapshot as a tar of its own.
#pragma once

#include <base/limit.hpp>
#include <snapshots/manifest.hpp>
#include <snapshots/segment.hpp>

namespace simmer::snapshots {

// The volume that `manifest` is at, to the new file `tar`, every byte checked against its digest on the way.
void export_volume(ManifestReader& manifest, const SegmentReader& segments, const fs::path& tar, const Limit& limit);

}  // namespace simmer::snapshots
