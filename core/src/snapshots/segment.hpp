// Segments: the pax tar files in which the bytes of a snapshot lie. One is written once, from front to
// back, and never changed afterwards.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <base/files.hpp>
#include <snapshots/manifest.hpp>

namespace simmer::snapshots {

// Appends to a new file, which must not exist. What was not finished is removed by the destructor.
class SegmentWriter {
 public:
  // `expected` bytes are reserved on the disk where the file system can: a full disk shows here, not half way.
  SegmentWriter(const fs::path& path, std::uint64_t expected);
  ~SegmentWriter();
  SegmentWriter(const SegmentWriter&) = delete;
  SegmentWriter& operator=(const SegmentWriter&) = delete;

  std::uint64_t size() const { return written_ + buffer_.size(); }
  void append(std::string_view bytes);
  // Zeros up to the next tar block.
  void pad();
  // Ends the archive, gives back what was reserved too much, flushes, and drops the pages from the cache, so
  // that who reads it back reads the disk. Returns the size.
  std::uint64_t finish();

 private:
  void write_out();
  fs::path path_;
  Fd file_;
  std::string buffer_;
  std::uint64_t written_ = 0;
};

// Reads from the segments of one volume.
class SegmentReader {
 public:
  SegmentReader(const fs::path& folder, const std::vector<std::string>& files);

  std::uint64_t size(std::uint64_t segment) const { return sizes_.at(segment); }
  // Error(needs_operator) when the segment ends before.
  void read(std::uint64_t segment, std::uint64_t offset, char* to, std::size_t length) const;
  // Reads one piece and checks it. Error(needs_operator) naming `shown` when it is damaged.
  void read_piece(std::uint64_t segment, std::uint64_t offset, char* to, std::size_t length, const Digest& digest,
                  const std::string& shown) const;

 private:
  std::vector<fs::path> paths_;
  std::vector<Fd> files_;
  std::vector<std::uint64_t> sizes_;
};

// Calls `each(file offset, segment offset, length, digest)` for every piece of a run.
template <class Each>
void for_each_piece(const Run& run, Each&& each) {
  std::uint64_t at = 0;
  for (const Digest& digest : run.digests) {
    const std::uint64_t length = std::min(run.length - at, piece_size - (run.file_offset + at) % piece_size);
    each(run.file_offset + at, run.segment_offset + at, static_cast<std::size_t>(length), digest);
    at += length;
  }
}

}  // namespace simmer::snapshots
