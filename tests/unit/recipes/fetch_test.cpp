// Fetching, from real repositories: what is withdrawn goes, what is kept stays, and what a killed git leaves does not
// stand in the way of the next.
#include <recipes/fetch.hpp>

#include <gmock/gmock.h>
#include <signal.h>

#include <thread>

#include <recipes/recipe_repository.hpp>

#include "git_recipe.hpp"
#include "silent_server.hpp"

namespace simmer {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing_recipes::error_of;
using testing_recipes::GitRecipe;
using testing_recipes::RecipeFolder;
using testing_recipes::SilentServer;

Limit a_minute() { return Limit::in(std::chrono::minutes(1)); }

std::vector<std::string> tags(const fs::path& repository) {
  std::vector<std::string> tags;
  for (const auto& release : RecipeRepository(repository).releases()) tags.push_back(release.tag);
  return tags;
}

class Fetch : public ::testing::Test {
 protected:
  void clone() { clone_recipe(source_.path(), here(), mark(), a_minute()); }
  void fetch() { fetch_recipe(source_.path(), here(), mark(), a_minute()); }
  fs::path here() const { return folder_.path() / "recipes/r.git"; }
  fs::path mark() const { return folder_.path() / "locks/repository-r.fetch"; }
  std::vector<std::string> clear(bool dry_run = false) { return clear_killed_fetch(here(), mark(), dry_run, a_minute()); }
  // As a Simmer leaves it that was killed while git was at work: `git` lives, or has lived.
  void mark_killed(const ProcessId& git) {
    fs::create_directories(mark().parent_path());
    write_file_beside(mark(), std::to_string(git.pid) + " " + std::to_string(git.start_time) + " " + git.boot_id + "\n");
  }
  GitRecipe source_;
  RecipeFolder folder_;
};

TEST_F(Fetch, ClonesBareAndBringsUpToDate) {
  source_.release("1.0.0+1");
  clone();
  EXPECT_THAT(tags(here()), ElementsAre("1.0.0+1"));
  EXPECT_TRUE(fs::exists(here() / "HEAD"));
  source_.release("1.1.0+1", false);
  source_.git({"checkout", "-q", "-b", "fix"});
  const std::string work = source_.commit("work");
  fetch();
  EXPECT_THAT(tags(here()), ElementsAre("1.0.0+1", "1.1.0+1"));
  EXPECT_EQ(RecipeRepository(here()).resolve("fix").commit, work);
  EXPECT_FALSE(fs::exists(mark()));
}

TEST_F(Fetch, WithdrawnTagsAndDeletedBranchesGo) {
  source_.release("1.0.0+1");
  source_.git({"branch", "fix"});
  source_.release("1.1.0+1");
  clone();
  EXPECT_EQ(RecipeRepository(here()).newest_release()->tag, "1.1.0+1");
  source_.git({"tag", "-d", "1.1.0+1"});
  source_.git({"branch", "-q", "-D", "fix"});
  fetch();
  EXPECT_THAT(tags(here()), ElementsAre("1.0.0+1"));
  EXPECT_EQ(RecipeRepository(here()).newest_release()->tag, "1.0.0+1") << "a withdrawn release is not the newest any more";
  error_of([&] { RecipeRepository(here()).resolve("fix"); }, ErrorKind::usage);
}

TEST_F(Fetch, ABranchMayTakeTheNameOfAFolderOfDeletedOnes) {
  source_.release("1.0.0+1");
  source_.git({"branch", "fix"});
  clone();
  source_.git({"branch", "-q", "-D", "fix"});
  source_.git({"branch", "fix/more"});
  fetch();
  EXPECT_EQ(RecipeRepository(here()).resolve("fix/more").version, "1.0.0+1");
}

TEST_F(Fetch, ARewrittenTagAndBranchMove) {
  source_.release("1.0.0+1");
  clone();
  source_.git({"commit", "-q", "--amend", "-m", "another"});
  const std::string moved = source_.git({"rev-parse", "HEAD"});
  source_.git({"tag", "-f", "1.0.0+1"});
  fetch();
  EXPECT_EQ(RecipeRepository(here()).resolve("1.0.0+1").commit, moved);
  EXPECT_EQ(RecipeRepository(here()).resolve("main").commit, moved);
}

TEST_F(Fetch, WhatIsKeptStaysWhateverIsWithdrawn) {
  source_.release("1.0.0+1");
  source_.git({"checkout", "-q", "-b", "gone"});
  const std::string commit = source_.release("1.1.0+1");
  clone();
  RecipeRepository(here()).keep("app", commit);
  source_.git({"checkout", "-q", "main"});
  source_.git({"branch", "-q", "-D", "gone"});
  source_.git({"tag", "-d", "1.1.0+1"});
  fetch();
  source_.git({"-C", here().string(), "gc", "-q", "--prune=now"});
  EXPECT_THAT(tags(here()), ElementsAre("1.0.0+1"));
  EXPECT_TRUE(RecipeRepository(here()).is_whole(commit));
}

// Somebody works in it: what they have not published yet is not ours to take away.
TEST_F(Fetch, OfARepositoryWithAWorkingTreeNothingOfItsOwnGoes) {
  source_.release("1.0.0+1");
  fs::create_directories(here().parent_path());
  source_.git({"clone", "-q", source_.path().string(), here().string()});
  source_.git({"-C", here().string(), "tag", "1.1.0+1"});
  source_.git({"-C", here().string(), "branch", "mine"});
  source_.release("1.2.0+1");
  fetch();
  EXPECT_THAT(tags(here()), ElementsAre("1.0.0+1", "1.1.0+1", "1.2.0+1"));
  EXPECT_NO_THROW(RecipeRepository(here()).resolve("mine"));
}

TEST_F(Fetch, OfARepositoryWithAWorkingTreeGoesWhatTheSourceHadAndWithdrew) {
  source_.release("1.0.0+1");
  for (const char* branch : {"fix", "moved", "stands-here"}) source_.git({"branch", branch});
  source_.release("1.1.0+1");
  source_.release("1.2.0+1", false);
  source_.git({"tag", "1.3.0+1"});
  fs::create_directories(here().parent_path());
  source_.git({"clone", "-q", source_.path().string(), here().string()});
  const auto git_here = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"-C", here().string()});
    return source_.git(arguments);
  };
  git_here({"tag", "-a", "-m", "mine", "9.0.0+1"});
  git_here({"branch", "mine"});
  fetch();
  git_here({"checkout", "-q", "stands-here"});
  git_here({"branch", "-f", "moved", "1.1.0+1"});
  git_here({"tag", "-f", "1.3.0+1", "1.0.0+1"});
  for (const char* tag : {"1.1.0+1", "1.2.0+1", "1.3.0+1"}) source_.git({"tag", "-d", tag});
  for (const char* branch : {"fix", "moved", "stands-here"}) source_.git({"branch", "-q", "-D", branch});
  source_.git({"branch", "fix/more"});
  source_.release("1.4.0+1");
  for (int times = 0; times < 2; ++times) {
    fetch();
    EXPECT_THAT(tags(here()), ElementsAre("1.0.0+1", "1.3.0+1", "1.4.0+1", "9.0.0+1")) << "1.3.0+1 was made anew here";
    const RecipeRepository repository(here());
    for (const char* branch : {"moved", "stands-here", "mine", "fix/more"}) EXPECT_NO_THROW(repository.resolve(branch)) << branch;
    error_of([&] { repository.resolve("fix"); }, ErrorKind::usage);
  }
  EXPECT_FALSE(fs::exists(mark()));
}

