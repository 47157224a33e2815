// A recipe's repository, tried on real ones: which releases there are, what a word means, what a
// checkout holds, and what is refused in it.
#include <recipes/recipe_repository.hpp>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <unit/base/flush_recorder.hpp>

#include "git_recipe.hpp"

namespace simmer {
namespace {

using test::flushed;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;
using testing_recipes::error_of;
using testing_recipes::GitRecipe;
using testing_recipes::RecipeFolder;

std::vector<std::string> tags(const RecipeRepository& repository) {
  std::vector<std::string> tags;
  for (const auto& release : repository.releases()) tags.push_back(release.tag);
  return tags;
}

TEST(RecipeRepository, ListsReleasesOldestFirst) {
  GitRecipe recipe;
  const std::string first = recipe.release("1.10.0+2.0"), second = recipe.release("1.9.0+v2.9.6", false);
  recipe.release("0.1.0+latest");
  for (const char* tag : {"v1", "1.2", "1.2.3", "nightly", "2024-01-01"}) recipe.git({"tag", tag});
  recipe.git({"tag", "3.0.0+1", "HEAD:release-of"});  // a version tag on a file
  const RecipeRepository repository(recipe.path());
  EXPECT_THAT(tags(repository), ElementsAre("0.1.0+latest", "1.9.0+v2.9.6", "1.10.0+2.0"));
  EXPECT_EQ(repository.releases()[2].commit, first) << "annotated tags are peeled";
  EXPECT_EQ(repository.releases()[1].commit, second);
  EXPECT_THAT(repository.odd_tags(), UnorderedElementsAre("v1", "1.2", "1.2.3", "2024-01-01", "3.0.0+1"));
}

TEST(RecipeRepository, ResolvesWhateverNamesACommit) {
  GitRecipe recipe;
  const std::string old = recipe.release("1.0.0+1");
  const std::string newest = recipe.release("1.1.0+2");
  recipe.git({"checkout", "-q", "-b", "fix/it"});
  const std::string branch = recipe.commit("work");
  recipe.git({"update-ref", "refs/remotes/origin/theirs", old});
  recipe.git({"update-ref", "refs/pull/7/head", branch});
  const RecipeRepository repository(recipe.path());

  const ResolvedRef none = repository.resolve("");
  EXPECT_EQ(none.commit, newest);
  EXPECT_EQ(none.version, "1.1.0+2");
  EXPECT_TRUE(none.is_release && none.is_newest_release && !none.is_working_tree);
  const ResolvedRef tag = repository.resolve("1.0.0+1");
  EXPECT_EQ(tag.commit, old);
  EXPECT_TRUE(tag.is_release && !tag.is_newest_release);
  EXPECT_EQ(repository.resolve("fix/it").commit, branch);
  EXPECT_FALSE(repository.resolve("fix/it").is_release);
  EXPECT_EQ(repository.resolve("fix/it").version, "");
  EXPECT_EQ(repository.resolve("origin/theirs").commit, old);
  EXPECT_EQ(repository.resolve("theirs").version, "1.0.0+1");
  EXPECT_EQ(repository.resolve("refs/pull/7/head").commit, branch);
  EXPECT_EQ(repository.resolve("HEAD").commit, branch);
  EXPECT_EQ(repository.resolve(branch).commit, branch);
  EXPECT_EQ(repository.resolve(old.substr(0, 10)).version, "1.0.0+1");
}

TEST(RecipeRepository, UnknownRefsNameTheNearest) {
  GitRecipe recipe;
  recipe.release("1.0.0+1");
  recipe.release("1.1.0+2");
  const RecipeRepository repository(recipe.path());
  EXPECT_THAT(error_of([&] { repository.resolve("1.1.0+3"); }, ErrorKind::usage),
              AllOf(HasSubstr("no tag, branch or commit '1.1.0+3'"), HasSubstr("did you mean '1.1.0+2'?"),
                    HasSubstr("newest release is 1.1.0+2")));
  for (const char* ref : {"mian", "HEAD~1", "main^{tree}", ":/work", "../x", "a..b", "-x", "deadbeef",
                          "0000000000000000000000000000000000000000", "abc", " "})
    error_of([&] { repository.resolve(ref); }, ErrorKind::usage);
}

TEST(RecipeRepository, WithoutReleasesSaysWhatToDo) {
  GitRecipe recipe;
  const std::string head = recipe.commit("first");
  const RecipeRepository repository(recipe.path());
  EXPECT_THAT(error_of([&] { repository.resolve(""); }, ErrorKind::usage), HasSubstr("no release yet"));
  EXPECT_EQ(repository.resolve("main").commit, head);
}

TEST(RecipeRepository, RefusesWhatIsNone) {
  RecipeFolder plain;
  EXPECT_THAT(error_of([&] { RecipeRepository(plain.path()); }, ErrorKind::config), HasSubstr("is no git repository"));
  EXPECT_THAT(error_of([&] { RecipeRepository(plain.path() / "missing"); }, ErrorKind::config), HasSubstr("there is no "));
  GitRecipe empty;
  EXPECT_THAT(error_of([&] { RecipeRepository(empty.path()); }, ErrorKind::config), HasSubstr("no commits"));
  GitRecipe parent;
  parent.write("sub/compose.yml", "x").commit("one");
  EXPECT_THAT(error_of([&] { RecipeRepository(parent.path() / "sub"); }, ErrorKind::config), HasSubstr("is no git repository"))
      << "never a parent's";
}

TEST(RecipeRepository, ABareOneOfAnotherOwnerWorks) {
  GitRecipe recipe;
  const std::string commit = recipe.release("1.0.0+1");
  RecipeFolder bare;
  recipe.git({"clone", "-q", "--bare", recipe.path().string(), (bare.path() / "r.git").string()});
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown((bare.path() / "r.git").c_str(), 65534, 65534), 0);
  }
  EXPECT_EQ(RecipeRepository(bare.path() / "r.git").resolve("").commit, commit);
}

