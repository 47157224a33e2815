#include <snapshots/capture.hpp>

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include <base/mounts.hpp>
#include <simmer/error.hpp>
#include <snapshots/inode.hpp>
#include <snapshots/pax.hpp>

namespace simmer::snapshots {
namespace {

bool same_state(const struct stat& a, const struct stat& b) {
  return a.st_ino == b.st_ino && a.st_mode == b.st_mode && a.st_size == b.st_size && a.st_ctim.tv_sec == b.st_ctim.tv_sec &&
         a.st_ctim.tv_nsec == b.st_ctim.tv_nsec && a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

class Capture {
 public:
  Capture(std::string volume, SegmentWriter& segment, ManifestWriter& manifest, const Limit& limit)
      : volume_(std::move(volume)), segment_(segment), manifest_(manifest), limit_(limit) {}

  VolumeSummary capture(const fs::path& root) {
    const Fd folder = open_volume(root, false);
    mount_ = mount_of(folder.get());
    capture_folder(folder.get(), "", 0);
    summary_.segment_sizes = {segment_.finish()};
    manifest_.end_volume(summary_);
    return summary_;
  }

 private:
  std::string shown() const { return shown_path(volume_, path_); }

  [[noreturn]] void changed() const {
    throw Error(ErrorKind::unavailable, shown() + " changed while it was being read: is something still using the volume?");
  }

  void capture_folder(int folder, const std::string& name, std::uint64_t depth) {
    const struct stat before = status_of(folder, shown());
    if (mount_of(folder) != mount_) changed();
    Entry entry = entry_of(folder, name, depth, before);
    put_entry(entry, {});
    for (const std::string& child : sorted_names(folder, shown())) {
      check_limit(limit_, "taking a snapshot");
      const std::size_t length = path_.size();
      if (!path_.empty()) path_ += '/';
      path_ += child;
      capture_child(folder, child, depth + 1);
      path_.resize(length);
    }
    if (!same_state(before, status_of(folder, shown()))) changed();
  }

  void capture_child(int parent, const std::string& name, std::uint64_t depth) {
    struct stat status;
    if (!status_at(parent, name, status, shown())) changed();
    if (S_ISDIR(status.st_mode)) return capture_folder(open_folder(parent, name, false, shown()).get(), name, depth);
    if (status.st_nlink > 1) {
      const auto [first, is_new] = first_names_.try_emplace(status.st_ino, path_);
      if (!is_new) return capture_hard_link(name, depth, status, first->second);
    }
    if (S_ISREG(status.st_mode)) return capture_file(parent, name, depth, status);
    const Fd inode = open_inode(parent, name, shown());
    Entry entry = entry_of(inode.get(), name, depth, status);
    if (entry.kind == Kind::symlink) entry.target = link_text(inode.get(), shown());
    entry.major = major(status.st_rdev);
    entry.minor = minor(status.st_rdev);
    put_entry(entry, {});
    if (!same_state(status, status_of(inode.get(), shown()))) changed();
  }

  void capture_hard_link(const std::string& name, std::uint64_t depth, const struct stat& status, const std::string& first) {
    Entry entry;
    entry.kind = Kind::hard_link;
    entry.depth = depth;
    entry.name = name;
    entry.linked = true;
    entry.target = first;
    put_entry(entry, {}, S_ISSOCK(status.st_mode));
  }

  void capture_file(int parent, const std::string& name, std::uint64_t depth, const struct stat& status) {
    const Fd file(::openat(parent, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file) throw_errno("cannot open " + shown(), errno);
    if (!same_state(status, status_of(file.get(), shown())) || mount_of(file.get()) != mount_) changed();
    Entry entry = entry_of(file.get(), name, depth, status);
    entry.size = static_cast<std::uint64_t>(status.st_size);
    summary_.bytes += entry.size;
    const std::vector<Extent> data = data_extents(file.get(), entry.size, shown());
    put_entry(entry, data);
    for (const Extent& extent : data) capture_extent(file.get(), extent);
    segment_.pad();
    if (!same_state(status, status_of(file.get(), shown()))) changed();
  }

  // Runs are cut at max_run, pieces where the file's offset is a multiple of piece_size.
  void capture_extent(int file, const Extent& extent) {
    Run run;
    std::uint64_t at = extent.offset;
    const std::uint64_t end = extent.offset + extent.length;
    while (at < end) {
      const std::uint64_t run_end = std::min(end, (at / max_run + 1) * max_run);
      run = {0, segment_.size(), at, run_end - at, {}};
      while (at < run_end) {
        check_limit(limit_, "taking a snapshot");
        const std::uint64_t part_end = std::min(run_end, (at / buffer_.size() + 1) * buffer_.size());
        const std::size_t part = part_end - at;
        if (!read_exactly(file, buffer_.data(), part, at, shown())) changed();
        for (std::size_t done = 0; done < part;) {
          const std::size_t piece = std::min<std::uint64_t>(part - done, piece_size - (at + done) % piece_size);
          run.digests.push_back(digest_of({buffer_.data() + done, piece}));
          done += piece;
        }
        segment_.append({buffer_.data(), part});
        at = part_end;
      }
      manifest_.add(run);
    }
  }

  Entry entry_of(int inode, const std::string& name, std::uint64_t depth, const struct stat& status) const {
    Entry entry;
    entry.kind = kind_of(status);
    entry.depth = depth;
    entry.name = name;
    entry.metadata = read_metadata(inode, status, shown());
    entry.linked = !S_ISDIR(status.st_mode) && status.st_nlink > 1;
    return entry;
  }

  void put_entry(Entry& entry, const std::vector<Extent>& data, bool of_socket = false) {
    ++summary_.entries;
    if (entry.kind != Kind::socket && !of_socket) {
      const std::string header = tar_header(entry, path_, data);
      entry.header = {0, segment_.size(), header.size(), digest_of(header)};
      segment_.append(header);
    }
    manifest_.add(entry);
  }

  std::string volume_, path_;
  SegmentWriter& segment_;
  ManifestWriter& manifest_;
  const Limit& limit_;
  std::uint64_t mount_ = 0;
  std::map<ino_t, std::string> first_names_;  // of inodes with several names
  std::string buffer_ = std::string(1 << 20, '\0');
  VolumeSummary summary_;
};

}  // namespace

VolumeSummary capture_volume(const std::string& volume, const fs::path& root, SegmentWriter& segment, ManifestWriter& manifest,
                             const Limit& limit) {
  return Capture(volume, segment, manifest, limit).capture(root);
}

}  // namespace simmer::snapshots
