// The content of one file against its runs in the manifest: compared piece by piece, and put right where it
// differs. Holes are compared too (they must read as zeros) and are made holes again.
#pragma once

#include <functional>
#include <string>

#include <base/limit.hpp>
#include <snapshots/manifest.hpp>
#include <snapshots/segment.hpp>

namespace simmer::snapshots {

// Does the file have exactly this content? Takes the runs of the entry taken last. Writes nothing.
bool content_equals(int file, ManifestReader& manifest, std::uint64_t size, const std::string& shown, const Limit& limit);

class ContentRestore {
 public:
  // `file` is open for reading at least; it is opened anew for writing only when something differs. `is_new`: it
  // is empty, there is nothing to compare.
  ContentRestore(int file, bool is_new, const SegmentReader& segments, std::string shown, const Limit& limit);

  // Takes the runs of the entry taken last. A piece that the store has damaged is an Error before it is written.
  void restore(ManifestReader& manifest, std::uint64_t size);
  bool changed() const { return changed_; }
  std::uint64_t bytes_written() const { return bytes_written_; }

 private:
  int writable();
  void restore_run(const Run& run);
  void restore_hole(std::uint64_t from, std::uint64_t to, bool is_last);
  void write_zeros(std::uint64_t from, std::uint64_t to);

  int file_;
  bool is_new_;
  const SegmentReader& segments_;
  std::string shown_;
  const Limit& limit_;
  Fd writable_;
  bool changed_ = false;
  std::uint64_t bytes_written_ = 0;
  std::string piece_;
};

}  // namespace simmer::snapshots
