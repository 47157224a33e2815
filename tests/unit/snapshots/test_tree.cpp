#include "test_tree.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <base/process.hpp>
#include <cstdlib>
#include <cstring>
#include <random>
#include <snapshots/fork.hpp>

namespace simmer::test {
namespace {

void require(bool ok, const std::string& what) {
  if (!ok) throw std::runtime_error(what + ": " + std::strerror(errno));
}

std::string xattrs_in_words(const std::string& path) {
  std::vector<char> names(65536);
  const ssize_t got = ::llistxattr(path.c_str(), names.data(), names.size());
  require(got >= 0 || errno == ENOTSUP, "llistxattr " + path);
  std::map<std::string, std::string> sorted;
  for (ssize_t at = 0; at < got; at += static_cast<ssize_t>(std::strlen(&names[at])) + 1) {
    std::vector<char> value(65536);
    const ssize_t size = ::lgetxattr(path.c_str(), &names[at], value.data(), value.size());
    require(size >= 0, "lgetxattr " + path);
    sorted[&names[at]] = std::string(value.data(), static_cast<std::size_t>(size));
  }
  std::string words;
  for (const auto& [name, value] : sorted)
    words += " " + name + "=" + digest_of_bytes(value) + "/" + std::to_string(value.size());
  return words;
}

// Of a huge file only what is no hole: reading gigabytes of zeros shows nothing.
std::string content_in_words(const std::string& path, off_t size) {
  if (size < (64 << 20)) return digest_of_file(path);
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  require(fd >= 0, "open " + path);
  std::string data;
  for (off_t at = 0; (at = ::lseek(fd, at, SEEK_DATA)) >= 0;) {
    const off_t hole = ::lseek(fd, at, SEEK_HOLE);
    std::string part(static_cast<std::size_t>(hole - at), '\0');
    require(::pread(fd, part.data(), part.size(), at) == hole - at, "read " + path);
    data += std::to_string(at) + ":" + part;
    at = hole;
  }
  ::close(fd);
  return digest_of_bytes(data);
}

std::string holes_in_words(const std::string& path, off_t size) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  require(fd >= 0, "open " + path);
  std::string words = " data";
  for (off_t at = 0; at < size;) {
    const off_t data = ::lseek(fd, at, SEEK_DATA);
    if (data < 0) break;
    at = ::lseek(fd, data, SEEK_HOLE);
    words += " " + std::to_string(data) + "-" + std::to_string(at);
  }
  ::close(fd);
  return words;
}

void add_to_image(const fs::path& root, const std::string& relative, const ImageOptions& options,
                  std::map<ino_t, std::string>& inodes, Image& image) {
  const std::string path = relative.empty() ? root.string() : (root / relative).string();
  struct stat status;
  require(::lstat(path.c_str(), &status) == 0, "lstat " + path);
  if (S_ISSOCK(status.st_mode) && !options.sockets) return;
  std::string words = "type " + std::to_string((status.st_mode & S_IFMT) >> 12) + " uid " + std::to_string(status.st_uid) +
                      " gid " + std::to_string(status.st_gid) + " mtime " + std::to_string(status.st_mtim.tv_sec) + "." +
                      std::to_string(status.st_mtim.tv_nsec);
  if (!S_ISLNK(status.st_mode)) words += " mode " + std::to_string(status.st_mode & 07777);
  if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) words += " device " + std::to_string(status.st_rdev);
  words += xattrs_in_words(path);
  if (!S_ISDIR(status.st_mode) && status.st_nlink > 1)
    words += " same as " + inodes.try_emplace(status.st_ino, relative).first->second;
  if (S_ISREG(status.st_mode)) {
    words += " size " + std::to_string(status.st_size) + " content " + content_in_words(path, status.st_size);
    if (options.holes) words += holes_in_words(path, status.st_size);
  }
  if (S_ISLNK(status.st_mode)) words += " -> " + fs::read_symlink(path).string();
  image[relative] = words;
  if (!S_ISDIR(status.st_mode)) return;
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(path)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  for (const std::string& name : names)
    add_to_image(root, relative.empty() ? name : relative + "/" + name, options, inodes, image);
}

}  // namespace

Scratch::Scratch(const fs::path& parent) {
  std::string pattern = ((parent.empty() ? fs::path(::testing::TempDir()) : parent) / "simmer-snapshots-XXXXXX").string();
  require(::mkdtemp(pattern.data()) != nullptr, "mkdtemp");
  path_ = pattern;
  ::chmod(path_.c_str(), 0755);
}

