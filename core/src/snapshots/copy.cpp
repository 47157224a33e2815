#include <snapshots/copy.hpp>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include <simmer/error.hpp>
#include <snapshots/inode.hpp>

namespace simmer {

using namespace snapshots;

namespace {

class TreeCopy {
 public:
  TreeCopy(std::string volume, bool tolerate_changes, const Limit& limit)
      : volume_(std::move(volume)), tolerate_changes_(tolerate_changes), limit_(limit) {}

  CopyReport copy(const fs::path& from, const fs::path& to) {
    const Fd source = open_volume(from, false);
    if (::mkdir(to.c_str(), 0700) != 0) throw_errno("cannot make the folder " + to.string(), errno);
    root_ = open_volume(to, false);
    copy_folder(source.get(), root_.get());
    return report_;
  }

 private:
  std::string shown() const { return shown_path(volume_, path_); }

  void copy_folder(int from, int to) {
    for (const std::string& name : sorted_names(from, shown())) {
      check_limit(limit_, "copying a folder");
      const std::size_t length = path_.size();
      path_ += (path_.empty() ? "" : "/") + name;
      copy_or_skip(from, to, name);
      path_.resize(length);
    }
    put_metadata(to, read_metadata(from, status_of(from, shown()), shown()), shown());
  }

  // Under a running app a name may vanish between any two calls.
  void copy_or_skip(int from, int to, const std::string& name) {
    struct stat status;
    try {
      if (!status_at(from, name, status, shown())) {
        if (tolerate_changes_) return;
        throw_errno("cannot copy " + shown(), ENOENT);
      }
      copy_child(from, to, name, status);
    } catch (const Error&) {
      struct stat now;
      const bool same = status_at(from, name, now, shown()) && now.st_ino == status.st_ino;
      if (!tolerate_changes_ || same) throw;
      remove_tree(fs::path(handle_path(to)) / name);
    }
  }

  void copy_child(int from, int to, const std::string& name, const struct stat& status) {
    if (S_ISDIR(status.st_mode)) {
      if (::mkdirat(to, name.c_str(), 0700) != 0) throw_errno("cannot make the folder " + shown(), errno);
      return copy_folder(open_folder(from, name, false, shown()).get(), open_folder(to, name, false, shown()).get());
    }
    ++report_.files;
    if (status.st_nlink > 1) {
      const auto first = first_names_.find({status.st_dev, status.st_ino});
      if (first != first_names_.end()) return link_within(root_.get(), first->second, to, name, shown());
    }
    if (S_ISREG(status.st_mode))
      copy_file(from, to, name);
    else
      copy_special(from, to, name, status);
    if (status.st_nlink > 1) first_names_[{status.st_dev, status.st_ino}] = path_;
  }

  void copy_file(int from, int to, const std::string& name) {
    const Fd source(::openat(from, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!source) throw_errno("cannot open " + shown(), errno);
    const Fd copy(::openat(to, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!copy) throw_errno("cannot make " + shown(), errno);
    const struct stat status = status_of(source.get(), shown());
    report_.bytes += static_cast<std::uint64_t>(status.st_size);
    if (!share_blocks(source.get(), copy.get())) copy_data(source.get(), copy.get(), static_cast<std::uint64_t>(status.st_size));
    put_metadata(copy.get(), read_metadata(source.get(), status, shown()), shown());
  }

  bool share_blocks(int from, int to) {
    if (!may_share_) return false;
    if (::ioctl(to, FICLONE, from) == 0) return true;
    if (errno != EOPNOTSUPP && errno != EXDEV && errno != EINVAL && errno != ENOTTY && errno != ENOSYS && errno != EPERM)
      throw_errno("cannot share the blocks of " + shown(), errno);
    may_share_ = false;
    return false;
  }

  void copy_data(int from, int to, std::uint64_t size) {
    if (::ftruncate(to, static_cast<off_t>(size)) != 0) throw_errno("cannot write " + shown(), errno);
    for (const Extent& extent : data_extents(from, size, shown())) {
      for (std::uint64_t done = 0; done < extent.length;) {
        check_limit(limit_, "copying a folder");
        const std::size_t part = std::min<std::uint64_t>(buffer_.size(), extent.length - done);
        const ssize_t got = ::pread(from, buffer_.data(), part, static_cast<off_t>(extent.offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw_errno("cannot read " + shown(), errno);
        if (got == 0 && !tolerate_changes_) throw Error(ErrorKind::unavailable, shown() + " became shorter while it was copied");
        if (got == 0) {
          if (::ftruncate(to, static_cast<off_t>(extent.offset + done)) != 0) throw_errno("cannot write " + shown(), errno);
          return;
        }
        write_exactly(to, buffer_.data(), static_cast<std::size_t>(got), extent.offset + done, shown());
        done += static_cast<std::uint64_t>(got);
      }
    }
  }

  void copy_special(int from, int to, const std::string& name, const struct stat& status) {
    const Fd source = open_inode(from, name, shown());
    const int failed = S_ISLNK(status.st_mode) ? ::symlinkat(link_text(source.get(), shown()).c_str(), to, name.c_str())
                                               : ::mknodat(to, name.c_str(), (status.st_mode & S_IFMT) | 0600, status.st_rdev);
    if (failed) throw_errno("cannot make " + shown(), errno);
    const Fd copy = open_inode(to, name, shown());
    put_metadata(copy.get(), read_metadata(source.get(), status, shown()), shown());
  }

  std::string volume_, path_;
  bool tolerate_changes_, may_share_ = true;
  const Limit& limit_;
  Fd root_;
  std::map<std::pair<dev_t, ino_t>, std::string> first_names_;
  std::string buffer_ = std::string(1 << 20, '\0');
  CopyReport report_;
};

}  // namespace

CopyReport copy_tree(const fs::path& from, const fs::path& to, bool tolerate_changes, const Limit& limit) {
  make_folders(fs::absolute(to).parent_path());
  return TreeCopy(from.string(), tolerate_changes, limit).copy(from, to);
}

}  // namespace simmer
