// What counts as lost between two looks at a volume.
#include <gtest/gtest.h>

#include <snapshots/census.hpp>

namespace simmer {
namespace {

TEST(Census, CountsPathsThatAreGone) {
  const Census before{{{"a", 0}, {"a/1", 10}, {"a/2", 10}, {"b", 5}}}, after{{{"a", 0}, {"a/1", 10}, {"new", 100}}};
  const auto loss = loss_between(before, after);
  EXPECT_EQ(before.entries(), 4u);
  EXPECT_EQ(loss.entries, 2u);
  EXPECT_EQ(loss.bytes, 10u) << "what is new at the top makes up for b, and for nothing in a";
  EXPECT_EQ(loss.first, "a/2");
}

TEST(Census, SeesWhatHasBecomeShorter) {
  const auto loss = loss_between({{{"d/x", 100}, {"e/y", 1}}}, {{{"d/x", 0}, {"e/y", 1}}});
  EXPECT_EQ(loss.entries, 0u);
  EXPECT_EQ(loss.bytes, 100u);
  EXPECT_EQ(loss.first, "d/x");
}

TEST(Census, ADatabaseThatWritesItsLogIntoItsTablesHasLostNothing) {
  const Census before{{{"db", 10}, {"db-wal", 90}, {"db-shm", 32}, {"x.lock", 0}}}, after{{{"db", 140}}};
  const auto loss = loss_between(before, after);
  EXPECT_EQ(before.entries(), 1u);
  EXPECT_EQ(before.bytes(), 132u);
  EXPECT_EQ(loss.entries, 0u);
  EXPECT_EQ(loss.bytes, 0u);
}

}  // namespace
}  // namespace simmer
