// Where an upgrade starts from: the known-good or a release, and of which repository. Real repositories; what cannot be
// told is never "there is none".
#include <runs/upgrade_base.hpp>

#include <gmock/gmock.h>

#include <unit/recipes/git_recipe.hpp>

namespace simmer {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing_recipes::GitRecipe;
using testing_recipes::RecipeFolder;

std::string said(const UpgradeBase& base) {
  if (base.commit.empty()) return (base.is_known ? "none: " : "unknown: ") + base.why;
  return std::string(base.is_known_good ? "known-good " : "release ") + base.version + " of " + (base.repository.empty() ? "itself" : base.repository.filename().string());
}

struct Asked {
  BaseQuestion question;
  std::string text;

  Asked(const ResolvedRef& head, std::vector<fs::path> repositories, const std::string& label = "") : text(label) {
    question.head = head;
    question.repositories = std::move(repositories);
  }
  Asked& known_good(const std::string& commit, const std::string& version) {
    question.known_good = {commit, version, false};
    return *this;
  }
  Asked& keeps_its_recipe() {
    question.known_good->has_recipe = true;
    return *this;
  }
  std::string cold() {
    question.label = [this] { return text; };
    return said(choose_upgrade_base(question));
  }
  std::string quick() {
    question.label = [this] { return text; };
    return said(base_of_quick_run(question));
  }
};

class UpgradeBaseOf : public ::testing::Test {
 protected:
  UpgradeBaseOf() {
    joined_.git({"config", "uploadpack.allowFilter", "true"});
    one_ = joined_.release("1.0.0+1");
    two_ = joined_.release("1.1.0+1");
    joined_.commit("between");
    work_ = joined_.commit("work");
  }
  fs::path clone(const std::string& name, std::vector<std::string> options) {
    const fs::path to = folder_.path() / name;
    std::vector<std::string> arguments = {"clone", "-q"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.insert(arguments.end(), {"file://" + joined_.path().string(), to.string()});
    joined_.git(arguments);
    return to;
  }
  ResolvedRef ref(const std::string& name) { return RecipeRepository(joined_.path()).resolve(name); }
  static ResolvedRef tree(const std::string& commit) {
    ResolvedRef head;
    head.commit = commit;
    head.is_working_tree = true;
    return head;
  }
  std::string here() const { return joined_.path().filename(); }

  GitRecipe joined_;
  RecipeFolder folder_;
  std::string one_, two_, work_;
};

TEST_F(UpgradeBaseOf, ABranchIsTheKnownGoodInItsHistory) {
  EXPECT_EQ(Asked(ref("main"), {joined_.path()}).cold(), "release 1.1.0+1 of " + here());
  EXPECT_EQ(Asked(ref("main"), {joined_.path()}).known_good(one_, "1.0.0+1").cold(), "known-good 1.0.0+1 of " + here());
  EXPECT_EQ(Asked(ref(one_), {joined_.path()}).known_good(two_, "1.1.0+1").cold(), "none: there is no release older than 1.0.0+1 in " + joined_.path().string());
  EXPECT_EQ(Asked(ref("1.1.0+1"), {joined_.path()}).known_good(two_, "1.1.0+1").cold(), "release 1.0.0+1 of " + here()) << "the known-good is what is tested";
  // A branch that does not hold the known-good, with a history that says so and what else came before.
  joined_.git({"checkout", "-q", "-b", "back", one_});
  joined_.commit("a fix for 1.0");
  EXPECT_EQ(Asked(ref("back"), {joined_.path()}, "9.0.0+1").known_good(two_, "1.1.0+1").cold(), "release 1.0.0+1 of " + here());
}

TEST_F(UpgradeBaseOf, ARewrittenHistoryIsTheKnownGoodByVersion) {
  joined_.git({"checkout", "-q", "--orphan", "anew"});
  joined_.commit("anew");
  EXPECT_EQ(Asked(ref("anew"), {joined_.path()}, "1.1.0+1").known_good(one_, "1.0.0+1").cold(), "known-good 1.0.0+1 of " + here());
  EXPECT_EQ(Asked(ref("anew"), {joined_.path()}, "1.0.0+1").known_good(two_, "1.1.0+1").cold(), "release 1.0.0+1 of " + here());
  EXPECT_THAT(Asked(ref("anew"), {joined_.path()}).known_good(one_, "1.0.0+1").cold(), StartsWith("unknown: it cannot be told"));
  EXPECT_EQ(Asked(ref("anew"), {joined_.path()}, "1.2.0+1").known_good(std::string(40, 'a'), "1.0.0+1").cold(), "release 1.1.0+1 of " + here()) << "a known-good whose commit is gone";
}

TEST_F(UpgradeBaseOf, AKnownGoodThatKeepsItsRecipeNeedsNoRepository) {
  const std::string gone(40, 'a');
  joined_.git({"checkout", "-q", "--orphan", "anew"});
  joined_.commit("anew");
  EXPECT_EQ(Asked(ref("anew"), {joined_.path()}, "1.2.0+1").known_good(gone, "1.0.0+1").keeps_its_recipe().cold(), "known-good 1.0.0+1 of itself");
  EXPECT_EQ(Asked(tree("tree-0123456789abcdef0123456789abcdef"), {}, "1.2.0+1").known_good(gone, "1.0.0+1").keeps_its_recipe().cold(), "known-good 1.0.0+1 of itself");
  EXPECT_EQ(Asked(tree("tree-0123456789abcdef0123456789abcdef"), {}).known_good(gone, "1.0.0+1").keeps_its_recipe().quick(), "known-good 1.0.0+1 of itself");
  const auto partial = clone("blobless", {"--filter=blob:none"});
  EXPECT_EQ(Asked(tree(joined_.git({"rev-parse", "main"})), {partial}).known_good(one_, "1.0.0+1").keeps_its_recipe().quick(), "known-good 1.0.0+1 of itself") << "its history leads there";
  // Whether it leads there is git's to say, and where git cannot the run is cold.
  EXPECT_THAT(Asked(ref("anew"), {joined_.path()}).known_good(gone, "1.0.0+1").keeps_its_recipe().quick(), AllOf(StartsWith("none: "), HasSubstr("is not reachable from")));
  const auto shallow = clone("shallow", {"--depth", "1", "-b", "main"});
  EXPECT_THAT(Asked(RecipeRepository(shallow).resolve("main"), {shallow}).known_good(gone, "1.0.0+1").keeps_its_recipe().quick(), StartsWith("unknown: it cannot be told whether"));
}

TEST_F(UpgradeBaseOf, AShallowCloneIsByVersionOrUnknown) {
  const auto bare = clone("bare", {"--bare", "--depth", "1"});
  const auto head = RecipeRepository(bare).resolve("main");
  EXPECT_THAT(Asked(head, {bare}, "1.1.0+1").cold(), AllOf(StartsWith("unknown: "), HasSubstr("shallow clone")));
  joined_.git({"-C", bare.string(), "fetch", "-q", "--depth", "1", "origin", "+refs/tags/*:refs/tags/*"});
  EXPECT_EQ(Asked(head, {bare}, "1.0.0+1").cold(), "release 1.0.0+1 of bare");
  EXPECT_EQ(Asked(head, {bare}, "1.1.0+1").known_good(one_, "1.0.0+1").cold(), "known-good 1.0.0+1 of bare");
  EXPECT_THAT(Asked(RecipeRepository(clone("lone", {"--depth", "1"})).resolve("main"), {folder_.path() / "lone"}, "1.1.0+1").known_good(one_, "1.0.0+1").cold(),
              AllOf(StartsWith("unknown: the known-good, 1.0.0+1, is older, and its commit"), HasSubstr("lone")));
}

TEST_F(UpgradeBaseOf, ACheckoutIsOfItsOwnTags) {
  GitRecipe own;
  own.release("3.0.0+1");
  const std::string head = own.commit("work");
  const std::string name = own.path().filename();
  EXPECT_EQ(Asked(tree(head), {own.path()}).cold(), "release 3.0.0+1 of " + name);
  EXPECT_EQ(Asked(tree(head + "+U"), {own.path(), joined_.path()}).cold(), "release 3.0.0+1 of " + name);
  EXPECT_EQ(Asked(tree(head), {own.path(), joined_.path()}, "3.0.0+1").known_good(one_, "1.0.0+1").cold(), "release 3.0.0+1 of " + name)
      << "its own history says what came before, and the known-good is not in it";
}

TEST_F(UpgradeBaseOf, ACheckoutWithoutTagsIsOfTheRepositoryOfItsName) {
  const auto own = clone("own", {"--no-tags"});
  EXPECT_EQ(Asked(tree(work_ + "+U"), {own, joined_.path()}).cold(), "release 1.1.0+1 of " + here());
  const auto shallow = clone("shallow", {"--depth", "1"});
  EXPECT_EQ(Asked(tree(work_ + "+U"), {shallow, joined_.path()}).cold(), "release 1.1.0+1 of " + here());
  EXPECT_THAT(Asked(tree(work_ + "+U"), {shallow}).cold(), StartsWith("unknown: "));
  GitRecipe first;
  const std::string head = first.commit("the first of all");
  EXPECT_THAT(Asked(tree(head), {first.path()}).cold(), StartsWith("none: "));
  EXPECT_THAT(Asked(tree("tree-0123456789abcdef0123456789abcdef"), {}).cold(), StartsWith("none: no repository"));
}

TEST_F(UpgradeBaseOf, FilesThatAPartialCloneLacksAreTakenElsewhereOrUnknown) {
  joined_.write("compose.yml", "changed\n").commit("more");
  joined_.write("release-of", "changed\n").commit("more");
  const auto partial = clone("partial", {"--filter=blob:none"});
  const auto head = joined_.git({"rev-parse", "HEAD"});
  EXPECT_THAT(Asked(tree(head), {partial}).cold(), AllOf(StartsWith("unknown: 1.1.0+1 is the older release, and its commit"), HasSubstr("not with all its files")));
  EXPECT_EQ(Asked(tree(head), {partial, joined_.path()}).cold(), "release 1.1.0+1 of " + here());
}

// --- quick ---------------------------------------------------------------------------------------------------

TEST_F(UpgradeBaseOf, AQuickRunIsTheKnownGoodWhereItLeadsToTheChange) {
  EXPECT_EQ(Asked(ref("main"), {joined_.path()}).known_good(one_, "1.0.0+1").quick(), "known-good 1.0.0+1 of " + here());
  EXPECT_EQ(Asked(ref("1.0.0+1"), {joined_.path()}).known_good(one_, "1.0.0+1").quick(), "known-good 1.0.0+1 of " + here());
  EXPECT_THAT(Asked(ref("1.0.0+1"), {joined_.path()}).known_good(two_, "1.1.0+1").quick(), AllOf(StartsWith("none: the canonical's commit"), HasSubstr("is not reachable from")));
  EXPECT_EQ(Asked(tree("tree-0123456789abcdef0123456789abcdef"), {joined_.path()}).known_good(two_, "1.1.0+1").quick(), "known-good 1.1.0+1 of " + here()) << "without history it counts as newer";
  EXPECT_THAT(Asked(tree(one_ + "+U"), {joined_.path()}).known_good(two_, "1.1.0+1").quick(), HasSubstr("is not reachable from"));
}

TEST_F(UpgradeBaseOf, AQuickRunSaysThatItCannotTell) {
  const auto shallow = clone("shallow", {"--depth", "1"});
  joined_.git({"-C", shallow.string(), "fetch", "-q", "--depth", "1", "origin", "tag", "1.0.0+1"});
  EXPECT_THAT(Asked(tree(work_), {shallow}).known_good(one_, "1.0.0+1").quick(), AllOf(StartsWith("unknown: it cannot be told whether the canonical's commit"), HasSubstr("is a shallow clone")));
  EXPECT_EQ(Asked(tree(work_), {shallow, joined_.path()}).known_good(one_, "1.0.0+1").quick(), "known-good 1.0.0+1 of shallow") << "another repository tells";
  EXPECT_THAT(Asked(ref("main"), {joined_.path()}).known_good(std::string(40, 'a'), "1.0.0+1").quick(), HasSubstr("cannot be had: its commit aaaaaaaaaaaa is not"));
}

}  // namespace
}  // namespace simmer
