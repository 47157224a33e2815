// Durations as people write them, and the word that they meant.
#include <gmock/gmock.h>
#include <config/config.hpp>

#include <base/limit.hpp>

namespace simmer {
namespace {

using ::testing::HasSubstr;

TEST(Durations, AreReadInEveryUnit) {
  const std::map<std::string, std::int64_t> known = {{"0", 0},         {"0s", 0},        {"30", 30000},  {"1500ms", 1500},
                                                     {"2s", 2000},     {"1.5s", 1500},   {"5m", 300000}, {"4h", 14400000},
                                                     {"1d", 86400000}, {"0.5h", 1800000}};
  for (const auto& [text, expected] : known) EXPECT_EQ(parse_duration(text), milliseconds(expected)) << text;
}

TEST(Durations, ThatAreNoneAreRefused) {
  for (const std::string text : {"",      "s",    "ms",  "-1s",  "-1",  "1 s",      " 1s",  "1s ",   "1x", "1S",
                                 "1m30s", "soon", "nan", "nans", "inf", "infinity", "0x10", "1e300", "--", "1,5s"})
    EXPECT_FALSE(parse_duration(text)) << "'" << text << "'";
}

// A limit made of it must lie in the future: one that overflows has passed before it began.
TEST(Durations, ThatAreAcceptedCanBeWaitedFor) {
  for (const std::string text :
       {"1s", "1d", "30d", "365d", "3650d", "99999d", "999999d", "99999999h", "999999999", "1000000000m", "1000000000d"})
    if (const auto duration = parse_duration(text)) {
      EXPECT_GT(duration->count(), 0) << text;
      EXPECT_FALSE(Limit::in(*duration).passed()) << text;
    }
  EXPECT_TRUE(parse_duration("365d"));
}

TEST(Durations, AreShownAsPeopleReadThem) {
  EXPECT_EQ(format_duration(milliseconds(0)), "0 ms");
  EXPECT_EQ(format_duration(milliseconds(999)), "999 ms");
  EXPECT_EQ(format_duration(milliseconds(1000)), "1 s");
  EXPECT_EQ(format_duration(milliseconds(1540)), "1.5 s");
  EXPECT_EQ(format_duration(milliseconds(119000)), "119 s");
  EXPECT_EQ(format_duration(milliseconds(125000)), "2 min 5 s");
}

TEST(Words, NearestIsTheOneThatWasMeant) {
  EXPECT_EQ(nearest("domian", {"domain", "recipe", "role"}), "domain");
  EXPECT_EQ(nearest("rol", {"domain", "recipe", "role"}), "role");
  EXPECT_EQ(nearest("completely-else", {"domain", "recipe", "role"}), "");
  EXPECT_EQ(nearest("", {}), "");
  EXPECT_EQ(nearest("abc", {"abc", "abd"}), "abc");
}

TEST(Words, AreOfferedAsAQuestionOrNotAtAll) {
  EXPECT_EQ(did_you_mean("rol", {"role"}), ", did you mean 'role'?");
  EXPECT_EQ(did_you_mean("something", {"role"}), "");
}

}  // namespace
}  // namespace simmer
