// Runs on a real Docker Swarm that are killed at random moments, and runs beside one another. SIMMER_KILLS and
// SIMMER_QUICK_KILLS say how many (50 and 12).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <fstream>
#include <functional>
#include <future>
#include <iostream>
#include <random>

#include <base/files.hpp>
#include <e2e/swarm_world.hpp>

namespace simmer::e2e {

namespace {

using ::testing::IsEmpty;

const std::string config = "health: {window: 200ms}\ndeadlines: {start: 120s, plugin: 30s, teardown: 60s}\n";

// What an operator has on the same machine, and nobody may touch: it is called as a cold stack might be.
class Neighbour {
 public:
  Neighbour() : folder_(fs::path(::testing::TempDir()) / "simmer-neighbour") {
    make_folders(folder_);
    std::ofstream(folder_ / "compose.yml") << "version: \"3.8\"\nservices:\n  app:\n    image: " << std::getenv("SIMMER_TEST_IMAGE")
                                           << "\n    command: [\"sh\", \"-c\", \"trap 'exit 0' TERM; while :; do sleep 0.1; done\"]\n    volumes: [\"data:/data\"]\nvolumes: {data: }\n";
    docker({"stack", "deploy", "--resolve-image", "never", "-c", (folder_ / "compose.yml").string(), "cust-abcdef_neighbour"});
    docker({"volume", "create", "cust-fedcba_content"});
    docker({"network", "create", "-d", "overlay", "cust-fedcba_default"});
    EXPECT_TRUE(eventually([&] { return docker({"ps", "-q", "--filter", "label=com.docker.stack.namespace=cust-abcdef_neighbour"}).size() > 10; }));
    std::ofstream(place() / "precious") << "data of somebody else";
  }
  ~Neighbour() {
    EXPECT_EQ(read_file(place() / "precious"), "data of somebody else");
    docker({"stack", "rm", "cust-abcdef_neighbour"});
    eventually([] { return docker({"ps", "-aq", "--filter", "label=com.docker.stack.namespace=cust-abcdef_neighbour"}).empty(); });
    docker({"volume", "rm", "cust-abcdef_neighbour_data", "cust-fedcba_content"});
    docker({"network", "rm", "cust-fedcba_default"});
    remove_tree(folder_);
  }