TEST(RecipeRepository, ChecksOutExactlyTheCommit) {
  GitRecipe recipe;
  recipe.write("compose.yml", "old\n").write("bin/run.sh", "#!/bin/sh\n").write("deep/er/empty", "");
  fs::permissions(recipe.path() / "bin/run.sh", fs::perms(0755));
  fs::create_symlink("../compose.yml", recipe.path() / "bin/link");
  fs::create_symlink("nowhere-yet", recipe.path() / "dangling");
  const std::string commit = recipe.commit("one");
  recipe.write("compose.yml", "new\n").commit("two");
  RecipeFolder out;
  RecipeRepository(recipe.path()).check_out(commit, out.path() / "new/tree");
  const fs::path tree = out.path() / "new/tree";
  EXPECT_EQ(read_file(tree / "compose.yml"), "old\n");
  EXPECT_EQ(fs::read_symlink(tree / "bin/link"), "../compose.yml");
  EXPECT_EQ(fs::read_symlink(tree / "dangling"), "nowhere-yet");
  EXPECT_EQ(fs::file_size(tree / "deep/er/empty"), 0u);
  EXPECT_EQ(fs::status(tree / "bin/run.sh").permissions(), fs::perms(0755));
  EXPECT_EQ(fs::status(tree / "compose.yml").permissions(), fs::perms(0644));
  EXPECT_FALSE(fs::exists(tree / ".git"));
  EXPECT_THROW(RecipeRepository(recipe.path()).check_out(commit, tree), Error) << "the folder must be new";
  EXPECT_EQ(read_file(tree / "compose.yml"), "old\n");
}

