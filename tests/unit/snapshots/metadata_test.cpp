// What tar and we must both bring back: every type, every attribute, every odd name.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <simmer/error.hpp>
#include <snapshots/pax.hpp>

#include "test_tree.hpp"

namespace simmer {
namespace {

using namespace test;

class EverythingComesBack : public ::testing::Test {
 protected:
  EverythingComesBack() : volume(scratch / "volume"), store(scratch / "snapshot") { fs::create_directory(volume); }

  // Into an empty folder, in place after a wipe, and by GNU tar alone.
  void expect_exact() {
    const Image before = image_of(volume);
    take(store, volume);
    ASSERT_EQ(text(store.verify(a_minute())), "");
    store.restore({{"data", scratch / "elsewhere"}}, a_minute());
    EXPECT_EQ(differences(image_of(scratch / "elsewhere"), before), "");
    for (const auto& entry : fs::directory_iterator(volume)) fs::remove_all(entry.path());
    ::chmod(volume.c_str(), 0);
    store.restore({{"data", volume}}, a_minute());
    EXPECT_EQ(differences(image_of(volume), before), "");
    EXPECT_EQ(text(store.compare({{"data", volume}}, a_minute())), "");
    if (!is_root()) return;
    extract_with_tar(store.folder() / "volumes/data.tar", scratch / "by-tar");
    EXPECT_EQ(differences(image_of(scratch / "by-tar", {.sockets = false}), image_of(volume, {.sockets = false})), "");
  }
  Scratch scratch;
  fs::path volume;
  SnapshotStore store;
};

TEST_F(EverythingComesBack, Types) {
  write_bytes(volume / "file", "x");
  fs::create_directory(volume / "folder");
  fs::create_symlink("nowhere", volume / "link");
  fs::create_symlink(std::string(3000, 'x'), volume / "long link");
  ASSERT_EQ(::mkfifo((volume / "fifo").c_str(), 0640), 0);
  ASSERT_EQ(::mknod((volume / "socket").c_str(), S_IFSOCK | 0600, 0), 0);
  expect_exact();
  EXPECT_TRUE(fs::is_socket(volume / "socket"));
}

TEST_F(EverythingComesBack, Devices) {
  if (!is_root()) GTEST_SKIP() << "making devices needs root";
  if (::mknod((volume / "null").c_str(), S_IFCHR | 0666, makedev(1, 3)) != 0) GTEST_SKIP() << "no devices can be made here";
  ASSERT_EQ(::mknod((volume / "disk").c_str(), S_IFBLK | 0600, makedev(259, 1000000)), 0);
  expect_exact();
}

TEST_F(EverythingComesBack, ModesOwnersAndTimes) {
  for (const mode_t mode : {0, 0111, 04755, 02755, 01777, 07777, 0200}) {
    write_bytes(volume / ("f" + std::to_string(mode)), "x");
    fs::create_directory(volume / ("d" + std::to_string(mode)));
    if (is_root()) {
      ASSERT_EQ(::chown((volume / ("f" + std::to_string(mode))).c_str(), 12345, 4000000000u), 0);
      ASSERT_EQ(::chown((volume / ("d" + std::to_string(mode))).c_str(), 2097152, 0), 0);
    }
    if (!is_root() && (mode & 0400) == 0) continue;
    ::chmod((volume / ("f" + std::to_string(mode))).c_str(), mode);
    ::chmod((volume / ("d" + std::to_string(mode))).c_str(), mode | (is_root() ? 0 : 0500));
  }
  for (const std::int64_t sec : {-1500000000ll, -1ll, 0ll, 1ll, 8589934591ll, 8589934592ll})
    for (const long nsec : {0l, 1l, 500000000l, 999999999l}) {
      const fs::path path = volume / ("t" + std::to_string(sec) + "." + std::to_string(nsec));
      write_bytes(path, "x");
      set_mtime(path, sec, nsec);
    }
  fs::create_symlink("x", volume / "link");
  set_mtime(volume / "link", 1000000000, 123456789);
  set_mtime(volume, 1234567890, 987654321);
  expect_exact();
}

TEST_F(EverythingComesBack, XattrsAndAcls) {
  write_bytes(volume / "file", "x");
  fs::create_directory(volume / "folder");
  fs::create_symlink("x", volume / "link");
  set_xattr(volume / "file", "user.binary", std::string("\0\n=\xff\0", 5));
  set_xattr(volume / "file", "user.empty", "");
  set_xattr(volume / "file", "user.with=equals%and", "v");
  set_xattr(volume / "file", "user.long", some_bytes(2000));
  set_xattr(volume, "user.root", "of the volume");
  set_xattr(volume / "file", "system.posix_acl_access", binary_acl(1234, 4));
  set_xattr(volume / "folder", "system.posix_acl_access", binary_acl(1, 7));
  set_xattr(volume / "folder", "system.posix_acl_default", binary_acl(4000000000u, 5));
  set_xattr(volume, "system.posix_acl_default", binary_acl(7, 7));
  write_bytes(volume / "folder/inherits", "x");
  if (is_root()) {
    set_xattr(volume / "link", "trusted.of-a-link", "v");
    set_xattr(volume / "file", "security.capability", std::string("\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20));
  }
  expect_exact();
}

TEST_F(EverythingComesBack, HardLinks) {
  fs::create_directories(volume / "z/deep");
  write_bytes(volume / "z/deep/first", "shared");
  fs::create_hard_link(volume / "z/deep/first", volume / "a");
  fs::create_hard_link(volume / "a", volume / "z/third");
  write_bytes(volume / "alone", "shared");
  fs::create_symlink("x", volume / "link");
  ASSERT_EQ(::linkat(AT_FDCWD, (volume / "link").c_str(), AT_FDCWD, (volume / "link2").c_str(), 0), 0);
  ASSERT_EQ(::mknod((volume / "socket").c_str(), S_IFSOCK | 0600, 0), 0);
  fs::create_hard_link(volume / "socket", volume / "socket2");
  const std::string long_name(200, 'n');
  write_bytes(volume / long_name, "x");
  fs::create_hard_link(volume / long_name, volume / "zz");
  expect_exact();
}

// Two groups of names that an accident made one: writing to the first must not reach the second.
TEST_F(EverythingComesBack, HardLinksThatWereMixedUp) {
  for (const char* name : {"a1", "b1"}) write_bytes(volume / name, name);
  fs::create_hard_link(volume / "a1", volume / "a2");
  fs::create_hard_link(volume / "b1", volume / "b2");
  write_bytes(volume / "single", "single");
  const Image before = image_of(volume);
  take(store, volume);
  for (const char* name : {"a2", "b1", "b2", "single"}) {
    fs::remove(volume / name);
    fs::create_hard_link(volume / "a1", volume / name);
  }
  const std::string found = text(store.compare({{"data", volume}}, a_minute()));
  EXPECT_NE(found.find("data/b1: is a name of the same file as data/a1"), std::string::npos) << found;
  EXPECT_NE(found.find("data/single: is a name of the same file as data/a1"), std::string::npos) << found;
  store.restore({{"data", volume}}, a_minute());
  EXPECT_EQ(differences(image_of(volume), before), "");
}

TEST_F(EverythingComesBack, SparseFiles) {
  const auto sparse = [&](const std::string& name, std::uint64_t size, const std::vector<std::uint64_t>& data) {
    write_bytes(volume / name, "");
    for (const std::uint64_t at : data) write_at(volume / name, at, some_bytes(4096));
    fs::resize_file(volume / name, size);
  };
  sparse("empty hole", 100000, {});
  sparse("hole at the end", 10 << 20, {0, 65536});
  sparse("hole in front", 65536 + 4096, {65536});
  sparse("odd size", (1 << 20) + 77, {512 << 10});
  sparse("many", 4 << 20, {0, 8192, 16384, 65536 - 4096, 65536, 131072, 1 << 20, 3 << 20});
  sparse(std::string(150, 's'), 1 << 20, {4096});
  sparse("more than a gibibyte", (9ull << 30) + 12345, {0, 2ull << 30, 9ull << 30});
  expect_exact();
  EXPECT_LT(fs::file_size(store.folder() / "volumes/data.tar"), 1u << 20);
}

TEST_F(EverythingComesBack, OddNames) {
  fs::path deep = volume;
  for (int i = 0; i < 12; ++i) fs::create_directory(deep /= std::string(100, static_cast<char>('a' + i)));
  write_bytes(deep / "file", "x");
  for (const std::string& name :
       {std::string("\xff\xfe\x80"), std::string("a\nb\tc"), std::string(" "), std::string("-rf"), std::string("\\"),
        std::string(255, '\xfd'), std::string(100, 'x'), std::string(97, 'y'), std::string(98, 'z'), std::string("*?[a]"),
        std::string("é"), std::string("..."), std::string("\"'`$(x)"), std::string("PaxHeaders")}) {
    write_bytes(volume / name, name);
    fs::create_directory(volume / (name.substr(0, 250) + "d"));
    fs::create_symlink(name, volume / (name.substr(0, 250) + "l"));
  }
  expect_exact();
}

TEST_F(EverythingComesBack, ManySizesAroundBlocksAndChunks) {
  for (const int edge : {512, 1024, 4096, 65536, 131072, 1048576})
    for (const int size : {edge - 1, edge, edge + 1})
      write_bytes(volume / std::to_string(size), some_bytes(static_cast<std::size_t>(size)));
  write_bytes(volume / "empty", "");
  write_bytes(volume / "longer than a run", some_bytes((17 << 20) + 3));
  expect_exact();
}

TEST(Acl, IsWrittenAsTarArchivesCarryIt) {
  EXPECT_EQ(snapshots::acl_text(binary_acl(1000, 5), "x"), "user::rw-,user:1000:r-x,group::r--,mask::r-x,other::---");
  EXPECT_THROW(snapshots::acl_text("garbage", "x"), Error);
}

TEST(ShownPath, EscapesWhatIsNotPrintable) {
  EXPECT_EQ(snapshots::shown_path("v", "a\nb\\"), "v/a\\x0ab\\x5c");
  EXPECT_EQ(snapshots::shown_path("v", "é"), "v/é");
  EXPECT_EQ(snapshots::shown_path("v", "\xff"), "v/\\xff");
}

}  // namespace
}  // namespace simmer