Scratch::~Scratch() {
  try {
    discard_fork(path_);
  } catch (const std::exception& error) {
    ADD_FAILURE() << "the scratch folder stays: " << error.what();
  }
}

Image image_of(const fs::path& root, const ImageOptions& options) {
  Image image;
  std::map<ino_t, std::string> inodes;
  add_to_image(root, "", options, inodes, image);
  return image;
}

std::string differences(const Image& found, const Image& expected) {
  std::string text;
  for (const auto& [path, words] : expected) {
    const auto there = found.find(path);
    if (there == found.end())
      text += "missing: \"" + path + "\" (" + words + ")\n";
    else if (there->second != words)
      text += "\"" + path + "\"\n  is       " + there->second + "\n  expected " + words + "\n";
  }
  for (const auto& [path, words] : found)
    if (!expected.count(path)) text += "extra: \"" + path + "\" (" + words + ")\n";
  return text.substr(0, 3000);
}

Limit a_minute() { return Limit::in(std::chrono::minutes(1)); }
bool is_root() { return ::geteuid() == 0; }

void write_bytes(const fs::path& path, std::string_view bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  require(fd >= 0, "open " + path.string());
  require(::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()), "write " + path.string());
  ::close(fd);
}

void write_at(const fs::path& path, std::uint64_t offset, std::string_view bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  require(fd >= 0, "open " + path.string());
  require(::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)) == static_cast<ssize_t>(bytes.size()),
          "write " + path.string());
  ::close(fd);
}

void set_xattr(const fs::path& path, const std::string& name, const std::string& value) {
  require(::lsetxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0) == 0, "lsetxattr " + name + " " + path.string());
}

void set_mtime(const fs::path& path, std::int64_t sec, long nsec) {
  const timespec times[2] = {{0, UTIME_OMIT}, {sec, nsec}};
  require(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0, "utimensat " + path.string());
}

std::string binary_acl(std::uint32_t user, unsigned permissions) {
  std::string acl;
  const auto put = [&](std::uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) acl += static_cast<char>(value >> (8 * i));
  };
  put(2, 4);
  const auto entry = [&](unsigned tag, unsigned bits, std::uint32_t id) {
    put(tag, 2);
    put(bits, 2);
    put(id, 4);
  };
  entry(0x01, 6, 0xffffffff);
  entry(0x02, permissions, user);
  entry(0x04, 4, 0xffffffff);
  entry(0x10, permissions | 4, 0xffffffff);
  entry(0x20, 0, 0xffffffff);
  return acl;
}

std::string some_bytes(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(1 + random() % 255);
  return bytes;
}

SnapshotMeta take(SnapshotStore& store, const fs::path& root, const std::string& version) {
  SnapshotMeta about;
  about.app = "app";
  about.version = version;
  const SnapshotMeta meta = store.prepare(about, {{"data", root}}, a_minute());
  store.commit(meta);
  store.drop_unreferenced();
  return meta;
}

std::vector<std::string> files_below(const fs::path& folder) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) files.push_back(fs::relative(entry.path(), folder).string());
  std::sort(files.begin(), files.end());
  return files;
}

std::string run(const std::vector<std::string>& argv) {
  Command command;
  command.argv = argv;
  const CommandResult result = run_command(command, a_minute());
  if (result.exit_code != 0) throw std::runtime_error(argv[0] + " failed: " + result.err);
  return result.out;
}

void extract_with_tar(const fs::path& tar, const fs::path& to) {
  fs::create_directories(to);
  run({"tar", "--xattrs", "--xattrs-include=*", "--acls", "-xpf", tar.string(), "-C", to.string()});
}

std::string text(const std::vector<SnapshotFault>& faults) {
  std::string text;
  for (const SnapshotFault& fault : faults) text += fault.volume + "/" + fault.path + ": " + fault.what + "\n";
  return text;
}

std::string mount_filesystem(const std::string& type, const fs::path& folder, const std::string& size,
                             const std::string& options) {
  if (!is_root()) return "mounting needs root";
  try {
    fs::create_directories(folder);
    if (type == "tmpfs") {
      run({"mount", "-t", "tmpfs", "-o", "size=" + size + (options.empty() ? "" : "," + options), "tmpfs", folder.string()});
      return "";
    }
    fs::path image = folder;
    image += ".image";
    run({"truncate", "-s", size, image.string()});
    run({"mkfs." + type, "-q", image.string()});
    run({"mount", "-o", "loop", image.string(), folder.string()});
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace simmer::test
