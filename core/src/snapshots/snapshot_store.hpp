// The snapshot of a known-good: everything its volumes hold, in a folder, committed by one rename.
// Format: docs/formats/snapshot.md (design.md section 8, snapshots.md).
//
//   <folder>/meta.json               the commit point: names all other files of the snapshot
//   <folder>/manifest.<digest>       index of the segments
//   <folder>/volumes/<volume>.tar    segments (a later snapshot of it: <volume>.<n>.tar)
//   <folder>/env.<run id>, secrets.<run id>   0600, written by the caller before the commit
//   <folder>/recipe.<run id>.tar              the recipe that was deployed, likewise
//
// Whatever meta.json does not refer to is rubbish of an unfinished attempt and is dropped by
// drop_unreferenced().
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <base/limit.hpp>

namespace simmer {

// What meta.json says. Everything about the app is the caller's; the store adds what it wrote.
struct SnapshotMeta {
  std::string app, recipe, version, commit, run_id, nonce, taken_at, strategy;
  std::map<std::string, std::string> digests;  // service -> image digest
  std::string env_file, secrets_file;          // names in the folder; empty: none
  std::string recipe_file, recipe_digest;      // empty: written by a Simmer that did not keep it
  // Filled in by the store:
  std::string manifest;         // file name
  std::string manifest_digest;  // xxh3-128, hex
  struct Segment {
    std::string volume, file;
    std::uint64_t size = 0;
  };
  std::vector<Segment> segments;
  std::vector<std::string> volumes;      // sorted; a volume may be empty
  std::uint64_t entries = 0, bytes = 0;  // of the data: entries of all volumes, apparent bytes of files
};

struct RestoreReport {
  std::uint64_t entries = 0, changed = 0, removed = 0, bytes_written = 0;
};

// One difference between a volume and its snapshot, or a defect found by verification.
struct SnapshotFault {
  std::string volume;
  std::string path;  // escaped for people
  std::string what;  // "content differs", "missing", "extra", "mode 0644, expected 0600", …
};

// Not thread-safe; the caller holds the lock of the known-good.
class SnapshotStore {
 public:
  explicit SnapshotStore(std::filesystem::path folder);

  // Is there a committed snapshot (a readable meta.json)? Damaged: Error(needs_operator).
  bool exists() const;
  SnapshotMeta meta() const;

  // Step one of a snapshot: writes and flushes segments and manifest of `volumes` (name -> folder)
  // beside whatever is committed, reads every byte back, and returns the complete meta. Nothing is
  // committed yet. Sources must not change meanwhile: one that does is an Error and leaves nothing.
  // Refused by name before anything is written: what could not be put back (see docs), no space.
  SnapshotMeta prepare(const SnapshotMeta& about, const std::map<std::string, std::filesystem::path>& volumes,
                       const Limit& limit);
  // Step two, the point of no return: meta.json is replaced atomically and durably.
  void commit(const SnapshotMeta& meta);
  // Removes every file in the folder that meta.json does not refer to (none committed: all).
  void drop_unreferenced();

  // Cheap: meta.json intact, manifest and recipe match their digests, segments have their sizes, the other files are there.
  std::vector<SnapshotFault> check() const;
  // Reads every byte of every segment against the manifest.
  std::vector<SnapshotFault> verify(const Limit& limit) const;

  // Makes each folder of `volumes` equal to the snapshot, in place: touches only what differs,
  // removes what is extra, compares every byte, puts all metadata back, flushes. Each chunk is
  // checked against its digest before it is written. Can be killed and run again.
  RestoreReport restore(const std::map<std::string, std::filesystem::path>& volumes, const Limit& limit) const;

  // Compares without changing; at most `max_faults` are listed.
  std::vector<SnapshotFault> compare(const std::map<std::string, std::filesystem::path>& volumes, const Limit& limit,
                                     std::size_t max_faults = 20) const;

  // One tar per volume in `to` (made if missing; files of that name there: Error).
  void export_to(const std::filesystem::path& to, const Limit& limit) const;

  const std::filesystem::path& folder() const { return folder_; }

 private:
  void drop_unreferenced_data();
  std::string unused_segment_name(const std::string& volume) const;
  std::filesystem::path folder_;
};

}  // namespace simmer
