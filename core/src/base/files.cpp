#include <base/files.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <xxhash.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include <base/mounts.hpp>
#include <simmer/error.hpp>

namespace simmer {

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

void Fd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void throw_errno(const std::string& doing, int error_number) {
  const bool full = error_number == ENOSPC || error_number == EDQUOT;
  throw Error(full ? ErrorKind::infrastructure : ErrorKind::unavailable, doing + ": " + std::strerror(error_number));
}

Fd open_file(const fs::path& path, int flags, mode_t mode) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) throw_errno("cannot open " + path.string(), errno);
  return Fd(fd);
}

namespace {

std::string read_all(const Fd& fd, const fs::path& path) {
  std::string bytes;
  std::array<char, 65536> buffer;
  while (true) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno("cannot read " + path.string(), errno);
    if (got == 0) return bytes;
    bytes.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

void write_all(const Fd& fd, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd.get(), bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw_errno("cannot write " + path.string(), errno);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
}

enum class Flush { no, yes };
enum class Existing { replace, keep };

// Named at random: a pid is somebody else's in another pid namespace, and after a boot. Locked for as long as its writer lives: so `gc` knows what a dead
// one left.
Fd open_beside(const fs::path& path, mode_t mode, fs::path& beside) {
  while (true) {
    unsigned char random[6];
    if (::getrandom(random, sizeof random, 0) != sizeof random) throw_errno("cannot get random bytes", errno);
    char name[2 * sizeof random + 1];
    for (std::size_t i = 0; i < sizeof random; ++i) std::snprintf(name + 2 * i, 3, "%02x", random[i]);
    beside = path;
    beside += std::string(".new-") + name;
    Fd fd = open_file(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) continue;  // `gc` has just taken it for a dead one's
    struct stat info;
    if (::fstat(fd.get(), &info) != 0 || info.st_nlink > 0) return fd;
  }
}

// False when there is something already that is to be kept.
bool write_beside(const fs::path& path, std::string_view bytes, mode_t mode, Flush flush, Existing existing) {
  fs::path beside;
  const Fd fd = open_beside(path, mode, beside);
  try {
    write_all(fd, bytes, beside);
    if (flush == Flush::yes && ::fsync(fd.get()) != 0) throw_errno("cannot flush " + beside.string(), errno);
    const unsigned flags = existing == Existing::keep ? RENAME_NOREPLACE : 0;
    if (::renameat2(AT_FDCWD, beside.c_str(), AT_FDCWD, path.c_str(), flags) != 0) {
      if (errno == EEXIST && existing == Existing::keep) {
        ::unlink(beside.c_str());
        return false;
      }
      throw_errno("cannot rename " + beside.string() + " to " + path.string(), errno);
    }
  } catch (...) {
    ::unlink(beside.c_str());
    throw;
  }
  if (flush == Flush::yes) flush_folder(path.parent_path());
  return true;
}

// Removes what is below a folder with two descriptors at a time, however deep it goes: it walks down by name and comes back
// by "..", which must then be the folder that it came from. All of it lies on the mount that the top lies in.
class TreeRemover {
 public:
  explicit TreeRemover(const fs::path& top) : top_(top) {}

  void run() {
    const fs::path parent = top_.parent_path();
    mount_ = mount_of(open_file(parent.empty() ? fs::path(".") : parent, O_PATH | O_DIRECTORY).get());
    Fd folder = open_folder(AT_FDCWD, top_.c_str());
    struct stat info;
    refuse_mount(folder);
    while (true) {
      if (const auto inner = remove_files(folder)) {
        info = look_at(folder);
        Fd next = open_folder(folder.get(), inner->c_str());
        way_.push_back({*inner, info.st_ino});
        folder = std::move(next);
        refuse_mount(folder);
        continue;
      }
      if (way_.empty()) break;
      Fd above(::openat(folder.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (!above) throw_errno("cannot come back from " + shown(), errno);
      info = look_at(above);
      if (info.st_ino != way_.back().above || mount_of(above.get()) != mount_)
        throw Error(ErrorKind::unavailable, "cannot remove " + shown() + ": it was moved meanwhile");
      remove_empty(above.get(), way_.back().name.c_str());
      way_.pop_back();
      folder = std::move(above);
    }
    remove_empty(AT_FDCWD, top_.c_str());
  }

 private:
  struct Step {
    std::string name;
    ino_t above;  // the folder that it is in
  };

  std::string shown(const std::string& name = "") const {
    std::string path = top_.string();
    for (const auto& step : way_) path += "/" + step.name;
    return name.empty() ? path : path + "/" + name;
  }
  // One that came after those that were undone.
  void refuse_mount(const Fd& folder) const {
    if (mount_of(folder.get()) != mount_) throw Error(ErrorKind::needs_operator, "cannot remove " + shown() + ": something is mounted there; unmount it first");
  }
  struct stat look_at(const Fd& folder) const {
    struct stat info;
    if (::fstat(folder.get(), &info) != 0) throw_errno("cannot look at " + shown(), errno);
    return info;
  }

  // Writable and searchable, made so where needed.
  Fd open_folder(int in, const char* name) const {
    constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    Fd folder(::openat(in, name, flags));
    if (!folder && errno == EACCES && ::fchmodat(in, name, 0700, 0) == 0) folder = Fd(::openat(in, name, flags));
    if (!folder) throw_errno("cannot open " + (in == AT_FDCWD ? shown() : shown(name)), errno);
    if ((look_at(folder).st_mode & 0300) != 0300) ::fchmod(folder.get(), 0700);
    return folder;
  }

  // The first folder met on the way, nothing when there is none and the folder is empty.
  std::optional<std::string> remove_files(const Fd& folder) const {
    const int own = ::openat(folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* stream = own < 0 ? nullptr : ::fdopendir(own);
    if (stream == nullptr) {
      const int failed = errno;
      if (own >= 0) ::close(own);
      throw_errno("cannot list " + shown(), failed);
    }
    const std::unique_ptr<DIR, int (*)(DIR*)> closer(stream, &::closedir);
    while (const dirent* entry = ::readdir(stream)) {
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (::unlinkat(folder.get(), name.c_str(), 0) == 0 || errno == ENOENT) continue;
      const int failed = errno;
      struct stat info;
      if (::fstatat(folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) continue;
        throw_errno("cannot look at " + shown(name), errno);
      }
      if (!S_ISDIR(info.st_mode)) throw_errno("cannot remove " + shown(name), failed);
      return name;
    }
    return std::nullopt;
  }

  void remove_empty(int in, const char* name) const {
    if (::unlinkat(in, name, AT_REMOVEDIR) != 0 && errno != ENOENT) throw_errno("cannot remove " + shown(), errno);
  }

  const fs::path& top_;
  std::uint64_t mount_ = 0;
  std::vector<Step> way_;  // from the top to the folder at hand
};

struct statvfs file_system_of(const fs::path& path) {
  fs::path there = fs::absolute(path);
  struct statvfs info;
  while (::statvfs(there.c_str(), &info) != 0) {
    if (errno != ENOENT || there == there.root_path()) throw_errno("cannot ask the free space of " + path.string(), errno);
    there = there.parent_path();
  }
  return info;
}

std::string hex(const XXH128_hash_t& hash) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : canonical.digest) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

}  // namespace

std::string read_file(const fs::path& path) { return read_all(open_file(path, O_RDONLY), path); }

std::optional<std::string> read_file_if_there(const fs::path& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  if (!fd) throw_errno("cannot open " + path.string(), errno);
  return read_all(fd, path);
}

void write_file_durably(const fs::path& path, std::string_view bytes, mode_t mode) { write_beside(path, bytes, mode, Flush::yes, Existing::replace); }
bool write_new_file_durably(const fs::path& path, std::string_view bytes, mode_t mode) {
  return write_beside(path, bytes, mode, Flush::yes, Existing::keep);
}
void write_file_beside(const fs::path& path, std::string_view bytes, mode_t mode) { write_beside(path, bytes, mode, Flush::no, Existing::replace); }

void flush_folder(const fs::path& folder) {
  const Fd fd = open_file(folder.empty() ? fs::path(".") : folder, O_RDONLY | O_DIRECTORY);
  if (::fsync(fd.get()) != 0 && errno != EINVAL) throw_errno("cannot flush folder " + folder.string(), errno);
}

void flush_file(const fs::path& file) {
  const Fd fd = open_file(file, O_RDONLY);
  if (::fsync(fd.get()) != 0) throw_errno("cannot flush " + file.string(), errno);
}

void rename_durably(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) throw_errno("cannot rename " + from.string() + " to " + to.string(), errno);
  flush_folder(to.parent_path());
  if (from.parent_path() != to.parent_path()) flush_folder(from.parent_path());
}

void make_folders(const fs::path& path, mode_t mode) {
  if (path.empty()) return;
  if (::mkdir(path.c_str(), mode) == 0) return;
  if (errno == EEXIST) {
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) return;
    throw Error(ErrorKind::unavailable, "cannot make folder " + path.string() + ": something else is there");
  }
  if (errno != ENOENT) throw_errno("cannot make folder " + path.string(), errno);
  make_folders(path.parent_path(), mode);
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) throw_errno("cannot make folder " + path.string(), errno);
}

