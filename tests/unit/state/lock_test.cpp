// Promise P7, the lock itself: one holder, known by name, gone with its process, inherited by nobody.
#include <gmock/gmock.h>
#include <sys/inotify.h>

#include <thread>

#include <simmer/error.hpp>
#include <state/lock.hpp>
#include <unit/base/scratch_folder.hpp>

namespace simmer {
namespace {

using namespace test;
using ::testing::HasSubstr;
using ::testing::Not;
using Mode = Lock::Mode;

class Locks : public ::testing::Test {
 protected:
  std::optional<Lock> attempt(Mode mode) { return Lock::try_acquire(file, mode, "a test"); }
  Lock acquire(const Limit& limit, Mode mode = Mode::exclusive) {
    return Lock::acquire(file, mode, "custom-html", "a test", limit);
  }
  std::function<std::string()> hold(Mode mode, const std::string& what_for = "simmer run custom-html, run 7") {
    return [this, mode, what_for] {
      static std::optional<Lock> held;
      held = Lock::try_acquire(file, mode, what_for);
      return std::string(held ? "held" : "not held");
    };
  }
  ScratchFolder scratch;
  fs::path file = scratch / "lock";
};

TEST_F(Locks, ExclusiveExcludesAllAndSharedExcludesExclusive) {
  {
    const auto held = attempt(Mode::exclusive);
    ASSERT_TRUE(held);
    EXPECT_FALSE(attempt(Mode::exclusive));
    EXPECT_FALSE(attempt(Mode::shared));
  }
  const auto one = attempt(Mode::shared), two = attempt(Mode::shared);
  EXPECT_TRUE(one && two);
  EXPECT_FALSE(attempt(Mode::exclusive));
}

TEST_F(Locks, AreFreeWhenReleasedOneByOne) {
  auto one = attempt(Mode::shared), two = attempt(Mode::shared);
  one->release();
  EXPECT_FALSE(attempt(Mode::exclusive));
  two.reset();
  EXPECT_TRUE(attempt(Mode::exclusive));
}

TEST_F(Locks, GoWithTheObjectThatTheyWereMovedInto) {
  auto lock = attempt(Mode::exclusive);
  {
    const Lock moved = std::move(*lock);
    lock.reset();
    EXPECT_FALSE(attempt(Mode::exclusive));
  }
  EXPECT_TRUE(attempt(Mode::exclusive));
}

TEST_F(Locks, BusyNamesSubjectHolderAndWhatItDoes) {
  const OtherProcess holder(hold(Mode::exclusive));
  ASSERT_EQ(holder.said(), "held");
  try {
    acquire(no_wait());
    FAIL() << "the lock of a living process was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::busy);
    EXPECT_THAT(error.message(), HasSubstr("custom-html is in use by pid " + std::to_string(holder.pid())));
    EXPECT_THAT(error.message(), HasSubstr("simmer run custom-html, run 7, since 20"));
    EXPECT_THAT(error.message(), HasSubstr("--wait"));
    EXPECT_THAT(error.message(), Not(HasSubstr("\n")));
  }
}

// Whoever looks or tries in vain must not write over what the holder said about itself.
TEST_F(Locks, HolderIsStillNamedAfterOthersTriedInVain) {
  const OtherProcess holder(hold(Mode::exclusive, "the holder's own words"));
  EXPECT_FALSE(Lock::try_acquire(file, Mode::exclusive, "somebody else"));
  EXPECT_FALSE(Lock::try_acquire(file, Mode::shared, "somebody else"));
  EXPECT_TRUE(Lock::is_held(file));
  EXPECT_THAT(Lock::holder(file), HasSubstr("the holder's own words"));
}

TEST_F(Locks, NobodyIsNamedWhenItsHolderIsGone) {
  OtherProcess holder(hold(Mode::exclusive));
  EXPECT_TRUE(Lock::is_held(file));
  holder.kill();
  EXPECT_FALSE(Lock::is_held(file));
  EXPECT_EQ(Lock::holder(file), "");
  EXPECT_FALSE(Lock::is_held(scratch / "never made"));
  EXPECT_EQ(Lock::holder(scratch / "never made"), "");
  EXPECT_FALSE(fs::exists(scratch / "never made")) << "looking must not make the file";
}

TEST_F(Locks, AreReleasedWhenTheHolderIsKilledEvenWhileItsChildLives) {
  OtherProcess holder([&] {
    const auto said = hold(Mode::exclusive)();
    const pid_t child = spawn_process({{"sleep", "1000"}, environment_with({}), {}, {}, true, false});
    return said + " " + std::to_string(child);
  });
  ASSERT_THAT(holder.said(), HasSubstr("held "));
  EXPECT_FALSE(attempt(Mode::exclusive));
  const pid_t child = std::stoi(holder.said().substr(5));
  const auto child_id = identify_process(child);
  holder.kill();
  EXPECT_TRUE(attempt(Mode::exclusive));
  ASSERT_TRUE(child_id);
  EXPECT_TRUE(is_alive(*child_id)) << "the test shows nothing without it";
  ::kill(child, SIGKILL);
}

TEST_F(Locks, AWaitEndsWhenTheHolderIsKilled) {
  OtherProcess holder(hold(Mode::exclusive));
  std::jthread killer([&] { ::kill(holder.pid(), SIGKILL); });
  const auto begin = Clock::now();
  acquire(a_minute());
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(10));
}

// The holder lets go as soon as it sees the waiter's try: a waiter that only looked now and then would be late.
TEST_F(Locks, AWaitEndsWithTheRelease) {
  std::vector<milliseconds> late;
  for (int round = 0; round < 10; ++round) {
    // Watched before it is said to be held: the other's first try may be at once, and a second one is not owed.
    Fd watch;
    OtherProcess holder(
        [&] {
          static std::optional<Lock> held;
          held = Lock::try_acquire(file, Mode::exclusive, "a test");
          watch = Fd(::inotify_init1(IN_CLOEXEC));
          ::inotify_add_watch(watch.get(), file.c_str(), IN_OPEN);
          return std::string("held");
        },
        [&] {
          pollfd wait{watch.get(), POLLIN, 0};
          ::poll(&wait, 1, 10000);
          write_file_beside(scratch / "released", std::to_string(Clock::now().time_since_epoch().count()));
          ::_exit(0);
        });
    acquire(a_minute());
    const Clock::time_point released(Clock::duration(std::stoll(read_file(scratch / "released"))));
    late.push_back(std::chrono::duration_cast<milliseconds>(Clock::now() - released));
    holder.wait();
  }
  std::sort(late.begin(), late.end());
  EXPECT_LT(late[late.size() / 2], milliseconds(100));
}

// A run may wait for hours: it tries when something has happened to the file, and a few times a second at most.
TEST_F(Locks, AWaitDoesNotSpin) {
  const OtherProcess holder(hold(Mode::exclusive));
  const Fd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  ASSERT_GE(::inotify_add_watch(watch.get(), file.c_str(), IN_OPEN), 0);
  int tries = 0;
  std::jthread counter([&](const std::stop_token& stop) {
    inotify_event event;
    for (pollfd wait{watch.get(), POLLIN, 0}; !stop.stop_requested();)
      if (::poll(&wait, 1, 20) == 1)
        while (::read(watch.get(), &event, sizeof event) > 0) ++tries;
  });
  EXPECT_THROW(acquire(Limit::in(milliseconds(400))), Error);
  counter.request_stop();
  counter.join();
  EXPECT_LE(tries, 10) << "its own opening and closing of the file wakes it";
}

TEST_F(Locks, AWaitEndsWhenItsTimeHasPassedAndWhenItIsCancelled) {
  const OtherProcess holder(hold(Mode::exclusive));
  const auto begin = Clock::now();
  try {
    acquire(Limit::in(milliseconds(50)));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::busy);
    EXPECT_GE(Clock::now() - begin, milliseconds(50));
  }
  std::stop_source stop;
  std::jthread canceller([&] { stop.request_stop(); });
  try {
    acquire(Limit::in(milliseconds(60000), stop.get_token()));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::interrupted);
    EXPECT_LT(Clock::now() - begin, std::chrono::seconds(10));
  }
}

