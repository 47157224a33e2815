// One inode and its metadata, read and put right without ever following a link: every call works on
// a descriptor, and reaches what descriptors do not offer (xattrs of symlinks, modes of FIFOs) through
// /proc/self/fd, which leads to that very inode and nowhere else.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <base/files.hpp>
#include <base/limit.hpp>

namespace simmer::snapshots {

// What an inode carries beside its content. Access times are not kept: reading changes them.
struct Metadata {
  std::uint32_t mode = 0;  // the lower 12 bits; 0777 for a symlink
  std::uint32_t uid = 0, gid = 0;
  std::int64_t mtime_sec = 0;
  std::uint32_t mtime_nsec = 0;
  std::map<std::string, std::string> xattrs;  // raw values; POSIX ACLs are among them (system.posix_acl_*)
};

// `shown` is the name for messages, see shown_path().
Metadata read_metadata(int fd, const struct stat& status, const std::string& shown);

// Makes the metadata of `fd` (O_PATH suffices) equal `want`: owner, xattrs and ACLs, mode, times, in that
// order, because each of them may undo what comes after it. Writes only what differs; true when anything did.
bool put_metadata(int fd, const Metadata& want, const std::string& shown);

// The first difference in words ("mode 0644, expected 0600"); empty when they are equal.
std::string difference(const Metadata& found, const Metadata& expected, bool is_symlink);

struct stat status_of(int fd, const std::string& shown);
// Without following a link. False when there is nothing of that name. Something that is mounted there is no part of a volume,
// whatever file system it is of: Error(needs_operator) naming it.
bool status_at(int folder, const std::string& name, struct stat& status, const std::string& shown);
// For metadata alone (O_PATH): never blocks, needs no permission on the inode.
Fd open_inode(int folder, const std::string& name, const std::string& shown);
// Opens a folder of a volume. `make_accessible`: without root, a folder of ours that its mode closes to us is
// opened up (its mode is put right later by whoever asked).
Fd open_folder(int parent, const std::string& name, bool make_accessible, const std::string& shown);
// The root of a volume: must be a folder, not a link to one.
Fd open_volume(const fs::path& root, bool make_accessible);
// Gives the inode at `target` (a path below the folder `root`) the further name `name` in `folder`. Opens up folders on
// the way that their modes close to us, and puts those modes back.
void link_within(int root, const std::string& target, int folder, const std::string& name, const std::string& shown);
// The text of a symlink.
std::string link_text(int inode, const std::string& shown);
// "/proc/self/fd/<fd>".
std::string handle_path(int fd);

// All names but "." and "..", sorted by bytes.
std::vector<std::string> sorted_names(int folder, const std::string& shown);

// "<volume>/<path>" for people: bytes that are not printable are \xNN.
std::string shown_path(const std::string& volume, const std::string& path);

// Data extents of an open file as its file system reports them, rounded to 512 bytes; one extent over
// everything where holes cannot be asked for.
struct Extent {
  std::uint64_t offset = 0, length = 0;
};
std::vector<Extent> data_extents(int fd, std::uint64_t size, const std::string& shown);

// Reads or writes exactly `length` bytes at `offset`. read: false when the file ends before.
bool read_exactly(int fd, char* to, std::size_t length, std::uint64_t offset, const std::string& shown);
void write_exactly(int fd, const char* from, std::size_t length, std::uint64_t offset, const std::string& shown);

// Throws Error(interrupted) or Error(unavailable) when the limit is reached.
void check_limit(const Limit& limit, const char* doing);

}  // namespace simmer::snapshots
