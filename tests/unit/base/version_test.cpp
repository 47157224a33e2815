// Which release is newer decides what is upgraded, promoted and rolled back to: the order is total,
// and says so for every pair that real recipes have shown.
#include <simmer/version.hpp>

#include <gtest/gtest.h>

namespace simmer {
namespace {

Version v(const std::string& text) {
  const auto version = Version::parse(text);
  EXPECT_TRUE(version) << text;
  return version.value_or(*Version::parse("0.0.0+0"));
}

TEST(VersionParse, KnowsItsParts) {
  const Version version = v("10.7.1+26.6.2");
  EXPECT_EQ(version.text(), "10.7.1+26.6.2");
  EXPECT_EQ(version.recipe_part(), "10.7.1");
  EXPECT_EQ(version.app_part(), "26.6.2");
  EXPECT_EQ(version.recipe_major(), 10u);
  EXPECT_EQ(version.app_major(), 26u);
}

TEST(VersionParse, AcceptsWhatRecipesPublish) {
  for (const char* text :
       {"1.9.0+v2.9.6", "1.0.0+10.11-alpine", "0.1.0+latest", "1.2.0+RELEASE.2024-01-01T00-00-00Z", "2.0.0-rc1+3.4",
        "1.2.3-rc.1.2+4", "5.0.2+29.0.7-fpm", "1.0.0+1.0+build", "0.0.0+0", "1.0.0+2024-09-26_1"})
    EXPECT_TRUE(Version::parse(text)) << text;
}

TEST(VersionParse, RefusesWhatIsNone) {
  for (const char* text : {"",           "+",           "main",       "v1",         "1.2",
                           "1.2.3",      "1.2.3+",      "1.2+3",      "+1.2.3",     "v1.2.3+4",
                           "1.2.3.4+5",  "1.2.x+5",     "1..3+4",     "1.2.3-+4",   "1.2.3-a..b+4",
                           "1.2.3-.a+4", "1.2.3-a.+4",  "1.2.3+4 5",  "1.2.3+4\n",  " 1.2.3+4",
                           "1.2.3+a/b",  "-1.2.3+4",    "1.2.3rc1+4", "1.2.3+\x7f", "9999999999999999999.0.0+1",
                           "1.2.3-ä+4",  "1.2.3-a_b+4", "01.2.3+4",   "1.02.3+4",   "1.2.3-01+4"})
    EXPECT_FALSE(Version::parse(text)) << text;
  EXPECT_FALSE(Version::parse(std::string_view("1.2.3+4\0", 8)));
}

TEST(VersionParse, LargestNumbersFit) {
  EXPECT_EQ(v("999999999999999999.0.0+1").recipe_major(), 999999999999999999u);
  EXPECT_FALSE(v("1.0.0+99999999999999999999").app_major());  // too large to say, and never wrong
}

TEST(VersionMajor, OfTheApp) {
  EXPECT_EQ(v("1.0.0+v3.1").app_major(), 3u);
  EXPECT_EQ(v("1.0.0+10.11-alpine").app_major(), 10u);
  EXPECT_EQ(v("1.0.0+RELEASE.2024-01").app_major(), 2024u);
  EXPECT_EQ(v("1.0.0+007.1").app_major(), 7u);
  EXPECT_FALSE(v("1.0.0+latest").app_major());
}

// Each line is older than all lines below it. Every pair is compared, both ways around.
TEST(VersionOrder, IsTotalOverALadder) {
  const std::vector<std::string> ladder = {"0.0.1+9",
                                           "0.1.0+9",
                                           "0.9.0+latest",
                                           "0.9.0+1",
                                           "0.10.0+0",
                                           "1.0.0-1+5",
                                           "1.0.0-2+5",
                                           "1.0.0-10+5",
                                           "1.0.0-alpha+5",
                                           "1.0.0-alpha.1+5",
                                           "1.0.0-alpha.beta+5",
                                           "1.0.0-beta+5",
                                           "1.0.0-beta.2+5",
                                           "1.0.0-beta.11+5",
                                           "1.0.0-rc.1+5",
                                           "1.0.0-rc-1+5",
                                           "1.0.0+alpine",
                                           "1.0.0+1.0",
                                           "1.0.0+1.0.1",
                                           "1.0.0+1.9-alpine",
                                           "1.0.0+1.10",
                                           "1.0.0+1.10-alpine",
                                           "1.0.0+v1.11",
                                           "1.0.0+2.0",
                                           "1.0.0+10.0",
                                           "1.0.0+10.11-alpine",
                                           "1.0.0+10.12",
                                           "1.0.0+99999999999999999999",
                                           "1.0.0+100000000000000000000",
                                           "1.0.1+0.1",
                                           "1.2.0+0",
                                           "1.10.0+0",
                                           "2.0.0+0",
                                           "10.0.0+0",
                                           "10.7.1+26.5.9",
                                           "10.7.1+26.6.2"};
  for (std::size_t i = 0; i < ladder.size(); ++i)
    for (std::size_t j = 0; j < ladder.size(); ++j) {
      EXPECT_EQ(v(ladder[i]) < v(ladder[j]), i < j) << ladder[i] << " and " << ladder[j];
      EXPECT_EQ(v(ladder[i]) == v(ladder[j]), i == j) << ladder[i] << " and " << ladder[j];
      EXPECT_EQ(v(ladder[i]) > v(ladder[j]), i > j) << ladder[i] << " and " << ladder[j];
    }
}

TEST(VersionOrder, SpellingsThatMeanTheSame) {
  for (const auto& [a, b] : std::vector<std::pair<std::string, std::string>>{{"1.0.0+v1.0", "1.0.0+1.0"},
                                                                             {"1.0.0+V1.0", "1.0.0+1.0"},
                                                                             {"1.0.0+01.0", "1.0.0+1.0"},
                                                                             {"1.0.0+1_0", "1.0.0+1.0"},
                                                                             {"1.0.0+1.0", "1.0.0+1-0"}}) {
    EXPECT_EQ(v(a), v(b)) << a << " " << b;
    EXPECT_NE(v(a).text(), v(b).text());
  }
}

// Any three versions made of awkward pieces: no cycles, and the two directions agree.
TEST(VersionOrder, HasNoCycles) {
  std::vector<Version> all;
  for (const char* recipe : {"1.0.0", "1.0.0-a", "1.0.0-a.1", "1.0.0-1", "1.0.1"})
    for (const char* app : {"1", "v1", "va", "a1", "1a", "1.a", "1-", "-", "latest", "0", "00", "1.0", "v"})
      all.push_back(v(std::string(recipe) + "+" + app));
  for (const auto& a : all)
    for (const auto& b : all) {
      EXPECT_EQ(a<b, b> a) << a.text() << " " << b.text();
      EXPECT_EQ(a == b, b == a);
      for (const auto& c : all) {
        EXPECT_TRUE(!(a <= b && b < c) || a < c) << a.text() << " " << b.text() << " " << c.text();
      }
    }
}

}  // namespace
}  // namespace simmer
