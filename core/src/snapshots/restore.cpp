// The manifest and the folder are walked together, both sorted by bytes: what only the folder has is removed, what only
// the manifest has is made, what both have is compared and put right. A folder's own metadata comes after its
// children, since working inside it changes it. Nothing is remembered between two attempts: who is killed here and
// starts again compares everything again, and so ends exact.
#include <snapshots/restore.hpp>

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include <base/mounts.hpp>
#include <simmer/error.hpp>
#include <snapshots/content.hpp>
#include <snapshots/inode.hpp>

namespace simmer::snapshots {
namespace {

// Beyond this many touched inodes one flush of the whole file system is cheaper than one flush each.
constexpr std::uint64_t max_single_flushes = 2048;
constexpr std::size_t flush_batch = 128;

mode_t type_of(Kind kind) {
  switch (kind) {
    case Kind::folder:
      return S_IFDIR;
    case Kind::symlink:
      return S_IFLNK;
    case Kind::fifo:
      return S_IFIFO;
    case Kind::char_device:
      return S_IFCHR;
    case Kind::block_device:
      return S_IFBLK;
    case Kind::socket:
      return S_IFSOCK;
    default:
      return S_IFREG;
  }
}

class Restore {
 public:
  Restore(ManifestReader& manifest, const SegmentReader& segments, RestoreReport& report, const Limit& limit)
      : manifest_(manifest), segments_(segments), report_(report), limit_(limit) {}

  void restore(const fs::path& root) {
    struct stat status;
    const bool is_new = ::lstat(root.c_str(), &status) != 0 && errno == ENOENT;
    if (is_new) make_folders(root, 0700);
    if (is_mount_point(root)) throw Error(ErrorKind::needs_operator, "something is mounted on the volume " + manifest_.volume() + ": unmount " + root.string());
    root_ = open_volume(root, true);
    mount_ = mount_of(root_.get());
    const Entry entry = manifest_.take();
    if (entry.depth != 0 || entry.kind != Kind::folder)
      throw Error(ErrorKind::needs_operator, "the manifest is damaged: volume " + manifest_.volume() + " has no root folder");
    ++report_.entries;
    restore_folder(root_.get(), entry, is_new);
    flush_batch_now();
    if (flush_all_ && ::syncfs(root_.get()) != 0) throw_errno("cannot flush " + root.string(), errno);
    if (is_new) flush_folder(fs::absolute(root).parent_path());
  }

 private:
  std::string shown() const { return shown_path(manifest_.volume(), path_); }

  void restore_folder(int folder, const Entry& entry, bool touched) {
    const std::uint64_t before = report_.removed + report_.changed;
    const std::vector<std::string> names = sorted_names(folder, shown());
    auto name = names.begin();
    while (const Entry* next = manifest_.peek()) {
      check_limit(limit_, "restoring a snapshot");
      if (next->depth <= entry.depth) break;
      for (; name != names.end() && *name < next->name; ++name) remove_extra(folder, *name);
      const bool is_there = name != names.end() && *name == next->name;
      if (is_there) ++name;
      restore_child(folder, manifest_.take(), is_there);
    }
    for (; name != names.end(); ++name) remove_extra(folder, *name);
    const bool changed = put_metadata(folder, entry.metadata, shown());
    if (changed) ++report_.changed;
    if (changed || touched || before != report_.removed + report_.changed) flush(folder);
  }

  void restore_child(int parent, const Entry& entry, bool is_there) {
    const std::size_t length = path_.size();
    if (!path_.empty()) path_ += '/';
    path_ += entry.name;
    ++report_.entries;
    struct stat status {};
    if (is_there && !status_at(parent, entry.name, status, shown())) status = {};
    switch (entry.kind) {
      case Kind::folder:
        restore_child_folder(parent, entry, status);
        break;
      case Kind::file:
        restore_file(parent, entry, status);
        break;
      case Kind::hard_link:
        restore_hard_link(parent, entry, status);
        break;
      default:
        restore_special(parent, entry, status);
    }
    path_.resize(length);
  }

  // `status` of what is there now; its mode is 0 when there is nothing.
  void restore_child_folder(int parent, const Entry& entry, const struct stat& status) {
    const bool is_new = !S_ISDIR(status.st_mode);
    if (is_new) {
      remove_what_is_there(parent, entry.name, status);
      if (::mkdirat(parent, entry.name.c_str(), 0700) != 0) throw_errno("cannot make the folder " + shown(), errno);
      ++report_.changed;
    }
    const Fd folder = open_folder(parent, entry.name, true, shown());
    refuse_mount(folder.get());
    restore_folder(folder.get(), entry, is_new);
  }

