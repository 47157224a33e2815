#include <snapshots/manifest.hpp>

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <cstring>

#include <simmer/error.hpp>

namespace simmer::snapshots {
namespace {

constexpr std::string_view magic = "SIMMER-MANIFEST 1\n";
constexpr std::size_t max_record = 64 << 20;  // 64 KiB of names and xattrs is usual; anything near this is damage

void put_number(std::string& to, std::uint64_t number) {
  while (number >= 0x80) {
    to += static_cast<char>(number | 0x80);
    number >>= 7;
  }
  to += static_cast<char>(number);
}

void put_bytes(std::string& to, std::string_view bytes) {
  put_number(to, bytes.size());
  to += bytes;
}

void put_digest(std::string& to, const Digest& digest) { to.append(reinterpret_cast<const char*>(digest.data()), digest.size()); }

std::uint64_t zigzag(std::int64_t value) {
  return static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
}
std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

// Takes a payload apart; `ok` turns false at the first thing that is not there.
struct Parser {
  std::string_view rest;
  bool ok = true;

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest.empty()) break;
      const auto byte = static_cast<unsigned char>(rest.front());
      rest.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    ok = false;
    return 0;
  }
  std::uint32_t small() {
    const std::uint64_t value = number();
    if (value > 0xffffffffu) ok = false;
    return static_cast<std::uint32_t>(value);
  }
  std::string_view raw(std::size_t length) {
    if (length > rest.size()) {
      ok = false;
      return {};
    }
    const std::string_view bytes = rest.substr(0, length);
    rest.remove_prefix(length);
    return bytes;
  }
  std::string bytes() { return std::string(raw(number())); }
  Digest digest() {
    Digest digest{};
    const std::string_view bytes = raw(digest.size());
    if (ok) std::memcpy(digest.data(), bytes.data(), digest.size());
    return digest;
  }
  bool done() const { return ok && rest.empty(); }
};

}  // namespace

Kind kind_of(const struct stat& status) {
  switch (status.st_mode & S_IFMT) {
    case S_IFDIR:
      return Kind::folder;
    case S_IFREG:
      return Kind::file;
    case S_IFLNK:
      return Kind::symlink;
    case S_IFIFO:
      return Kind::fifo;
    case S_IFCHR:
      return Kind::char_device;
    case S_IFBLK:
      return Kind::block_device;
    default:
      return Kind::socket;
  }
}

namespace {

Digest canonical(XXH128_hash_t hash) {
  XXH128_canonical_t bytes;
  XXH128_canonicalFromHash(&bytes, hash);
  Digest digest;
  std::memcpy(digest.data(), bytes.digest, digest.size());
  return digest;
}

}  // namespace

Digest digest_of(std::string_view bytes) { return canonical(XXH3_128bits(bytes.data(), bytes.size())); }
Digest digest_of(const XXH3_state_t& state) { return canonical(XXH3_128bits_digest(&state)); }

std::string hex_of(const Digest& digest) {
  std::string hex;
  for (const unsigned char byte : digest)
    for (const int half : {byte >> 4, byte & 15}) hex += "0123456789abcdef"[half];
  return hex;
}

std::uint64_t pieces_in(std::uint64_t file_offset, std::uint64_t length) {
  return length == 0 ? 0 : (file_offset + length - 1) / piece_size - file_offset / piece_size + 1;
}

