#include <snapshots/inode.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include <base/mounts.hpp>
#include <base/utf8.hpp>
#include <simmer/error.hpp>

namespace simmer::snapshots {
namespace {

// Not the app's: what XFS lists a second time (its POSIX ACLs, under the names of their place on disk), and, without root,
// the machine's label, which could not be set and is left as it is.
bool is_skipped(std::string_view name) {
  return name == "trusted.SGI_ACL_FILE" || name == "trusted.SGI_ACL_DEFAULT" || (name == "security.selinux" && ::geteuid() != 0);
}

bool is_acl(const std::string& name) { return name.starts_with("system.posix_acl_"); }

std::vector<std::string> xattr_names(const std::string& path, const std::string& shown) {
  std::string buffer(4096, '\0');
  ssize_t got;
  while ((got = ::listxattr(path.c_str(), buffer.data(), buffer.size())) < 0) {
    if (errno == ENOTSUP) return {};
    if (errno != ERANGE) throw_errno("cannot list the xattrs of " + shown, errno);
    buffer.resize(buffer.size() * 4);
  }
  std::vector<std::string> names;
  for (std::string_view rest(buffer.data(), static_cast<std::size_t>(got)); !rest.empty();) {
    const auto end = rest.find('\0');
    if (!is_skipped(rest.substr(0, end))) names.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return names;
}

std::map<std::string, std::string> read_xattrs(int fd, const std::string& shown) {
  const std::string path = handle_path(fd);
  std::map<std::string, std::string> xattrs;
  std::string buffer;
  for (const std::string& name : xattr_names(path, shown)) {
    buffer.resize(65536);  // the kernel's own limit for a value
    const ssize_t got = ::getxattr(path.c_str(), name.c_str(), buffer.data(), buffer.size());
    if (got < 0) throw_errno("cannot read xattr " + name + " of " + shown, errno);
    xattrs.emplace(name, buffer.substr(0, static_cast<std::size_t>(got)));
  }
  return xattrs;
}

bool put_xattrs(int fd, const Metadata& want, struct stat& status, const std::string& shown) {
  const auto found = read_xattrs(fd, shown);
  if (found == want.xattrs) return false;
  const std::string path = handle_path(fd);
  // user.* needs write permission on the inode, even for its owner.
  if (::geteuid() != 0 && !S_ISLNK(status.st_mode) && (status.st_mode & 0600) != 0600) {
    if (::chmod(path.c_str(), (status.st_mode & 07777) | 0600) != 0) throw_errno("cannot change the mode of " + shown, errno);
  }
  for (const auto& [name, value] : found)
    if (!want.xattrs.count(name) && ::removexattr(path.c_str(), name.c_str()) != 0)
      throw_errno("cannot remove xattr " + name + " of " + shown, errno);
  // ACLs last: they set the mode, and may close the inode to its owner.
  for (const bool acls : {false, true}) {
    for (const auto& [name, value] : want.xattrs) {
      const auto there = found.find(name);
      if (is_acl(name) != acls || (there != found.end() && there->second == value)) continue;
      if (::setxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0) != 0)
        throw_errno("cannot set xattr " + name + " of " + shown, errno);
    }
  }
  return true;
}

std::string octal(std::uint32_t mode) {
  std::array<char, 16> text;
  std::snprintf(text.data(), text.size(), "%04o", mode);
  return text.data();
}

}  // namespace

std::string handle_path(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

struct stat status_of(int fd, const std::string& shown) {
  struct stat status;
  if (::fstat(fd, &status) != 0) throw_errno("cannot look at " + shown, errno);
  return status;
}

bool status_at(int folder, const std::string& name, struct stat& status, const std::string& shown) {
  if (is_mount_point(folder, name)) throw Error(ErrorKind::needs_operator, "something is mounted on " + shown + ": unmount it first");
  if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return true;
  if (errno == ENOENT) return false;
  throw_errno("cannot look at " + shown, errno);
}

Fd open_inode(int folder, const std::string& name, const std::string& shown) {
  Fd fd(::openat(folder, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) throw_errno("cannot open " + shown, errno);
  return fd;
}

Fd open_folder(int parent, const std::string& name, bool make_accessible, const std::string& shown) {
  constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  if (make_accessible && ::geteuid() != 0) {
    const Fd inode = open_inode(parent, name, shown);
    const struct stat status = status_of(inode.get(), shown);
    if (S_ISDIR(status.st_mode) && (status.st_mode & 0700) != 0700 &&
        ::chmod(handle_path(inode.get()).c_str(), (status.st_mode & 07777) | 0700) != 0)
      throw_errno("cannot open up the folder " + shown, errno);
  }
  Fd fd(::openat(parent, name.c_str(), flags));
  if (!fd) throw_errno("cannot open the folder " + shown, errno);
  return fd;
}

Fd open_volume(const fs::path& root, bool make_accessible) {
  fs::path clean = root;
  if (clean.filename().empty()) clean = clean.parent_path();  // a trailing slash would follow a link
  return open_folder(AT_FDCWD, clean.string(), make_accessible, clean.string());
}

void link_within(int root, const std::string& target, int folder, const std::string& name, const std::string& shown) {
  struct OpenedUp {
    Fd inode;
    mode_t mode;
    ~OpenedUp() {
      if (inode) ::chmod(handle_path(inode.get()).c_str(), mode);
    }
    OpenedUp(Fd fd, mode_t was) : inode(std::move(fd)), mode(was) {}
    OpenedUp(OpenedUp&&) = default;
  };
  std::vector<OpenedUp> opened_up;
  Fd holder;
  int at = root;
  std::size_t begin = 0;
  for (std::size_t slash; (slash = target.find('/', begin)) != std::string::npos; begin = slash + 1) {
    Fd inode = open_inode(at, target.substr(begin, slash - begin), shown);
    const struct stat status = status_of(inode.get(), shown);
    if (::geteuid() != 0 && S_ISDIR(status.st_mode) && (status.st_mode & 0100) == 0) {
      if (::chmod(handle_path(inode.get()).c_str(), (status.st_mode & 07777) | 0100) != 0)
        throw_errno("cannot open up a folder on the way to " + shown, errno);
      opened_up.emplace_back(open_inode(at, target.substr(begin, slash - begin), shown), status.st_mode & 07777);
    }
    holder = std::move(inode);
    at = holder.get();
  }
  if (::linkat(at, target.substr(begin).c_str(), folder, name.c_str(), 0) != 0) throw_errno("cannot link " + shown, errno);
}

std::string link_text(int inode, const std::string& shown) {
  std::string text(4096, '\0');
  const ssize_t got = ::readlinkat(inode, "", text.data(), text.size());
  if (got < 0) throw_errno("cannot read the link " + shown, errno);
  text.resize(static_cast<std::size_t>(got));
  return text;
}

std::vector<std::string> sorted_names(int folder, const std::string& shown) {
  const int copy = ::fcntl(folder, F_DUPFD_CLOEXEC, 0);
  DIR* stream = copy < 0 ? nullptr : ::fdopendir(copy);
  if (stream == nullptr) {
    const int reason = errno;
    if (copy >= 0) ::close(copy);
    throw_errno("cannot list " + shown, reason);
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> closer(stream, ::closedir);
  ::rewinddir(stream);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) throw_errno("cannot list " + shown, errno);
  std::sort(names.begin(), names.end());  // std::string compares as unsigned bytes
  return names;
}

Metadata read_metadata(int fd, const struct stat& status, const std::string& shown) {
  Metadata found;
  found.mode = status.st_mode & 07777;
  found.uid = status.st_uid;
  found.gid = status.st_gid;
  found.mtime_sec = status.st_mtim.tv_sec;
  found.mtime_nsec = static_cast<std::uint32_t>(status.st_mtim.tv_nsec);
  found.xattrs = read_xattrs(fd, shown);
  return found;
}

bool put_metadata(int fd, const Metadata& want, const std::string& shown) {
  bool changed = false;
  const std::string path = handle_path(fd);
  struct stat status = status_of(fd, shown);
  if (status.st_uid != want.uid || status.st_gid != want.gid) {
    if (::fchownat(fd, "", want.uid, want.gid, AT_EMPTY_PATH) != 0) throw_errno("cannot change the owner of " + shown, errno);
    changed = true;
  }
  if (put_xattrs(fd, want, status, shown)) changed = true;
  status = status_of(fd, shown);  // owner and ACLs may both have changed the mode
  if (!S_ISLNK(status.st_mode) && (status.st_mode & 07777) != want.mode) {
    if (::chmod(path.c_str(), want.mode) != 0) throw_errno("cannot change the mode of " + shown, errno);
    changed = true;
  }
  if (status.st_mtim.tv_sec != want.mtime_sec || status.st_mtim.tv_nsec != static_cast<long>(want.mtime_nsec)) {
    const timespec times[2] = {{0, UTIME_OMIT}, {want.mtime_sec, static_cast<long>(want.mtime_nsec)}};
    if (::utimensat(AT_FDCWD, path.c_str(), times, 0) != 0) throw_errno("cannot set the time of " + shown, errno);
    changed = true;
  }
  return changed;
}

std::string difference(const Metadata& found, const Metadata& expected, bool is_symlink) {
  if (found.uid != expected.uid) return "owner " + std::to_string(found.uid) + ", expected " + std::to_string(expected.uid);
  if (found.gid != expected.gid) return "group " + std::to_string(found.gid) + ", expected " + std::to_string(expected.gid);
  if (!is_symlink && found.mode != expected.mode) return "mode " + octal(found.mode) + ", expected " + octal(expected.mode);
  for (const auto& [name, value] : expected.xattrs) {
    const auto there = found.xattrs.find(name);
    if (there == found.xattrs.end()) return "xattr " + name + " missing";
    if (there->second != value) return "xattr " + name + " differs";
  }
  for (const auto& [name, value] : found.xattrs)
    if (!expected.xattrs.count(name)) return "xattr " + name + " extra";
  if (found.mtime_sec != expected.mtime_sec || found.mtime_nsec != expected.mtime_nsec) return "time differs";
  return "";
}

std::string shown_path(const std::string& volume, const std::string& path) {
  const std::string whole = path.empty() ? volume : volume + "/" + path;
  const bool utf8 = is_utf8(whole);
  std::string text;
  for (const char c : whole) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f && byte != '\\' && (byte < 0x80 || utf8)) {
      text += c;
      continue;
    }
    std::array<char, 8> escaped;
    std::snprintf(escaped.data(), escaped.size(), "\\x%02x", byte);
    text += escaped.data();
  }
  return text;
}

std::vector<Extent> data_extents(int fd, std::uint64_t size, const std::string& shown) {
  std::vector<Extent> extents;
  for (std::uint64_t at = 0; at < size;) {
    const off_t data = ::lseek(fd, static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;
    if (data < 0 && errno == EINVAL) return {{0, size}};
    if (data < 0) throw_errno("cannot ask for the holes of " + shown, errno);
    const off_t hole = ::lseek(fd, data, SEEK_HOLE);
    if (hole < 0) throw_errno("cannot ask for the holes of " + shown, errno);
    // Tar blocks are 512 bytes, and GNU tar pads every extent to them: so extents start and end there.
    const std::uint64_t from = static_cast<std::uint64_t>(data) / 512 * 512;
    const std::uint64_t to = std::min(size, (static_cast<std::uint64_t>(hole) + 511) / 512 * 512);
    if (from >= size) break;
    if (!extents.empty() && extents.back().offset + extents.back().length >= from)
      extents.back().length = to - extents.back().offset;
    else
      extents.push_back({from, to - from});
    at = std::max(to, static_cast<std::uint64_t>(hole));
  }
  return extents;
}

bool read_exactly(int fd, char* to, std::size_t length, std::uint64_t offset, const std::string& shown) {
  while (length > 0) {
    const ssize_t got = ::pread(fd, to, length, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno("cannot read " + shown, errno);
    if (got == 0) return false;
    to += got;
    length -= static_cast<std::size_t>(got);
    offset += static_cast<std::uint64_t>(got);
  }
  return true;
}

void write_exactly(int fd, const char* from, std::size_t length, std::uint64_t offset, const std::string& shown) {
  while (length > 0) {
    const ssize_t put = ::pwrite(fd, from, length, static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw_errno("cannot write " + shown, errno);
    from += put;
    length -= static_cast<std::size_t>(put);
    offset += static_cast<std::uint64_t>(put);
  }
}

void check_limit(const Limit& limit, const char* doing) {
  limit.check_stop(doing);
  if (limit.passed()) throw Error(ErrorKind::unavailable, std::string("timed out while ") + doing);
}

}  // namespace simmer::snapshots
