// Captures one volume: a sorted walk that writes its segment and its part of the manifest.
#pragma once

#include <string>

#include <base/limit.hpp>
#include <snapshots/manifest.hpp>
#include <snapshots/segment.hpp>

namespace simmer::snapshots {

// Writes `root` as `volume` into `segment` (number 0 of the volume) and `manifest`. Anything in the volume that changes
// meanwhile is an Error. The segment is finished, the volume's end is written.
VolumeSummary capture_volume(const std::string& volume, const fs::path& root, SegmentWriter& segment, ManifestWriter& manifest,
                             const Limit& limit);

}  // namespace simmer::snapshots