TEST_F(Fetch, TakesNothingFromTheCallersOwnGit) {
  source_.release("1.0.0+1");
  clone();
  source_.release("1.1.0+1");
  GitRecipe other;
  other.commit("somebody calls Simmer from a hook of theirs");
  ::setenv("GIT_DIR", (other.path() / ".git").c_str(), 1);
  ::setenv("GIT_CONFIG_COUNT", "1", 1);
  ::setenv("GIT_CONFIG_KEY_0", "url.file:///nowhere/.insteadOf", 1);
  ::setenv("GIT_CONFIG_VALUE_0", source_.path().c_str(), 1);
  EXPECT_NO_THROW(fetch());
  for (const char* name : {"GIT_DIR", "GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0"}) ::unsetenv(name);
  EXPECT_THAT(tags(here()), ElementsAre("1.0.0+1", "1.1.0+1"));
  EXPECT_THAT(tags(other.path()), IsEmpty());
}

TEST_F(Fetch, FollowsNoUrlThatRunsAProgram) {
  source_.release("1.0.0+1");
  clone();
  source_.git({"-C", here().string(), "config", "protocol.ext.allow", "always"});
  const fs::path ran = folder_.path() / "ran";
  EXPECT_THAT(error_of([&] { fetch_recipe("ext::sh -c touch% " + ran.string(), here(), mark(), a_minute()); }, ErrorKind::unavailable), HasSubstr("transport 'ext' not allowed"));
  EXPECT_FALSE(fs::exists(ran));
}