TEST(RecipeRepository, RefusesLinksThatLeaveTheTree) {
  const std::vector<std::pair<std::string, std::string>> links = {
      {"a", "/etc/passwd"}, {"a", "../outside"}, {"sub/a", "../../outside"}, {"a", "sub/../../outside"}, {"a", "a"}};
  for (const auto& [name, target] : links) {
    GitRecipe recipe;
    recipe.write("sub/file", "x");
    fs::create_symlink(target, recipe.path() / name);
    const std::string commit = recipe.commit("link");
    RecipeFolder out;
    EXPECT_THAT(error_of([&] { RecipeRepository(recipe.path()).check_out(commit, out.path() / "t"); }),
                HasSubstr("the link " + name + " leaves"))
        << target;
    EXPECT_FALSE(fs::exists(out.path() / "t")) << "nothing is left of a refused checkout";
  }
  // Each of these stays inside when read alone; one over the other leaves.
  GitRecipe recipe;
  recipe.write("sub/deep/file", "x");
  fs::create_symlink("../..", recipe.path() / "sub/deep/up");
  fs::create_symlink("sub/deep/up/../outside", recipe.path() / "a");
  const std::string commit = recipe.commit("links");
  RecipeFolder out;
  EXPECT_THAT(error_of([&] { RecipeRepository(recipe.path()).check_out(commit, out.path() / "t"); }),
              HasSubstr("the link a leaves"));
}

TEST(RecipeRepository, RefusesSubmodulesAndNamesThatNoGitWrites) {
  GitRecipe recipe;
  recipe.write("file", "x");
  const std::string head = recipe.commit("one");
  RecipeFolder out;
  recipe.git({"update-index", "--add", "--cacheinfo", "160000," + head + ",vendor/lib"});
  const std::string submodule = recipe.git({"commit-tree", "-m", "s", recipe.git({"write-tree"})});
  EXPECT_THAT(error_of([&] { RecipeRepository(recipe.path()).check_out(submodule, out.path() / "t"); }),
              HasSubstr("vendor/lib is a git submodule"));

  // A tree written byte by byte: "<mode> <name>\0<20 bytes of id>".
  const std::string blob = recipe.git({"rev-parse", "HEAD:file"});
  std::string id;
  for (std::size_t i = 0; i < blob.size(); i += 2) id += static_cast<char>(std::stoi(blob.substr(i, 2), nullptr, 16));
  for (const std::string name : {"..", ".git", ".GIT", "a/b"}) {
    recipe.write("raw", "100644 " + name + std::string(1, '\0') + id);
    const std::string tree = recipe.git({"hash-object", "-t", "tree", "-w", "--literally", "raw"});
    const std::string commit = recipe.git({"commit-tree", "-m", "x", tree});
    EXPECT_THAT(error_of([&] { RecipeRepository(recipe.path()).check_out(commit, out.path() / "t"); }),
                HasSubstr("which no recipe may"))
        << name;
    EXPECT_FALSE(fs::exists(out.path() / "t"));
  }
}

// A link and a folder of one name: what is in the folder must not be written through the link.
TEST(RecipeRepository, ANameThatStandsTwiceWritesNowhereElse) {
  GitRecipe recipe;
  RecipeFolder victim;
  recipe.write("d/file", "evil").write("target", victim.path().string());
  recipe.commit("one");
  const auto bytes = [&](const std::string& hex) {
    std::string id;
    for (std::size_t i = 0; i < hex.size(); i += 2) id += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return id;
  };
  recipe.write("inner", "target");  // a link that stays inside, by itself
  const std::string link = bytes(recipe.git({"hash-object", "-w", "inner"})), folder = bytes(recipe.git({"rev-parse", "HEAD:d"}));
  recipe.write("raw", "120000 d" + std::string(1, '\0') + link + "40000 d" + std::string(1, '\0') + folder);
  const std::string commit =
      recipe.git({"commit-tree", "-m", "x", recipe.git({"hash-object", "-t", "tree", "-w", "--literally", "raw"})});
  RecipeFolder out;
  EXPECT_THROW(RecipeRepository(recipe.path()).check_out(commit, out.path() / "t"), Error);
  EXPECT_TRUE(fs::is_empty(victim.path()));
  EXPECT_FALSE(fs::exists(out.path() / "t"));
}

