// What an app has mounted in its folders, a folder of the host above all, is never walked into: nothing of it is removed, captured,
// compared or restored, and what is said of a folder is said of the folder itself. With real mounts: these tests need root.
#include <gmock/gmock.h>
#include <sys/mount.h>

#include <base/mounts.hpp>
#include <simmer/error.hpp>
#include <snapshots/census.hpp>
#include <snapshots/copy.hpp>
#include <snapshots/fork.hpp>

#include "test_tree.hpp"

namespace simmer {
namespace {

using namespace test;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

enum class What { folder_of_this_file_system, folder_of_another, file, tmpfs };

std::string name_of(What what) {
  switch (what) {
    case What::folder_of_this_file_system:
      return "FolderOfThisFileSystem";
    case What::folder_of_another:
      return "FolderOfAnother";
    case What::file:
      return "File";
    default:
      return "Tmpfs";
  }
}

class Mounted : public ::testing::TestWithParam<What> {
 protected:
  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "mounting needs root";
    fs::create_directories(host / "deep/er");
    write_bytes(host / "precious", "precious");
    write_bytes(host / "deep/er/precious", "precious");
    fs::create_directories(volume / "folder/point");
    write_bytes(volume / "folder/file", "content");
    write_bytes(volume / "folder/covered", "covered");
    if (GetParam() == What::folder_of_another)
      if (const std::string why = mount_filesystem("tmpfs", scratch / "other", "1m"); !why.empty()) GTEST_SKIP() << why;
  }

  // As an app does it.
  void mount_at(const fs::path& point) {
    const auto what = GetParam();
    if (what == What::tmpfs) ASSERT_EQ(mount_filesystem("tmpfs", point, "1m"), "");
    else if (what == What::folder_of_another) bind(scratch / "other", point);
    else bind(what == What::file ? host / "precious" : host, point);
    if (what == What::tmpfs || what == What::folder_of_another) write_bytes(point / "precious", "precious");
  }
  static void bind(const fs::path& from, const fs::path& to) { ASSERT_EQ(::mount(from.c_str(), to.c_str(), nullptr, MS_BIND | MS_REC, nullptr), 0); }
  fs::path point() const { return volume / "folder" / (GetParam() == What::file ? "covered" : "point"); }

