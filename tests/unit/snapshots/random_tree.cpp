#include "random_tree.hpp"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "test_tree.hpp"

namespace simmer::test {
namespace {

class Gardener {
 public:
  Gardener(const fs::path& root, Random& random) : root_(root), random_(random) {}

  void grow(unsigned max_entries) {
    fs::create_directory(root_);
    std::vector<fs::path> folders = {root_};
    for (unsigned left = pick(max_entries + 1); left > 0; --left) add_entry(folders);
    dress_all();
  }

  void damage(unsigned max_changes) {
    for (unsigned left = pick(max_changes + 1); left > 0; --left) change_something();
  }

 private:
  unsigned pick(unsigned below) { return static_cast<unsigned>(random_() % below); }
  bool one_in(unsigned chance) { return pick(chance) == 0; }
  template <class T>
  const T& any_of(const std::vector<T>& all) {
    return all[pick(static_cast<unsigned>(all.size()))];
  }

  std::string name() {
    static const std::vector<std::string> odd = {"-rf", " ",    "a\nb",       "\xff\xfe", "..x",  "é",       "=",
                                                 "%3D", "a\\b", "PaxHeaders", "*",        "\x01", "\xe2\x82"};
    std::string name = one_in(4) ? any_of(odd) : "n";
    if (one_in(15)) name += std::string(240, one_in(2) ? 'l' : '\xfc');
    return name + std::to_string(pick(1000));
  }

  std::string content() {
    static const std::vector<unsigned> sizes = {0, 1, 511, 512, 513, 4096, 65535, 65536, 65537, 131072, 200000};
    return some_bytes(one_in(2) ? pick(3000) : any_of(sizes), static_cast<unsigned>(random_()));
  }

  void make_sparse(const fs::path& path) {
    write_bytes(path, "");
    const std::uint64_t size = pick(600000) + 1;
    for (unsigned parts = pick(5); parts > 0; --parts)
      write_at(path, pick(static_cast<unsigned>(size)) / 4096 * 4096, some_bytes(4096, pick(1000)));
    if (::truncate(path.c_str(), static_cast<off_t>(size)) != 0) std::abort();
  }

  void add_entry(std::vector<fs::path>& folders) {
    const fs::path path = any_of(folders) / name();
    if (fs::exists(fs::symlink_status(path))) return;
    switch (pick(12)) {
      case 0:
      case 1:
      case 2:
        fs::create_directory(path);
        if (path.string().size() < 2500) folders.push_back(path);
        break;
      case 3:
        make_sparse(path);
        break;
      case 4:
        fs::create_symlink(one_in(5) ? std::string(200, 't') : one_in(2) ? "/etc/passwd" : "../n1", path);
        break;
      case 5:
        ::mkfifo(path.c_str(), 0600);
        break;
      case 6:
        ::mknod(path.c_str(), S_IFSOCK | 0600, 0);
        break;
      case 7:
        if (is_root()) ::mknod(path.c_str(), (one_in(2) ? S_IFCHR : S_IFBLK) | 0600, makedev(pick(300), pick(70000)));
        break;
      case 8:
        if (const auto files = paths(false); !files.empty()) ::link(any_of(files).c_str(), path.c_str());
        break;
      default:
        write_bytes(path, content());
    }
  }

  std::vector<fs::path> paths(bool with_folders) {
    std::vector<fs::path> all;
    for (const auto& entry : fs::recursive_directory_iterator(root_))
      if (with_folders || !fs::is_directory(entry.symlink_status())) all.push_back(entry.path());
    return all;
  }

  void dress_all() {
    std::vector<fs::path> all = paths(true);
    for (auto path = all.rbegin(); path != all.rend(); ++path) dress(*path);
    dress(root_);
  }

  std::string value() {
    static const std::vector<std::string> odd = {"", "plain", std::string("a\0b\n=", 5), "\xff\x00\x80"};
    return one_in(6) ? some_bytes(pick(900), pick(100)) : any_of(odd);
  }

  void dress(const fs::path& path) {
    const bool is_link = fs::is_symlink(path), is_folder = fs::is_directory(fs::symlink_status(path));
    static const std::vector<unsigned> ids = {0, 0, 1000, 65534, 2097152, 3000000000u};
    if (is_root() && one_in(2)) static_cast<void>(::lchown(path.c_str(), any_of(ids), any_of(ids)));
    if (one_in(3)) xattr(path, is_link || !(is_folder || fs::is_regular_file(fs::symlink_status(path))));
    if (!is_link && one_in(5)) ::lsetxattr(path.c_str(), "system.posix_acl_access", acl().data(), acl_.size(), 0);
    if (is_folder && one_in(5)) ::lsetxattr(path.c_str(), "system.posix_acl_default", acl().data(), acl_.size(), 0);
    if (!is_link && one_in(2)) ::chmod(path.c_str(), pick(010000));
    if (one_in(2)) set_mtime(path, static_cast<std::int64_t>(pick(3000000000u)) - 500000000, pick(1000000000));
  }

