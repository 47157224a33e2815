// Files that matter: a write leaves the old or the new content, and what is removed is gone, however odd it was, and
// nothing beside it.
#include <gmock/gmock.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <simmer/error.hpp>

#include "scratch_folder.hpp"

namespace simmer {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uid_t nobody = 65534;

mode_t mode_of(const fs::path& path) {
  struct stat info {};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

// The Error that `action` ends with; a failed expectation when it does not.
Error error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no Error";
  return Error(ErrorKind::internal, "none");
}

// While it lives, no file of this process grows beyond `bytes`: a write fails half way, as on a full disk.
class SmallFilesOnly {
 public:
  explicit SmallFilesOnly(rlim_t bytes) {
    before_ = ::signal(SIGXFSZ, SIG_IGN);
    EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &limit_), 0);
    const rlimit small{bytes, limit_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  }
  ~SmallFilesOnly() {
    ::setrlimit(RLIMIT_FSIZE, &limit_);
    ::signal(SIGXFSZ, before_);
  }

 private:
  rlimit limit_{};
  void (*before_)(int);
};

TEST(WriteFile, ReplacesTheContentAndLeavesNothingBeside) {
  ScratchFolder scratch;
  write_file_durably(scratch / "record", "old");
  write_file_durably(scratch / "record", "new");
  EXPECT_EQ(read_file(scratch / "record"), "new");
  write_file_beside(scratch / "record", "");
  EXPECT_EQ(read_file(scratch / "record"), "");
  EXPECT_THAT(names_in(scratch.path()), ElementsAre("record"));
}

TEST(WriteFile, ThatFailsHalfWayLeavesTheOldContentAndNothingBeside) {
  ScratchFolder scratch;
  write_file_durably(scratch / "record", "old");
  for (const bool durably : {true, false}) {
    const SmallFilesOnly limit(100);
    const auto error =
        error_of([&] { (durably ? write_file_durably : write_file_beside)(scratch / "record", std::string(5000, 'n'), 0644); });
    EXPECT_THAT(error.message(), HasSubstr((scratch / "record").string()));
  }
  EXPECT_EQ(read_file(scratch / "record"), "old");
  EXPECT_THAT(names_in(scratch.path()), ElementsAre("record"));
}

TEST(WriteFile, OntoAFolderFailsAndLeavesNothingBeside) {
  ScratchFolder scratch;
  fs::create_directories(scratch / "record/inner");
  EXPECT_EQ(error_of([&] { write_file_durably(scratch / "record", "new"); }).kind(), ErrorKind::unavailable);
  EXPECT_THAT(names_in(scratch.path()), ElementsAre("record"));
}

TEST(WriteFile, IntoAFolderThatIsMissingNamesThePath) {
  ScratchFolder scratch;
  EXPECT_THAT(error_of([&] { write_file_durably(scratch / "none/record", "new"); }).message(), HasSubstr("none/record"));
}

TEST(WriteFile, OfASecretIsNeverReadableByOthersNotEvenWhileItIsWritten) {
  ScratchFolder scratch;
  const mode_t before = ::umask(0);
  write_file_durably(scratch / "secret", "s", 0600);
  ::umask(before);
  EXPECT_EQ(mode_of(scratch / "secret"), 0600u);
}

TEST(WriteFile, OntoALinkReplacesTheLinkAndNotWhatItLeadsTo) {
  ScratchFolder scratch;
  write_file_durably(scratch / "elsewhere", "precious");
  fs::create_symlink(scratch / "elsewhere", scratch / "record");
  write_file_durably(scratch / "record", "new");
  EXPECT_EQ(read_file(scratch / "elsewhere"), "precious");
  EXPECT_EQ(read_file(scratch / "record"), "new");
}

TEST(WriteFile, KilledAtAnyMomentLeavesOneOfTheContentsWhole) {
  ScratchFolder scratch;
  const std::string a(300000, 'a'), b(300000, 'b');
  write_file_beside(scratch / "record", a);
  for (int round = 0; round < 20; ++round) {
    OtherProcess writer([] { return "ready"; },
                        [&] {
                          for (int i = 0;; ++i) write_file_beside(scratch / "record", i % 2 == 0 ? b : a);
                        });
    for (int look = 0; look < 20; ++look) {
      const auto seen = read_file(scratch / "record");
      ASSERT_TRUE(seen == a || seen == b) << "half a file was seen";
    }
    writer.kill();
    const auto left = read_file(scratch / "record");
    ASSERT_TRUE(left == a || left == b) << "half a file was left";
  }
}