TEST_F(Fetch, ThatFailsSaysWhyWithoutThePassword) {
  source_.release("1.0.0+1");
  clone();
  const std::string said = error_of([&] { fetch_recipe("http://me:s3cret@127.0.0.1:1/r", here(), mark(), a_minute()); }, ErrorKind::unavailable);
  EXPECT_THAT(said, AllOf(HasSubstr("cannot fetch http://***@127.0.0.1:1/r"), Not(HasSubstr("s3cret"))));
  EXPECT_FALSE(fs::exists(mark()));
}

TEST_F(Fetch, AtItsLimitEndsGitAndLeavesNothing) {
  source_.release("1.0.0+1");
  clone();
  SilentServer server;
  EXPECT_THAT(error_of([&] { fetch_recipe(server.url(), here(), mark(), Limit::in(milliseconds(300))); }, ErrorKind::unavailable), HasSubstr("timed out"));
  EXPECT_FALSE(fs::exists(mark()));
  const fs::path first = folder_.path() / "recipes/first.git";
  EXPECT_THAT(error_of([&] { clone_recipe(server.url(), first, mark(), Limit::in(milliseconds(300))); }, ErrorKind::unavailable), HasSubstr("timed out"));
  EXPECT_THAT(std::distance(fs::directory_iterator(first.parent_path()), {}), 1) << "no half clone";
}

TEST_F(Fetch, ThatIsCancelledIsInterrupted) {
  source_.release("1.0.0+1");
  clone();
  SilentServer server;
  std::stop_source stop;
  std::jthread canceller([&] {
    server.await_connection();
    stop.request_stop();
  });
  error_of([&] { fetch_recipe(server.url(), here(), mark(), Limit::in(std::chrono::minutes(1), stop.get_token())); }, ErrorKind::interrupted);
  EXPECT_FALSE(fs::exists(mark()));
}

TEST_F(Fetch, WhoseGitIsKilledSaysSoAndClearsUp) {
  source_.release("1.0.0+1");
  clone();
  SilentServer server;
  std::jthread killer([&] {
    server.await_connection();
    std::string text;
    const auto limit = a_minute();
    while ((text = read_file(mark())).empty() && !limit.passed()) wait_for(milliseconds(5), {}, "waiting for the mark");
    write_file_beside(here() / "packed-refs.lock", "");
    ::kill(std::stoi(text), SIGKILL);
  });
  EXPECT_THAT(error_of([&] { fetch_recipe(server.url(), here(), mark(), a_minute()); }, ErrorKind::unavailable), HasSubstr("git was ended by signal 9"));
  EXPECT_FALSE(fs::exists(here() / "packed-refs.lock"));
  EXPECT_FALSE(fs::exists(mark()));
}

// --- what a killed one leaves --------------------------------------------------------------------------------

