// A working tree is tested as it is: what is uncommitted comes along, what is ignored does not, and
// what it is called tells a clean one from a dirty one.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <recipes/recipe_repository.hpp>

#include "git_recipe.hpp"

namespace simmer {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using testing_recipes::error_of;
using testing_recipes::GitRecipe;
using testing_recipes::RecipeFolder;
using testing_recipes::Swapper;

TEST(WorkingTree, CleanIsItsHead) {
  GitRecipe recipe;
  recipe.write("compose.yml", "one\n").write(".gitignore", "*.log\n");
  const std::string head = recipe.release("1.0.0+1");
  recipe.write("debug.log", "ignored");
  RecipeFolder out;
  const ResolvedRef taken = take_working_tree(recipe.path(), out.path() / "t");
  EXPECT_EQ(taken.commit, head);
  EXPECT_TRUE(taken.is_working_tree);
  EXPECT_TRUE(taken.is_release);
  EXPECT_EQ(taken.version, "1.0.0+1");
  EXPECT_FALSE(taken.is_newest_release) << "a working tree is never promoted";
  EXPECT_EQ(read_file(out.path() / "t/compose.yml"), "one\n");
  EXPECT_FALSE(fs::exists(out.path() / "t/.git"));
  EXPECT_FALSE(fs::exists(out.path() / "t/debug.log"));
}

TEST(WorkingTree, ChangedUntrackedAndStagedAreDirty) {
  for (const std::string how : {"changed", "untracked", "staged", "deleted"}) {
    GitRecipe recipe;
    recipe.write("compose.yml", "one\n").write("other", "x");
    const std::string head = recipe.release("1.0.0+1");
    if (how == "changed") recipe.write("compose.yml", "two\n");
    if (how == "untracked") recipe.write("new/file", "two\n");
    if (how == "staged") recipe.write("compose.yml", "two\n").git({"add", "compose.yml"});
    if (how == "deleted") fs::remove(recipe.path() / "other");
    RecipeFolder out;
    const ResolvedRef taken = take_working_tree(recipe.path(), out.path() / "t");
    EXPECT_EQ(taken.commit, head + "+U") << how;
    EXPECT_FALSE(taken.is_release) << how;
    EXPECT_EQ(fs::exists(out.path() / "t/new/file"), how == "untracked");
    EXPECT_EQ(fs::exists(out.path() / "t/other"), how != "deleted");
    EXPECT_EQ(read_file(out.path() / "t/compose.yml"), how == "changed" || how == "staged" ? "two\n" : "one\n");
  }
}

TEST(WorkingTree, IgnoredStaysUnlessItIsTracked) {
  GitRecipe recipe;
  recipe.write(".gitignore", "build/\nsecret*\n").write("build/kept", "tracked").write("secret.txt", "tracked");
  recipe.commit("one");  // adds with force
  recipe.write("build/left", "x").write("secret2", "x").write("cache/.gitignore", "*\n").write("cache/x", "x");
  RecipeFolder out;
  take_working_tree(recipe.path(), out.path() / "t");
  EXPECT_TRUE(fs::exists(out.path() / "t/build/kept"));
  EXPECT_TRUE(fs::exists(out.path() / "t/secret.txt"));
  EXPECT_FALSE(fs::exists(out.path() / "t/build/left"));
  EXPECT_FALSE(fs::exists(out.path() / "t/secret2"));
  EXPECT_FALSE(fs::exists(out.path() / "t/cache/x"));
}

TEST(WorkingTree, WithoutGitItsContentNamesIt) {
  RecipeFolder plain, same, other, mode;
  for (RecipeFolder* folder : {&plain, &same, &other, &mode})
    folder->write("compose.yml", "x").write("sub/file", folder == &other ? "b" : "a");
  fs::permissions(mode.path() / "sub/file", fs::perms(0755));
  RecipeFolder out;
  const std::string one = take_working_tree(plain.path(), out.path() / "1").commit;
  EXPECT_THAT(one, MatchesRegex("tree-[0-9a-f]{32}"));
  EXPECT_EQ(take_working_tree(same.path(), out.path() / "2").commit, one);
  EXPECT_NE(take_working_tree(other.path(), out.path() / "3").commit, one);
  EXPECT_NE(take_working_tree(mode.path(), out.path() / "4").commit, one);
  EXPECT_EQ(fs::status(out.path() / "4/sub/file").permissions(), fs::perms(0755));
}

TEST(WorkingTree, ARepositoryWithoutCommitsCounts) {
  GitRecipe recipe;
  recipe.write("compose.yml", "x");
  RecipeFolder out;
  EXPECT_THAT(take_working_tree(recipe.path(), out.path() / "t").commit, HasSubstr("tree-"));
}

// --- checkouts as they are in the field: none of them is a plain folder without history ------------------------

TEST(WorkingTree, OfAPartialCloneHasItsHistory) {
  GitRecipe recipe;
  recipe.git({"config", "uploadpack.allowFilter", "true"});
  recipe.write("compose.yml", "one\n").commit("one");
  const std::string head = recipe.release("1.0.0+1");
  RecipeFolder out;
  recipe.git({"clone", "-q", "--filter=blob:none", "file://" + recipe.path().string(), (out.path() / "clone").string()});
  // As older gits wrote it, and newer ones where another extension is in use.
  recipe.git({"-C", (out.path() / "clone").string(), "config", "extensions.partialClone", "origin"});
  const ResolvedRef taken = take_working_tree(out.path() / "clone", out.path() / "t");
  EXPECT_EQ(taken.commit, head);
  EXPECT_EQ(taken.version, "1.0.0+1");
}

TEST(WorkingTree, WithAConfigurationOfItsOwnHasItsHistory) {
  GitRecipe recipe;
  const std::string head = recipe.release("1.0.0+1");
  recipe.git({"config", "extensions.worktreeConfig", "true"});
  recipe.git({"config", "core.repositoryFormatVersion", "1"});
  RecipeFolder out;
  EXPECT_EQ(take_working_tree(recipe.path(), out.path() / "t").commit, head);
  recipe.git({"worktree", "add", "-q", "-b", "more", (out.path() / "more").string()});
  EXPECT_EQ(take_working_tree(out.path() / "more", out.path() / "u").commit, head);
}

TEST(WorkingTree, OfASparseCheckoutIsRefusedWhereFilesAreLeftOut) {
  for (const std::string index : {"--no-sparse-index", "--sparse-index"}) {
    GitRecipe recipe;
    recipe.write("compose.yml", "x").write("docs/page", "x").write("src/main", "x");
    const std::string head = recipe.commit("one");
    recipe.git({"sparse-checkout", "set", "--cone", index, "src"});
    ASSERT_FALSE(fs::exists(recipe.path() / "docs"));
    RecipeFolder out;
    EXPECT_THAT(error_of([&] { take_working_tree(recipe.path(), out.path() / "t"); }, ErrorKind::usage), HasSubstr(index == "--sparse-index" ? "no-sparse-index" : "leaves 1 file out of"));
    EXPECT_FALSE(fs::exists(out.path() / "t"));
    recipe.git({"sparse-checkout", "set", "--cone", "--no-sparse-index", "src", "docs"});
    EXPECT_EQ(take_working_tree(recipe.path(), out.path() / "t").commit, head) << "sparse, but whole";
  }
}

TEST(WorkingTree, WhoseRepositoryCannotBeReadIsRefused) {
  const auto refused = [](const std::string& how, const std::function<void(GitRecipe&)>& break_it) {
    GitRecipe recipe;
    recipe.write("compose.yml", "x").commit("one");
    break_it(recipe);
    RecipeFolder out;
    EXPECT_THAT(error_of([&] { take_working_tree(recipe.path(), out.path() / "t"); }, ErrorKind::config), HasSubstr("cannot be read")) << how;
    EXPECT_FALSE(fs::exists(out.path() / "t")) << how;
  };
  const auto configure = [](const std::string& more) {
    return [more](GitRecipe& recipe) { std::ofstream(recipe.path() / ".git/config", std::ios::app) << "[core]\n repositoryformatversion = 1\n[extensions]\n " << more << "\n"; };
  };
  refused("sha256", configure("objectFormat = sha256"));
  refused("reftable", configure("refStorage = reftable"));
  refused("of a later git", configure("unheardOf = true"));
  refused("a worktree that was moved away from its repository", [](GitRecipe& recipe) {
    fs::remove_all(recipe.path() / ".git");
    recipe.write(".git", "gitdir: /nowhere/.git/worktrees/x\n");
  });
  refused("an empty one", [](GitRecipe& recipe) {
    fs::remove_all(recipe.path() / ".git");
    fs::create_directory(recipe.path() / ".git");
  });
}

// Whoever can write a checkout's configuration can name programs in it. None of them is run.
TEST(WorkingTree, OfAHostileCheckoutRunsNoProgram) {
  GitRecipe recipe;
  recipe.git({"config", "uploadpack.allowFilter", "true"});
  recipe.write("compose.yml", "x").write(".gitattributes", "* filter=evil diff=evil\n");
  recipe.release("1.0.0+1");
  recipe.write("compose.yml", "y").release("1.1.0+1");
  RecipeFolder out;
  const fs::path clone = out.path() / "clone", ran = out.path() / "ran";
  recipe.git({"clone", "-q", "--filter=blob:none", "file://" + recipe.path().string(), clone.string()});
  const fs::path evil = out.path() / "evil.sh";
  std::ofstream(evil) << "#!/bin/sh\necho \"$0 $*\" >> " << ran.string() << "\ncat\n";
  fs::permissions(evil, fs::perms(0755));
  for (const char* key : {"core.fsmonitor", "core.sshCommand", "core.pager", "core.editor", "core.askPass", "core.gitProxy", "core.alternateRefsCommand", "diff.external", "filter.evil.clean", "filter.evil.smudge",
                          "filter.evil.process", "diff.evil.command", "diff.evil.textconv", "credential.helper", "uploadpack.packObjectsHook", "remote.origin.uploadpack", "alias.status", "alias.ls-files", "gpg.program"})
    recipe.git({"-C", clone.string(), "config", key, evil.string()});
  recipe.git({"-C", clone.string(), "config", "core.hooksPath", out.path().string()});
  std::ofstream(clone / "compose.yml") << "z";
  const ResolvedRef taken = take_working_tree(clone, out.path() / "t");
  EXPECT_THAT(taken.commit, HasSubstr("+U"));
  const RecipeRepository repository(clone);
  const auto old = repository.resolve("1.0.0+1");
  EXPECT_FALSE(repository.is_whole(old.commit)) << "nothing was fetched for it";
  EXPECT_THROW(repository.check_out(old.commit, out.path() / "old"), Error);
  repository.history_of(old.commit);
  EXPECT_FALSE(fs::exists(ran)) << read_file(ran);
  recipe.git({"-C", clone.string(), "status"});
  EXPECT_TRUE(fs::exists(ran)) << "git itself would run them: this test can fail";
}

TEST(WorkingTree, RefusesWhatCannotBeARecipe) {
  RecipeFolder out;
  const auto refused = [&](const fs::path& path, ErrorKind kind) {
    const std::string message = error_of([&] { take_working_tree(path, out.path() / "t"); }, kind);
    EXPECT_FALSE(fs::exists(out.path() / "t"));
    return message;
  };
  RecipeFolder link, pipe, nested, self;
  fs::create_symlink("/etc", link.path() / "etc");
  EXPECT_THAT(refused(link.path(), ErrorKind::recipe), HasSubstr("the link etc leaves"));
  ASSERT_EQ(::mkfifo((pipe.path() / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(refused(pipe.path(), ErrorKind::recipe), HasSubstr("neither file"));
  nested.write("lib/.git", "gitdir: elsewhere\n");
  EXPECT_THAT(refused(nested.path(), ErrorKind::recipe), HasSubstr("lib is a git repository"));
  EXPECT_THAT(refused(out.path() / "missing", ErrorKind::usage), HasSubstr("is no folder"));
  EXPECT_THAT(error_of([&] { take_working_tree(self.path(), self.path() / "inside"); }, ErrorKind::usage),
              HasSubstr("inside of"));
}

// --- what it is called is told from the copy ---------------------------------------------------------------------

// Each of these hides a change from `git status`.
TEST(WorkingTree, WhoseChangeIsHiddenFromGitIsChanged) {
  const std::map<std::string, std::function<void(GitRecipe&)>> hidden = {
      {"assume-unchanged", [](GitRecipe& recipe) { recipe.git({"update-index", "--assume-unchanged", "compose.yml"}), recipe.write("compose.yml", "two\n"); }},
      {"skip-worktree", [](GitRecipe& recipe) { recipe.git({"update-index", "--skip-worktree", "compose.yml"}), recipe.write("compose.yml", "two\n"); }},
      {"core.ignoreStat", [](GitRecipe& recipe) { recipe.git({"config", "core.ignoreStat", "true"}), recipe.git({"update-index", "--really-refresh"}), recipe.git({"checkout", "-q", "HEAD", "."}), recipe.git({"update-index", "--assume-unchanged", "compose.yml"}), recipe.write("compose.yml", "two\n"); }},
      {"core.fileMode", [](GitRecipe& recipe) { recipe.git({"config", "core.fileMode", "false"}), fs::permissions(recipe.path() / "compose.yml", fs::perms(0755)); }},
      {"a mode that the index was told", [](GitRecipe& recipe) { recipe.git({"config", "core.fileMode", "false"}), recipe.git({"update-index", "--chmod=+x", "compose.yml"}), recipe.git({"commit", "-q", "-m", "x"}), recipe.git({"tag", "-f", "1.0.0+1"}); }},
      {"the same size and time", [](GitRecipe& recipe) {
         recipe.git({"config", "core.trustctime", "false"}), recipe.git({"config", "core.checkStat", "minimal"});
         const fs::path file = recipe.path() / "compose.yml";
         fs::last_write_time(file, fs::last_write_time(file) - std::chrono::hours(1));
         recipe.git({"update-index", "--refresh"});
         const auto time = fs::last_write_time(file);
         recipe.write("compose.yml", "two\n");
         fs::last_write_time(file, time);
       }},
      {"a filter", [](GitRecipe& recipe) { recipe.write(".gitattributes", "*.yml text\n").release("1.0.1+1"), recipe.write("compose.yml", "one\r\n"); }},
      {"removed from the index, and ignored", [](GitRecipe& recipe) { recipe.git({"rm", "-q", "--cached", "other"}), std::ofstream(recipe.path() / ".git/info/exclude") << "other\n"; }}};
  for (const auto& [how, change] : hidden) {
    GitRecipe recipe;
    recipe.write("compose.yml", "one\n").write("other", "x").release("1.0.0+1");
    change(recipe);
    RecipeFolder out;
    const ResolvedRef taken = take_working_tree(recipe.path(), out.path() / "t");
    EXPECT_EQ(taken.commit, recipe.git({"rev-parse", "HEAD"}) + "+U") << how;
    EXPECT_FALSE(taken.is_release) << how;
  }
}

TEST(WorkingTree, ElsewhereAsItsConfigurationSaysIsNotLookedAt) {
  GitRecipe recipe;
  const std::string head = recipe.write("compose.yml", "one\n").write(".gitignore", "*.log\n").release("1.0.0+1");
  RecipeFolder elsewhere, out;
  elsewhere.write("compose.yml", "one\n").write("release-of", "1.0.0+1").write(".gitignore", "*\n");
  recipe.git({"config", "core.worktree", elsewhere.path().string()});
  recipe.write("debug.log", "x");
  EXPECT_EQ(take_working_tree(recipe.path(), out.path() / "t").commit, head);
  EXPECT_FALSE(fs::exists(out.path() / "t/debug.log"));
  recipe.write("compose.yml", "two\n");
  EXPECT_EQ(take_working_tree(recipe.path(), out.path() / "u").commit, head + "+U");
}

// As a checkout of the same commit would be.
TEST(WorkingTree, FoldersWithNothingInThemStayBehind) {
  GitRecipe recipe;
  recipe.write("compose.yml", "one\n").write("run", "x").write(".gitignore", "*.log\n");
  fs::permissions(recipe.path() / "run", fs::perms(0755));
  fs::create_symlink("compose.yml", recipe.path() / "link");
  const std::string head = recipe.release("1.0.0+1");
  recipe.write("logs/a.log", "x").write("cache/.gitignore", "*\n").write("cache/deep/x", "x");
  fs::create_directories(recipe.path() / "empty/below");
  RecipeFolder out;
  EXPECT_EQ(take_working_tree(recipe.path(), out.path() / "t").commit, head);
  for (const char* name : {"logs", "cache", "empty"}) EXPECT_FALSE(fs::exists(out.path() / "t" / name)) << name;
}

TEST(WorkingTree, WithASubmoduleIsRefusedAsItsCommitIs) {
  GitRecipe recipe;
  const std::string some = recipe.release("1.0.0+1");
  recipe.git({"update-index", "--add", "--cacheinfo", "160000," + some + ",lib"});
  recipe.git({"commit", "-q", "-m", "with a submodule"});
  fs::create_directory(recipe.path() / "lib");
  RecipeFolder out;
  EXPECT_THAT(error_of([&] { take_working_tree(recipe.path(), out.path() / "t"); }), HasSubstr("lib is a git submodule"));
}

// --- each thing is opened once, and what was opened is what is copied --------------------------------------------

TEST(WorkingTree, ThatIsSwappedForLinksWhileItIsCopiedBringsNothingFromOutside) {
  RecipeFolder outside;
  outside.write("secret", "SECRET").write("config/settings", "SECRET");
  for (const std::string what : {"file", "folder"}) {
    RecipeFolder tree, beside;
    tree.write("compose.yml", "x").write("file", "mine").write("folder/settings", "mine");
    fs::create_symlink(outside.path() / (what == "file" ? "secret" : "config"), beside.path() / "link");
    const Swapper swapper(tree.path() / what, beside.path() / "link");
    int copied = 0;
    for (int i = 0; i < 150; ++i) {
      RecipeFolder out;
      try {
        take_working_tree(tree.path(), out.path() / "t");
        ++copied;
        EXPECT_EQ(read_file(out.path() / "t/file"), "mine");
        EXPECT_EQ(read_file(out.path() / "t/folder/settings"), "mine");
      } catch (const Error&) {
        EXPECT_FALSE(fs::exists(out.path() / "t"));
      }
      if (HasFailure()) return;
    }
    EXPECT_GT(copied, 0) << what;
  }
}

TEST(WorkingTree, ThatIsSwappedForAPipeDoesNotHang) {
  RecipeFolder tree, beside;
  tree.write("compose.yml", "x").write("file", "mine");
  ASSERT_EQ(::mkfifo((beside.path() / "pipe").c_str(), 0600), 0);
  const Swapper swapper(tree.path() / "file", beside.path() / "pipe");
  for (int i = 0; i < 150; ++i) {
    RecipeFolder out;
    try {
      take_working_tree(tree.path(), out.path() / "t");
      EXPECT_EQ(read_file(out.path() / "t/file"), "mine");
    } catch (const Error&) {
      EXPECT_FALSE(fs::exists(out.path() / "t"));
    }
  }
}

TEST(WorkingTree, LargerThanARecipeMayBeIsRefused) {
  RecipeFolder large, many, ignored, out;
  large.write("compose.yml", "x").write("disk.img", "");
  fs::resize_file(large.path() / "disk.img", (std::uint64_t{512} << 20U) + 1);
  EXPECT_THAT(error_of([&] { take_working_tree(large.path(), out.path() / "t"); }), HasSubstr("larger than 512 MiB, with disk.img"));
  for (int i = 0; i < 20001; ++i) std::ofstream(many.path() / std::to_string(i));
  EXPECT_THAT(error_of([&] { take_working_tree(many.path(), out.path() / "t"); }), HasSubstr("more than 20000 files and folders"));
  EXPECT_FALSE(fs::exists(out.path() / "t"));
  // What stays behind does not count.
  GitRecipe recipe;
  recipe.write(".gitignore", "*.img\n").release("1.0.0+1");
  std::ofstream(recipe.path() / "disk.img");
  fs::resize_file(recipe.path() / "disk.img", (std::uint64_t{512} << 20U) + 1);
  EXPECT_NO_THROW(take_working_tree(recipe.path(), out.path() / "t"));
}

TEST(WorkingTree, IsNotCopiedOnceSomebodyStopsIt) {
  RecipeFolder tree, out;
  tree.write("compose.yml", "x");
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(error_of([&] { take_working_tree(tree.path(), out.path() / "t", Limit::in(std::chrono::minutes(1), stop.get_token())); }, ErrorKind::interrupted), HasSubstr("interrupted while"));
  EXPECT_THAT(error_of([&] { take_working_tree(tree.path(), out.path() / "t", Limit::in(milliseconds(0))); }, ErrorKind::unavailable), HasSubstr("timed out"));
  EXPECT_FALSE(fs::exists(out.path() / "t"));
}

// --- nothing that git or a recipe reads may be a pipe: it would be read for ever ---------------------------------

TEST(WorkingTree, WithASpecialFileInTheWayIsRefusedByName) {
  for (const std::string name : {".gitignore", ".gitattributes", "sub/.gitignore", "compose.yml", ".env.sample", "abra.sh", "simmer.yml", "conf/app.conf", ".git/HEAD", ".git/index", ".git/packed-refs", ".git/config", ".git/shallow",
                                 ".git/info/exclude", ".git/info/attributes", ".git/refs/heads/main", ".git/refs/tags/1.0.0+1", ".git/objects/info/alternates", ".git/commondir", ".git/config.worktree"}) {
    GitRecipe recipe;
    recipe.write("compose.yml", "x").write("sub/x", "x").release("1.0.0+1", false);
    recipe.git({"config", "extensions.worktreeConfig", "true"});
    const fs::path file = recipe.path() / name;
    fs::create_directories(file.parent_path());
    fs::remove(file);
    ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0) << name;
    RecipeFolder out;
    const bool of_git = name.rfind(".git/", 0) == 0;
    EXPECT_THAT(error_of([&] { take_working_tree(recipe.path(), out.path() / "t"); }, of_git ? ErrorKind::config : ErrorKind::recipe), HasSubstr(name)) << name;
    if (of_git) {
      EXPECT_THAT(error_of([&] { RecipeRepository repository(recipe.path()); }, ErrorKind::config), HasSubstr(name));
    }
    EXPECT_FALSE(fs::exists(out.path() / "t"));
  }
}

TEST(WorkingTree, WhoseGitFolderIsAPipeIsRefused) {
  RecipeFolder tree, out;
  tree.write("compose.yml", "x");
  ASSERT_EQ(::mkfifo((tree.path() / ".git").c_str(), 0600), 0);
  EXPECT_THAT(error_of([&] { take_working_tree(tree.path(), out.path() / "t"); }, ErrorKind::config), HasSubstr(".git is a pipe"));
}

TEST(WorkingTree, WhoseConfigurationIncludesAPipeIsRefused) {
  for (const std::string text : {"[include]\n\tpath = ../pipe\n", "[Include] path = \"PIPE\"\n", "[includeIf \"gitdir:/\"]\n  path=PIPE # always\n", "[include]\n path = more\n", "[core]\n\texcludesFile = PIPE\n"}) {
    GitRecipe recipe;
    recipe.release("1.0.0+1");
    RecipeFolder out;
    const fs::path pipe = recipe.path() / "pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    std::string config = text;
    if (const auto at = config.find("PIPE"); at != std::string::npos) config.replace(at, 4, pipe.string());
    recipe.write(".git/more", "[include]\npath = " + pipe.string() + "\n");
    std::ofstream(recipe.path() / ".git/config", std::ios::app) << config;
    EXPECT_THAT(error_of([&] { take_working_tree(recipe.path(), out.path() / "t"); }, ErrorKind::config), HasSubstr("pipe is a pipe")) << text;
  }
}

TEST(WorkingTree, WhoseFilesOfGitAreLinksToWhatNeverEndsIsRefused) {
  GitRecipe recipe;
  recipe.release("1.0.0+1");
  RecipeFolder out;
  fs::create_symlink("/dev/zero", recipe.path() / ".git/packed-refs");
  EXPECT_THAT(error_of([&] { take_working_tree(recipe.path(), out.path() / "t"); }, ErrorKind::config), HasSubstr(".git/packed-refs is a device"));
}

TEST(WorkingTree, ThatGitWatchesIsCopied) {
  GitRecipe recipe;
  const std::string head = recipe.release("1.0.0+1");
  RecipeFolder out;
  ASSERT_EQ(::mknod((recipe.path() / ".git/fsmonitor--daemon.ipc").c_str(), S_IFSOCK | 0600, 0), 0);
  EXPECT_EQ(take_working_tree(recipe.path(), out.path() / "t").commit, head);
  ASSERT_EQ(::mknod((recipe.path() / ".git/packed-refs").c_str(), S_IFSOCK | 0600, 0), 0);
  EXPECT_THAT(error_of([&] { take_working_tree(recipe.path(), out.path() / "u"); }, ErrorKind::config), HasSubstr("packed-refs is a socket"));
}

TEST(WorkingTree, WhoseNamesAreControlCharactersSaysThemInOneLine) {
  RecipeFolder tree, out;
  tree.write("compose.yml", "x");
  ASSERT_EQ(::mkfifo((tree.path() / "a\n\x1b[31m").c_str(), 0600), 0);
  EXPECT_THAT(error_of([&] { take_working_tree(tree.path(), out.path() / "t"); }), ::testing::Not(HasSubstr("\x1b")));
}

TEST(WorkingTree, OfAWorktreeLooksAtBothOfItsFolders) {
  for (const std::string name : {"worktrees/more/HEAD", "packed-refs"}) {
    GitRecipe recipe;
    recipe.release("1.0.0+1");
    RecipeFolder out;
    recipe.git({"worktree", "add", "-q", "-b", "more", (out.path() / "more").string()});
    fs::remove(recipe.path() / ".git" / name);
    ASSERT_EQ(::mkfifo((recipe.path() / ".git" / name).c_str(), 0600), 0);
    EXPECT_THAT(error_of([&] { take_working_tree(out.path() / "more", out.path() / "t"); }, ErrorKind::config), HasSubstr(name + " is a pipe"));
  }
}

}  // namespace
}  // namespace simmer