  void expect_host_is_whole() {
    EXPECT_EQ(read_file_if_there(host / "precious"), "precious");
    EXPECT_EQ(read_file_if_there(host / "deep/er/precious"), "precious");
    const fs::path there = GetParam() == What::folder_of_another ? scratch / "other" : host;
    EXPECT_EQ(read_file_if_there(there / "precious"), "precious");
  }
  Error refusal_of(const std::function<void()>& action) {
    try {
      action();
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "was not refused";
    return Error(ErrorKind::internal, "none");
  }

  Scratch scratch;
  fs::path host = scratch / "host", volume = scratch / "folders/volume";
};

TEST_P(Mounted, IsUndoneAndNamedWhereAFolderIsRemoved) {
  mount_at(point());
  take_undone_mounts();
  remove_tree(volume);
  EXPECT_FALSE(fs::exists(volume));
  expect_host_is_whole();
  EXPECT_THAT(take_undone_mounts(), ElementsAre(point().string()));
  EXPECT_THAT(take_undone_mounts(), IsEmpty());
}

TEST_P(Mounted, IsUndoneWhereItIsInUse) {
  mount_at(point());
  const Fd used = open_file(GetParam() == What::file ? point() : point() / "precious", O_RDONLY);
  remove_tree(volume);
  EXPECT_FALSE(fs::exists(volume));
  expect_host_is_whole();
}

TEST_P(Mounted, OverTheFolderThatIsRemovedIsUndone) {
  const fs::path top = GetParam() == What::file ? volume / "folder/file" : volume;
  mount_at(top);
  mount_at(top);
  remove_tree(top);
  EXPECT_FALSE(fs::exists(top));
  expect_host_is_whole();
}

TEST_P(Mounted, GoesWithAFork) {
  const fs::path fork = scratch / "folders";
  mount_at(point());
  const Fd used = open_file(GetParam() == What::file ? point() : point() / "precious", O_RDONLY);
  discard_fork(fork);
  EXPECT_FALSE(fs::exists(fork));
  expect_host_is_whole();
  EXPECT_THAT(take_undone_mounts(), Contains(point().string()));
}

TEST_P(Mounted, InAVolumeIsNotCaptured) {
  mount_at(point());
  SnapshotStore store(scratch / "store");
  const auto error = refusal_of([&] { take(store, volume); });
  EXPECT_THAT(error.message(), HasSubstr("data/folder/" + point().filename().string()));
  EXPECT_FALSE(store.exists());
  EXPECT_THAT(refusal_of([&] { copy_tree(volume, scratch / "copy", false, a_minute()); }).message(), HasSubstr(point().string()));
  expect_host_is_whole();
}

TEST_P(Mounted, InAVolumeIsNeitherEqualNorRestored) {
  SnapshotStore store(scratch / "store");
  take(store, volume);
  mount_at(point());
  EXPECT_THAT(refusal_of([&] { store.compare({{"data", volume}}, a_minute()); }).message(), HasSubstr("data/folder/" + point().filename().string()));
  const auto error = refusal_of([&] { store.restore({{"data", volume}}, a_minute()); });
  EXPECT_EQ(error.kind(), ErrorKind::needs_operator);
  EXPECT_THAT(error.message(), HasSubstr("data/folder/" + point().filename().string()));
  expect_host_is_whole();
}

// The copy looks the same, byte for byte: what is under it is not what the snapshot is put back to.
TEST_P(Mounted, OverAVolumeIsNeitherEqualNorRestored) {
  if (GetParam() == What::file) GTEST_SKIP() << "a file cannot be mounted over a folder";
  SnapshotStore store(scratch / "store");
  take(store, volume);
  copy_tree(volume, host / "same", false, a_minute());
  if (GetParam() == What::folder_of_this_file_system) bind(host / "same", volume);
  else mount_at(volume);
  EXPECT_THAT(text(store.compare({{"data", volume}}, a_minute())), HasSubstr("mounted"));
  const auto error = refusal_of([&] { store.restore({{"data", volume}}, a_minute()); });
  EXPECT_EQ(error.kind(), ErrorKind::needs_operator);
  EXPECT_THAT(error.message(), HasSubstr("unmount " + volume.string()));
  expect_host_is_whole();
}

TEST_P(Mounted, IsNotCountedAsContent) {
  mount_at(point());
  const auto counted = take_census(volume, [](const std::string&) { return false; }, a_minute());
  for (const auto& [path, size] : counted.sizes) EXPECT_EQ(path.find("precious"), std::string::npos) << path;
  EXPECT_EQ(counted.sizes.contains("folder/covered"), GetParam() != What::file);
}

INSTANTIATE_TEST_SUITE_P(As, Mounted, ::testing::Values(What::folder_of_this_file_system, What::folder_of_another, What::file, What::tmpfs),
                         [](const auto& info) { return name_of(info.param); });

// An app binds all of the host's root, with what is mounted in it, where mounts are shared: what is undone must stay with the host.
TEST(MountedSubtree, IsUndoneHereAndNotWhereItCameFrom) {
  if (!is_root()) GTEST_SKIP() << "mounting needs root";
  Scratch scratch;
  if (const std::string why = mount_filesystem("tmpfs", scratch / "root", "1m"); !why.empty()) GTEST_SKIP() << why;
  ASSERT_EQ(::mount(nullptr, (scratch / "root").c_str(), nullptr, MS_SHARED, nullptr), 0);
  ASSERT_EQ(mount_filesystem("tmpfs", scratch / "root/proc", "1m"), "");
  write_bytes(scratch / "root/proc/precious", "precious");
  fs::create_directories(scratch / "run/all");
  ASSERT_EQ(::mount((scratch / "root").c_str(), (scratch / "run/all").c_str(), nullptr, MS_BIND | MS_REC, nullptr), 0);
  remove_tree(scratch / "run");
  EXPECT_FALSE(fs::exists(scratch / "run"));
  EXPECT_EQ(read_file_if_there(scratch / "root/proc/precious"), "precious");
  EXPECT_TRUE(is_mount_point(scratch / "root/proc"));
}

}  // namespace
}  // namespace simmer
