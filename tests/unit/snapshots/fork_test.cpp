// Forks leave the known-good as it was (P6), look exactly like it, and go away without a trace.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <base/mounts.hpp>
#include <simmer/error.hpp>
#include <snapshots/fork.hpp>

#include "random_tree.hpp"
#include "test_tree.hpp"

namespace simmer {
namespace {

using namespace test;
using Volumes = std::map<std::string, fs::path>;

class Fork : public ::testing::Test {
 protected:
  void fill(const fs::path& volume) {
    fs::create_directories(volume / "folder/empty");
    write_bytes(volume / "folder/file", "content");
    write_bytes(volume / "a", "linked");
    fs::create_hard_link(volume / "a", volume / "b");
    write_bytes(volume / "sparse", "");
    fs::resize_file(volume / "sparse", 1 << 20);
    write_at(volume / "sparse", 8192, "x");
    if (is_root()) {
      EXPECT_EQ(::chown(volume.c_str(), 1000, 1001), 0);
    }
    set_xattr(volume, "user.a", "b");
    ::chmod(volume.c_str(), 0751);
    set_mtime(volume, 1234567890, 5);
  }
  void use(const fs::path& volume) {
    write_bytes(volume / "folder/file", "changed by a run");
    write_bytes(volume / "a", "changed through one name");
    fs::remove_all(volume / "folder/empty");
    write_bytes(volume / "new", "x");
    fs::rename(volume / "folder", volume / "renamed");
    EXPECT_EQ(read_file(volume / "b"), "changed through one name") << "hard links stay links";
  }
  Scratch scratch;
};

TEST_F(Fork, WaysHaveNames) {
  for (const ForkWay way : {ForkWay::reflink, ForkWay::overlay, ForkWay::restore}) EXPECT_EQ(fork_way_from(to_string(way)), way);
  EXPECT_EQ(fork_way_from("copy"), std::nullopt);
  EXPECT_THROW(make_fork(ForkWay::restore, {}, scratch / "f", a_minute()), Error);
}

TEST_F(Fork, ByReflinkSharesBlocksAndLeavesTheKnownGoodAlone) {
  if (const std::string why = mount_filesystem("xfs", scratch / "xfs", "320M"); !why.empty()) GTEST_SKIP() << why;
  const fs::path volume = scratch / "xfs/volume", forks = scratch / "xfs/forks";
  fill(volume);
  write_bytes(volume / "large", some_bytes(70 << 20));
  const Volumes volumes = {{"data", volume}};
  const ForkChoice choice = choose_fork_way(volumes, forks, true);
  ASSERT_EQ(choice.way, ForkWay::reflink) << choice.reason;
  const Image before = image_of(volume);
  run({"sync", "-f", volume.string()});
  const std::uint64_t free = free_bytes(volume);
  const Volumes made = make_fork(choice.way, volumes, forks / "run1", a_minute());
  EXPECT_EQ(made.at("data"), forks / "run1/volumes/data");
  run({"sync", "-f", volume.string()});
  EXPECT_LT(free - free_bytes(volume), 8u << 20) << "blocks are shared";
  EXPECT_EQ(differences(image_of(made.at("data")), before), "");
  use(made.at("data"));
  flush_tree(made.at("data"));
  EXPECT_EQ(differences(image_of(volume), before), "");
  discard_fork(forks / "run1");
  EXPECT_TRUE(fs::is_empty(forks));
  EXPECT_EQ(differences(image_of(volume), before), "");
  EXPECT_EQ(choose_fork_way(volumes, scratch / "elsewhere", false).way, ForkWay::restore) << "another file system";
}

TEST_F(Fork, SnapshotsAndRestoresOnXfsAreExact) {
  if (const std::string why = mount_filesystem("xfs", scratch / "xfs", "320M"); !why.empty()) GTEST_SKIP() << why;
  for (unsigned i = 0; i < 20; ++i) {
    Random random(seed_of_this_run() + 5000 + i);
    const fs::path volume = scratch / "xfs" / std::to_string(i);
    SnapshotStore store(scratch / "xfs/snapshot" / std::to_string(i));
    grow_tree(volume, random, 25);
    const Image before = image_of(volume);
    take(store, volume);
    damage_tree(volume, random, 10);
    store.restore({{"data", volume}}, a_minute());
    ASSERT_EQ(differences(image_of(volume, {.holes = false}),
                          [&] {
                            Image plain = before;  // XFS preallocates behind what grows: where data ends is its own affair
                            for (auto& [path, words] : plain) words = words.substr(0, words.find(" data"));
                            return plain;
                          }()),
              "");
  }
}

TEST_F(Fork, ByOverlayLeavesTheKnownGoodAlone) {
  if (!is_root()) GTEST_SKIP() << "an overlay needs root";
  const fs::path odd = scratch / "odd, path: with\\every\nthing";
  fs::create_directories(odd);
  const Volumes volumes = {{"data", odd / "volume"}, {"more", odd / "more"}};
  fill(volumes.at("data"));
  fill(volumes.at("more"));
  const ForkChoice choice = choose_fork_way(volumes, odd / "forks", true);
  if (choice.way != ForkWay::overlay) GTEST_SKIP() << choice.reason;
  EXPECT_TRUE(fs::is_empty(odd / "forks")) << "trying leaves nothing behind";
  EXPECT_EQ(choose_fork_way(volumes, odd / "forks", false).way, ForkWay::restore);
  const Image before = image_of(volumes.at("data"));
  const Volumes made = make_fork(ForkWay::overlay, volumes, odd / "forks/run1", a_minute());
  EXPECT_EQ(differences(image_of(made.at("data")), before), "");
  EXPECT_EQ(mounts_below(odd / "forks").size(), 2u);
  use(made.at("data"));
  EXPECT_EQ(differences(image_of(volumes.at("data")), before), "");
  discard_fork(odd / "forks/run1");
  EXPECT_TRUE(fs::is_empty(odd / "forks"));
  EXPECT_EQ(differences(image_of(volumes.at("data")), before), "");
  discard_fork(odd / "forks/run1");
}

TEST_F(Fork, LargeFilesAndMarksOfOverlaysAreNotForOverlays) {
  const Volumes volumes = {{"data", scratch / "volume"}};
  fill(scratch / "volume");
  if (choose_fork_way(volumes, scratch / "forks", true).way == ForkWay::reflink) GTEST_SKIP() << "this file system has reflink";
  fs::resize_file(scratch / "volume/sparse", (64 << 20) + 1);
  const ForkChoice large = choose_fork_way(volumes, scratch / "forks", true);
  EXPECT_EQ(large.way, ForkWay::restore);
  if (!is_root()) return;
  EXPECT_NE(large.reason.find("64 MiB"), std::string::npos) << large.reason;
  fs::resize_file(scratch / "volume/sparse", 1 << 20);
  ASSERT_EQ(::mknod((scratch / "volume/whiteout").c_str(), S_IFCHR | 0600, makedev(0, 0)), 0);
  const ForkChoice marked = choose_fork_way(volumes, scratch / "forks", true);
  EXPECT_EQ(marked.way, ForkWay::restore);
  EXPECT_NE(marked.reason.find("whiteout"), std::string::npos) << marked.reason;
}

TEST_F(Fork, DiscardUnmountsWhatIsMountedOverEachOther) {
  const fs::path folder = scratch / "a b";
  for (const fs::path& point : {folder / "outer", folder / "outer", folder / "outer/inner"})
    if (const std::string why = mount_filesystem("tmpfs", point, "1m"); !why.empty()) GTEST_SKIP() << why;
  EXPECT_EQ(mounts_below(folder).size(), 3u);
  discard_fork(folder);
  EXPECT_FALSE(fs::exists(folder));
  EXPECT_TRUE(mounts_below(folder).empty());
}

TEST_F(Fork, ABusyForkIsNamedAndKept) {
  const fs::path folder = scratch / "fork";
  if (const std::string why = mount_filesystem("tmpfs", folder / "volumes/data", "1m"); !why.empty()) GTEST_SKIP() << why;
  {
    const Fd used = open_file(folder / "volumes/data/file", O_RDWR | O_CREAT);
    try {
      discard_fork(folder);
      FAIL() << "it was in use";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::needs_operator);
      EXPECT_NE(error.message().find("volumes/data"), std::string::npos);
    }
  }
  discard_fork(folder);
  EXPECT_FALSE(fs::exists(folder));
}

TEST(MountPoints, AreUnescaped) {
  EXPECT_EQ(unescape_mount_point("/a\\040b\\011\\012\\134c"), "/a b\t\n\\c");
  EXPECT_EQ(unescape_mount_point("/a\\04"), "/a\\04");
}

}  // namespace
}  // namespace simmer
