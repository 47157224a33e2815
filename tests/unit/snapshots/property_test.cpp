// Over random trees: whatever was snapshotted comes back, whatever happened to it, and by tar alone too.
#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <clocale>

#include <unit/base/rounds.hpp>

#include "random_tree.hpp"
#include "test_tree.hpp"

namespace simmer {
namespace {

using namespace test;

// Most trees grow in memory, where a flush costs nothing; one part lies on the disk that tests use.
struct Part {
  unsigned number;
  int trees;
  bool on_disk;
};
void PrintTo(const Part& part, std::ostream* to) { *to << part.trees << " trees " << (part.on_disk ? "on disk" : "in memory"); }

// Paths as libarchive reads them from the segment.
std::vector<std::string> listed_by_libarchive(const fs::path& tar) {
  std::vector<std::string> paths;
  archive* reader = archive_read_new();
  archive_read_support_format_tar(reader);
  if (archive_read_open_filename(reader, tar.c_str(), 65536) != ARCHIVE_OK)
    throw std::runtime_error(archive_error_string(reader));
  archive_entry* entry;
  int result;
  while ((result = archive_read_next_header(reader, &entry)) == ARCHIVE_OK || result == ARCHIVE_WARN) {
    std::string path = archive_entry_pathname(entry);
    while (path.size() > 2 && path.back() == '/') path.pop_back();
    paths.push_back(path == "./" ? "" : path.substr(2));
    if (archive_read_data_skip(reader) != ARCHIVE_OK) throw std::runtime_error(archive_error_string(reader));
  }
  if (result != ARCHIVE_EOF) throw std::runtime_error(archive_error_string(reader));
  archive_read_free(reader);
  std::sort(paths.begin(), paths.end());
  return paths;
}

class RandomTrees : public ::testing::TestWithParam<Part> {};

TEST_P(RandomTrees, ComeBackExactly) {
  std::setlocale(LC_ALL, "C.UTF-8");
  const std::uint64_t seed = seed_of_this_run();
  const Part part = GetParam();
  const fs::path parent = !part.on_disk && ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "";
  for (unsigned i = 0; i < static_cast<unsigned>(part.trees); ++i) {
    SCOPED_TRACE("tree " + std::to_string(i) + " of part " + std::to_string(part.number) +
                 ", SIMMER_TEST_SEED=" + std::to_string(seed));
    Random random(seed + part.number * 1000 + i);
    const Scratch scratch(parent);
    const fs::path volume = scratch / "volume";
    grow_tree(volume, random, 25);
    SnapshotStore store(scratch / "snapshot");
    const SnapshotMeta meta = take(store, volume);
    const Image before = image_of(volume);
    ASSERT_EQ(meta.entries, before.size());
    ASSERT_EQ(text(store.compare({{"data", volume}}, a_minute())), "");

    damage_tree(volume, random, 8);
    const bool is_damaged = image_of(volume, {.holes = false}) != [&] {
      Image plain = before;  // compare() speaks of what can be read, not of how it is allocated
      for (auto& [path, words] : plain) words = words.substr(0, words.find(" data"));
      return plain;
    }();
    ASSERT_EQ(!store.compare({{"data", volume}}, a_minute()).empty(), is_damaged) << differences(image_of(volume), before);
    store.restore({{"data", volume}}, a_minute());
    ASSERT_EQ(differences(image_of(volume), before), "");
    ASSERT_EQ(text(store.compare({{"data", volume}}, a_minute())), "");
    const RestoreReport again = store.restore({{"data", volume}}, a_minute());
    ASSERT_EQ(again.changed + again.removed + again.bytes_written, 0u);

    store.restore({{"data", scratch / "elsewhere"}}, a_minute());
    ASSERT_EQ(differences(image_of(scratch / "elsewhere"), before), "");
    if (i % 10 != 0) continue;
    const fs::path segment = scratch / "snapshot/volumes/data.tar";
    Image without_sockets;
    std::vector<std::string> paths;
    for (const auto& [path, words] : image_of(volume, {.sockets = false})) paths.push_back(path);
    ASSERT_EQ(listed_by_libarchive(segment), paths);
    if (!is_root()) continue;
    extract_with_tar(segment, scratch / "by-tar");
    ASSERT_EQ(differences(image_of(scratch / "by-tar"), image_of(volume, {.sockets = false})), "");
  }
}

INSTANTIATE_TEST_SUITE_P(Parts, RandomTrees,
                         ::testing::Values(Part{0, rounds(100), true}, Part{1, rounds(300), false}, Part{2, rounds(300), false}, Part{3, rounds(300), false}),
                         [](const auto& part) {
                           return std::to_string(part.param.number) + (part.param.on_disk ? "OnDisk" : "InMemory");
                         });

}  // namespace
}  // namespace simmer
