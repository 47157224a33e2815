#include <snapshots/pax.hpp>

#include <array>
#include <cstdio>
#include <cstring>

#include <base/utf8.hpp>
#include <simmer/error.hpp>

namespace simmer::snapshots {
namespace {

constexpr std::uint64_t max_octal_7 = 07777777, max_octal_11 = 077777777777;

// "<length> key=value\n", where the length counts itself.
void put_record(std::string& to, std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (rest + std::to_string(length).size() != length) ++length;
  to += std::to_string(length);
  to += ' ';
  to += key;
  to += '=';
  to += value;
  to += '\n';
}

std::string decimal_time(std::int64_t sec, std::uint32_t nsec) {
  const bool below_zero = sec < 0;
  if (below_zero && nsec > 0) {  // -1.5 s is kept as second -2 and 500,000,000 ns
    sec += 1;
    nsec = 1000000000u - nsec;
  }
  std::string text = (below_zero ? "-" : "") + std::to_string(below_zero ? -sec : sec);
  if (nsec > 0) {
    std::array<char, 16> fraction;
    std::snprintf(fraction.data(), fraction.size(), ".%09u", nsec);
    text += fraction.data();
  }
  return text;
}

// GNU tar's way of keeping '=' out of a record's key.
std::string xattr_key(const std::string& name) {
  std::string key = "SCHILY.xattr.";
  for (const char c : name) key += c == '%' ? "%25" : c == '=' ? "%3D" : std::string(1, c);
  return key;
}

char type_flag(Kind kind) {
  switch (kind) {
    case Kind::folder:
      return '5';
    case Kind::file:
      return '0';
    case Kind::symlink:
      return '2';
    case Kind::hard_link:
      return '1';
    case Kind::fifo:
      return '6';
    case Kind::char_device:
      return '3';
    case Kind::block_device:
      return '4';
    case Kind::socket:
      break;
  }
  throw Error(ErrorKind::internal, "a socket cannot be written to a tar archive");
}

struct Ustar {
  char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, linkname[100], magic[6], version[2], uname[32],
      gname[32], major[8], minor[8], prefix[155], padding[12];
};
static_assert(sizeof(Ustar) == tar_block);

template <std::size_t n>
void put_octal(char (&field)[n], std::uint64_t value) {
  for (std::size_t i = n - 1; i-- > 0; value >>= 3) field[i] = static_cast<char>('0' + (value & 7));
}

template <std::size_t n>
void put_text(char (&field)[n], std::string_view text) {
  std::memcpy(field, text.data(), std::min(n, text.size()));
}

std::string block_of(Ustar header) {
  put_text(header.magic, std::string_view("ustar", 6));
  put_text(header.version, "00");
  std::memset(header.checksum, ' ', sizeof header.checksum);
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  unsigned sum = 0;
  for (const char c : bytes) sum += static_cast<unsigned char>(c);
  std::snprintf(bytes.data() + offsetof(Ustar, checksum), sizeof header.checksum, "%06o", sum);
  return bytes;
}

std::string padded(std::string bytes) {
  bytes.resize(tar_padded(bytes.size()), '\0');
  return bytes;
}

// The map in front of a sparse file's data: number of extents, then offset and length of each.
std::string sparse_map(const std::vector<Extent>& data, std::uint64_t size) {
  std::vector<Extent> extents = data;
  // A hole at the end is an empty extent there: else nothing would say how long the file is.
  if (extents.empty() || extents.back().offset + extents.back().length < size) extents.push_back({size, 0});
  std::string map = std::to_string(extents.size()) + "\n";
  for (const Extent& extent : extents) map += std::to_string(extent.offset) + "\n" + std::to_string(extent.length) + "\n";
  return padded(std::move(map));
}

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

std::string acl_text(std::string_view raw, const std::string& shown) {
  const auto little = [&](std::size_t at, std::size_t bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = bytes; i-- > 0;) value = value << 8 | static_cast<unsigned char>(raw[at + i]);
    return value;
  };
  if (raw.size() < 4 || (raw.size() - 4) % 8 != 0 || little(0, 4) != 2)
    throw Error(ErrorKind::unavailable, "the ACL of " + shown + " has a form that is not known");
  std::string text;
  for (std::size_t at = 4; at < raw.size(); at += 8) {
    const std::uint32_t permissions = little(at + 2, 2), id = little(at + 4, 4);
    if (!text.empty()) text += ',';
    switch (little(at, 2)) {
      case 0x01:
        text += "user::";
        break;
      case 0x02:
        text += "user:" + std::to_string(id) + ":";
        break;
      case 0x04:
        text += "group::";
        break;
      case 0x08:
        text += "group:" + std::to_string(id) + ":";
        break;
      case 0x10:
        text += "mask::";
        break;
      case 0x20:
        text += "other::";
        break;
      default:
        throw Error(ErrorKind::unavailable, "the ACL of " + shown + " has a form that is not known");
    }
    text += permissions & 4 ? 'r' : '-';
    text += permissions & 2 ? 'w' : '-';
    text += permissions & 1 ? 'x' : '-';
  }
  return text;
}

std::string tar_header(const Entry& entry, const std::string& path, const std::vector<Extent>& data) {
  const Metadata& metadata = entry.metadata;
  std::string name = "./" + path;
  if (entry.kind == Kind::folder && !path.empty()) name += '/';
  const std::string target = entry.kind == Kind::hard_link ? "./" + entry.target : entry.target;
  std::uint64_t stored = 0;
  for (const Extent& extent : data) stored += extent.length;
  const bool sparse = entry.kind == Kind::file && stored < entry.size;
  const std::string map = sparse ? sparse_map(data, entry.size) : "";
  const std::uint64_t size = map.size() + stored;

  std::string records;
  const bool long_name = !sparse && name.size() > sizeof Ustar::name, long_target = target.size() > sizeof Ustar::linkname;
  if ((long_name && !is_utf8(name)) || (long_target && !is_utf8(target))) put_record(records, "hdrcharset", "BINARY");
  if (long_name) put_record(records, "path", name);
  if (long_target) put_record(records, "linkpath", target);
  if (metadata.uid > max_octal_7) put_record(records, "uid", std::to_string(metadata.uid));
  if (metadata.gid > max_octal_7) put_record(records, "gid", std::to_string(metadata.gid));
  if (size > max_octal_11) put_record(records, "size", std::to_string(size));
  const bool plain_time =
      metadata.mtime_nsec == 0 && metadata.mtime_sec >= 0 && static_cast<std::uint64_t>(metadata.mtime_sec) <= max_octal_11;
  if (!plain_time) put_record(records, "mtime", decimal_time(metadata.mtime_sec, metadata.mtime_nsec));
  for (const auto& [key, value] : metadata.xattrs) {
    if (key == "system.posix_acl_access")
      put_record(records, "SCHILY.acl.access", acl_text(value, path));
    else if (key == "system.posix_acl_default")
      put_record(records, "SCHILY.acl.default", acl_text(value, path));
    else
      put_record(records, xattr_key(key), value);
  }
  if (sparse) {
    put_record(records, "GNU.sparse.major", "1");
    put_record(records, "GNU.sparse.minor", "0");
    put_record(records, "GNU.sparse.name", name);
    put_record(records, "GNU.sparse.realsize", std::to_string(entry.size));
  }

  std::string bytes;
  if (!records.empty()) {
    Ustar extended{};
    put_text(extended.name, "./PaxHeaders/" + base_name(path));
    put_octal(extended.mode, 0644);
    put_octal(extended.uid, 0);
    put_octal(extended.gid, 0);
    put_octal(extended.size, records.size());
    put_octal(extended.mtime, 0);
    extended.type = 'x';
    bytes = block_of(extended) + padded(std::move(records));
  }
  Ustar header{};
  put_text(header.name, sparse ? "./GNUSparseFile.0/" + base_name(path) : name);
  put_octal(header.mode, metadata.mode);
  put_octal(header.uid, metadata.uid > max_octal_7 ? 0 : metadata.uid);
  put_octal(header.gid, metadata.gid > max_octal_7 ? 0 : metadata.gid);
  put_octal(header.size, size > max_octal_11 ? 0 : size);
  put_octal(header.mtime, metadata.mtime_sec >= 0 && plain_time ? static_cast<std::uint64_t>(metadata.mtime_sec) : 0);
  header.type = type_flag(entry.kind);
  put_text(header.linkname, target);
  put_octal(header.major, entry.major);
  put_octal(header.minor, entry.minor);
  return bytes + block_of(header) + map;
}

}  // namespace simmer::snapshots