// In another pid namespace, or before the last boot, the same pid was somebody else's.
TEST(WriteFile, WhatADeadProcessOfTheSamePidLeftIsNotInTheWay) {
  ScratchFolder scratch;
  for (int i = 0; i < 5000; ++i) open_file(scratch / ("record.new-" + std::to_string(::getpid()) + "-" + std::to_string(i)), O_WRONLY | O_CREAT);
  write_file_durably(scratch / "record", "new");
  EXPECT_EQ(read_file(scratch / "record"), "new");
}

TEST(Errors, OfAFullDiskAreInfrastructureAndOthersAreNot) {
  EXPECT_EQ(error_of([] { throw_errno("writing", ENOSPC); }).kind(), ErrorKind::infrastructure);
  EXPECT_EQ(error_of([] { throw_errno("writing", EDQUOT); }).kind(), ErrorKind::infrastructure);
  EXPECT_EQ(error_of([] { throw_errno("writing", EACCES); }).kind(), ErrorKind::unavailable);
}

TEST(Errors, OfARealFullDiskAreInfrastructure) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full on this machine";
  ScratchFolder scratch;
  if (::mount("tmpfs", scratch.path().c_str(), "tmpfs", 0, "size=64k") != 0) GTEST_SKIP() << "may not mount";
  struct Unmount {
    const ScratchFolder& scratch;
    ~Unmount() { ::umount2(scratch.path().c_str(), MNT_DETACH); }
  } unmount{scratch};
  write_file_durably(scratch / "record", "old");
  EXPECT_EQ(error_of([&] { write_file_durably(scratch / "record", std::string(200000, 'n')); }).kind(),
            ErrorKind::infrastructure);
  EXPECT_EQ(read_file(scratch / "record"), "old");
  EXPECT_THAT(names_in(scratch.path()), ElementsAre("record"));
}

TEST(ReadFile, TellsMissingFromUnreadable) {
  ScratchFolder scratch;
  write_file_beside(scratch / "file", "text");
  EXPECT_EQ(read_file_if_there(scratch / "none"), std::nullopt);
  EXPECT_EQ(read_file_if_there(scratch / "file/below"), std::nullopt);
  EXPECT_EQ(read_file_if_there(scratch / "file"), "text");
  EXPECT_EQ(error_of([&] { read_file_if_there(scratch.path()); }).kind(), ErrorKind::unavailable);
  EXPECT_THAT(error_of([&] { read_file(scratch / "none"); }).message(), HasSubstr((scratch / "none").string()));
}

TEST(ReadFile, GivesBackEveryByte) {
  ScratchFolder scratch;
  std::string bytes;
  for (int i = 0; i < 200000; ++i) bytes += static_cast<char>(i * 7 % 256);
  write_file_beside(scratch / "file", bytes);
  EXPECT_EQ(read_file(scratch / "file"), bytes);
  EXPECT_EQ(digest_of_file(scratch / "file"), digest_of_bytes(bytes));
  EXPECT_NE(digest_of_bytes(bytes + "x"), digest_of_bytes(bytes));
  EXPECT_EQ(digest_of_bytes("").size(), 32u);
}

