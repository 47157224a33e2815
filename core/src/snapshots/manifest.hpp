// The manifest: what a snapshot holds, entry by entry, and where in the segments it lies. Written and
// read as a stream, in the order of a sorted walk, so that memory does not grow with the number of files.
//
// Bytes (integers are LEB128 varints, "bytes" is a varint length and that many bytes):
//
//   "SIMMER-MANIFEST 1\n", then records: tag (1 byte), length of the payload (varint), payload.
//
//   V  volume:  name (bytes), number of segments, their file names (bytes each)
//   N  entry:   kind (1 byte), depth, name (bytes), mode, uid, gid, mtime seconds (zigzag), nanoseconds,
//               flags (1: has further names), number of xattrs, name and value (bytes) of each,
//               header: segment, offset, length, and if length > 0 its digest (16 bytes),
//               then by kind: f size; l and h target (bytes); c and b major, minor
//   R  run:     segment, offset in it, offset in the file, length, one digest (16 bytes) per piece
//   E  end of the volume: entries, apparent bytes of files, size of each segment
//   Z  end of the manifest, empty
//
// docs/formats/snapshot.md explains it to those who have to read one without Simmer.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <base/files.hpp>
#include <snapshots/inode.hpp>

typedef struct XXH3_state_s XXH3_state_t;

namespace simmer::snapshots {

// Digests are per 64 KiB of a file, counted from its beginning.
inline constexpr std::uint64_t piece_size = 64 << 10;
// No run is longer: it is held in memory whole.
inline constexpr std::uint64_t max_run = 16 << 20;

using Digest = std::array<unsigned char, 16>;  // xxh3-128, canonical (big-endian)
Digest digest_of(std::string_view bytes);
Digest digest_of(const XXH3_state_t& state);  // of what was fed to it so far
std::string hex_of(const Digest& digest);

enum class Kind : char {
  folder = 'd',
  file = 'f',
  symlink = 'l',
  hard_link = 'h',  // a further name of an earlier entry of the same volume
  fifo = 'p',
  char_device = 'c',
  block_device = 'b',
  socket = 's',  // in the manifest only: tar knows no sockets
};

// What kind of inode that is; a hard link is for the caller to know.
Kind kind_of(const struct stat& status);

// Where the tar header of an entry lies: everything in front of its data, extended headers included.
struct HeaderPlace {
  std::uint64_t segment = 0, offset = 0, length = 0;
  Digest digest{};
};

// The root folder of a volume is the first entry, depth 0 and without a name; children follow their
// folder, sorted by bytes, each with one more depth.
struct Entry {
  Kind kind = Kind::file;
  std::uint64_t depth = 0;
  std::string name;
  Metadata metadata;    // empty for a hard link
  bool linked = false;  // had more than one name when it was captured
  HeaderPlace header;   // length 0 for sockets
  std::uint64_t size = 0;
  std::string target;  // symlink: its text; hard link: path of the first name in the volume
  std::uint32_t major = 0, minor = 0;
};

// Consecutive bytes of a file that lie consecutively in one segment. What no run covers is a hole.
struct Run {
  std::uint64_t segment = 0, segment_offset = 0, file_offset = 0, length = 0;
  std::vector<Digest> digests;  // of the pieces: cut where the file's offset is a multiple of piece_size
};
std::uint64_t pieces_in(std::uint64_t file_offset, std::uint64_t length);

struct VolumeSummary {
  std::uint64_t entries = 0, bytes = 0;
  std::vector<std::uint64_t> segment_sizes;
};

// Writes `<folder>/manifest.new`; finish() flushes it and renames it to `manifest.<digest>`. Whatever was not
// finished is removed by the destructor.
class ManifestWriter {
 public:
  explicit ManifestWriter(const fs::path& folder);
  ~ManifestWriter();
  ManifestWriter(const ManifestWriter&) = delete;
  ManifestWriter& operator=(const ManifestWriter&) = delete;

  void begin_volume(const std::string& name, const std::vector<std::string>& segments);
  void add(const Entry& entry);
  void add(const Run& run);
  void end_volume(const VolumeSummary& summary);
  // The digest, in hex.
  std::string finish();

 private:
  void record(char tag, std::string_view payload);
  void write_out();
  fs::path folder_, path_;
  Fd file_;
  std::string buffer_;
  std::uint64_t written_ = 0;
  XXH3_state_t* state_;
};

// Reads a manifest whose digest has been checked before. Whatever cannot be understood is an
// Error(needs_operator).
class ManifestReader {
 public:
  explicit ManifestReader(const fs::path& manifest);

  // Goes to the next volume (the rest of the current one is skipped); false at the end.
  bool next_volume();
  const std::string& volume() const { return volume_; }
  const std::vector<std::string>& segments() const { return segments_; }

  // The entry ahead; nullptr at the end of the volume. Runs that nobody asked for are skipped.
  const Entry* peek();
  Entry take();
  // The next run of the file that was taken last.
  bool next_run(Run& run);
  // Valid once peek() has returned nullptr.
  const VolumeSummary& summary() const { return summary_; }

 private:
  bool load();  // the next record into tag_ and payload_
  [[noreturn]] void damaged(const char* what) const;
  bool fill(std::size_t wanted);
  void parse_entry();
  fs::path path_;
  Fd file_;
  std::string buffer_;
  std::size_t at_ = 0;
  char tag_ = 0;
  std::string payload_;
  bool loaded_ = false, entry_ready_ = false, volume_ended_ = true, ended_ = false;
  Entry entry_;
  std::string volume_;
  std::vector<std::string> segments_;
  VolumeSummary summary_;
};

}  // namespace simmer::snapshots
