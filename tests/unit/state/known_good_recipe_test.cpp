// The recipe in a known-good: committed with it, judged with it, gone with it.
#include <gmock/gmock.h>

#include <simmer/error.hpp>
#include <unit/state/known_good_fixture.hpp>

namespace simmer {
namespace {

using namespace test;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class KnownGoodsRecipe : public KnownGoods {
 protected:
  void promote_with_recipe(const std::string& run_id, const std::string& compose) {
    const fs::path fork = state.fork(run_id), tree = scratch / ("tree-" + run_id);
    make_folders(fork / "volumes/content");
    make_folders(tree);
    write_file_beside(tree / "compose.yml", compose);
    auto meta = about("1.0.0+1", run_id);
    meta.commit = "commit of " + run_id;
    const auto kept = good.keep_recipe(run_id, tree);
    meta.recipe_file = kept.file;
    meta.recipe_digest = kept.digest;
    good.commit(good.prepare(meta, {{"content", fork / "volumes/content"}}, {}, {}, a_minute()));
    good.adopt_volumes(fork);
    good.snapshot().drop_unreferenced();
  }
};

TEST_F(KnownGoodsRecipe, IsCommittedWithThem) {
  promote_with_recipe("run-1", "first");
  EXPECT_THAT(good.check(), IsEmpty());
  EXPECT_TRUE(fs::exists(good.snapshot().folder() / "recipe.run-1.tar"));
  EXPECT_TRUE(good.unpack_recipe("commit of run-1", scratch / "back"));
  EXPECT_EQ(read_file(scratch / "back/compose.yml"), "first");
  EXPECT_FALSE(good.unpack_recipe("another commit", scratch / "other"));
  EXPECT_FALSE(fs::exists(scratch / "other"));
  promote_with_recipe("run-2", "second");
  EXPECT_FALSE(fs::exists(good.snapshot().folder() / "recipe.run-1.tar"));
  EXPECT_TRUE(good.unpack_recipe("commit of run-2", scratch / "second"));
}

TEST_F(KnownGoodsRecipe, IsNotCommittedWhenItIsNotThere) {
  promote_with_recipe("run-1", "first");
  auto meta = good.snapshot().meta();
  meta.recipe_digest = std::string(32, '0');
  EXPECT_THROW(good.commit(meta), Error);
  meta = good.snapshot().meta();
  meta.recipe_file = "recipe.nowhere.tar";
  EXPECT_THROW(good.commit(meta), Error);
  EXPECT_THAT(good.check(), IsEmpty());
}

TEST_F(KnownGoodsRecipe, OfAnAttemptThatFailedGoes) {
  promote_with_recipe("run-1", "first");
  make_folders(scratch / "new");
  good.keep_recipe("run-2", scratch / "new");
  good.keep_recipe("run-2", scratch / "new");  // what a killed attempt left is no obstacle
  good.snapshot().drop_unreferenced();
  EXPECT_FALSE(fs::exists(good.snapshot().folder() / "recipe.run-2.tar"));
  EXPECT_THAT(good.check(), IsEmpty());
}

// Written by a Simmer that left the recipe in git alone.
TEST_F(KnownGoodsRecipe, MayBeMissingFromAnOldOne) {
  promote("1.0.0+1", "run-1", "first");
  EXPECT_THAT(read_file(good.snapshot().folder() / "meta.json"), Not(HasSubstr("recipe_file")));
  EXPECT_THAT(good.check(), IsEmpty());
  EXPECT_FALSE(good.unpack_recipe("c0ffee", scratch / "back"));
}

TEST_F(KnownGoodsRecipe, ThatIsDamagedIsSaid) {
  promote_with_recipe("run-1", "first");
  const fs::path tar = good.snapshot().folder() / "recipe.run-1.tar";
  std::string bytes = read_file(tar);
  bytes[600] ^= 1;
  write_file_beside(tar, bytes);
  EXPECT_THAT(good.check(), ElementsAre(HasSubstr("the recipe, recipe.run-1.tar, does not match its digest")));
  EXPECT_THROW(good.unpack_recipe("commit of run-1", scratch / "back"), Error);
  fs::remove(tar);
  EXPECT_THAT(good.check(), ElementsAre(HasSubstr("recipe.run-1.tar")));
}

}  // namespace
}  // namespace simmer