TEST(OpenFile, IsClosedOnExec) {
  ScratchFolder scratch;
  const Fd fd = open_file(scratch / "file", O_RDWR | O_CREAT);
  EXPECT_NE(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(MakeFolders, AreMadeWithTheirModeAndRefuseWhatElseIsThere) {
  ScratchFolder scratch;
  make_folders(scratch / "a/b/c", 0700);
  make_folders(scratch / "a/b/c", 0700);
  EXPECT_EQ(mode_of(scratch / "a/b/c"), 0700u);
  EXPECT_EQ(mode_of(scratch / "a"), 0700u);
  write_file_beside(scratch / "file", "");
  EXPECT_THAT(error_of([&] { make_folders(scratch / "file"); }).message(), HasSubstr("something else is there"));
  EXPECT_THROW(make_folders(scratch / "file/below"), Error);
}

TEST(Rename, TakesTheFileAndReplacesTheOther) {
  ScratchFolder scratch;
  write_file_beside(scratch / "one", "1");
  write_file_beside(scratch / "two", "2");
  make_folders(scratch / "folder");
  rename_durably(scratch / "one", scratch / "two");
  rename_durably(scratch / "two", scratch / "folder/three");
  EXPECT_EQ(read_file(scratch / "folder/three"), "1");
  EXPECT_THAT(names_in(scratch.path()), ElementsAre("folder"));
  EXPECT_THAT(error_of([&] { rename_durably(scratch / "none", scratch / "two"); }).message(), HasSubstr("none"));
}

TEST(Remove, OfWhatIsNotThereIsFine) {
  ScratchFolder scratch;
  write_file_beside(scratch / "file", "");
  remove_tree(scratch / "none");
  remove_tree(scratch / "file/below");
  remove_durably(scratch / "none");
  remove_durably(scratch / "file");
  EXPECT_THAT(names_in(scratch.path()), IsEmpty());
}

TEST(RemoveTree, TakesFilesLinksPipesAndHiddenOnes) {
  ScratchFolder scratch;
  make_folders(scratch / "tree/inner");
  write_file_beside(scratch / "tree/.hidden", "");
  write_file_beside(scratch / "tree/inner/new\nline \xff", "");
  fs::create_symlink("nowhere", scratch / "tree/dangling");
  fs::create_symlink("loop", scratch / "tree/loop");
  ASSERT_EQ(::mkfifo((scratch / "tree/pipe").c_str(), 0600), 0);
  fs::create_hard_link(scratch / "tree/.hidden", scratch / "tree/again");
  remove_tree(scratch / "tree");
  EXPECT_THAT(names_in(scratch.path()), IsEmpty());
}

TEST(RemoveTree, DoesNotFollowLinks) {
  ScratchFolder scratch;
  make_folders(scratch / "precious");
  write_file_beside(scratch / "precious/data", "data");
  make_folders(scratch / "tree");
  fs::create_directory_symlink(scratch / "precious", scratch / "tree/link");
  remove_tree(scratch / "tree");
  fs::create_directory_symlink(scratch / "precious", scratch / "link");
  remove_tree(scratch / "link");
  EXPECT_EQ(read_file(scratch / "precious/data"), "data");
  EXPECT_THAT(names_in(scratch.path()), ElementsAre("precious"));
}

TEST(RemoveTree, TakesFoldersThatNobodyMayEnterOrChange) {
  ScratchFolder scratch;
  ::chmod(scratch.path().c_str(), 0777);
  OtherProcess other([&]() -> std::string {
    if (::geteuid() == 0 && (::setgroups(0, nullptr) != 0 || ::setgid(nobody) != 0 || ::setuid(nobody) != 0))
      return "no way to drop root";
    for (const mode_t mode : {0000, 0100, 0300, 0400, 0500, 0700}) {
      const fs::path folder = scratch / "tree" / std::to_string(mode);
      make_folders(folder / "inner/deep");
      write_file_beside(folder / "inner/file", "");
      ::chmod((folder / "inner/file").c_str(), 0);
      ::chmod((folder / "inner").c_str(), mode);
      ::chmod(folder.c_str(), mode);
    }
    try {
      remove_tree(scratch / "tree");
    } catch (const Error& error) {
      return error.what();
    }
    return "removed";
  });
  EXPECT_EQ(other.said(), "removed");
  EXPECT_THAT(names_in(scratch.path()), IsEmpty());
}

TEST(RemoveTree, UndoesWhatIsMountedInIt) {
  ScratchFolder scratch;
  make_folders(scratch / "tree/mounted");
  if (::mount("tmpfs", (scratch / "tree/mounted").c_str(), "tmpfs", 0, "size=64k") != 0) GTEST_SKIP() << "may not mount";
  write_file_beside(scratch / "tree/mounted/data", "data");
  const Fd inside = open_file(scratch / "tree/mounted", O_RDONLY | O_DIRECTORY);
  remove_tree(scratch / "tree");
  EXPECT_EQ(::faccessat(inside.get(), "data", F_OK, 0), 0) << "removed through the mount";
  EXPECT_THAT(names_in(scratch.path()), IsEmpty());
}

// A recipe's service can make such a tree in its volume; the run must still leave nothing (promise P4).
TEST(RemoveTree, TakesATreeThatIsDeeperThanDescriptorsReach) {
  ScratchFolder scratch;
  make_folders(scratch / "tree");
  Fd at = open_file(scratch / "tree", O_RDONLY | O_DIRECTORY);
  for (int depth = 0; depth < 1500; ++depth) {
    ASSERT_EQ(::mkdirat(at.get(), "d", 0755), 0);
    at = Fd(::openat(at.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  at.reset();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{256, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  std::string said = "removed";
  try {
    remove_tree(scratch / "tree");
  } catch (const Error& error) {
    said = error.message().substr(0, 40) + "… " + error.message().substr(error.message().size() - 25);
  }
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(said, "removed");
  EXPECT_FALSE(fs::exists(scratch / "tree"));
}

TEST(FreeSpace, IsAskedOfTheNearestFolderThatIsThere) {
  ScratchFolder scratch;
  EXPECT_GT(free_bytes(scratch / "none/below"), 0u);
}

}  // namespace
}  // namespace simmer
