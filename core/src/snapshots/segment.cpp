#include <snapshots/segment.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include <simmer/error.hpp>
#include <snapshots/pax.hpp>

namespace simmer::snapshots {
namespace {

constexpr std::size_t buffer_size = 1 << 20;

}  // namespace

SegmentWriter::SegmentWriter(const fs::path& path, std::uint64_t expected) : path_(path) {
  file_ = open_file(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  buffer_.reserve(buffer_size);
  if (expected > 0 && ::fallocate(file_.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(expected)) != 0 &&
      (errno == ENOSPC || errno == EDQUOT)) {
    const int reason = errno;
    ::unlink(path_.c_str());  // the destructor does not run
    throw_errno("cannot reserve " + std::to_string(expected) + " bytes for " + path.string(), reason);
  }
}

SegmentWriter::~SegmentWriter() {
  if (file_) ::unlink(path_.c_str());
}

void SegmentWriter::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t part = std::min(bytes.size(), buffer_size - buffer_.size());
    buffer_.append(bytes.substr(0, part));
    bytes.remove_prefix(part);
    if (buffer_.size() == buffer_size) write_out();
  }
}

void SegmentWriter::write_out() {
  write_exactly(file_.get(), buffer_.data(), buffer_.size(), written_, path_.string());
  written_ += buffer_.size();
  buffer_.clear();
}

void SegmentWriter::pad() { append(std::string(tar_padded(size()) - size(), '\0')); }

std::uint64_t SegmentWriter::finish() {
  append(std::string(tar_end_size, '\0'));
  write_out();
  if (::ftruncate(file_.get(), static_cast<off_t>(written_)) != 0) throw_errno("cannot end " + path_.string(), errno);
  if (::fsync(file_.get()) != 0) throw_errno("cannot flush " + path_.string(), errno);
  ::posix_fadvise(file_.get(), 0, 0, POSIX_FADV_DONTNEED);
  file_.reset();
  return written_;
}

SegmentReader::SegmentReader(const fs::path& folder, const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    paths_.push_back(folder / file);
    files_.push_back(open_file(paths_.back(), O_RDONLY | O_NOFOLLOW));
    sizes_.push_back(static_cast<std::uint64_t>(status_of(files_.back().get(), paths_.back().string()).st_size));
  }
}

void SegmentReader::read(std::uint64_t segment, std::uint64_t offset, char* to, std::size_t length) const {
  const fs::path& path = paths_.at(segment);
  if (offset > sizes_[segment] || !read_exactly(files_[segment].get(), to, length, offset, path.string()))
    throw Error(ErrorKind::needs_operator, "the segment " + path.string() + " ends too early: the snapshot is damaged");
}

void SegmentReader::read_piece(std::uint64_t segment, std::uint64_t offset, char* to, std::size_t length, const Digest& digest,
                               const std::string& shown) const {
  read(segment, offset, to, length);
  if (digest_of({to, length}) != digest)
    throw Error(ErrorKind::needs_operator, "the snapshot's copy of " + shown + " is damaged (" + paths_.at(segment).string() +
                                               " at byte " + std::to_string(offset) + "): nothing was written from it");
}

}  // namespace simmer::snapshots