ManifestWriter::ManifestWriter(const fs::path& folder)
    : folder_(folder), path_(folder / "manifest.new"), state_(XXH3_createState()) {
  XXH3_128bits_reset(state_);
  try {
    file_ = open_file(path_, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
  } catch (...) {
    XXH3_freeState(state_);
    throw;
  }
  buffer_ = magic;
}

ManifestWriter::~ManifestWriter() {
  XXH3_freeState(state_);
  if (file_) ::unlink(path_.c_str());
}

void ManifestWriter::record(char tag, std::string_view payload) {
  buffer_ += tag;
  put_bytes(buffer_, payload);
  if (buffer_.size() > (256 << 10)) write_out();
}

void ManifestWriter::write_out() {
  XXH3_128bits_update(state_, buffer_.data(), buffer_.size());
  write_exactly(file_.get(), buffer_.data(), buffer_.size(), written_, path_.string());
  written_ += buffer_.size();
  buffer_.clear();
}

void ManifestWriter::begin_volume(const std::string& name, const std::vector<std::string>& segments) {
  std::string payload;
  put_bytes(payload, name);
  put_number(payload, segments.size());
  for (const std::string& segment : segments) put_bytes(payload, segment);
  record('V', payload);
}

void ManifestWriter::add(const Entry& entry) {
  std::string payload;
  payload += static_cast<char>(entry.kind);
  put_number(payload, entry.depth);
  put_bytes(payload, entry.name);
  const Metadata& metadata = entry.metadata;
  put_number(payload, metadata.mode);
  put_number(payload, metadata.uid);
  put_number(payload, metadata.gid);
  put_number(payload, zigzag(metadata.mtime_sec));
  put_number(payload, metadata.mtime_nsec);
  put_number(payload, entry.linked ? 1 : 0);
  put_number(payload, metadata.xattrs.size());
  for (const auto& [name, value] : metadata.xattrs) {
    put_bytes(payload, name);
    put_bytes(payload, value);
  }
  put_number(payload, entry.header.segment);
  put_number(payload, entry.header.offset);
  put_number(payload, entry.header.length);
  if (entry.header.length > 0) put_digest(payload, entry.header.digest);
  switch (entry.kind) {
    case Kind::file:
      put_number(payload, entry.size);
      break;
    case Kind::symlink:
    case Kind::hard_link:
      put_bytes(payload, entry.target);
      break;
    case Kind::char_device:
    case Kind::block_device:
      put_number(payload, entry.major);
      put_number(payload, entry.minor);
      break;
    case Kind::folder:
    case Kind::fifo:
    case Kind::socket:
      break;
  }
  record('N', payload);
}

void ManifestWriter::add(const Run& run) {
  std::string payload;
  put_number(payload, run.segment);
  put_number(payload, run.segment_offset);
  put_number(payload, run.file_offset);
  put_number(payload, run.length);
  for (const Digest& digest : run.digests) put_digest(payload, digest);
  record('R', payload);
}

void ManifestWriter::end_volume(const VolumeSummary& summary) {
  std::string payload;
  put_number(payload, summary.entries);
  put_number(payload, summary.bytes);
  for (const std::uint64_t size : summary.segment_sizes) put_number(payload, size);
  record('E', payload);
}

std::string ManifestWriter::finish() {
  record('Z', {});
  write_out();
  if (::fsync(file_.get()) != 0) throw_errno("cannot flush " + path_.string(), errno);
  const std::string digest = hex_of(digest_of(*state_));
  rename_durably(path_, folder_ / ("manifest." + digest));
  file_.reset();
  return digest;
}

ManifestReader::ManifestReader(const fs::path& manifest) : path_(manifest), file_(open_file(manifest, O_RDONLY | O_NOFOLLOW)) {
  if (!fill(magic.size()) || std::string_view(buffer_).substr(0, magic.size()) != magic) damaged("it is not one");
  at_ = magic.size();
}

void ManifestReader::damaged(const char* what) const {
  throw Error(ErrorKind::needs_operator, "the manifest " + path_.string() + " cannot be read: " + what);
}

// Makes `wanted` bytes available from at_ on, if there are as many.
bool ManifestReader::fill(std::size_t wanted) {
  while (buffer_.size() - at_ < wanted) {
    buffer_.erase(0, at_);
    at_ = 0;
    const std::size_t had = buffer_.size();
    buffer_.resize(had + std::max<std::size_t>(wanted, 256 << 10));
    ssize_t got;
    do got = ::read(file_.get(), buffer_.data() + had, buffer_.size() - had);
    while (got < 0 && errno == EINTR);
    buffer_.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0) throw_errno("cannot read " + path_.string(), errno);
    if (got == 0) return false;
  }
  return true;
}

bool ManifestReader::load() {
  if (loaded_) return true;
  if (ended_) return false;
  fill(11);  // a tag and the longest varint; fewer near the end
  Parser parser{std::string_view(buffer_).substr(at_)};
  const std::string_view tag = parser.raw(1);
  const std::uint64_t length = parser.number();
  if (!parser.ok || length > max_record) damaged("a record has no end");
  tag_ = tag.front();  // before fill() moves what `tag` looks at
  at_ = buffer_.size() - parser.rest.size();
  if (!fill(length)) damaged("it ends too early");
  payload_.assign(buffer_, at_, length);
  at_ += length;
  loaded_ = true;
  return true;
}

