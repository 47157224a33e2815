// Copies are exact; of a folder that is in use they are as exact as can be, and never fail for what vanished.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <simmer/error.hpp>
#include <snapshots/copy.hpp>
#include <thread>

#include "random_tree.hpp"
#include "test_tree.hpp"

namespace simmer {
namespace {

using namespace test;

TEST(CopyTree, IsExact) {
  for (unsigned i = 0; i < 60; ++i) {
    SCOPED_TRACE("tree " + std::to_string(i) + ", SIMMER_TEST_SEED=" + std::to_string(seed_of_this_run()));
    Random random(seed_of_this_run() + 9000 + i);
    const Scratch scratch;
    grow_tree(scratch / "from", random, 30);
    const Image before = image_of(scratch / "from");
    copy_tree(scratch / "from", scratch / "new/to", i % 2 == 0, a_minute());
    ASSERT_EQ(differences(image_of(scratch / "new/to"), before), "");
    ASSERT_EQ(differences(image_of(scratch / "from"), before), "");
  }
}

TEST(CopyTree, NeedsANewFolder) {
  const Scratch scratch;
  fs::create_directory(scratch / "from");
  fs::create_directory(scratch / "to");
  EXPECT_THROW(copy_tree(scratch / "from", scratch / "to", false, a_minute()), Error);
  EXPECT_THROW(copy_tree(scratch / "nowhere", scratch / "new", false, a_minute()), Error);
}

TEST(CopyTree, OfAFolderInUseSkipsWhatVanishes) {
  const Scratch scratch;
  const fs::path from = scratch / "from";
  fs::create_directory(from);
  write_bytes(from / "stays", "content");
  std::atomic<bool> done = false;
  std::thread app([&] {
    for (unsigned i = 0; !done; i = (i + 1) % 50) {
      const fs::path path = from / ("folder" + std::to_string(i));
      fs::create_directory(path);
      write_bytes(path / "file", some_bytes(5000));
      write_bytes(from / ("file" + std::to_string(i)), some_bytes(i * 100));
      fs::remove_all(from / ("folder" + std::to_string((i + 25) % 50)));
      fs::remove(from / ("file" + std::to_string((i + 25) % 50)));
    }
  });
  try {
    for (int i = 0; i < 30; ++i) {
      const fs::path to = scratch / ("to" + std::to_string(i));
      copy_tree(from, to, true, a_minute());
      EXPECT_EQ(read_file(to / "stays"), "content");
    }
  } catch (const Error& error) {
    ADD_FAILURE() << error.what();
  }
  done = true;
  app.join();
}

}  // namespace
}  // namespace simmer
