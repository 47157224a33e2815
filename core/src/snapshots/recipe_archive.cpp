#include <snapshots/recipe_archive.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include <simmer/error.hpp>
#include <snapshots/manifest.hpp>
#include <snapshots/pax.hpp>
#include <snapshots/segment.hpp>

namespace simmer::snapshots {
namespace {

constexpr std::size_t buffer_size = 1 << 20;
// A recipe has no times of its own. Not 0: tar warns of that.
constexpr std::int64_t time_of_all = 315532800;  // 1980-01-01
constexpr int deepest = 200;

// A segment with a digest over all of it.
class Archive {
 public:
  explicit Archive(const fs::path& tar) : out_(tar, 0), state_(XXH3_createState(), &XXH3_freeState) {
    XXH3_128bits_reset(state_.get());
  }

  void append(std::string_view bytes) {
    XXH3_128bits_update(state_.get(), bytes.data(), bytes.size());
    out_.append(bytes);
  }
  void pad() { append(std::string(tar_padded(out_.size()) - out_.size(), '\0')); }
  // The digest that the file on the disk must have.
  std::string finish() {
    const std::string end(tar_end_size, '\0');
    XXH3_128bits_update(state_.get(), end.data(), end.size());
    out_.finish();
    return hex_of(digest_of(*state_));
  }

 private:
  SegmentWriter out_;
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state_;
};

class Packer {
 public:
  Packer(const fs::path& tree, Archive& to) : tree_(tree), to_(to) {}

  void pack(const fs::path& below = {}, int depth = 0) {
    if (depth > deepest) throw Error(ErrorKind::recipe, "folders nested too deep in " + shown_path("the recipe", below.string()));
    put(Kind::folder, below, 0755);
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(tree_ / below)) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    for (const auto& name : names) {
      if (below.empty() && name == ".git") continue;
      struct stat info;
      const fs::path path = below / name;
      if (::lstat((tree_ / path).c_str(), &info) != 0)
        throw_errno("cannot look at " + shown_path("the recipe", path.string()), errno);
      if (S_ISDIR(info.st_mode))
        pack(path, depth + 1);
      else if (S_ISLNK(info.st_mode))
        put(Kind::symlink, path, 0777, fs::read_symlink(tree_ / path).string());
      else if (S_ISREG(info.st_mode))
        pack_file(path);
      else
        throw Error(ErrorKind::recipe,
                    shown_path("the recipe", path.string()) + " is neither file, folder nor link, and cannot be kept");
    }
  }

 private:
  // Git knows two modes of files, and of owners nothing.
  void put(Kind kind, const fs::path& path, std::uint32_t mode, const std::string& target = "", std::uint64_t size = 0) {
    Entry entry;
    entry.kind = kind;
    entry.metadata.mode = mode;
    entry.metadata.mtime_sec = time_of_all;
    entry.target = target;
    entry.size = size;
    to_.append(tar_header(entry, path.string(), size == 0 ? std::vector<Extent>{} : std::vector<Extent>{{0, size}}));
  }

  void pack_file(const fs::path& path) {
    const std::string shown = shown_path("the recipe", path.string());
    const Fd file = open_file(tree_ / path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const struct stat info = status_of(file.get(), shown);
    const auto size = static_cast<std::uint64_t>(info.st_size);
    put(Kind::file, path, (info.st_mode & S_IXUSR) != 0 ? 0755 : 0644, "", size);
    std::string buffer(buffer_size, '\0');
    for (std::uint64_t at = 0; at < size;) {
      const std::size_t part = std::min<std::uint64_t>(buffer.size(), size - at);
      if (!read_exactly(file.get(), buffer.data(), part, at, shown))
        throw Error(ErrorKind::unavailable, shown + " changed while it was being read");
      to_.append({buffer.data(), part});
      at += part;
    }
    to_.pad();
  }

  const fs::path& tree_;
  Archive& to_;
};

// Reads what Packer writes, and no other tar: the digest has been checked.
class Unpacker {
 public:
  Unpacker(int tar, std::uint64_t size, std::string shown, const fs::path& to)
      : tar_(tar), size_(size), shown_(std::move(shown)), to_(to) {}

  void unpack() {
    std::string path, target;
    while (true) {
      const std::string block = take(tar_block);
      if (block.find_first_not_of('\0') == std::string::npos) return;
      const std::uint64_t size = octal(block.substr(124, 12));
      if (block[156] == 'x') {
        read_records(take(tar_padded(size)).substr(0, size), path, target);
        continue;
      }
      if (path.empty()) path = text(block.substr(0, 100));
      if (target.empty()) target = text(block.substr(157, 100));
      write(block[156], inside(path), target, size, static_cast<mode_t>(octal(block.substr(100, 8))));
      path.clear();
      target.clear();
    }
  }

