// Bad input: one line that says what, where and what to do; the exit code; nothing changed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include <base/files.hpp>
#include <e2e/simmer_world.hpp>
#include <unit/recipes/silent_server.hpp>

namespace simmer::e2e {

namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class BadInput : public ::testing::Test {
 protected:
  void expect(const std::vector<std::string>& arguments, int code, const std::vector<std::string>& says, const std::map<std::string, std::string>& env = {}) {
    const auto ran = world_.simmer(arguments, env);
    EXPECT_EQ(ran.code, code) << ran.all();
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << "one line: " << ran.err;
    for (const auto& words : says) EXPECT_THAT(ran.err, HasSubstr(words));
    EXPECT_FALSE(fs::exists(world_.state() / "runs") && !fs::is_empty(world_.state() / "runs")) << "nothing changed";
  }
  World world_;
};

TEST_F(BadInput, IsAnsweredByOneLineAndItsExitCode) {
  expect({"run", "custom-htm"}, 2, {"no recipe 'custom-htm'", "did you mean 'custom-html'"});
  expect({"run", "custom-html", "--ref", "9.9.9+1"}, 2, {"9.9.9+1"});
  expect({"run", "custom-html", "--tiers", "instal"}, 2, {"no tier 'instal'", "'install'"});
  expect({"run", "custom-html", "--quik"}, 2, {"unknown option --quik", "'--quick'"});
  expect({"run", "custom-html", "--qui"}, 2, {"unknown option"});
  expect({"run", "custom-html", "--fresh"}, 2, {"--fresh does not belong to: simmer run"});
  expect({"run"}, 2, {"needs a recipe"});
  expect({"run", "custom-html", "again"}, 2, {"one word too many"});
  expect({"--engine", "docker", "run", "custom-html"}, 2, {"no engine 'docker'", "local"});
  expect({"--engine", "abra", "run", "custom-html"}, 7, {"Docker does not answer at unix:///nowhere/docker.sock"}, {{"DOCKER_HOST", "unix:///nowhere/docker.sock"}});
  expect({"--engine", "swarm", "run", "custom-html"}, 7, {"Docker does not answer at unix:///nowhere/docker.sock"}, {{"DOCKER_HOST", "unix:///nowhere/docker.sock"}});
  expect({"run", "no-tags"}, 2, {"no release"});
  expect({"run", "not-a-repo"}, 2, {"not-a-repo"});
  expect({"run", "./nowhere"}, 2, {"./nowhere"});
  for (const std::string odd : {"two words", "caf\xe9", "-dash"}) {
    make_folders(world_.root() / odd);
    expect({"run", (world_.root() / odd).string()}, 2, {"cannot be a recipe's name"});
  }
  EXPECT_FALSE(fs::exists(world_.state() / "runs") && !fs::is_empty(world_.state() / "runs")) << "nothing was begun";
  expect({"canonical", "show", "custom-html"}, 2, {"no known-good", "canonical seed"});
  expect({"canonical", "drpo", "custom-html"}, 2, {"'drop'"});
  expect({"sweap"}, 2, {"no command 'sweap'"});
  expect({"--config", "/nowhere.yml", "status"}, 2, {"/nowhere.yml"});
  expect({"--recipes", "/nowhere", "run", "custom-html"}, 2, {"/nowhere"});
  expect({"--wait", "soon", "run", "custom-html"}, 2, {"--wait"});
}

TEST_F(BadInput, AnUnknownKeyIsNamedWithItsLineAndTheNearestKnownOne) {
  world_.write_config("apps:\n  custom-html: {rol: canonical}\n");
  expect({"status"}, 2, {"config.yml:4", "unknown key 'apps.custom-html.rol'", "did you mean 'role'"});
  world_.write_config("apps:\n  a: {domain: one.example.org}\n  b: {domain: one.example.org}\n");
  expect({"status"}, 2, {"apps.a and apps.b have the same domain, one.example.org"});
  world_.write_config("apps:\n  a: {domain: cust-0a1b2c.simmer.localhost}\n");
  expect({"status"}, 2, {"could be a cold run's"});
}

TEST_F(BadInput, AStateFolderThatCannotBeUsed) {
  write_file_beside(world_.root() / "a-file", "");
  const auto ran = world_.simmer({"--state", (world_.root() / "a-file").string(), "run", "custom-html"});
  EXPECT_EQ(ran.code, 7) << ran.all();
  EXPECT_THAT(ran.err, HasSubstr("a-file"));
  EXPECT_THAT(ran.err, HasSubstr("--state DIR"));
}

TEST_F(BadInput, AFullDiskIsInfrastructureAndLosesNothing) {
  if (::geteuid() != 0) GTEST_SKIP() << "mounting a small file system needs root";
  const fs::path small = world_.root() / "small";
  make_folders(small);
  ASSERT_EQ(::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=6m"), 0);
  struct Unmounter {
    fs::path folder;
    ~Unmounter() { ::umount2(folder.c_str(), MNT_DETACH); }
  } unmounter{small};
  const auto seeded = world_.simmer({"--state", small.string(), "canonical", "seed", "custom-html", "--json"});
  ASSERT_EQ(seeded.code, 0) << seeded.all();
  const auto before = digest_of_file(small / "canonical/custom-html/snapshot/meta.json");
  write_file_beside(small / "filler", std::string(free_bytes(small) - 8192, 'x'));
  const auto ran = world_.simmer({"--state", small.string(), "run", "custom-html", "--quick", "--ref", "good", "--json"});
  EXPECT_EQ(ran.code, 7) << ran.all();
  EXPECT_THAT(ran.err, HasSubstr("% full"));
  EXPECT_THAT(world_.simmer({"--state", small.string(), "alerts", "list"}).out, HasSubstr("% full"));
  EXPECT_EQ(digest_of_file(small / "canonical/custom-html/snapshot/meta.json"), before);
  remove_tree(small / "filler");
  world_.simmer({"--state", small.string(), "recover"});
  EXPECT_EQ(world_.simmer({"--state", small.string(), "canonical", "verify", "custom-html"}).code, 0);
  const auto after = world_.simmer({"--state", small.string(), "run", "custom-html", "--quick", "--ref", "good", "--json"});
  EXPECT_EQ(after.code, 0) << after.all();
}

// --- a known-good that is damaged ----------------------------------------------------------------------------

TEST(Damaged, AKnownGoodIsAnAlertAndRunsGoCold) {
  World world;
  ASSERT_EQ(world.run({"canonical", "seed", "custom-html"}).code, 0);
  const fs::path snapshot = world.state() / "canonical/custom-html/snapshot";
  const std::string meta = read_file(snapshot / "meta.json");
  const auto damaged_how = std::vector<std::pair<std::string, std::function<void()>>>{
      {"a segment is cut", [&] { fs::resize_file(snapshot / "volumes/content.tar", 700); }},
      {"meta.json is cut", [&] { write_file_beside(snapshot / "meta.json", meta.substr(0, 50)); }}};
  for (const auto& [how, damage] : damaged_how) {
    damage();
    const auto ran = world.run({"run", "custom-html", "--quick", "--ref", "good"});
    EXPECT_EQ(ran.code, 0) << how << ": " << ran.all();
    EXPECT_EQ(ran.result["mode"], "cold") << how;
    EXPECT_THAT(ran.result["mode_reason"], HasSubstr("damaged")) << how;
    const auto alerts = world.run({"alerts", "list"});
    ASSERT_FALSE(alerts.result.empty()) << how;
    for (const auto& alert : alerts.result) {
      EXPECT_EQ(alert["kind"], "canonical-damaged") << how << alerts.all();
      world.simmer({"alerts", "ack", alert["id"]});
    }
    EXPECT_EQ(world.simmer({"canonical", "verify", "custom-html"}).code, 5) << how;
    EXPECT_EQ(world.simmer({"canonical", "restore", "custom-html", "--yes"}).code, 5) << how;
    EXPECT_TRUE(fs::exists(world.state() / "canonical/custom-html/volumes/content")) << "the data that is left is kept";
  }
  EXPECT_EQ(world.simmer({"canonical", "drop", "custom-html", "--yes"}).code, 0);
  EXPECT_EQ(world.run({"canonical", "seed", "custom-html"}).code, 0);
}

// --- who else is there, and Ctrl-C ---------------------------------------------------------------------------

// A simmer in the background, in a process group of its own, ended at the latest by the test.
class Background {
 public:
  Background(const World& world, const std::vector<std::string>& arguments, const std::map<std::string, std::string>& env = {}) {
    SpawnOptions options;
    options.argv = world.command(arguments);
    options.env = environment_with(env);
    options.new_group = true;
    const Fd log = open_file(world.root() / "background.log", O_WRONLY | O_CREAT | O_TRUNC);
    options.fds = {{1, log.get()}, {2, log.get()}};
    pid_ = spawn_process(options);
  }
  ~Background() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    wait();
  }
  int wait() {
    int status = 0;
    if (pid_ > 0) ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  void signal(int number) const { ::kill(pid_, number); }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
};

// Waits for an event on disk that only polling can show to a stranger.
bool comes_true(const std::function<bool()>& what) {
  const auto limit = Limit::in(std::chrono::seconds(60));
  while (!limit.passed()) {
    if (what()) return true;
    wait_for(milliseconds(5), {}, "waiting for another process");
  }
  return false;
}

TEST(InUse, ASecondSimmerIsToldWhoHoldsTheApp) {
  World world;
  ASSERT_EQ(world.run({"canonical", "seed", "custom-html"}).code, 0);
  world.write_config("health: {window: 5s}\n");
  Background first(world, {"run", "custom-html", "--quick", "--ref", "good"});
  ASSERT_TRUE(comes_true([&] { return fs::exists(world.state() / "canonical/custom-html/journal.json"); }));
  const auto second = world.run({"run", "custom-html", "--quick", "--ref", "good"});
  EXPECT_EQ(second.code, 6) << second.all();
  EXPECT_THAT(second.err, HasSubstr("custom-html is in use by pid "));
  EXPECT_THAT(second.err, HasSubstr("run custom-html --quick"));
  EXPECT_EQ(world.simmer({"recover", "custom-html"}).code, 6) << "a living run is not recovered";
  first.signal(SIGTERM);
  EXPECT_EQ(first.wait(), 130);
  EXPECT_THAT(world.left_behind(), IsEmpty());
  world.write_config("");
  EXPECT_EQ(world.run({"run", "custom-html", "--quick", "--ref", "good"}).code, 0);
}

TEST(InUse, WaitingForItWorks) {
  World world;
  ASSERT_EQ(world.run({"canonical", "seed", "custom-html"}).code, 0);
  world.write_config("health: {window: 1s}\n");
  Background first(world, {"run", "custom-html", "--quick", "--ref", "good"});
  ASSERT_TRUE(comes_true([&] { return fs::exists(world.state() / "canonical/custom-html/journal.json"); }));
  const auto second = world.run({"run", "custom-html", "--quick", "--ref", "good", "--wait", "60s"});
  EXPECT_EQ(second.code, 0) << second.all();
  EXPECT_EQ(first.wait(), 0);
}

// A pipe where nothing of ours looks before libgit2 does: in the configuration of whoever calls.
TEST(InUse, ASignalEndsReadingThatNeverEndsAndNothingIsLeft) {
  World world;
  const fs::path home = world.root() / "home", pipe = home / "pipe", mine = world.root() / "mine";
  make_folders(home);
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  fs::copy(world.recipes() / "custom-html", mine, fs::copy_options::recursive);
  write_file_beside(home / ".gitconfig", "[include]\n\tpath = " + pipe.string() + "\n");
  int number = 0;
  const std::vector<int> signals = {SIGTERM, SIGINT, SIGHUP};
  for (const std::vector<std::string>& command : {std::vector<std::string>{"recipe", "show", mine.string()}, {"recipe", "show", "custom-html"}, {"run", mine.string()}, {"run", "custom-html"}, {"recipe", "list"}}) {
    Background reader(world, command, {{"HOME", home.string()}, {"TMPDIR", home.string()}});
    // Told by the kernel: nothing wakes it up from there but us.
    ASSERT_TRUE(comes_true([&] { return read_file_if_there("/proc/" + std::to_string(reader.pid()) + "/wchan").value_or("") == "wait_for_partner"; })) << command[0];
    const auto signalled = Clock::now();
    reader.signal(signals[number++ % signals.size()]);
    EXPECT_EQ(reader.wait(), 130) << command[0] << ": " << read_file(world.root() / "background.log");
    EXPECT_LT(Clock::now() - signalled, std::chrono::seconds(2)) << command[0];
    EXPECT_THAT(read_file(world.root() / "background.log"), HasSubstr("simmer: interrupted while "));
    EXPECT_FALSE(fs::exists(world.state() / "runs") && !fs::is_empty(world.state() / "runs")) << command[0];
    EXPECT_EQ(std::distance(fs::directory_iterator(home), fs::directory_iterator()), 2) << "a scratch folder is left";
  }
  EXPECT_THAT(world.left_behind(), IsEmpty());
}

// --- what a killed writer left --------------------------------------------------------------------------------

TEST(HalfWritten, FoldersOfAKilledRecipeShowAreClearedByGc) {
  const World world;
  const fs::path temporary = world.root() / "tmp";
  for (const char* name : {"simmer-show-AbC123", "simmer-verify-AbC123", "simmer-show-new123", "simmer-show-of-somebody"}) make_folders(temporary / name / "recipe");
  for (const auto& entry : fs::directory_iterator(temporary))
    if (entry.path().filename() != "simmer-show-new123") fs::last_write_time(entry.path(), fs::file_time_type::clock::now() - std::chrono::minutes(5));
  const auto looked = world.simmer({"gc", "--dry-run"}, {{"TMPDIR", temporary.string()}});
  EXPECT_THAT(looked.all(), HasSubstr("simmer-show-AbC123"));
  EXPECT_TRUE(fs::exists(temporary / "simmer-show-AbC123"));
  EXPECT_EQ(world.simmer({"gc"}, {{"TMPDIR", temporary.string()}}).code, 0);
  EXPECT_FALSE(fs::exists(temporary / "simmer-show-AbC123"));
  EXPECT_FALSE(fs::exists(temporary / "simmer-verify-AbC123"));
  EXPECT_TRUE(fs::exists(temporary / "simmer-show-new123")) << "its reader may be about to lock it";
  EXPECT_TRUE(fs::exists(temporary / "simmer-show-of-somebody"));
}

TEST(HalfWritten, FilesOfTheDeadAreClearedByGcAndThoseOfTheLivingAreNot) {
  World world;
  const auto seeded = world.run({"canonical", "seed", "custom-html"});
  ASSERT_EQ(seeded.code, 0);
  const std::string run_id = seeded.result["run_id"];
  const auto before = world.known_good("custom-html");
  std::vector<fs::path> dead;
  for (const std::string& folder : {std::string("alerts"), std::string("alerts/seen"), std::string("locks"), "runs/" + run_id, std::string("canonical/custom-html"), std::string("engines/local")})
    dead.push_back(world.state() / folder / "result.json.new-12-0");
  const fs::path living = world.state() / "runs" / run_id / "result.json.new-0123456789ab", data = world.state() / "canonical/custom-html/volumes/content/a.new-12-0", other = world.state() / "alerts/notes.new-version";
  for (const auto& file : dead) write_file_beside(file, "half");
  for (const auto& file : {living, data, other}) write_file_beside(file, "half");
  const Fd writer = open_file(living, O_WRONLY);
  ASSERT_EQ(::flock(writer.get(), LOCK_EX), 0);
  EXPECT_THAT(world.simmer({"gc", "--dry-run"}).out, HasSubstr("removing the half-written file " + dead.back().string()));
  EXPECT_TRUE(fs::exists(dead.back()));
  const auto cleared = world.simmer({"gc"});
  EXPECT_EQ(cleared.code, 0) << cleared.all();
  for (const auto& file : dead) EXPECT_FALSE(fs::exists(file)) << file;
  for (const auto& file : {living, data, other}) EXPECT_TRUE(fs::exists(file)) << file;
  remove_durably(data);
  EXPECT_EQ(world.known_good("custom-html"), before);
}

// --- fetching ------------------------------------------------------------------------------------------------

std::string source_of_pages(const std::string& url) { return "apps:\n  pages: {source: '" + url + "'}\n"; }

TEST(Fetching, IsDoneByOneAtATimeAndWaitIsHeeded) {
  World world;
  testing_recipes::SilentServer stalled;
  world.write_config(source_of_pages(stalled.url()));
  Background first(world, {"run", "pages"});
  stalled.await_connection();
  world.write_config(source_of_pages((world.recipes() / "custom-html").string()));
  const auto refused = world.run({"run", "pages", "--ref", "nowhere"});
  EXPECT_EQ(refused.code, 6) << refused.all();
  EXPECT_THAT(refused.err, HasSubstr("the repository of recipe pages is in use by pid "));
  EXPECT_THAT(refused.err, HasSubstr("run pages, fetching"));
  EXPECT_EQ(world.simmer({"recipe", "add", "pages", (world.recipes() / "custom-html").string()}).code, 6);
  EXPECT_EQ(world.simmer({"gc"}).code, 0);
  EXPECT_TRUE(comes_true([&] { return fs::exists(world.recipes() / ".pages.simmer-clone"); })) << "gc takes nothing from a living one";
  std::jthread canceller([&] { first.signal(SIGINT); });
  const auto waited = world.run({"run", "pages", "--ref", "nowhere", "--wait", "60s"});
  EXPECT_EQ(waited.code, 2) << waited.all();
  EXPECT_THAT(waited.err, HasSubstr("no tag, branch or commit 'nowhere'")) << "it was cloned, and read";
  EXPECT_EQ(first.wait(), 130);
  EXPECT_FALSE(fs::exists(world.recipes() / ".pages.simmer-clone"));
}

TEST(Fetching, AKilledFirstCloneIsClearedByGcAndByTheNext) {
  World world;
  testing_recipes::SilentServer stalled;
  const fs::path half = world.recipes() / ".pages.simmer-clone";
  for (const bool by_gc : {true, false}) {
    world.write_config(source_of_pages(stalled.url()));
    Background run(world, {"run", "pages"});
    stalled.await_connection();
    run.signal(SIGKILL);
    run.wait();
    ASSERT_TRUE(fs::exists(half));
    EXPECT_THAT(world.run({"recipe", "list"}).err, ::testing::Not(HasSubstr("simmer-clone"))) << "half a clone is no recipe";
    world.write_config(source_of_pages((world.recipes() / "custom-html").string()));
    if (by_gc) {
      EXPECT_THAT(world.simmer({"gc", "--dry-run"}).all(), HasSubstr("removing the unfinished clone " + half.string()));
      EXPECT_TRUE(fs::exists(half));
      EXPECT_EQ(world.simmer({"gc"}).code, 0);
    } else {
      EXPECT_EQ(world.run({"run", "pages", "--ref", "nowhere"}).code, 2);
      EXPECT_TRUE(fs::exists(world.recipes() / "pages.git/HEAD"));
    }
    EXPECT_FALSE(fs::exists(half));
    EXPECT_THAT(world.left_behind(), IsEmpty()) << "the git that outlived its Simmer is ended";
  }
}

TEST(Fetching, WhereSimmerDiesBeforeItHasNamedItNoGitRuns) {
  World world;
  testing_recipes::SilentServer stalled;
  world.write_config(source_of_pages(stalled.url()));
  world.run({"run", "pages"}, {{"SIMMER_CRASH_COUNT", (world.root() / "points").string()}, {"SIMMER_CRASH_AT", "1"}});
  ASSERT_THAT(read_file(world.root() / "points"), HasSubstr("before a fetch is named"));
  EXPECT_TRUE(comes_true([&] { return world.left_behind().empty(); })) << ::testing::PrintToString(world.left_behind());
  EXPECT_EQ(world.simmer({"gc"}).code, 0);
  EXPECT_FALSE(fs::exists(world.state() / "locks/repository-pages.fetch"));
}

TEST(Fetching, ASecondKilledFetchLeavesTheNextItsWay) {
  World world;
  const std::string source = (world.recipes() / "custom-html").string();
  world.write_config(source_of_pages(source));
  ASSERT_EQ(world.run({"run", "pages", "--ref", "nowhere"}).code, 2);
  testing_recipes::SilentServer stalled;
  world.write_config(source_of_pages(stalled.url()));
  Background run(world, {"run", "pages"});
  stalled.await_connection();
  run.signal(SIGKILL);
  run.wait();
  for (const char* lock : {"packed-refs.lock", "refs/heads/main.lock"}) write_file_beside(world.recipes() / "pages.git" / lock, "");
  ASSERT_EQ(run_command({{SIMMER_PUBLISH_SCRIPT, source, "good", "1.4.0+1.22.1"}, {}, false, {}, ""}, Limit::in(std::chrono::seconds(30))).exit_code, 0);
  world.write_config(source_of_pages(source));
  const auto next = world.run({"run", "pages", "--ref", "nowhere"});
  EXPECT_EQ(next.code, 2) << next.all();
  EXPECT_THAT(next.err, HasSubstr("the newest release is 1.4.0+1.22.1"));
  EXPECT_THAT(world.left_behind(), IsEmpty());
}

TEST(Kept, ARedDeploymentStaysForInspectionUntilCtrlC) {
  World world;
  Background red(world, {"run", "custom-html", "--ref", "bad/fails-custom-check", "--keep", "10m"});
  const fs::path log = world.root() / "background.log";
  std::string said;
  ASSERT_TRUE(comes_true([&] { return (said = read_file(log)).find("kept for inspection for") != std::string::npos; })) << said;
  const auto url = said.find("http://127.0.0.1:", said.find("kept for inspection"));
  ASSERT_NE(url, std::string::npos) << said;
  const std::string port = said.substr(url + 17, said.find_first_not_of("0123456789", url + 17) - url - 17);
  const std::string ask = "exec 3<>/dev/tcp/127.0.0.1/" + port + " && printf 'GET / HTTP/1.0\r\n\r\n' >&3 && grep -q '200 OK' <&3";
  EXPECT_EQ(run_command({{"bash", "-c", ask}, {}, false, {}, ""}, Limit::in(std::chrono::seconds(10))).exit_code, 0) << "it does not serve while it is kept";
  red.signal(SIGINT);
  EXPECT_EQ(red.wait(), 1) << "red it is, not interrupted: " << read_file(log);
  EXPECT_THAT(world.left_behind(), ::testing::IsEmpty());
}

// A job has no address.
TEST(Kept, WhatHasNoAddressIsAnnouncedWithoutOne) {
  World world;
  const auto folder = world.root() / "job";
  make_folders(folder);
  write_file_beside(folder / "compose.yml", "version: \"3.8\"\nservices:\n  app:\n    image: example/job:1\n    labels: {simmer.run: forged}\n    deploy: {restart_policy: {condition: none}}\n    x-simmer-local: {command: [sh, -c, \"exit 7\"]}\n");
  const auto ran = world.run({"run", folder.string(), "--tiers", "install", "--keep", "100ms"});
  EXPECT_EQ(ran.code, 1) << ran.all();
  EXPECT_THAT(ran.err, HasSubstr("kept for inspection for"));
  EXPECT_THAT(ran.err, Not(HasSubstr(" at \n")));
  EXPECT_THAT(ran.err, Not(HasSubstr("()")));
  EXPECT_THAT(ran.err, HasSubstr("compose.yml:5:26: the label simmer.run of service app is left out"));
  EXPECT_THAT(world.left_behind(), IsEmpty());
}

TEST(Interrupted, CtrlCCleansUpInEveryPhaseOfACommand) {
  World world;
  world.write_config("health: {window: 1s}\n");
  // Not a random moment but each phase in its turn: begun, deployed, waiting to be steady.
  for (const auto& moment : {"beginning", "deploying", "removing"}) {
    Background run(world, {"run", "custom-html"});
    ASSERT_TRUE(comes_true([&] {
      for (const auto& entry : fs::directory_iterator(fs::exists(world.state() / "runs") ? world.state() / "runs" : world.root())) {
        const auto journal = read_file_if_there(entry.path() / "journal.json");
        if (journal && journal->find("\"step\": \"" + std::string(moment)) != std::string::npos) return true;
      }
      return false;
    })) << moment;
    run.signal(SIGINT);
    EXPECT_EQ(run.wait(), 130) << moment << "\n" << read_file(world.root() / "background.log");
    EXPECT_THAT(world.left_behind(), IsEmpty()) << moment;
  }
}

TEST(Interrupted, SigkillOfTheParentAloneIsRecoveredByTheNextCommand) {
  World world;
  ASSERT_EQ(world.run({"canonical", "seed", "custom-html"}).code, 0);
  const auto before = world.known_good("custom-html");
  world.write_config("health: {window: 5s}\n");
  Background run(world, {"run", "custom-html", "--quick", "--ref", "good"});
  ASSERT_TRUE(comes_true([&] {
    const auto journal = read_file_if_there(world.state() / "canonical/custom-html/journal.json");
    return journal && journal->find("upgrading") != std::string::npos;
  }));
  run.signal(SIGKILL);
  run.wait();
  world.write_config("");
  const auto next = world.run({"run", "custom-html", "--quick", "--ref", "good"});
  EXPECT_EQ(next.code, 0) << next.all();
  EXPECT_THAT(next.err, HasSubstr("recover: "));
  EXPECT_EQ(world.known_good("custom-html"), before);
  EXPECT_THAT(world.left_behind(), IsEmpty());
}

}  // namespace

}  // namespace simmer::e2e