  void restore_file(int parent, const Entry& entry, const struct stat& status) {
    Fd file;
    const bool is_new = !S_ISREG(status.st_mode) || !may_keep(entry, status);
    if (is_new) {
      remove_what_is_there(parent, entry.name, status);
      file = Fd(::openat(parent, entry.name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
      if (!file) throw_errno("cannot make " + shown(), errno);
    } else {
      file = open_for_reading(parent, entry.name);
    }
    refuse_mount(file.get());
    remember(entry, status_of(file.get(), shown()));
    ContentRestore content(file.get(), is_new, segments_, shown(), limit_);
    content.restore(manifest_, entry.size);
    report_.bytes_written += content.bytes_written();
    bool changed = is_new || content.changed();
    if (put_metadata(file.get(), entry.metadata, shown())) changed = true;
    if (!changed) return;
    ++report_.changed;
    flush(file.get());
  }

  void restore_special(int parent, const Entry& entry, const struct stat& status) {
    const bool is_device = entry.kind == Kind::char_device || entry.kind == Kind::block_device;
    const dev_t device = is_device ? makedev(entry.major, entry.minor) : 0;
    bool keep =
        (status.st_mode & S_IFMT) == type_of(entry.kind) && may_keep(entry, status) && (!is_device || status.st_rdev == device);
    if (keep && entry.kind == Kind::symlink)
      keep = link_text(open_inode(parent, entry.name, shown()).get(), shown()) == entry.target;
    if (!keep) {
      remove_what_is_there(parent, entry.name, status);
      const int failed = entry.kind == Kind::symlink ? ::symlinkat(entry.target.c_str(), parent, entry.name.c_str())
                                                     : ::mknodat(parent, entry.name.c_str(), type_of(entry.kind) | 0600, device);
      if (failed) throw_errno("cannot make " + shown(), errno);
    }
    const Fd inode = open_inode(parent, entry.name, shown());
    remember(entry, status_of(inode.get(), shown()));
    if (!put_metadata(inode.get(), entry.metadata, shown()) && keep) return;
    ++report_.changed;
    flush_all_ = true;  // these cannot be opened, and so not flushed one by one
  }

  void restore_hard_link(int parent, const Entry& entry, const struct stat& status) {
    const auto first = first_names_.find(entry.target);
    if (first == first_names_.end())
      throw Error(ErrorKind::needs_operator, "the manifest is damaged: " + shown() + " is a name of nothing");
    if (status.st_mode != 0 && status.st_ino == first->second) return;
    remove_what_is_there(parent, entry.name, status);
    link_within(root_.get(), entry.target, parent, entry.name, shown());
    ++report_.changed;
  }

  // One that came after status_at() looked.
  void refuse_mount(int fd) const {
    if (mount_of(fd) != mount_) throw Error(ErrorKind::needs_operator, "something is mounted on " + shown() + ": unmount it first");
  }

  // An inode that other names share is kept only for the entry whose inode it is to be: writing to it would
  // otherwise write to those others.
  bool may_keep(const Entry& entry, const struct stat& status) const {
    return entry.linked ? !claimed_.count(status.st_ino) : status.st_nlink == 1;
  }
  void remember(const Entry& entry, const struct stat& status) {
    if (!entry.linked) return;
    claimed_.insert(status.st_ino);
    first_names_[path_] = status.st_ino;
  }

  Fd open_for_reading(int parent, const std::string& name) {
    constexpr int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    Fd file(::openat(parent, name.c_str(), flags));
    if (!file && errno == EACCES) {
      const Fd inode = open_inode(parent, name, shown());
      if (::chmod(handle_path(inode.get()).c_str(), 0600) == 0) file = Fd(::openat(parent, name.c_str(), flags));
    }
    if (!file) throw_errno("cannot open " + shown(), errno);
    return file;
  }

  void remove_extra(int folder, const std::string& name) {
    const std::size_t length = path_.size();
    path_ += (path_.empty() ? "" : "/") + name;
    struct stat status;
    if (status_at(folder, name, status, shown())) remove_what_is_there(folder, name, status);
    path_.resize(length);
    ++report_.removed;
  }

  void remove_what_is_there(int parent, const std::string& name, const struct stat& status) {
    if (status.st_mode == 0) return;
    if (S_ISDIR(status.st_mode))
      while_doing("removing " + shown() + ", which the snapshot does not have",
                  [&] { remove_tree(fs::path(handle_path(parent)) / name); });
    else if (::unlinkat(parent, name.c_str(), 0) != 0)
      throw_errno("cannot remove " + shown(), errno);
  }

  // Write-out begins at once and is waited for a batch later: one commit of the journal then serves many.
  void flush(int fd) {
    if (flushed_++ >= max_single_flushes) flush_all_ = true;
    if (flush_all_) return;
    to_flush_.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!to_flush_.back()) throw_errno("cannot keep " + shown() + " open", errno);
    ::sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    if (to_flush_.size() >= flush_batch) flush_batch_now();
  }
  void flush_batch_now() {
    for (const Fd& each : to_flush_)
      if (!flush_all_ && ::fsync(each.get()) != 0) throw_errno("cannot flush the volume " + manifest_.volume(), errno);
    to_flush_.clear();
  }

  ManifestReader& manifest_;
  const SegmentReader& segments_;
  RestoreReport& report_;
  const Limit& limit_;
  Fd root_;
  std::uint64_t mount_ = 0;
  std::string path_;
  std::set<ino_t> claimed_;                   // inodes that belong to an entry with several names
  std::map<std::string, ino_t> first_names_;  // path -> inode of those
  std::uint64_t flushed_ = 0;
  std::vector<Fd> to_flush_;
  bool flush_all_ = false;
};

}  // namespace

void restore_volume(ManifestReader& manifest, const SegmentReader& segments, const fs::path& root, RestoreReport& report,
                    const Limit& limit) {
  Restore(manifest, segments, report, limit).restore(root);
}

}  // namespace simmer::snapshots
