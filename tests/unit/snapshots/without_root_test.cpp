// Without root: what could not be put back is refused by name, and what can be is put back exactly.
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <simmer/error.hpp>
#include <snapshots/copy.hpp>

#include "test_tree.hpp"

namespace simmer {
namespace {

using namespace test;

constexpr uid_t nobody = 65534;

// Runs `action` without root (in a child, when we are root) and returns what it says.
std::string without_root(const std::function<std::string()>& action) {
  const auto said = [&]() -> std::string {
    try {
      return action();
    } catch (const std::exception& error) {
      return error.what();
    }
  };
  if (!is_root()) return said();
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return "no pipe";
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(nobody) != 0 || ::setuid(nobody) != 0) ::_exit(2);
    const std::string text = said();
    static_cast<void>(!::write(ends[1], text.data(), text.size()));
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string text(4096, '\0');
  const ssize_t got = ::read(ends[0], text.data(), text.size());
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  ::close(ends[0]);
  int status;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  return text;
}

class WithoutRoot : public ::testing::Test {
 protected:
  WithoutRoot() : volume(scratch / "volume"), store(scratch / "snapshot") {
    ::chmod(scratch.path().c_str(), 0777);
    if (is_root()) {
      EXPECT_EQ(::chown(scratch.path().c_str(), nobody, nobody), 0);
    }
    without_root([&] {
      fs::create_directories(volume / "folder/inner");
      write_bytes(volume / "folder/inner/first", "shared");
      fs::create_hard_link(volume / "folder/inner/first", volume / "zz");
      write_bytes(volume / "file", "content");
      return "";
    });
  }
  std::string try_snapshot() {
    return without_root([&] {
      take(store, volume);
      return std::string("taken");
    });
  }
  Scratch scratch;
  fs::path volume;
  SnapshotStore store;
};

TEST_F(WithoutRoot, AForeignOwnerIsRefusedByName) {
  if (!is_root()) GTEST_SKIP() << "giving files away needs root";
  ASSERT_EQ(::chown((volume / "file").c_str(), 1, nobody), 0);
  const std::string said = try_snapshot();
  EXPECT_NE(said.find("cannot snapshot data/file: it belongs to user 1"), std::string::npos) << said;
  EXPECT_FALSE(store.exists());
  EXPECT_TRUE(fs::is_empty(store.folder() / "volumes"));
}

TEST_F(WithoutRoot, AForeignGroupIsRefusedByName) {
  if (!is_root()) GTEST_SKIP() << "giving files away needs root";
  ASSERT_EQ(::chown((volume / "folder/inner").c_str(), nobody, 1), 0);
  const std::string said = try_snapshot();
  EXPECT_NE(said.find("cannot snapshot data/folder/inner: it belongs to group 1"), std::string::npos) << said;
}

TEST_F(WithoutRoot, AnUnreadableFileIsRefusedByName) {
  fs::permissions(volume / "file", fs::perms::none);
  const std::string said = try_snapshot();
  EXPECT_NE(said.find("cannot snapshot data/file: it cannot be read"), std::string::npos) << said;
}

TEST_F(WithoutRoot, ADeviceIsRefusedByName) {
  if (!is_root()) GTEST_SKIP() << "making devices needs root";
  ASSERT_EQ(::mknod((volume / "device").c_str(), S_IFCHR | 0666, 0x103), 0);
  ASSERT_EQ(::chown((volume / "device").c_str(), nobody, nobody), 0);
  const std::string said = try_snapshot();
  EXPECT_NE(said.find("cannot snapshot data/device: it is a device"), std::string::npos) << said;
}

TEST_F(WithoutRoot, ACapabilityIsRefusedByName) {
  if (!is_root()) GTEST_SKIP() << "capabilities need root";
  set_xattr(volume / "file", "security.capability", std::string("\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20));
  const std::string said = try_snapshot();
  EXPECT_NE(said.find("cannot snapshot data/file: it has the xattr security.capability"), std::string::npos) << said;
}

TEST_F(WithoutRoot, ClosedFoldersAreOpenedRestoredAndClosedAgain) {
  const std::string said = without_root([&] {
    set_xattr(volume / "file", "user.a", "b");
    set_xattr(volume / "file", "system.posix_acl_access", binary_acl(1000, 4));
    ::chmod((volume / "file").c_str(), 0440);
    ::chmod((volume / "folder/inner").c_str(), 0500);
    ::chmod((volume / "folder").c_str(), 0500);
    take(store, volume);
    const Image before = image_of(volume);
    ::chmod((volume / "file").c_str(), 0600);
    write_bytes(volume / "file", "damaged");
    ::removexattr((volume / "file").c_str(), "user.a");
    ::chmod((volume / "file").c_str(), 0);
    ::chmod((volume / "folder").c_str(), 0700);
    ::chmod((volume / "folder/inner").c_str(), 0700);
    write_bytes(volume / "folder/inner/extra", "x");
    fs::remove(volume / "zz");
    ::chmod((volume / "folder/inner").c_str(), 0);
    ::chmod((volume / "folder").c_str(), 0);
    ::chmod(volume.c_str(), 0);
    store.restore({{"data", volume}}, a_minute());
    std::string found = differences(image_of(volume), before);
    store.restore({{"data", scratch / "elsewhere"}}, a_minute());
    found += differences(image_of(scratch / "elsewhere"), before);
    copy_tree(volume, scratch / "copy", false, a_minute());
    found += differences(image_of(scratch / "copy"), before);
    return found + text(store.compare({{"data", volume}}, a_minute()));
  });
  EXPECT_EQ(said, "");
}

// A folder that nobody may search, and in it the first name of a file that has another elsewhere.
TEST_F(WithoutRoot, AHardLinkOutOfAFolderWithoutSearchPermission) {
  const std::string said = without_root([&] {
    take(store, volume);
    const Image before = image_of(volume);
    ::chmod((volume / "folder/inner").c_str(), 0600);
    fs::remove(volume / "zz");
    store.restore({{"data", volume}}, a_minute());
    return differences(image_of(volume), before);
  });
  EXPECT_EQ(said, "");
}

}  // namespace
}  // namespace simmer
