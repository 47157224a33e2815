// The store's promises: one committed snapshot at any time, never changed in place, exact when it comes back.
#include <gtest/gtest.h>

#include <atomic>
#include <simmer/error.hpp>
#include <thread>

#include "test_tree.hpp"

namespace simmer {
namespace {

using namespace test;

class Store : public ::testing::Test {
 protected:
  Store() : volume(scratch / "volume"), store(scratch / "snapshot") {
    fs::create_directories(volume / "folder/empty");
    write_bytes(volume / "folder/file", "content");
    write_bytes(volume / "big", some_bytes(300000));
  }
  ErrorKind kind_of_failure(const std::function<void()>& action) {
    try {
      action();
    } catch (const Error& error) {
      message = error.what();
      return error.kind();
    }
    ADD_FAILURE() << "no error was thrown";
    return ErrorKind::internal;
  }
  Scratch scratch;
  fs::path volume;
  SnapshotStore store;
  std::string message;
};

TEST_F(Store, HasNothingBeforeTheFirstCommit) {
  EXPECT_FALSE(store.exists());
  EXPECT_FALSE(store.check().empty());
  const SnapshotMeta meta = store.prepare({}, {{"data", volume}}, a_minute());
  EXPECT_FALSE(store.exists());
  store.commit(meta);
  EXPECT_TRUE(store.exists());
  EXPECT_EQ(text(store.check()), "");
  EXPECT_EQ(text(store.verify(a_minute())), "");
}

TEST_F(Store, KeepsWhatTheCallerSays) {
  SnapshotMeta about;
  about.app = "keycloak";
  about.recipe = "keycloak";
  about.version = "10.7.1+26.6.2";
  about.commit = "c0ffee";
  about.run_id = "r1";
  about.nonce = "abc";
  about.taken_at = "2026-11-23T23:10:00Z";
  about.strategy = "raw-volumes";
  about.digests = {{"app", "sha256:1"}};
  about.env_file = "env.r1";
  fs::create_directories(store.folder());
  write_bytes(store.folder() / "env.r1", "A=1");
  store.commit(store.prepare(about, {{"data", volume}, {"more", volume / "folder"}}, a_minute()));
  store.drop_unreferenced();
  const SnapshotMeta meta = store.meta();
  EXPECT_EQ(meta.app, about.app);
  EXPECT_EQ(meta.version, about.version);
  EXPECT_EQ(meta.commit, about.commit);
  EXPECT_EQ(meta.nonce, about.nonce);
  EXPECT_EQ(meta.taken_at, about.taken_at);
  EXPECT_EQ(meta.digests, about.digests);
  EXPECT_EQ(meta.env_file, "env.r1");
  EXPECT_EQ(meta.volumes, (std::vector<std::string>{"data", "more"}));
  EXPECT_EQ(meta.entries, 8u);
  EXPECT_EQ(meta.bytes, 300000u + 7 + 7);
  EXPECT_EQ(read_file(store.folder() / "env.r1"), "A=1");
}

TEST_F(Store, ASecondSnapshotLeavesTheFirstAloneUntilItIsCommitted) {
  take(store, volume, "1");
  const Image before = image_of(store.folder());
  write_bytes(volume / "folder/file", "other");
  SnapshotMeta about;
  about.version = "2";
  const SnapshotMeta second = store.prepare(about, {{"data", volume}}, a_minute());
  Image during = image_of(store.folder());
  for (const auto& [path, words] : before) {
    if (path.empty() || path == "volumes") continue;  // the folders have gained files
    EXPECT_EQ(during[path], words) << path;
  }
  EXPECT_EQ(store.meta().version, "1");
  EXPECT_EQ(second.segments.front().file, "data.1.tar");
  store.commit(second);
  store.drop_unreferenced();
  EXPECT_EQ(store.meta().version, "2");
  EXPECT_EQ(text(store.verify(a_minute())), "");
  EXPECT_EQ(files_below(store.folder() / "volumes"), std::vector<std::string>{"data.1.tar"});
  take(store, volume, "3");
  EXPECT_EQ(files_below(store.folder() / "volumes"), std::vector<std::string>{"data.tar"});
}

TEST_F(Store, AnUncommittedAttemptIsRubbish) {
  take(store, volume, "1");
  const Image before = image_of(store.folder());
  store.prepare({}, {{"data", volume}}, a_minute());
  write_bytes(store.folder() / "env.dead", "x");
  write_bytes(store.folder() / "meta.json.new-1-0", "x");
  fs::create_directory(store.folder() / "strange");
  store.drop_unreferenced();
  const Image after = image_of(store.folder());
  for (const auto& [path, words] : before) EXPECT_TRUE(after.count(path)) << path;
  EXPECT_EQ(after.size(), before.size());
  EXPECT_EQ(text(store.verify(a_minute())), "");
}

TEST_F(Store, PrepareClearsAwayADeadAttemptButNotTheCallersFiles) {
  store.prepare({}, {{"data", volume}}, a_minute());  // its run died here
  write_bytes(store.folder() / "env.r2", "A=1");
  const SnapshotMeta meta = store.prepare({}, {{"data", volume}}, a_minute());
  EXPECT_EQ(meta.segments.front().file, "data.tar") << "a first snapshot has the plain name";
  EXPECT_TRUE(fs::exists(store.folder() / "env.r2"));
}

TEST_F(Store, WithoutACommitEverythingIsRubbish) {
  store.prepare({}, {{"data", volume}}, a_minute());
  store.drop_unreferenced();
  EXPECT_TRUE(fs::is_empty(store.folder()));
  store.drop_unreferenced();
}

TEST_F(Store, ACommitWhoseFilesAreNotThereIsRefused) {
  take(store, volume, "1");
  SnapshotMeta about;
  about.secrets_file = "secrets.r1";
  const SnapshotMeta meta = store.prepare(about, {{"data", volume}}, a_minute());
  EXPECT_EQ(kind_of_failure([&] { store.commit(meta); }), ErrorKind::needs_operator);
  EXPECT_NE(message.find("secrets.r1"), std::string::npos) << message;
  EXPECT_EQ(store.meta().version, "1");
}

TEST_F(Store, VolumesWhoseNamesLookLikeSegmentsDoNotCollide) {
  const std::map<std::string, fs::path> volumes = {{"a", volume}, {"a.1", volume / "folder"}};
  for (int i = 0; i < 4; ++i) {
    store.commit(store.prepare({}, volumes, a_minute()));
    store.drop_unreferenced();
    ASSERT_EQ(text(store.verify(a_minute())), "");
    ASSERT_EQ(text(store.compare(volumes, a_minute())), "");
  }
  EXPECT_EQ(kind_of_failure([&] { store.prepare({}, {{"../a", volume}}, a_minute()); }), ErrorKind::internal);
}

TEST_F(Store, AnEmptyVolumeAndNoVolumeAtAll) {
  fs::create_directory(scratch / "empty");
  store.commit(store.prepare({}, {{"empty", scratch / "empty"}}, a_minute()));
  EXPECT_EQ(text(store.verify(a_minute())), "");
  write_bytes(scratch / "empty/extra", "x");
  EXPECT_EQ(store.restore({{"empty", scratch / "empty"}}, a_minute()).removed, 1u);
  store.commit(store.prepare({}, {}, a_minute()));
  EXPECT_EQ(text(store.verify(a_minute())), "");
  EXPECT_TRUE(store.meta().volumes.empty());
}

TEST_F(Store, RestoreTouchesOnlyWhatDiffers) {
  take(store, volume);
  const Image before = image_of(volume);
  struct stat untouched, now;
  ::lstat((volume / "folder/file").c_str(), &untouched);
  write_at(volume / "big", 70000, "DAMAGE");
  const RestoreReport report = store.restore({{"data", volume}}, a_minute());
  EXPECT_EQ(report.bytes_written, 65536u) << "one chunk";
  EXPECT_EQ(report.changed, 1u);
  EXPECT_EQ(report.removed, 0u);
  EXPECT_EQ(report.entries, 5u);
  EXPECT_EQ(differences(image_of(volume), before), "");
  ::lstat((volume / "folder/file").c_str(), &now);
  EXPECT_EQ(untouched.st_ctim.tv_nsec, now.st_ctim.tv_nsec);
  EXPECT_EQ(untouched.st_ino, now.st_ino);
}

TEST_F(Store, RestoreMakesAMissingVolume) {
  take(store, volume);
  store.restore({{"data", scratch / "deep/er/volume"}}, a_minute());
  EXPECT_EQ(differences(image_of(scratch / "deep/er/volume"), image_of(volume)), "");
}

TEST_F(Store, RestoreNeverWritesThroughALink) {
  take(store, volume);
  const Image before = image_of(volume);
  fs::create_directories(scratch / "outside/empty");
  write_bytes(scratch / "outside/file", "do not touch");
  const Image outside = image_of(scratch / "outside");
  fs::remove_all(volume / "folder");
  fs::create_symlink(scratch / "outside", volume / "folder");
  fs::remove(volume / "big");
  fs::create_symlink(scratch / "outside/file", volume / "big");
  store.restore({{"data", volume}}, a_minute());
  EXPECT_EQ(differences(image_of(volume), before), "");
  EXPECT_EQ(differences(image_of(scratch / "outside"), outside), "");
  fs::rename(volume, scratch / "moved");
  fs::create_symlink(scratch / "moved", volume);
  kind_of_failure([&] { store.restore({{"data", volume}}, a_minute()); });
  kind_of_failure([&] { store.prepare({}, {{"data", volume}}, a_minute()); });
}

TEST_F(Store, RestoreDoesNotWriteIntoAFileThatAHardLinkOutsideShares) {
  take(store, volume);
  fs::create_hard_link(volume / "folder/file", scratch / "outside");
  write_bytes(scratch / "outside", "changed through the other name");
  store.restore({{"data", volume}}, a_minute());
  EXPECT_EQ(read_file(volume / "folder/file"), "content");
  EXPECT_EQ(read_file(scratch / "outside"), "changed through the other name");
}

TEST_F(Store, CompareNamesWhatDiffersAndStopsWhenEnough) {
  take(store, volume);
  write_bytes(volume / "a\nb", "x");
  write_at(volume / "big", 5, "!");
  fs::permissions(volume / "folder/file", fs::perms::owner_read);
  fs::remove(volume / "folder/empty");
  const std::string found = text(store.compare({{"data", volume}}, a_minute()));
  EXPECT_NE(found.find("data/a\\x0ab: extra\n"), std::string::npos) << found;
  EXPECT_NE(found.find("data/big: content differs\n"), std::string::npos) << found;
  EXPECT_NE(found.find("data/folder/file: mode 0400, expected 0644\n"), std::string::npos) << found;
  EXPECT_NE(found.find("data/folder/empty: missing\n"), std::string::npos) << found;
  EXPECT_EQ(store.compare({{"data", volume}}, a_minute(), 2).size(), 2u);
  EXPECT_EQ(store.compare({{"data", scratch / "nowhere"}}, a_minute()).front().what, "missing");
  EXPECT_EQ(store.compare({{"other", volume}}, a_minute()).front().what, "not in the snapshot");
}

TEST_F(Store, ExportIsWhatAFirstSnapshotWouldBe) {
  take(store, volume);
  const std::string first = read_file(store.folder() / "volumes/data.tar");
  take(store, volume);
  store.export_to(scratch / "export", a_minute());
  EXPECT_EQ(read_file(scratch / "export/data.tar"), first);
  EXPECT_EQ(kind_of_failure([&] { store.export_to(scratch / "export", a_minute()); }), ErrorKind::usage);
}

TEST_F(Store, AFileThatChangesWhileItIsReadAbortsTheSnapshot) {
  take(store, volume);
  const std::vector<std::string> before = files_below(store.folder());
  write_bytes(volume / "big", some_bytes(32 << 20));
  std::atomic<bool> done = false;
  std::thread writer([&] {
    while (!done) write_at(volume / "big", 5, "!");
  });
  kind_of_failure([&] { store.prepare({}, {{"data", volume}}, a_minute()); });
  done = true;
  writer.join();
  EXPECT_NE(message.find("data/big changed while it was being read"), std::string::npos) << message;
  EXPECT_EQ(files_below(store.folder()), before);
  EXPECT_EQ(text(store.verify(a_minute())), "");
}

TEST_F(Store, StopsWhenToldTo) {
  take(store, volume);
  const std::vector<std::string> before = files_below(store.folder());
  std::stop_source stop;
  stop.request_stop();
  const Limit stopped = Limit::in(std::chrono::minutes(1), stop.get_token()), passed = Limit::in(milliseconds(0));
  EXPECT_EQ(kind_of_failure([&] { store.prepare({}, {{"data", volume}}, stopped); }), ErrorKind::interrupted);
  EXPECT_EQ(kind_of_failure([&] { store.prepare({}, {{"data", volume}}, passed); }), ErrorKind::unavailable);
  EXPECT_EQ(kind_of_failure([&] { store.restore({{"data", volume}}, stopped); }), ErrorKind::interrupted);
  EXPECT_EQ(kind_of_failure([&] { store.verify(stopped); }), ErrorKind::interrupted);
  EXPECT_EQ(kind_of_failure([&] { store.compare({{"data", volume}}, stopped); }), ErrorKind::interrupted);
  EXPECT_EQ(files_below(store.folder()), before);
}

TEST_F(Store, AFileSystemMountedInsideAVolumeIsRefused) {
  take(store, volume);
  if (const std::string why = mount_filesystem("tmpfs", volume / "folder/empty", "1m"); !why.empty()) GTEST_SKIP() << why;
  kind_of_failure([&] { store.prepare({}, {{"data", volume}}, a_minute()); });
  EXPECT_NE(message.find("data/folder/empty"), std::string::npos) << message;
  EXPECT_EQ(kind_of_failure([&] { store.restore({{"data", volume}}, a_minute()); }), ErrorKind::needs_operator);
  EXPECT_NE(message.find("mounted"), std::string::npos) << message;
}

TEST_F(Store, ManyFilesInOneFolder) {
  fs::create_directory(volume / "many");
  for (int i = 0; i < 4000; ++i) write_bytes(volume / "many" / std::to_string(i), std::to_string(i));
  take(store, volume);
  EXPECT_EQ(store.meta().entries, 5u + 4001);
  for (int i = 0; i < 4000; i += 3) write_bytes(volume / "many" / std::to_string(i), "x");
  EXPECT_EQ(store.restore({{"data", volume}}, a_minute()).changed, 1334u);
  EXPECT_EQ(text(store.compare({{"data", volume}}, a_minute())), "");
}

}  // namespace
}  // namespace simmer
