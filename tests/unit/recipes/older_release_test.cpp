// What an upgrade starts from, asked of real repositories as they are in the field: shallow, rewritten, unrelated,
// without tags. "Cannot tell" must never come out as "none".
#include <recipes/older_release.hpp>

#include <gmock/gmock.h>

#include "git_recipe.hpp"

namespace simmer {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing_recipes::GitRecipe;
using testing_recipes::RecipeFolder;

// The tag; or "none: <why>", "unknown: <why>".
std::string base(const RecipeRepository& repository, const ResolvedRef& under_test, const std::string& label = "") {
  const auto older = older_release(repository, under_test, [&] { return label; });
  if (older.release) return older.release->tag;
  return (older.is_known ? "none: " : "unknown: ") + older.why;
}
std::string base(const RecipeRepository& repository, const std::string& ref, const std::string& label = "") { return base(repository, repository.resolve(ref), label); }

// Clones it over git's own protocol (a local clone by path ignores --depth).
fs::path clone_of(const GitRecipe& recipe, const RecipeFolder& to, std::vector<std::string> options) {
  const fs::path clone = to.path() / "clone";
  std::vector<std::string> arguments = {"clone", "-q"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  arguments.insert(arguments.end(), {"file://" + recipe.path().string(), clone.string()});
  recipe.git(arguments);
  return clone;
}

TEST(OlderRelease, WithoutAnyReleaseIsKnownToBeNone) {
  GitRecipe recipe;
  recipe.commit("first");
  EXPECT_THAT(base(RecipeRepository(recipe.path()), "main"), StartsWith("none: there is no older release"));
}

TEST(OlderRelease, OfAReleaseIsTheOneBefore) {
  GitRecipe recipe;
  const std::string one = recipe.release("1.0.0+1");
  recipe.git({"tag", "1.0.1+1"});  // the same commit once more
  recipe.release("2.0.0+1");
  recipe.git({"checkout", "-q", "-b", "back", one});
  recipe.release("1.5.0+1");
  const RecipeRepository repository(recipe.path());
  EXPECT_EQ(base(repository, "2.0.0+1"), "1.5.0+1") << "by version, not by history";
  EXPECT_EQ(base(repository, "1.5.0+1"), "1.0.1+1");
  EXPECT_THAT(base(repository, "1.0.1+1"), StartsWith("none: ")) << "1.0.0+1 is the same commit";
  EXPECT_THAT(base(repository, "1.0.0+1"), StartsWith("none: "));
}

TEST(OlderRelease, OfABranchIsTheNewestReachable) {
  GitRecipe recipe;
  const std::string root = recipe.commit("root");
  const std::string one = recipe.release("1.0.0+1");
  recipe.release("1.1.0+1");
  recipe.git({"checkout", "-q", "-b", "branch"});
  const std::string work = recipe.commit("work");
  recipe.git({"checkout", "-q", "main"});
  recipe.release("2.0.0+1");
  const RecipeRepository repository(recipe.path());
  EXPECT_EQ(base(repository, "branch"), "1.1.0+1") << "2.0.0+1 is not in its history";
  EXPECT_THAT(base(repository, root), HasSubstr("none: there is no older release: every release"));
  EXPECT_EQ(repository.ancestry(one, work), Ancestry::yes);
  EXPECT_EQ(repository.ancestry(one, one), Ancestry::yes);
  EXPECT_EQ(repository.ancestry(work, one), Ancestry::no);
  EXPECT_EQ(repository.ancestry("tree-abc", one), Ancestry::no);
  EXPECT_EQ(repository.ancestry(one, std::string(40, 'a')), Ancestry::unknown) << "a commit that is not here";
  EXPECT_EQ(repository.release_of_commit(one)->tag, "1.0.0+1");
  EXPECT_FALSE(repository.release_of_commit(work));

  ResolvedRef tree;
  tree.is_working_tree = true;
  tree.commit = one + "+U";
  EXPECT_EQ(base(repository, tree), "1.0.0+1") << "a dirty tree is newer than its own head";
  // Told from its history, or not at all: the same commit named by path or by its id is one thing.
  tree.commit = repository.resolve("branch").commit;
  EXPECT_EQ(base(repository, tree), base(repository, "branch"));
  tree.commit = "tree-0123456789abcdef0123456789abcdef";
  EXPECT_EQ(base(repository, tree), "2.0.0+1") << "without history it counts as newer";
  EXPECT_EQ(base(repository, tree, "1.5.0+1"), "1.1.0+1") << "unless its label says what it is";
}

// --- shallow -------------------------------------------------------------------------------------------------

TEST(OlderRelease, OfAShallowCloneWithoutTagsCannotBeTold) {
  GitRecipe recipe;
  recipe.release("1.0.0+1");
  recipe.release("1.1.0+1");
  recipe.commit("work");
  RecipeFolder folder;
  const RecipeRepository shallow(clone_of(recipe, folder, {"--depth", "1"}));
  ASSERT_TRUE(shallow.releases().empty());
  EXPECT_THAT(base(shallow, "main"), AllOf(StartsWith("unknown: "), HasSubstr("is a shallow clone"), HasSubstr("--unshallow --tags")));
}

TEST(OlderRelease, OfAReleaseInAShallowCloneCannotBeTold) {
  GitRecipe recipe;
  recipe.release("1.0.0+1");
  recipe.release("1.1.0+1");
  RecipeFolder folder;
  const RecipeRepository shallow(clone_of(recipe, folder, {"--depth", "1"}));
  ASSERT_EQ(shallow.releases().size(), 1u);
  EXPECT_THAT(base(shallow, "1.1.0+1"), StartsWith("unknown: "));
}

TEST(OlderRelease, OfAShallowCloneWithTagsIsTakenByVersion) {
  GitRecipe recipe;
  recipe.release("1.0.0+1");
  recipe.release("1.1.0+1");
  recipe.release("2.0.0+1");
  recipe.git({"checkout", "-q", "-b", "fix", "1.1.0+1"});
  for (const char* what : {"one", "two", "three"}) recipe.commit(what);
  RecipeFolder folder;
  const fs::path clone = clone_of(recipe, folder, {"--depth", "1", "--branch", "fix"});
  recipe.git({"-C", clone.string(), "fetch", "-q", "--depth", "1", "origin", "+refs/tags/*:refs/tags/*"});
  const RecipeRepository shallow(clone);
  ASSERT_EQ(shallow.releases().size(), 3u);
  EXPECT_EQ(base(shallow, "fix", "1.1.0+1"), "1.1.0+1") << "not 2.0.0+1";
  EXPECT_EQ(base(shallow, "fix", "3.0.0+1"), "2.0.0+1");
  EXPECT_THAT(base(shallow, "fix"), AllOf(StartsWith("unknown: "), HasSubstr("shallow"), HasSubstr("no version label")));
  EXPECT_THAT(base(shallow, "fix", "latest\x1b[31m"), AllOf(StartsWith("unknown: "), HasSubstr("latest\\x1b[31m"))) << "no control characters";
  EXPECT_EQ(shallow.ancestry(shallow.resolve("1.0.0+1").commit, shallow.resolve("fix").commit), Ancestry::unknown);
}

// What is reachable is older for sure, but a newer one may be hidden behind the end of the history.
TEST(OlderRelease, BehindTheEndOfAShallowHistoryIsAskedOfTheLabel) {
  GitRecipe recipe;
  recipe.release("1.2.0+1");
  recipe.commit("between");
  recipe.git({"checkout", "-q", "-b", "old", recipe.release("1.0.0+1")});
  recipe.commit("work");
  RecipeFolder folder;
  const fs::path clone = clone_of(recipe, folder, {"--depth", "2", "--branch", "old"});
  recipe.git({"-C", clone.string(), "fetch", "-q", "--depth", "1", "origin", "tag", "1.2.0+1"});
  const RecipeRepository shallow(clone);
  ASSERT_EQ(shallow.releases().size(), 2u);
  EXPECT_EQ(base(shallow, "old", "1.2.0+1"), "1.2.0+1");
  EXPECT_EQ(base(shallow, "old", "1.0.0+1"), "1.0.0+1");
  EXPECT_EQ(base(shallow, "old"), "1.0.0+1");
}

TEST(OlderRelease, OfACloneWithoutTagsCannotBeTold) {
  GitRecipe recipe;
  recipe.release("1.0.0+1");
  recipe.commit("work");
  RecipeFolder folder;
  const RecipeRepository clone(clone_of(recipe, folder, {"--no-tags"}));
  EXPECT_THAT(base(clone, "main"), AllOf(StartsWith("unknown: "), HasSubstr("without tags")));
}

// --- rewritten, unrelated ------------------------------------------------------------------------------------

TEST(OlderRelease, OfAnUnrelatedHistoryIsTakenByVersion) {
  GitRecipe recipe;
  recipe.release("1.0.0+1");
  recipe.release("1.1.0+1");
  recipe.git({"checkout", "-q", "--orphan", "anew"});
  recipe.commit("all of it anew");
  const RecipeRepository repository(recipe.path());
  EXPECT_EQ(repository.ancestry(repository.resolve("1.0.0+1").commit, repository.resolve("anew").commit), Ancestry::no);
  EXPECT_EQ(base(repository, "anew", "1.0.0+1"), "1.0.0+1");
  EXPECT_EQ(base(repository, "anew", "1.2.0+1"), "1.1.0+1");
  EXPECT_THAT(base(repository, "anew", "0.9.0+1"), HasSubstr("none: there is no release older than its label, 0.9.0+1"));
  EXPECT_THAT(base(repository, "anew"), AllOf(StartsWith("unknown: "), HasSubstr("was it rewritten?")));
  ResolvedRef tree = repository.resolve("anew");
  tree.is_working_tree = true;
  EXPECT_EQ(base(repository, tree), base(repository, "anew")) << "a clean checkout is its commit, by whatever name";
  tree.commit += "+U";
  EXPECT_EQ(base(repository, tree), "1.1.0+1") << "what is not committed is newer than all";
}

TEST(OlderRelease, OfASquashedHistoryIsTakenByVersion) {
  GitRecipe recipe;
  const std::string root = recipe.commit("root");
  recipe.release("1.0.0+1");
  recipe.release("1.1.0+1");
  recipe.git({"checkout", "-q", "-b", "squashed"});
  recipe.git({"reset", "-q", "--soft", root});
  recipe.commit("everything since the root, in one");
  const RecipeRepository repository(recipe.path());
  EXPECT_EQ(base(repository, "squashed", "1.1.0+1"), "1.1.0+1");
  EXPECT_THAT(base(repository, "squashed"), StartsWith("unknown: "));
}

// A history that breaks off where none should is no proof of anything.
TEST(OlderRelease, OfADamagedHistoryCannotBeTold) {
  GitRecipe recipe;
  recipe.release("1.0.0+1");
  const std::string lost = recipe.commit("lost");
  recipe.commit("work");
  fs::remove(recipe.path() / ".git/objects" / lost.substr(0, 2) / lost.substr(2));
  const RecipeRepository repository(recipe.path());
  EXPECT_THAT(base(repository, "main"), AllOf(StartsWith("unknown: "), HasSubstr("history is not all here")));
  EXPECT_EQ(base(repository, "main", "1.0.0+1"), "1.0.0+1");
}

// --- pre-releases --------------------------------------------------------------------------------------------

TEST(OlderRelease, IsNeverAPreRelease) {
  GitRecipe recipe;
  recipe.release("2.0.0-rc.1+1");
  recipe.release("2.0.0-rc.2+1");
  const RecipeRepository first(recipe.path());
  EXPECT_THAT(base(first, "2.0.0-rc.2+1"), StartsWith("none: "));
  recipe.release("1.0.0+1");
  recipe.release("2.0.0-rc.3+1");
  recipe.release("2.0.0+1");
  const RecipeRepository repository(recipe.path());
  EXPECT_EQ(base(repository, "2.0.0+1"), "1.0.0+1");
  EXPECT_EQ(base(repository, "2.0.0-rc.3+1"), "1.0.0+1");
  recipe.commit("work");
  EXPECT_EQ(base(repository, "main"), "2.0.0+1");
}

}  // namespace
}  // namespace simmer
