// A damaged snapshot is found, named, and never put into a volume; a full disk costs the new snapshot, not the old one.
#include <gtest/gtest.h>
#include <unistd.h>

#include <random>
#include <simmer/error.hpp>
#include <unit/base/rounds.hpp>

#include "test_tree.hpp"

namespace simmer {
namespace {

using namespace test;

class Damage : public ::testing::Test {
 protected:
  Damage() : volume(scratch / "volume"), store(scratch / "snapshot") {
    fs::create_directories(volume / "folder");
    for (int i = 0; i < 10; ++i)
      write_bytes(volume / "folder" / std::to_string(i), some_bytes(100u + 2000u * static_cast<unsigned>(i)));
    write_bytes(volume / "big", some_bytes(150000));
    set_xattr(volume / "big", "user.a", "b");
    meta = take(store, volume);
    segment = store.folder() / "volumes/data.tar";
  }
  void flip(const fs::path& file, std::uint64_t at) {
    std::string byte = read_file(file).substr(at, 1);
    byte[0] = static_cast<char>(byte[0] ^ (1 << (at % 8)));
    write_at(file, at, byte);
  }
  Scratch scratch;
  fs::path volume, segment;
  SnapshotStore store;
  SnapshotMeta meta;
};

TEST_F(Damage, EveryFlippedBitOfASegmentIsFound) {
  const std::uint64_t size = fs::file_size(segment);
  std::mt19937 random(1);
  for (int i = 0; i < rounds(400); ++i) {
    const std::uint64_t at = i < rounds(100) ? size * static_cast<unsigned>(i) / rounds(100) : random() % size;
    flip(segment, at);
    ASSERT_FALSE(store.verify(a_minute()).empty()) << "at byte " << at;
    flip(segment, at);
  }
  EXPECT_EQ(text(store.verify(a_minute())), "");
}

TEST_F(Damage, NamesTheFileThatIsDamaged) {
  const std::uint64_t at = read_file(segment).find(some_bytes(150000).substr(70000, 100));
  ASSERT_NE(at, std::string::npos);
  flip(segment, at);
  EXPECT_EQ(text(store.verify(a_minute())), "data/big: its data is damaged\n");
}

TEST_F(Damage, ATruncatedOrLongerOrMissingSegmentIsFound) {
  const std::string whole = read_file(segment);
  for (std::size_t size = 0; size < whole.size(); size += 997) {
    fs::resize_file(segment, size);
    ASSERT_FALSE(store.check().empty()) << size;
    ASSERT_FALSE(store.verify(a_minute()).empty()) << size;
    ASSERT_THROW(store.restore({{"data", volume}}, a_minute()), Error);
    write_bytes(segment, whole);
  }
  write_bytes(segment, whole + "x");
  EXPECT_FALSE(store.check().empty());
  fs::remove(segment);
  EXPECT_FALSE(store.check().empty());
  EXPECT_FALSE(store.verify(a_minute()).empty());
}

TEST_F(Damage, EveryDamagedManifestIsFound) {
  const fs::path manifest = store.folder() / meta.manifest;
  const std::string whole = read_file(manifest);
  for (std::uint64_t at = 0; at < whole.size(); at += 7) {
    flip(manifest, at);
    ASSERT_FALSE(store.check().empty()) << at;
    ASSERT_THROW(store.restore({{"data", volume}}, a_minute()), Error);
    flip(manifest, at);
  }
  for (std::uint64_t size = 0; size < whole.size(); size += 13) {
    write_bytes(manifest, whole.substr(0, size));
    ASSERT_FALSE(store.verify(a_minute()).empty()) << size;
  }
  fs::remove(manifest);
  EXPECT_FALSE(store.verify(a_minute()).empty());
}

// Even a manifest whose digest was forged to match is read with care.
TEST_F(Damage, AManifestThatMakesNoSenseIsAnErrorAndNoCrash) {
  const std::string whole = read_file(store.folder() / meta.manifest);
  std::mt19937 random(2);
  for (int i = 0; i < 200; ++i) {
    std::string forged = whole;
    for (int k = 0; k < 3; ++k) forged[random() % forged.size()] = static_cast<char>(random());
    if (i % 5 == 0) forged.resize(random() % forged.size());
    SnapshotMeta lie = meta;
    lie.manifest_digest = digest_of_bytes(forged);
    lie.manifest = "manifest." + lie.manifest_digest;
    write_bytes(store.folder() / lie.manifest, forged);
    store.commit(lie);
    try {
      store.verify(a_minute());
      store.restore({{"data", scratch / "elsewhere"}}, a_minute());
    } catch (const Error&) {
    }
    fs::remove(store.folder() / lie.manifest);
  }
}

TEST_F(Damage, EveryFlippedBitOfMetaIsFoundOrMeansNothing) {
  const fs::path path = store.folder() / "meta.json";
  const std::uint64_t size = fs::file_size(path);
  for (std::uint64_t at = 0; at < size; ++at) {
    flip(path, at);
    try {
      const SnapshotMeta read = store.meta();
      ASSERT_EQ(read.version, meta.version);
      ASSERT_EQ(read.manifest_digest, meta.manifest_digest);
    } catch (const Error& error) {
      ASSERT_EQ(error.kind(), ErrorKind::needs_operator);
      ASSERT_THROW(store.exists(), Error);
      ASSERT_THROW(store.drop_unreferenced(), Error);
      ASSERT_THROW(store.prepare({}, {{"data", volume}}, a_minute()), Error);
    }
    flip(path, at);
  }
  EXPECT_EQ(text(store.verify(a_minute())), "");
}

TEST_F(Damage, ADamagedChunkIsNeverWrittenIntoAVolume) {
  write_at(volume / "big", 70000, "DAMAGE");
  const std::string found = read_file(volume / "big");
  const std::uint64_t at = read_file(segment).find(some_bytes(150000).substr(70100, 100));
  flip(segment, at);
  try {
    store.restore({{"data", volume}}, a_minute());
    FAIL() << "restored from a damaged snapshot";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::needs_operator);
    EXPECT_NE(std::string(error.what()).find("data/big"), std::string::npos) << error.what();
  }
  EXPECT_EQ(read_file(volume / "big"), found);
  EXPECT_THROW(store.export_to(scratch / "export", a_minute()), Error);
  EXPECT_TRUE(fs::is_empty(scratch / "export"));
}

class FullDisk : public Damage {
 protected:
  std::string fill(const std::string& options) {
    const std::string why = mount_filesystem("tmpfs", scratch / "small", "8m", options);
    if (!why.empty()) return why;
    small = SnapshotStore(scratch / "small/snapshot");
    write_bytes(volume / "big", some_bytes(2 << 20));
    take(small, volume, "old");
    before = image_of(small.folder());
    return "";
  }
  void expect_the_old_one() {
    EXPECT_EQ(small.meta().version, "old");
    EXPECT_EQ(text(small.verify(a_minute())), "");
    const Image now = image_of(small.folder());
    for (const auto& [path, words] : before) EXPECT_TRUE(now.count(path)) << path;
    EXPECT_EQ(now.size(), before.size()) << "nothing of the failed attempt is left";
  }
  SnapshotStore small{""};
  Image before;
};

TEST_F(FullDisk, IsRefusedBeforeAnythingIsWritten) {
  if (const std::string why = fill(""); !why.empty()) GTEST_SKIP() << why;
  write_bytes(volume / "big", some_bytes(6 << 20));
  try {
    small.prepare({}, {{"data", volume}}, a_minute());
    FAIL() << "that cannot fit";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::infrastructure);
    EXPECT_NE(error.message().find("no space for a snapshot"), std::string::npos) << error.message();
  }
  expect_the_old_one();
}

TEST_F(FullDisk, HalfWayLeavesNothingBehind) {
  // root, snapshot, volumes, meta.json, manifest, segment; then the new manifest and one segment of two
  if (const std::string why = fill("nr_inodes=9"); !why.empty()) GTEST_SKIP() << why;
  try {
    small.prepare({}, {{"data", volume}, {"more", volume / "folder"}, {"most", volume / "folder"}}, a_minute());
    FAIL() << "there were not enough inodes";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::infrastructure) << error.what();
  }
  expect_the_old_one();
}

TEST_F(FullDisk, DuringARestoreIsAnErrorAndTheRestoreCanBeRunAgain) {
  if (const std::string why = mount_filesystem("tmpfs", scratch / "small", "100k"); !why.empty()) GTEST_SKIP() << why;
  try {
    store.restore({{"data", scratch / "small/volume"}}, a_minute());
    FAIL() << "that cannot fit";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::infrastructure);
  }
  run({"mount", "-o", "remount,size=4m", (scratch / "small").string()});
  store.restore({{"data", scratch / "small/volume"}}, a_minute());
  EXPECT_EQ(differences(image_of(scratch / "small/volume"), image_of(volume)), "");
}

}  // namespace
}  // namespace simmer
