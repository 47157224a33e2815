// The same walk as a restore's (restore.cpp), with words in place of deeds.
#include <snapshots/compare.hpp>

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include <base/mounts.hpp>
#include <simmer/error.hpp>
#include <snapshots/content.hpp>
#include <snapshots/inode.hpp>

namespace simmer::snapshots {
namespace {

const char* kind_name(Kind kind) {
  switch (kind) {
    case Kind::folder:
      return "folder";
    case Kind::symlink:
      return "symlink";
    case Kind::fifo:
      return "FIFO";
    case Kind::char_device:
      return "character device";
    case Kind::block_device:
      return "block device";
    case Kind::socket:
      return "socket";
    default:
      return "file";
  }
}

class Comparison {
 public:
  Comparison(ManifestReader& manifest, std::vector<SnapshotFault>& faults, std::size_t max_faults, const Limit& limit)
      : manifest_(manifest), faults_(faults), max_faults_(max_faults), limit_(limit) {}

  void compare(const fs::path& root) {
    struct stat status;
    if (::lstat(root.c_str(), &status) != 0 && errno == ENOENT) return fault("missing");
    if (is_mount_point(root)) return fault("something is mounted there: unmount " + root.string());
    const Fd folder = open_volume(root, false);
    const Entry entry = manifest_.take();
    compare_folder(folder.get(), entry);
  }

 private:
  bool is_enough() const { return faults_.size() >= max_faults_; }
  std::string shown() const { return shown_path(manifest_.volume(), path_); }
  void fault(std::string what) {
    if (!is_enough())
      faults_.push_back({manifest_.volume(), path_.empty() ? "" : shown_path("", path_).substr(1), std::move(what)});
  }

  template <class Action>
  void at(const std::string& name, Action&& action) {
    const std::size_t length = path_.size();
    path_ += (path_.empty() ? "" : "/") + name;
    action();
    path_.resize(length);
  }

  void compare_folder(int folder, const Entry& entry) {
    const std::vector<std::string> names = sorted_names(folder, shown());
    auto name = names.begin();
    while (const Entry* next = manifest_.peek()) {
      check_limit(limit_, "comparing a volume with its snapshot");
      if (is_enough()) return;
      if (next->depth <= entry.depth) break;
      for (; name != names.end() && *name < next->name; ++name) at(*name, [&] { fault("extra"); });
      const bool is_there = name != names.end() && *name == next->name;
      if (is_there) ++name;
      const Entry child = manifest_.take();
      at(child.name, [&] { compare_child(folder, child, is_there); });
    }
    for (; name != names.end(); ++name) at(*name, [&] { fault("extra"); });
    compare_metadata(folder, entry);
  }

  void compare_child(int parent, const Entry& entry, bool is_there) {
    struct stat status;
    if (!is_there || !status_at(parent, entry.name, status, shown())) {
      fault("missing");
      return skip_below(entry);
    }
    if (entry.kind == Kind::hard_link) {
      const auto first = first_names_.find(entry.target);
      if (first == first_names_.end() || first->second != status.st_ino)
        fault("is no longer a name of the same file as " + shown_path(manifest_.volume(), entry.target));
      return;
    }
    if (kind_of(status) != entry.kind) {
      fault(std::string("is a ") + kind_name(kind_of(status)) + ", expected a " + kind_name(entry.kind));
      return skip_below(entry);
    }
    if (entry.kind == Kind::folder) return compare_folder(open_folder(parent, entry.name, false, shown()).get(), entry);
    if (status.st_nlink > 1) {
      const auto [other, is_first] = owners_.try_emplace(status.st_ino, path_);
      if (!is_first)
        fault("is a name of the same file as " + shown_path(manifest_.volume(), other->second) + ", expected one of its own");
    }
    if (entry.linked) first_names_[path_] = status.st_ino;
    if (entry.kind == Kind::file) return compare_file(parent, entry);
    const Fd inode = open_inode(parent, entry.name, shown());
    if (entry.kind == Kind::symlink && link_text(inode.get(), shown()) != entry.target) fault("leads elsewhere");
    const bool is_device = entry.kind == Kind::char_device || entry.kind == Kind::block_device;
    if (is_device && status.st_rdev != makedev(entry.major, entry.minor)) fault("is another device");
    compare_metadata(inode.get(), entry);
  }

  void compare_file(int parent, const Entry& entry) {
    const Fd file(::openat(parent, entry.name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file) {
      fault("cannot be read");
      return;
    }
    if (!content_equals(file.get(), manifest_, entry.size, shown(), limit_)) fault("content differs");
    compare_metadata(file.get(), entry);
  }

  void compare_metadata(int inode, const Entry& entry) {
    const std::string what =
        difference(read_metadata(inode, status_of(inode, shown()), shown()), entry.metadata, entry.kind == Kind::symlink);
    if (!what.empty()) fault(what);
  }

  // The children of a folder that is not there are missing with it.
  void skip_below(const Entry& entry) {
    if (entry.kind != Kind::folder) return;
    while (const Entry* next = manifest_.peek()) {
      if (next->depth <= entry.depth) return;
      manifest_.take();
    }
  }

  ManifestReader& manifest_;
  std::vector<SnapshotFault>& faults_;
  std::size_t max_faults_;
  const Limit& limit_;
  std::string path_;
  std::map<ino_t, std::string> owners_;       // inodes with several names, by the entry they were found for
  std::map<std::string, ino_t> first_names_;  // path -> inode, of entries that have further names
};

}  // namespace

void compare_volume(ManifestReader& manifest, const fs::path& root, std::vector<SnapshotFault>& faults, std::size_t max_faults,
                    const Limit& limit) {
  Comparison(manifest, faults, max_faults, limit).compare(root);
}

}  // namespace simmer::snapshots