void remove_tree(const fs::path& path) {
  struct stat info;
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return;
    throw_errno("cannot look at " + path.string(), errno);
  }
  if (S_ISDIR(info.st_mode) || is_mount_point(path)) undo_mounts(path);
  if (::lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return TreeRemover(path).run();
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw_errno("cannot remove " + path.string(), errno);
}

void remove_durably(const fs::path& path) {
  if (::unlink(path.c_str()) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return;
    throw_errno("cannot remove " + path.string(), errno);
  }
  flush_folder(path.parent_path());
}

std::uint64_t free_bytes(const fs::path& path) {
  const auto info = file_system_of(path);
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

int percent_used(const fs::path& path) {
  const auto info = file_system_of(path);
  const auto used = info.f_blocks - info.f_bfree, all = used + info.f_bavail;
  return all == 0 ? 0 : static_cast<int>((used * 100 + all - 1) / all);
}

std::string digest_of_bytes(std::string_view bytes) { return hex(XXH3_128bits(bytes.data(), bytes.size())); }

std::string digest_of_file(const fs::path& path) {
  const Fd fd = open_file(path, O_RDONLY);
  XXH3_state_t* state = XXH3_createState();
  struct Freer {
    XXH3_state_t* state;
    ~Freer() { XXH3_freeState(state); }
  } freer{state};
  XXH3_128bits_reset(state);
  std::string buffer(1 << 20, '\0');
  while (true) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno("cannot read " + path.string(), errno);
    if (got == 0) break;
    XXH3_128bits_update(state, buffer.data(), static_cast<std::size_t>(got));
  }
  return hex(XXH3_128bits_digest(state));
}

}  // namespace simmer
