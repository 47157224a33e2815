#include <snapshots/verify.hpp>

#include <algorithm>

#include <snapshots/inode.hpp>
#include <snapshots/path_tracker.hpp>
#include <snapshots/pax.hpp>

namespace simmer::snapshots {
namespace {

class Verification {
 public:
  Verification(ManifestReader& manifest, const SegmentReader& segments, std::vector<SnapshotFault>& faults, const Limit& limit)
      : manifest_(manifest), segments_(segments), faults_(faults), limit_(limit), read_up_to_(manifest.segments().size(), 0) {}

  void run() {
    std::uint64_t entries = 0;
    while (manifest_.peek() != nullptr) {
      check_limit(limit_, "verifying a snapshot");
      const Entry entry = manifest_.take();
      path_.enter(entry);
      ++entries;
      if (entry.header.length > 0) verify_header(entry.header);
      Run run;
      while (manifest_.next_run(run)) verify_run(run);
    }
    if (entries != manifest_.summary().entries) fault("", "the manifest counts other entries than it lists");
    path_ = {};
    for (std::size_t i = 0; i < read_up_to_.size(); ++i) {
      const std::uint64_t expected = manifest_.summary().segment_sizes[i];
      if (segments_.size(i) != expected)
        fault("", "segment " + manifest_.segments()[i] + " has " + std::to_string(segments_.size(i)) + " bytes, expected " +
                      std::to_string(expected));
      verify_zeros(i, std::min(expected, segments_.size(i)));
    }
  }

 private:
  void fault(const std::string& path, std::string what) {
    if (faults_.size() < max_faults_listed)
      faults_.push_back({manifest_.volume(), shown_path("", path).substr(path.empty() ? 0 : 1), std::move(what)});
  }

  bool is_inside(std::uint64_t segment, std::uint64_t offset, std::uint64_t length) {
    if (offset <= segments_.size(segment) && length <= segments_.size(segment) - offset) return true;
    fault(path_.text(), "segment " + manifest_.segments()[segment] + " ends before its data");
    return false;
  }

  void verify_header(const HeaderPlace& header) {
    if (!is_inside(header.segment, header.offset, header.length)) return;
    verify_zeros(header.segment, header.offset);
    buffer_.resize(header.length);
    segments_.read(header.segment, header.offset, buffer_.data(), buffer_.size());
    if (digest_of(buffer_) != header.digest) fault(path_.text(), "its tar header is damaged");
    read_up_to_[header.segment] = header.offset + header.length;
  }

  void verify_run(const Run& run) {
    if (!is_inside(run.segment, run.segment_offset, run.length)) return;
    verify_zeros(run.segment, run.segment_offset);
    bool sound = true;
    for_each_piece(run, [&](std::uint64_t, std::uint64_t at, std::size_t length, const Digest& digest) {
      check_limit(limit_, "verifying a snapshot");
      buffer_.resize(length);
      segments_.read(run.segment, at, buffer_.data(), length);
      sound = sound && digest_of(buffer_) == digest;
    });
    if (!sound) fault(path_.text(), "its data is damaged");
    read_up_to_[run.segment] = run.segment_offset + run.length;
  }

  // What lies between headers and data is padding: zeros, also beyond the last entry.
  void verify_zeros(std::uint64_t segment, std::uint64_t up_to) {
    for (std::uint64_t at = read_up_to_[segment]; at < up_to;) {
      buffer_.resize(std::min<std::uint64_t>(up_to - at, 64 << 10));
      segments_.read(segment, at, buffer_.data(), buffer_.size());
      if (std::any_of(buffer_.begin(), buffer_.end(), [](char c) { return c != 0; }))
        fault("", "segment " + manifest_.segments()[segment] + " has bytes where padding belongs, before byte " +
                      std::to_string(up_to));
      at += buffer_.size();
    }
    read_up_to_[segment] = std::max(read_up_to_[segment], up_to);
  }

  ManifestReader& manifest_;
  const SegmentReader& segments_;
  std::vector<SnapshotFault>& faults_;
  const Limit& limit_;
  std::vector<std::uint64_t> read_up_to_;  // by segment
  PathTracker path_;
  std::string buffer_;
};

}  // namespace

void verify_volume(ManifestReader& manifest, const SegmentReader& segments, std::vector<SnapshotFault>& faults,
                   const Limit& limit) {
  Verification(manifest, segments, faults, limit).run();
}

}  // namespace simmer::snapshots