 private:
  [[noreturn]] void damaged() const {
    throw Error(ErrorKind::needs_operator, shown_ + " is damaged: it is no recipe as Simmer keeps one");
  }

  std::string take(std::uint64_t length) {
    if (length > size_ - at_) damaged();
    std::string bytes(length, '\0');
    if (!read_exactly(tar_, bytes.data(), length, at_, shown_)) damaged();
    at_ += length;
    return bytes;
  }
  static std::string text(const std::string& field) { return field.substr(0, field.find('\0')); }
  std::uint64_t octal(const std::string& field) const {
    std::uint64_t value = 0;
    for (const char c : text(field)) {
      if (c < '0' || c > '7') damaged();
      value = value * 8 + static_cast<std::uint64_t>(c - '0');
    }
    return value;
  }
  void read_records(std::string_view records, std::string& path, std::string& target) const {
    while (!records.empty()) {
      const auto space = records.find(' '), equals = records.find('=');
      const std::size_t length = std::strtoul(std::string(records.substr(0, space)).c_str(), nullptr, 10);
      if (space == std::string_view::npos || equals == std::string_view::npos || space > equals || length <= equals ||
          length > records.size())
        damaged();
      const auto key = records.substr(space + 1, equals - space - 1), value = records.substr(equals + 1, length - equals - 2);
      if (key == "path") path = value;
      if (key == "linkpath") target = value;
      records.remove_prefix(length);
    }
  }
  fs::path inside(const std::string& name) const {
    const fs::path path = fs::path(name).relative_path();
    if (!name.starts_with("./") || std::find(path.begin(), path.end(), "..") != path.end()) damaged();
    return to_ / fs::path(name.substr(2));
  }

  void write(char type, const fs::path& path, const std::string& target, std::uint64_t size, mode_t mode) {
    const std::string shown = path.string();
    if (type == '5') {
      if (path != to_ / "" && ::mkdir((shown.ends_with('/') ? shown.substr(0, shown.size() - 1) : shown).c_str(), 0755) != 0)
        throw_errno("making folder " + shown, errno);
    } else if (type == '2') {
      if (::symlink(target.c_str(), path.c_str()) != 0) throw_errno("making link " + shown, errno);
    } else if (type == '0') {
      const Fd file = open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
      for (std::uint64_t done = 0; done < size;) {
        const std::string part = take(std::min<std::uint64_t>(buffer_size, size - done));
        write_exactly(file.get(), part.data(), part.size(), done, shown);
        done += part.size();
      }
      take(tar_padded(size) - size);
      if (::fchmod(file.get(), mode) != 0) throw_errno("setting the mode of " + shown, errno);  // whatever the umask
    } else {
      damaged();
    }
  }

  const int tar_;
  const std::uint64_t size_;
  std::uint64_t at_ = 0;
  const std::string shown_;
  const fs::path& to_;
};

}  // namespace

std::string write_recipe_archive(const fs::path& tree, const fs::path& tar) {
  return while_doing("keeping the recipe in " + tar.string(), [&] {
    Archive archive(tar);
    Packer(tree, archive).pack();
    const std::string digest = archive.finish();
    flush_folder(tar.parent_path());
    if (digest_of_file(tar) != digest) {
      remove_tree(tar);
      throw Error(ErrorKind::infrastructure, tar.string() + " does not read back as it was written: look at the disk");
    }
    return digest;
  });
}

void unpack_recipe_archive(const fs::path& tar, const std::string& digest, const fs::path& to) {
  const Fd file(::open(tar.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file)
    throw Error(ErrorKind::needs_operator,
                "the recipe of the known-good, " + tar.string() + ", cannot be read: " + std::strerror(errno));
  // The open file, not its name: a promotion may put another in its place.
  if (digest_of_file(handle_path(file.get())) != digest)
    throw Error(ErrorKind::needs_operator,
                "the recipe of the known-good, " + tar.string() + ", is damaged: it does not match its digest");
  make_folders(to.parent_path());
  if (::mkdir(to.c_str(), 0755) != 0) throw_errno("making folder " + to.string(), errno);
  try {
    Unpacker(file.get(), static_cast<std::uint64_t>(status_of(file.get(), tar.string()).st_size), tar.string(), to).unpack();
  } catch (...) {
    remove_tree(to);  // half a recipe is none
    throw;
  }
}

}  // namespace simmer::snapshots