TEST(RecipeRepository, WhatIsKeptOutlivesItsTagAndBranch) {
  GitRecipe recipe;
  recipe.release("1.0.0+1");
  recipe.git({"checkout", "-q", "-b", "gone"});
  const std::string commit = recipe.release("1.1.0+1");
  RecipeRepository(recipe.path()).keep("custom-html", commit);
  recipe.git({"checkout", "-q", "main"});
  recipe.git({"branch", "-q", "-D", "gone"});
  recipe.git({"tag", "-d", "1.1.0+1"});
  recipe.git({"reflog", "expire", "--expire=now", "--all"});
  recipe.git({"gc", "-q", "--prune=now"});
  RecipeFolder out;
  RecipeRepository(recipe.path()).check_out(commit, out.path() / "t");
  EXPECT_EQ(read_file(out.path() / "t/release-of"), "1.1.0+1");
  const std::string next = recipe.git({"rev-parse", "main"});
  RecipeRepository(recipe.path()).keep("custom-html", next);
  EXPECT_EQ(recipe.git({"cat-file", "-t", commit}), "commit") << "both stay";
  RecipeRepository(recipe.path()).keep("custom-html", next);
  error_of([&] { RecipeRepository(recipe.path()).keep("../../heads/main", commit); }, ErrorKind::unavailable);
  error_of([&] { RecipeRepository(recipe.path()).keep("x", std::string(40, '0')); }, ErrorKind::config);
}

TEST(RecipeRepository, OneCommitOfAnAppIsKeptInTheEnd) {
  GitRecipe recipe;
  const std::string first = recipe.release("1.0.0+1"), second = recipe.release("1.1.0+1");
  const auto kept = [&] { return recipe.git({"for-each-ref", "--format=%(refname)", "refs/simmer"}); };
  const RecipeRepository repository(recipe.path());
  recipe.git({"update-ref", "refs/simmer/keep/app", first});  // as an older Simmer wrote it
  repository.keep("app", first);
  repository.keep("app", second);
  repository.keep("app-2", first);
  recipe.git({"pack-refs", "--all"});
  repository.keep("app", second);
  EXPECT_THROW(repository.keep_only("app", std::string(40, '0')), Error);
  EXPECT_THAT(kept(), AllOf(HasSubstr("refs/simmer/keep/app"), HasSubstr("app/" + first), HasSubstr("app/" + second))) << "the new one first";
  repository.keep_only("app", second);
  EXPECT_EQ(kept(), "refs/simmer/known-good/app-2/" + first + "\nrefs/simmer/known-good/app/" + second);
  repository.keep_only("*", "");
  EXPECT_THAT(kept(), AllOf(HasSubstr("app-2/" + first), HasSubstr("app/" + second))) << "a name is no pattern";
  repository.keep_only("app-2", "");
  EXPECT_EQ(kept(), "refs/simmer/known-good/app/" + second);
}

TEST(RecipeRepository, WhatIsKeptIsOnTheDisk) {
  GitRecipe recipe;
  const std::string commit = recipe.release("1.0.0+1");
  flushed().clear();
  RecipeRepository(recipe.path()).keep("app", commit);
  const fs::path git = fs::canonical(recipe.path() / ".git");
  for (const auto& folder : {"refs", "refs/simmer", "refs/simmer/known-good", "refs/simmer/known-good/app"}) EXPECT_THAT(flushed(), Contains(git / folder));
  EXPECT_THAT(flushed(), Contains(git / "refs/simmer/known-good/app" / (commit + ".lock"))) << "what libgit2 writes before it renames";
}

// --- as they are in the field --------------------------------------------------------------------------------

TEST(RecipeRepository, APreReleaseIsTheNewestOnlyWhenItIsAskedFor) {
  GitRecipe recipe;
  recipe.release("2.0.0-rc.1+1");
  const RecipeRepository repository(recipe.path());
  EXPECT_THAT(error_of([&] { repository.resolve(""); }, ErrorKind::usage), AllOf(HasSubstr("pre-releases only"), HasSubstr("2.0.0-rc.1+1")));
  const std::string released = recipe.release("1.0.0+1");
  const std::string candidate = recipe.release("2.0.0-rc.2+1");
  EXPECT_THAT(tags(repository), ElementsAre("1.0.0+1", "2.0.0-rc.1+1", "2.0.0-rc.2+1")) << "they are listed";
  EXPECT_EQ(repository.resolve("").commit, released);
  EXPECT_TRUE(repository.resolve("").is_newest_release);
  EXPECT_EQ(repository.newest_release()->tag, "1.0.0+1");
  const auto asked = repository.resolve("2.0.0-rc.2+1");
  EXPECT_EQ(asked.commit, candidate);
  EXPECT_TRUE(asked.is_release && !asked.is_newest_release) << "never promoted";
}

