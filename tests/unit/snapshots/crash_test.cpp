// P1 and P6 under SIGKILL: a child works, is killed at a random moment, and what it leaves must be whole.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ctime>

#include <unit/base/rounds.hpp>

#include "random_tree.hpp"
#include "test_tree.hpp"

namespace simmer {
namespace {

using namespace test;

// Runs `work` in a child; kills it after `patience`, unless it ended by then. True when it was killed.
bool run_and_kill(std::chrono::microseconds patience, const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      work();
    } catch (...) {
      ::_exit(1);
    }
    ::_exit(0);
  }
  const timespec time = {0, static_cast<long>(patience.count()) * 1000};
  ::nanosleep(&time, nullptr);  // the moment is the point of the test, not an event
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) != 0) << "the child failed by itself";
  return WIFSIGNALED(status);
}

template <class Work>
std::chrono::microseconds duration_of(const Work& work) {
  const auto begin = Clock::now();
  work();
  return std::min(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin), std::chrono::microseconds(400000));
}

class Killed : public ::testing::Test {
 protected:
  Killed() : random(seed_of_this_run()), store(scratch / "snapshot") {
    for (const std::string version : {"a", "b"}) {
      const fs::path volume = scratch / version;
      grow_tree(volume, random, 60);
      for (int i = 0; i < 30; ++i)
        write_bytes(volume / ("file" + std::to_string(i)), version + some_bytes(20000, static_cast<unsigned>(i)));
    }
  }
  void replace(const std::string& version) {
    SnapshotMeta about;
    about.version = version;
    about.env_file = "env." + version + std::to_string(::getpid());
    write_file_durably(store.folder() / about.env_file, "VERSION=" + version, 0600);
    store.commit(store.prepare(about, {{"data", scratch / version}}, a_minute()));
    store.drop_unreferenced();
  }
  // Kills `work` at a random moment of `whole`, as long as it takes. How long that is depends on what else the machine does: a kill that
  // comes too late makes it less, one that does not makes it a little more, so that four of five come in time.
  bool killed_within(std::chrono::microseconds& whole, const std::function<void()>& work) {
    const auto moment = std::chrono::microseconds(random() % static_cast<std::uint64_t>(whole.count() + 1));
    const bool killed = run_and_kill(moment, work);
    whole = killed ? std::min(whole + whole / 40, std::chrono::microseconds(400000)) : whole - whole / 10;
    return killed;
  }
  Scratch scratch;
  Random random;
  SnapshotStore store;
};

TEST_F(Killed, WhileReplacingASnapshotTheOldOrTheNewOneIsThereWhole) {
  fs::create_directories(store.folder());
  replace("a");
  auto whole = duration_of([&] { replace("b"); });
  int killed = 0, old_ones = 0;
  for (int i = 0; i < rounds(120); ++i) {
    const std::string before = store.meta().version, next = before == "a" ? "b" : "a";
    killed += killed_within(whole, [&] { replace(next); });
    ASSERT_EQ(text(store.verify(a_minute())), "");
    const SnapshotMeta meta = store.meta();
    old_ones += meta.version == before;
    ASSERT_EQ(read_file(store.folder() / meta.env_file), "VERSION=" + meta.version);
    ASSERT_EQ(text(store.compare({{"data", scratch / meta.version}}, a_minute())), "");
    store.drop_unreferenced();
    ASSERT_EQ(text(store.verify(a_minute())), "");
  }
  EXPECT_GT(killed, rounds(60));
  EXPECT_GT(old_ones, rounds(10)) << "the kills came too late to show anything";
}

TEST_F(Killed, WhileRestoringARerunEndsExact) {
  fs::create_directories(store.folder());
  replace("a");
  const fs::path volume = scratch / "volume";
  store.restore({{"data", volume}}, a_minute());
  const Image expected = image_of(scratch / "a");
  const auto spoil = [&] {
    damage_tree(volume, random, 30);
    for (int i = 0; i < 15; ++i) {
      const fs::path file = volume / ("file" + std::to_string(2 * i));
      fs::remove_all(file);
      write_bytes(file, some_bytes(30000, 77));
    }
  };
  const auto restore = [&] { store.restore({{"data", volume}}, a_minute()); };
  spoil();
  auto whole = duration_of(restore);
  int killed = 0;
  for (int i = 0; i < rounds(80); ++i) {
    SCOPED_TRACE("kill " + std::to_string(i) + ", SIMMER_TEST_SEED=" + std::to_string(seed_of_this_run()));
    spoil();
    killed += killed_within(whole, restore);
    if (i % 3 == 0) killed += killed_within(whole, restore);
    restore();
    ASSERT_EQ(differences(image_of(volume), expected), "");
  }
  EXPECT_GT(killed, rounds(40));
  ASSERT_EQ(text(store.verify(a_minute())), "");
}

}  // namespace
}  // namespace simmer