TEST_F(Locks, ThatRemoveTheirFileAreAcquiredAnewUnderTheSameName) {
  auto lock = acquire(no_wait());
  lock.remove_file();
  EXPECT_FALSE(fs::exists(file));
  auto again = acquire(no_wait());
  EXPECT_TRUE(fs::exists(file));
  EXPECT_FALSE(attempt(Mode::exclusive));
}

TEST_F(Locks, AWaitEndsWhenTheHolderRemovesTheFile) {
  auto held = attempt(Mode::exclusive);
  std::jthread remover([&] { held->remove_file(); });
  const auto lock = acquire(a_minute());
  remover.join();
  EXPECT_TRUE(fs::exists(file)) << "what is held is what the name leads to";
  EXPECT_FALSE(attempt(Mode::exclusive));
}

// Release, removal and taking at the same time, from several sides: never two holders, and nobody left waiting.
TEST_F(Locks, ThatComeAndGoWithTheirFilesNeverHaveTwoHolders) {
  std::atomic<int> holders{0}, taken{0};
  std::atomic<bool> two{false};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&, i] {
        for (int round = 0; round < 25; ++round) {
          auto lock = Lock::acquire(file, Mode::exclusive, "race", "a test", a_minute());
          if (holders.fetch_add(1) != 0) two = true;
          ++taken;
          holders.fetch_sub(1);
          if ((round + i) % 2 == 0) lock.remove_file();
        }
      });
  }
  EXPECT_EQ(taken, 100);
  EXPECT_FALSE(two);
}

TEST_F(Locks, WhoseFolderIsMissingSayWhich) {
  try {
    Lock::acquire(scratch / "none/lock", Mode::exclusive, "custom-html", "a test", no_wait());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unavailable);
    EXPECT_THAT(error.message(), HasSubstr("none/lock"));
  }
}

}  // namespace
}  // namespace simmer
