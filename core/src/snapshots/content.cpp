#include <snapshots/content.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <simmer/error.hpp>
#include <snapshots/inode.hpp>

namespace simmer::snapshots {
namespace {

constexpr std::size_t window_size = 1 << 20;
constexpr std::uint64_t block = 4096;  // the smallest hole that is worth a try

// Reads a run's part of a file in larger steps than pieces.
class Window {
 public:
  Window(int file, const Run& run, const std::string& shown) : file_(file), run_(run), shown_(shown) {}
  // False when the file ends before.
  bool piece_at(std::uint64_t offset, std::size_t length, std::string_view& piece) {
    if (offset < at_ || offset + length > at_ + bytes_.size()) {
      bytes_.resize(std::min<std::uint64_t>(window_size, run_.file_offset + run_.length - offset));
      at_ = offset;
      if (!read_exactly(file_, bytes_.data(), bytes_.size(), offset, shown_)) return false;
    }
    piece = std::string_view(bytes_).substr(offset - at_, length);
    return true;
  }

 private:
  int file_;
  const Run& run_;
  const std::string& shown_;
  std::string bytes_;
  std::uint64_t at_ = 0;
};

// Calls `each(from, to)` for the parts of [from, to) that hold data.
void for_each_data_part(int file, std::uint64_t from, std::uint64_t to, const std::string& shown,
                        const std::function<void(std::uint64_t, std::uint64_t)>& each) {
  while (from < to) {
    off_t data = ::lseek(file, static_cast<off_t>(from), SEEK_DATA);
    if (data < 0 && errno == ENXIO) return;
    if (data < 0 && errno == EINVAL) return each(from, to);
    const off_t hole = data < 0 ? -1 : ::lseek(file, data, SEEK_HOLE);
    if (data < 0 || hole < 0) throw_errno("cannot ask for the holes of " + shown, errno);
    if (static_cast<std::uint64_t>(data) >= to) return;
    each(static_cast<std::uint64_t>(data), std::min(to, static_cast<std::uint64_t>(hole)));
    from = static_cast<std::uint64_t>(hole);
  }
}

bool reads_as_zeros(int file, std::uint64_t from, std::uint64_t to, const std::string& shown) {
  std::string bytes;
  while (from < to) {
    bytes.resize(std::min<std::uint64_t>(window_size, to - from));
    if (!read_exactly(file, bytes.data(), bytes.size(), from, shown)) return false;
    if (std::any_of(bytes.begin(), bytes.end(), [](char c) { return c != 0; })) return false;
    from += bytes.size();
  }
  return true;
}

}  // namespace

bool content_equals(int file, ManifestReader& manifest, std::uint64_t size, const std::string& shown, const Limit& limit) {
  bool equal = static_cast<std::uint64_t>(status_of(file, shown).st_size) == size;
  const auto hole_equals = [&](std::uint64_t from, std::uint64_t to) {
    for_each_data_part(file, from, to, shown,
                       [&](std::uint64_t data, std::uint64_t end) { equal = equal && reads_as_zeros(file, data, end, shown); });
  };
  std::uint64_t at = 0;
  Run run;
  while (equal && manifest.next_run(run)) {
    hole_equals(at, run.file_offset);
    at = run.file_offset + run.length;
    Window window(file, run, shown);
    for_each_piece(run, [&](std::uint64_t offset, std::uint64_t, std::size_t length, const Digest& digest) {
      check_limit(limit, "comparing a volume with its snapshot");
      std::string_view found;
      equal = equal && window.piece_at(offset, length, found) && digest_of(found) == digest;
    });
  }
  if (equal) hole_equals(at, size);
  return equal;
}

ContentRestore::ContentRestore(int file, bool is_new, const SegmentReader& segments, std::string shown, const Limit& limit)
    : file_(file), is_new_(is_new), segments_(segments), shown_(std::move(shown)), limit_(limit), piece_(piece_size, '\0') {}

int ContentRestore::writable() {
  changed_ = true;
  if (is_new_) return file_;
  if (!writable_) {
    const std::string path = handle_path(file_);
    writable_ = Fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!writable_ && errno == EACCES && ::fchmod(file_, 0600) == 0) writable_ = Fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!writable_) throw_errno("cannot open " + shown_ + " for writing", errno);
  }
  return writable_.get();
}

void ContentRestore::restore(ManifestReader& manifest, std::uint64_t size) {
  if (static_cast<std::uint64_t>(status_of(file_, shown_).st_size) != size &&
      ::ftruncate(writable(), static_cast<off_t>(size)) != 0)
    throw_errno("cannot change the size of " + shown_, errno);
  std::uint64_t at = 0;
  Run run;
  while (manifest.next_run(run)) {
    if (run.file_offset < at || run.file_offset + run.length > size)
      throw Error(ErrorKind::needs_operator, "the manifest is damaged: the runs of " + shown_ + " do not fit the file");
    restore_hole(at, run.file_offset, false);
    restore_run(run);
    at = run.file_offset + run.length;
  }
  restore_hole(at, size, true);
}

void ContentRestore::restore_run(const Run& run) {
  Window window(file_, run, shown_);
  for_each_piece(run, [&](std::uint64_t offset, std::uint64_t stored_at, std::size_t length, const Digest& digest) {
    check_limit(limit_, "restoring a snapshot");
    std::string_view found;
    if (!is_new_ && window.piece_at(offset, length, found) && digest_of(found) == digest) return;
    segments_.read_piece(run.segment, stored_at, piece_.data(), length, digest, shown_);
    write_exactly(writable(), piece_.data(), length, offset, shown_);
    bytes_written_ += length;
  });
}

void ContentRestore::restore_hole(std::uint64_t from, std::uint64_t to, bool is_last) {
  if (is_new_) return;
  for_each_data_part(file_, from, to, shown_, [&](std::uint64_t data, std::uint64_t end) {
    check_limit(limit_, "restoring a snapshot");
    const bool zeros = reads_as_zeros(file_, data, end, shown_);
    // The last block goes whole. Zeros in part of a block cannot become a hole: to try would change the file at every restore.
    const std::uint64_t punch_end = is_last && end == to ? (end + block - 1) / block * block : end;
    if (zeros && punch_end / block <= (data + block - 1) / block) return;
    if (!zeros) bytes_written_ += end - data;
    if (::fallocate(writable(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(data),
                    static_cast<off_t>(punch_end - data)) == 0)
      return;
    if (errno != EOPNOTSUPP) throw_errno("cannot punch a hole into " + shown_, errno);
    if (!zeros) write_zeros(data, end);
  });
}

void ContentRestore::write_zeros(std::uint64_t from, std::uint64_t to) {
  const std::string zeros(window_size, '\0');
  for (; from < to; from += std::min<std::uint64_t>(window_size, to - from))
    write_exactly(writable(), zeros.data(), std::min<std::uint64_t>(window_size, to - from), from, shown_);
}

}  // namespace simmer::snapshots
