#include <snapshots/fork.hpp>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include <simmer/error.hpp>
#include <snapshots/copy.hpp>
#include <snapshots/inode.hpp>
#include <base/mounts.hpp>
#include <snapshots/mounts.hpp>
#include <snapshots/survey.hpp>

namespace simmer {

using namespace snapshots;

namespace {

// The first write to a file on an overlay copies all of it: above this size that costs more than a restore.
constexpr std::uint64_t max_copied_up = 64 << 20;
constexpr std::uint64_t max_single_flushes = 2048;

// A folder for trying things in; gone again afterwards.
class ProbeFolder {
 public:
  explicit ProbeFolder(const fs::path& parent) : path_((parent / ".probe-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) throw_errno("cannot make a folder in " + parent.string(), errno);
  }
  ~ProbeFolder() {
    try {
      discard_fork(path_);
    } catch (const Error&) {
      // what stays is empty and below the forks, where the janitor looks
    }
  }
  fs::path path() const { return path_; }

 private:
  std::string path_;
};

// Empty when every volume can share its blocks with a fork in `forks_dir`; else why not.
std::string why_no_reflink(const std::map<std::string, fs::path>& volumes, const fs::path& forks_dir) {
  const ProbeFolder probe(forks_dir);
  const dev_t device = status_of(open_volume(probe.path(), false).get(), probe.path().string()).st_dev;
  for (const auto& [name, folder] : volumes)
    if (status_of(open_volume(folder, false).get(), folder.string()).st_dev != device)
      return "volume " + name + " lies on another file system";
  const Fd from = open_file(probe.path() / "a", O_RDWR | O_CREAT | O_EXCL),
           to = open_file(probe.path() / "b", O_RDWR | O_CREAT | O_EXCL);
  const std::string block(65536, 'x');
  write_exactly(from.get(), block.data(), block.size(), 0, (probe.path() / "a").string());
  return ::ioctl(to.get(), FICLONE, from.get()) == 0 ? "" : "the file system has no reflink";
}

std::map<std::string, fs::path> make_overlays(const std::map<std::string, fs::path>& volumes, const fs::path& folder) {
  std::map<std::string, fs::path> made;
  for (const auto& [name, lower] : volumes) {
    const fs::path target = folder / "volumes" / name, scratch = folder / "scratch" / name;
    for (const fs::path& each : {target, scratch / "upper", scratch / "work"}) make_folders(each, 0700);
    // What the mount's root shows is the upper folder's: it must look like the retained one.
    const Fd from = open_volume(lower, false), to = open_volume(scratch / "upper", false);
    put_metadata(to.get(), read_metadata(from.get(), status_of(from.get(), lower.string()), lower.string()), target.string());
    mount_overlay(lower, scratch / "upper", scratch / "work", target);
    made[name] = target;
  }
  return made;
}

// Empty when overlays of these volumes work and are cheap; else why not.
std::string why_no_overlay(const std::map<std::string, fs::path>& volumes, const fs::path& forks_dir) {
  if (::geteuid() != 0) return "an overlay needs root";
  for (const auto& [name, folder] : volumes) {
    const Survey survey = measure_volume(name, folder, Limit::in(std::chrono::hours(1)));
    if (survey.largest_file > max_copied_up) return "volume " + name + " has files above 64 MiB";
    if (survey.overlay_mark) return *survey.overlay_mark + " would be taken for a mark of the overlay";
  }
  const ProbeFolder probe(forks_dir);
  try {
    for (const auto& [name, folder] : make_overlays(volumes, probe.path())) write_file_beside(folder / ".simmer-probe", "x");
  } catch (const Error& error) {
    return error.message();
  }
  return "";
}

class Flusher {
 public:
  void flush(const fs::path& root) {
    const Fd folder = open_volume(root, false);
    walk(folder.get(), root.string());
    if (flush_all_ && ::syncfs(folder.get()) != 0) throw_errno("cannot flush " + root.string(), errno);
  }