TEST_F(Fetch, ClearsTheLocksThatAKilledOneLeft) {
  source_.release("1.0.0+1");
  clone();
  source_.release("1.1.0+1");
  ProcessId dead = this_process();
  dead.start_time -= 1;
  mark_killed(dead);
  for (const char* lock : {"packed-refs.lock", "shallow.lock", "refs/heads/main.lock", "objects/pack/tmp_pack_abc"}) write_file_beside(here() / lock, "");
  EXPECT_EQ(clear(true).size(), 4u);
  EXPECT_TRUE(fs::exists(here() / "packed-refs.lock")) << "only said";
  EXPECT_THROW(fetch(), Error) << "they do stand in the way";
  mark_killed(dead);
  for (const char* lock : {"packed-refs.lock", "refs/heads/main.lock"}) fs::last_write_time(here() / lock, fs::file_time_type::clock::now());
  clear();
  for (const char* lock : {"packed-refs.lock", "refs/heads/main.lock"}) EXPECT_FALSE(fs::exists(here() / lock)) << lock;
  EXPECT_FALSE(fs::exists(mark()));
  fetch();
  EXPECT_THAT(tags(here()), ElementsAre("1.0.0+1", "1.1.0+1"));
}

TEST_F(Fetch, ClearsNoLockThatIsNotOfTheKilledOne) {
  source_.release("1.0.0+1");
  clone();
  const std::vector<std::string> locks = {"packed-refs.lock", "config.lock", "index.lock", "refs/heads/main.lock", "hooks/x.lock"};
  fs::create_directories(here() / "hooks");
  for (const auto& lock : locks) write_file_beside(here() / lock, "");
  EXPECT_THAT(clear(), IsEmpty()) << "nothing was killed: they are somebody's";
  for (const auto& lock : locks) EXPECT_TRUE(fs::exists(here() / lock)) << lock;
  mark_killed(ProcessId{});
  for (const auto& lock : locks) fs::last_write_time(here() / lock, fs::last_write_time(mark()) - std::chrono::seconds(1));
  clear();
  for (const auto& lock : locks) EXPECT_TRUE(fs::exists(here() / lock)) << lock << " was there before";
  mark_killed(ProcessId{});
  for (const auto& lock : locks) fs::last_write_time(here() / lock, fs::last_write_time(mark()));
  clear();
  for (const char* lock : {"config.lock", "index.lock", "hooks/x.lock"}) EXPECT_TRUE(fs::exists(here() / lock)) << lock << " is none of a fetch";
}

TEST_F(Fetch, EndsTheGitThatOutlivedItsSimmer) {
  source_.release("1.0.0+1");
  clone();
  SilentServer server;
  SpawnOptions options;
  options.argv = {"git", "-C", here().string(), "fetch", server.url()};
  options.env = environment_with({});
  options.new_session = true;
  const pid_t pid = spawn_process(options);
  server.await_connection();
  const auto git = identify_process(pid);
  ASSERT_TRUE(git);
  mark_killed(*git);
  EXPECT_THAT(clear(true), ElementsAre(HasSubstr("ending the fetch of a killed Simmer, pid " + std::to_string(pid))));
  EXPECT_TRUE(is_alive(*git));
  clear();
  EXPECT_FALSE(is_alive(*git));
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

TEST_F(Fetch, AKilledFirstCloneIsNoRecipeAndGoes) {
  source_.release("1.0.0+1");
  const fs::path half = folder_.path() / "recipes/.r.simmer-clone";
  fs::create_directories(half / "objects/pack");
  write_file_beside(half / "HEAD", "ref: refs/heads/main\n");
  mark_killed(ProcessId{});
  EXPECT_EQ(recipe_of_half_clone(half.filename()), "r");
  for (const char* none : {".r.git", "r.simmer-clone", ".simmer-clone", ".git"}) EXPECT_EQ(recipe_of_half_clone(none), "") << none;
  EXPECT_THAT(clear(), ElementsAre(HasSubstr("removing the unfinished clone " + half.string())));
  EXPECT_FALSE(fs::exists(half));
  EXPECT_FALSE(fs::exists(mark()));
  clone();
  EXPECT_THAT(tags(here()), ElementsAre("1.0.0+1"));
}

}  // namespace
}  // namespace simmer
