// What does not come back is ended, tidied up after, and told; what comes back is left alone.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <stop_token>
#include <string>

#include <base/last_resort.hpp>

namespace simmer {
namespace {

void hang() {
  while (true) ::pause();
}

void print(const char* text) { EXPECT_GT(::write(STDERR_FILENO, text, std::char_traits<char>::length(text)), 0); }

// In a program started anew: a thread begun after a fork does not live under every sanitizer.
class LastResortDeathTest : public ::testing::Test {
 protected:
  LastResortDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST(LastResort, WorkThatComesBackIsLeftAlone) {
  std::stop_source stop;
  bool tidied = false;
  {
    const LastResort last_resort("reading", Limit::in(std::chrono::minutes(1), stop.get_token()), [&] { tidied = true; }, {});
    stop.request_stop();
  }
  { const LastResort last_resort("reading", Limit::in(milliseconds(0)), [&] { tidied = true; }, {}); }
  EXPECT_FALSE(tidied);
}

TEST_F(LastResortDeathTest, WorkThatHangsIsEndedAtItsLimit) {
  const auto work = [] {
    const LastResort last_resort("reading x", Limit::in(milliseconds(0)), [] { print("tidied "); }, {});
    hang();
  };
  EXPECT_EXIT(work(), ::testing::ExitedWithCode(7), "tidied simmer: timed out while reading x");
}

TEST_F(LastResortDeathTest, WorkThatHangsIsEndedWhenItIsStopped) {
  const auto work = [] {
    std::stop_source stop;
    const LastResort last_resort("reading x", Limit::in(std::chrono::minutes(1), stop.get_token()), {}, {});
    stop.request_stop();
    hang();
  };
  EXPECT_EXIT(work(), ::testing::ExitedWithCode(130), "simmer: interrupted while reading x");
}

// The work goes on while it is tidied up: what it makes meanwhile goes too, and an end of the caller's own is what is said.
TEST_F(LastResortDeathTest, TidyingIsTriedAgainAndTheCallerMayEndIt) {
  const auto work = [] {
    int tries = 0;
    const auto tidy = [&tries] {
      if (++tries < 3) throw Error(ErrorKind::unavailable, "not empty");
      print("third time ");
    };
    const auto end = [](const Error& error) {
      print(error.kind() == ErrorKind::unavailable ? "unavailable" : "something else");
      std::_Exit(3);
    };
    const LastResort last_resort("x", Limit::in(milliseconds(0)), tidy, end);
    hang();
  };
  EXPECT_EXIT(work(), ::testing::ExitedWithCode(3), "third time unavailable");
}

}  // namespace
}  // namespace simmer