 private:
  void walk(int folder, const std::string& shown) {
    for (const std::string& name : sorted_names(folder, shown)) {
      struct stat status;
      if (is_mount_point(folder, name)) continue;  // no part of it; a capture refuses it by name
      if (flush_all_ || !status_at(folder, name, status, shown)) return;
      if (S_ISDIR(status.st_mode)) {
        walk(open_folder(folder, name, false, shown + "/" + name).get(), shown + "/" + name);
      } else if (S_ISREG(status.st_mode)) {
        const Fd file(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        if (!file) throw_errno("cannot open " + shown + "/" + name, errno);
        flush_one(file.get(), shown);
      } else {
        flush_all_ = true;  // links and special files cannot be flushed one by one
      }
    }
    flush_one(folder, shown);
  }
  void flush_one(int fd, const std::string& shown) {
    if (++flushed_ > max_single_flushes) flush_all_ = true;
    if (!flush_all_ && ::fsync(fd) != 0) throw_errno("cannot flush " + shown, errno);
  }

  std::uint64_t flushed_ = 0;
  bool flush_all_ = false;
};

}  // namespace

std::string_view to_string(ForkWay way) {
  switch (way) {
    case ForkWay::reflink:
      return "reflink";
    case ForkWay::overlay:
      return "overlay";
    case ForkWay::restore:
      return "restore";
  }
  return "?";
}

std::optional<ForkWay> fork_way_from(std::string_view name) {
  for (const ForkWay way : {ForkWay::reflink, ForkWay::overlay, ForkWay::restore})
    if (to_string(way) == name) return way;
  return std::nullopt;
}

ForkChoice choose_fork_way(const std::map<std::string, fs::path>& volumes, const fs::path& forks_dir, bool may_overlay) {
  make_folders(forks_dir);
  const std::string no_reflink = why_no_reflink(volumes, forks_dir);
  if (no_reflink.empty()) return {ForkWay::reflink, "the file system shares blocks"};
  if (!may_overlay) return {ForkWay::restore, no_reflink + "; a promotion never uses an overlay"};
  const std::string no_overlay = why_no_overlay(volumes, forks_dir);
  if (no_overlay.empty()) return {ForkWay::overlay, no_reflink + "; no file above 64 MiB"};
  return {ForkWay::restore, no_reflink + "; " + no_overlay};
}

std::map<std::string, fs::path> make_fork(ForkWay way, const std::map<std::string, fs::path>& volumes, const fs::path& folder,
                                          const Limit& limit) {
  if (way == ForkWay::restore) throw Error(ErrorKind::internal, "restore-on-failure makes no fork");
  try {
    make_folders(folder / "volumes", 0700);
    if (way == ForkWay::overlay) return make_overlays(volumes, folder);
    std::map<std::string, fs::path> made;
    for (const auto& [name, from] : volumes) {
      made[name] = folder / "volumes" / name;
      copy_tree(from, made[name], false, limit);
    }
    return made;
  } catch (Error& error) {
    error.add_context("making a fork in " + folder.string());
    try {
      discard_fork(folder);
    } catch (const Error& also) {
      error.add_context("which could not be removed again: " + also.message());
    }
    throw;
  }
}

void discard_fork(const fs::path& folder) {
  // Our own mounts are on `volumes/<name>`: busy ones are somebody's, and are named. All else an app has left here.
  for (const fs::path point : mounts_below(folder))
    if (point.parent_path() != fs::weakly_canonical(folder) / "volumes") undo_mounts(point);
  unmount_below(folder);
  remove_tree(folder);
}

void flush_tree(const fs::path& folder) { Flusher().flush(folder); }

void flush_file_system(const fs::path& folder) {
  const Fd fd = open_file(folder, O_RDONLY | O_DIRECTORY);
  if (::syncfs(fd.get()) != 0) throw_errno("cannot flush the file system of " + folder.string(), errno);
}

}  // namespace simmer
