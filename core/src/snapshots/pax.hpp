// Pax interchange headers (POSIX.1-2001) as GNU tar, libarchive and others read them: the form of a
// segment, so that the data outlives Simmer. A writer of our own, because a segment's index must know
// where every byte went.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <snapshots/manifest.hpp>

namespace simmer::snapshots {

inline constexpr std::uint64_t tar_block = 512;
inline constexpr std::uint64_t tar_end_size = 2 * tar_block;  // two blocks of zeros end an archive

constexpr std::uint64_t tar_padded(std::uint64_t size) { return (size + tar_block - 1) / tar_block * tar_block; }

// Everything that stands in front of an entry's data: the extended header if one is needed, the ustar
// header, and the map of a sparse file (GNU.sparse 1.0) when `data` leaves holes. `path` is the path in the
// volume, empty for its root. Not for sockets.
std::string tar_header(const Entry& entry, const std::string& path, const std::vector<Extent>& data);

// A POSIX ACL as tar archives carry it ("user::rw-,user:1000:r--,…", numeric) from the kernel's binary form.
std::string acl_text(std::string_view raw, const std::string& shown);

}  // namespace simmer::snapshots