 private:
  static fs::path place() {
    const auto path = docker({"volume", "inspect", "--format", "{{.Mountpoint}}", "cust-abcdef_neighbour_data"});
    return path.substr(0, path.find('\n'));
  }
  fs::path folder_;
};

pid_t start(const World& world, std::vector<std::string> arguments) {
  SpawnOptions options;
  options.argv = world.command(std::move(arguments));
  options.env = environment_with({});
  options.working_dir = world.root();
  return spawn_process(options);
}

// How it ended: an exit code, or 128 + signal.
int wait_for_end(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Several Simmers at a time, each with a state of its own: most of a run is waiting for Docker.
class SwarmKills : public ::testing::Test {
 protected:
  using Worlds = std::vector<std::unique_ptr<World>>;

  // How often to kill: what `variable` says, else `otherwise`.
  static int asked(const char* variable, int otherwise) {
    const char* said = std::getenv(variable);
    return said != nullptr ? std::atoi(said) : otherwise;
  }
  static Worlds make_worlds(std::size_t count) {
    Worlds worlds;
    // Canonicals have one name in each Simmer: on one Docker their domains tell them apart.
    for (std::size_t i = 0; i < count; ++i) worlds.push_back(std::make_unique<World>(engine_config() + "base_domain: w" + std::to_string(i) + ".simmer.localhost\n" + config));
    return worlds;
  }
  // Runs `command` in all of them until it ends, and says how long that took.
  static milliseconds unharmed(const Worlds& worlds, const std::vector<std::string>& command) {
    const auto begin = Clock::now();
    std::vector<pid_t> runs;
    for (const auto& world : worlds) runs.push_back(start(*world, command));
    for (const pid_t pid : runs) EXPECT_EQ(wait_for_end(pid), 0) << command[0] << " that nobody kills is green, others beside it";
    return std::chrono::duration_cast<milliseconds>(Clock::now() - begin);
  }
  // Kills it `wanted` times, each at a random moment of `whole`. `look` looks at a world after it has recovered.
  static void kill_at_random(const Worlds& worlds, const std::vector<std::string>& command, milliseconds whole, int wanted, const std::function<void(const World&, const std::string& when)>& look) {
    const auto before = everything();
    const auto seed = std::random_device()();
    std::mt19937 random(seed);
    std::uniform_int_distribution<std::int64_t> moment(0, whole.count());
    std::cout << "a whole one takes " << whole.count() << " ms with " << worlds.size() - 1 << " beside it; random seed " << seed << std::endl;
    int killed = 0, after_its_end = 0;
    while (killed < wanted) {
      std::vector<std::future<bool>> rounds;
      for (const auto& each : worlds) {
        const auto when = milliseconds(moment(random));
        rounds.push_back(std::async(std::launch::async, [&world = *each, &command, &look, when] {
          const pid_t pid = start(world, command);
          wait_for(when, {}, "the moment to kill");
          ::kill(pid, SIGKILL);
          const int end = wait_for_end(pid);
          const auto recovered = world.simmer({"recover"});
          const std::string about = "killed after " + std::to_string(when.count()) + " ms";
          EXPECT_EQ(recovered.code, 0) << about << ": " << recovered.all();
          EXPECT_THAT(world.left_behind(), IsEmpty()) << about;
          look(world, about);
          return end == 128 + SIGKILL;
        }));
      }
      for (auto& round : rounds) (round.get() ? killed : after_its_end) += 1;
      const auto after = everything();
      EXPECT_EQ(after, before) << "after " << killed << " kills";
      if (after != before) break;
    }
    std::cout << killed << " killed at random moments, " << after_its_end << " had ended by then" << std::endl;
  }
};

TEST_F(SwarmKills, WhateverTheMomentNothingIsLeftAndNobodyElseIsTouched) {
  const Neighbour neighbour;
  const auto before = everything();
  const auto worlds = make_worlds(8);
  const std::vector<std::string> run = {"run", "custom-html", "--tiers", "install,upgrade"};
  const auto whole = unharmed(worlds, run);
  EXPECT_EQ(everything(), before);
  kill_at_random(worlds, run, whole, asked("SIMMER_KILLS", 50), [](const World&, const std::string&) {});
}

// Promise P6, whatever the moment: the known-good's data is what the next quick run starts from.
TEST_F(SwarmKills, AQuickRunNeverCostsTheKnownGood) {
  const auto worlds = make_worlds(4);
  unharmed(worlds, {"canonical", "seed", "custom-html"});
  std::map<const World*, std::string> known_good;
  for (const auto& world : worlds) known_good[world.get()] = world->known_good("custom-html");
  const std::vector<std::string> quick = {"run", "custom-html", "--quick", "--ref", "good"};
  const auto whole = unharmed(worlds, quick);
  kill_at_random(worlds, quick, whole, asked("SIMMER_QUICK_KILLS", 12), [&](const World& world, const std::string& when) {
    EXPECT_EQ(world.known_good("custom-html"), known_good.at(&world)) << when;
    const auto verified = world.simmer({"canonical", "verify", "custom-html"});
    EXPECT_EQ(verified.code, 0) << when << ": " << verified.all();
  });
  unharmed(worlds, quick);
  for (const auto& world : worlds) EXPECT_EQ(world->known_good("custom-html"), known_good.at(world.get()));
}

// One state, one Docker: two of one recipe and one of another.
TEST(SwarmBesides, RunsAtTheSameTimeAreNotMixedUp) {
  const auto before = everything();
  World world(engine_config() + config);
  std::vector<std::future<Ran>> runs;
  for (const std::string recipe : {"custom-html", "custom-html", "plain"})
    runs.push_back(std::async(std::launch::async, [&world, recipe] { return world.simmer({"run", recipe, "--wait", "180s", "--json"}, {}, std::chrono::seconds(300)); }));
  std::set<std::string> ids;
  for (auto& run : runs) {
    const auto ran = run.get();
    EXPECT_EQ(ran.code, 0) << ran.all();
    EXPECT_EQ(ran.verdict(), "pass");
    EXPECT_EQ(ran.result["attempts"].size(), 1u) << "a green at the second attempt is flaky: something was mixed up";
    ids.insert(ran.result["run_id"].get<std::string>());
    const auto run_id = ran.result["run_id"].get<std::string>();
    for (const auto& object : ran.result["teardown"]["before"])
      if (object.contains("run_id")) {
        EXPECT_EQ(object["run_id"], run_id);
      }
    EXPECT_TRUE(ran.result["teardown"]["after"].empty());
  }
  EXPECT_EQ(ids.size(), 3u);
  EXPECT_EQ(everything(), before);
  EXPECT_THAT(world.left_behind(), IsEmpty());
}

}  // namespace

}  // namespace simmer::e2e
