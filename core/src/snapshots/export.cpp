#include <snapshots/export.hpp>

#include <snapshots/inode.hpp>
#include <snapshots/path_tracker.hpp>

namespace simmer::snapshots {

void export_volume(ManifestReader& manifest, const SegmentReader& segments, const fs::path& tar, const Limit& limit) {
  SegmentWriter out(tar, 0);
  PathTracker path;
  std::string buffer;
  while (manifest.peek() != nullptr) {
    const Entry entry = manifest.take();
    path.enter(entry);
    if (entry.header.length == 0) continue;  // a socket: tar knows none
    const std::string shown = shown_path(manifest.volume(), path.text());
    buffer.resize(entry.header.length);
    segments.read_piece(entry.header.segment, entry.header.offset, buffer.data(), buffer.size(), entry.header.digest, shown);
    out.append(buffer);
    Run run;
    while (manifest.next_run(run)) {
      for_each_piece(run, [&](std::uint64_t, std::uint64_t at, std::size_t length, const Digest& digest) {
        check_limit(limit, "exporting a snapshot");
        buffer.resize(length);
        segments.read_piece(run.segment, at, buffer.data(), length, digest, shown);
        out.append(buffer);
      });
    }
    out.pad();
  }
  out.finish();
}

}  // namespace simmer::snapshots