bool ManifestReader::next_volume() {
  while (!volume_ended_ && peek() != nullptr) take();
  if (!load()) return false;
  loaded_ = false;
  if (tag_ == 'Z') {
    ended_ = true;
    return false;
  }
  if (tag_ != 'V') damaged("a volume was expected");
  Parser parser{payload_};
  volume_ = parser.bytes();
  segments_.clear();
  for (std::uint64_t count = parser.number(); parser.ok && count > 0; --count) segments_.push_back(parser.bytes());
  if (!parser.done()) damaged("a volume's record is not one");
  volume_ended_ = false;
  entry_ready_ = false;
  return true;
}

void ManifestReader::parse_entry() {
  Parser parser{payload_};
  Entry entry;
  const std::string_view kind = parser.raw(1);
  entry.kind = static_cast<Kind>(kind.empty() ? 0 : kind.front());
  entry.depth = parser.number();
  entry.name = parser.bytes();
  entry.metadata.mode = parser.small();
  entry.metadata.uid = parser.small();
  entry.metadata.gid = parser.small();
  entry.metadata.mtime_sec = unzigzag(parser.number());
  entry.metadata.mtime_nsec = parser.small();
  entry.linked = (parser.number() & 1) != 0;
  for (std::uint64_t count = parser.number(); parser.ok && count > 0; --count) {
    std::string name = parser.bytes();
    entry.metadata.xattrs[std::move(name)] = parser.bytes();
  }
  entry.header.segment = parser.number();
  entry.header.offset = parser.number();
  entry.header.length = parser.number();
  if (entry.header.length > 0) entry.header.digest = parser.digest();
  switch (entry.kind) {
    case Kind::file:
      entry.size = parser.number();
      break;
    case Kind::symlink:
    case Kind::hard_link:
      entry.target = parser.bytes();
      break;
    case Kind::char_device:
    case Kind::block_device:
      entry.major = parser.small();
      entry.minor = parser.small();
      break;
    case Kind::folder:
    case Kind::fifo:
    case Kind::socket:
      break;
    default:
      parser.ok = false;
  }
  const bool plain = entry.name != "." && entry.name != ".." && entry.name.find('/') == std::string::npos;
  if (!parser.done() || !plain || entry.name.empty() != (entry.depth == 0) || entry.header.length > max_record ||
      (entry.header.length > 0 && entry.header.segment >= segments_.size()))
    damaged("an entry's record is not one");
  entry_ = std::move(entry);
}

const Entry* ManifestReader::peek() {
  if (entry_ready_) return &entry_;
  while (!volume_ended_) {
    if (!load()) damaged("it ends inside a volume");
    loaded_ = false;
    if (tag_ == 'R') continue;
    if (tag_ == 'N') {
      parse_entry();
      entry_ready_ = true;
      return &entry_;
    }
    if (tag_ != 'E') damaged("an entry was expected");
    Parser parser{payload_};
    summary_ = {};
    summary_.entries = parser.number();
    summary_.bytes = parser.number();
    for (std::size_t i = 0; i < segments_.size(); ++i) summary_.segment_sizes.push_back(parser.number());
    if (!parser.done()) damaged("the end of a volume is not one");
    volume_ended_ = true;
  }
  return nullptr;
}

Entry ManifestReader::take() {
  if (peek() == nullptr) damaged("an entry was expected");
  entry_ready_ = false;
  return std::move(entry_);
}

bool ManifestReader::next_run(Run& run) {
  if (entry_ready_ || volume_ended_ || !load() || tag_ != 'R') return false;
  loaded_ = false;
  Parser parser{payload_};
  run.segment = parser.number();
  run.segment_offset = parser.number();
  run.file_offset = parser.number();
  run.length = parser.number();
  if (!parser.ok || run.length == 0 || run.length > max_run || run.file_offset > (1ull << 62) || run.segment >= segments_.size())
    damaged("a run's record is not one");
  run.digests.resize(pieces_in(run.file_offset, run.length));
  for (Digest& digest : run.digests) digest = parser.digest();
  if (!parser.done()) damaged("a run's record is not one");
  return true;
}

}  // namespace simmer::snapshots