TEST(RecipeRepository, APartialCloneIsReadAsFarAsItsFilesAreHere) {
  GitRecipe recipe;
  recipe.git({"config", "uploadpack.allowFilter", "true"});
  recipe.write("compose.yml", "old\n");
  const std::string old = recipe.release("1.0.0+1");
  recipe.write("compose.yml", "new\n");
  const std::string head = recipe.release("1.1.0+1");
  RecipeFolder folder;
  const fs::path clone = folder.path() / "clone";
  recipe.git({"clone", "-q", "--filter=blob:none", "file://" + recipe.path().string(), clone.string()});
  const RecipeRepository partial(clone);
  EXPECT_THAT(tags(partial), ElementsAre("1.0.0+1", "1.1.0+1"));
  EXPECT_TRUE(partial.is_whole(head));
  EXPECT_FALSE(partial.is_whole(old));
  EXPECT_FALSE(partial.is_whole(std::string(40, 'a')));
  partial.check_out(head, folder.path() / "head");
  EXPECT_EQ(read_file(folder.path() / "head/compose.yml"), "new\n");
  EXPECT_THAT(error_of([&] { partial.check_out(old, folder.path() / "old"); }, ErrorKind::config), AllOf(HasSubstr("partial clone"), HasSubstr("git fetch --refetch --no-filter")));
  EXPECT_FALSE(fs::exists(folder.path() / "old"));
  recipe.git({"-C", clone.string(), "fetch", "-q", "--refetch", "--no-filter"});
  EXPECT_TRUE(RecipeRepository(clone).is_whole(old)) << "the remedy that is named works";
}

TEST(RecipeRepository, WhatLibgit2CannotReadSaysWhy) {
  GitRecipe recipe;
  recipe.commit("one");
  for (const auto& [key, value, words] : {std::tuple("objectFormat", "sha256", "not SHA-1"), std::tuple("refStorage", "reftable", "not kept in files"), std::tuple("ofTomorrow", "1", "oftomorrow")}) {
    GitRecipe odd;
    odd.commit("one");
    std::ofstream(odd.path() / ".git/config", std::ios::app) << "[core]\n repositoryformatversion = 1\n[extensions]\n " << key << " = " << value << "\n";
    EXPECT_THAT(error_of([&] { RecipeRepository(odd.path()); }, ErrorKind::config), AllOf(HasSubstr("cannot be read"), HasSubstr(words)));
  }
}

TEST(RecipeRepository, ReleaseNotes) {
  GitRecipe recipe;
  recipe.write("release/1.0.0+1", "manual migration\n")
      .write("releaseNotes/1.1.0+1.md", "# notes\n")
      .write("release/2.0.0+1/dir", "x");
  fs::create_symlink("/etc/passwd", recipe.path() / "release/3.0.0+1");
  const std::string commit = recipe.commit("one");
  const RecipeRepository repository(recipe.path());
  EXPECT_EQ(repository.release_notes(commit, "1.0.0+1"), "manual migration\n");
  EXPECT_EQ(repository.release_notes(commit, "1.1.0+1"), "# notes\n");
  for (const char* version : {"1.2.0+1", "2.0.0+1", "3.0.0+1", "../compose.yml", ""})
    EXPECT_EQ(repository.release_notes(commit, version), "") << version;
}

TEST(RecipeRepository, ADamagedOneIsTheConfigurationsFault) {
  GitRecipe recipe;
  recipe.write("file", "some content\n");
  const std::string commit = recipe.commit("one");
  const std::string blob = recipe.git({"rev-parse", "HEAD:file"});
  fs::remove(recipe.path() / ".git/objects" / blob.substr(0, 2) / blob.substr(2));
  RecipeFolder out;
  EXPECT_THAT(error_of([&] { RecipeRepository(recipe.path()).check_out(commit, out.path() / "t"); }, ErrorKind::config),
              HasSubstr("damaged"));
  EXPECT_FALSE(fs::exists(out.path() / "t"));
}

}  // namespace
}  // namespace simmer
