// Reads every byte of a volume's segments against the manifest.
#pragma once

#include <vector>

#include <base/limit.hpp>
#include <snapshots/manifest.hpp>
#include <snapshots/segment.hpp>
#include <snapshots/snapshot_store.hpp>

namespace simmer::snapshots {

inline constexpr std::size_t max_faults_listed = 100;

// The volume that `manifest` is at; afterwards `manifest` is at its end. Adds to `faults`, at most
// max_faults_listed in all.
void verify_volume(ManifestReader& manifest, const SegmentReader& segments, std::vector<SnapshotFault>& faults,
                   const Limit& limit);

}  // namespace simmer::snapshots