  const std::string& acl() { return acl_ = binary_acl(pick(100000), pick(8)); }

  void xattr(const fs::path& path, bool root_only) {
    static const std::vector<std::string> names = {"a", "with=equals", "with%percent", "long-name-of-an-attribute", "b.c"};
    if (root_only && !is_root()) return;
    const bool trusted = root_only || (is_root() && one_in(3));
    const std::string text = value();
    ::lsetxattr(path.c_str(), ((trusted ? "trusted." : "user.") + any_of(names)).c_str(), text.data(), text.size(), 0);
  }

  void change_something() {
    const std::vector<fs::path> all = paths(true);
    std::vector<fs::path> folders = {root_};
    for (const fs::path& path : all)
      if (fs::is_directory(fs::symlink_status(path))) folders.push_back(path);
    if (all.empty() || one_in(6)) return add_entry(folders);
    const fs::path path = any_of(all);
    const bool is_file = fs::is_regular_file(fs::symlink_status(path));
    switch (pick(9)) {
      case 0:
        fs::remove_all(path);
        break;
      case 1:  // something else in its place
        fs::remove_all(path);
        if (fs::exists(path.parent_path())) folders = {path.parent_path()};
        replace(path);
        break;
      case 2:
        if (is_file) change_content(path);
        break;
      case 3:
      case 4:
        dress(path);
        break;
      case 5:
        dress(root_);
        break;
      case 6: {  // moved elsewhere, perhaps over another
        std::error_code ignored;
        fs::rename(path, any_of(all), ignored);
        break;
      }
      case 7: {  // now a name of another file
        const fs::path other = any_of(all);
        if (fs::is_directory(fs::symlink_status(path)) || fs::is_directory(fs::symlink_status(other)) || other == path) break;
        fs::remove(path);
        ::link(other.c_str(), path.c_str());
        break;
      }
      default:
        if (fs::is_directory(fs::symlink_status(path))) break;
        fs::copy(path, path.parent_path() / "copied", fs::copy_options::copy_symlinks | fs::copy_options::skip_existing,
                 ignored_);
        fs::rename(path.parent_path() / "copied", path, ignored_);
    }
  }

  void replace(const fs::path& path) {
    switch (pick(4)) {
      case 0:
        fs::create_directory(path);
        break;
      case 1:
        fs::create_symlink("/nowhere", path);
        break;
      case 2:
        ::mkfifo(path.c_str(), 0600);
        break;
      default:
        write_bytes(path, content());
    }
  }

  void change_content(const fs::path& path) {
    const auto size = static_cast<unsigned>(fs::file_size(path));
    struct stat status;
    ::lstat(path.c_str(), &status);
    switch (pick(5)) {
      case 0:
        fs::resize_file(path, pick(size + 1));
        break;
      case 1:
        fs::resize_file(path, size + pick(100000));
        break;
      case 2:
        write_at(path, pick(size + 5000), some_bytes(1 + pick(5000), pick(1000)));
        break;
      case 3: {
        const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
        if (fd >= 0)
          static_cast<void>(::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, pick(size + 1), 1 + pick(70000)));
        ::close(fd);
        break;
      }
      default:
        if (size == 0) break;
        write_at(path, pick(size), "!");
        set_mtime(path, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);  // a change that no time betrays
    }
  }

  fs::path root_;
  Random& random_;
  std::string acl_;
  std::error_code ignored_;
};

}  // namespace

std::uint64_t seed_of_this_run() {
  static const std::uint64_t seed = [] {
    const char* given = std::getenv("SIMMER_TEST_SEED");
    const std::uint64_t chosen = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
    std::cout << "SIMMER_TEST_SEED=" << chosen << std::endl;
    return chosen;
  }();
  return seed;
}

void grow_tree(const fs::path& root, Random& random, unsigned max_entries) { Gardener(root, random).grow(max_entries); }
void damage_tree(const fs::path& root, Random& random, unsigned max_changes) { Gardener(root, random).damage(max_changes); }

}  // namespace simmer::test
