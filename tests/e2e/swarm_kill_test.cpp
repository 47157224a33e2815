// Runs on a real Docker Swarm that are killed at random moments, and runs beside one another. SIMMER_KILLS says how many (50).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <array>
#include <fstream>
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

// Eight Simmers at a time, each with a state of its own: most of a run is waiting for Docker.
TEST(SwarmKills, WhateverTheMomentNothingIsLeftAndNobodyElseIsTouched) {
  const char* asked = std::getenv("SIMMER_KILLS");
  const int wanted = asked != nullptr ? std::atoi(asked) : 50;
  constexpr std::size_t at_once = 8;
  const Neighbour neighbour;
  const auto before = everything();
  std::array<std::unique_ptr<World>, at_once> worlds;
  for (auto& world : worlds) world = std::make_unique<World>(engine_config() + config);
  const std::vector<std::string> run = {"run", "custom-html", "--tiers", "install,upgrade"};
  const auto begin = Clock::now();
  std::vector<pid_t> runs;
  for (auto& world : worlds) runs.push_back(start(*world, run));
  for (const pid_t pid : runs) EXPECT_EQ(wait_for_end(pid), 0) << "a run that nobody kills is green, seven others beside it";
  const auto whole = std::chrono::duration_cast<milliseconds>(Clock::now() - begin);
  EXPECT_EQ(everything(), before);
  const auto seed = std::random_device()();
  std::mt19937 random(seed);
  std::uniform_int_distribution<std::int64_t> moment(0, whole.count());
  std::cout << "a whole run takes " << whole.count() << " ms with seven beside it; random seed " << seed << std::endl;
  int killed = 0, after_its_end = 0;
  while (killed < wanted) {
    std::vector<std::future<bool>> rounds;
    for (std::size_t i = 0; i < at_once; ++i) {
      const auto when = milliseconds(moment(random));
      rounds.push_back(std::async(std::launch::async, [&world = *worlds[i], &run, when] {
        const pid_t pid = start(world, run);
        wait_for(when, {}, "the moment to kill");
        ::kill(pid, SIGKILL);
        const int end = wait_for_end(pid);
        const auto recovered = world.simmer({"recover"});
        EXPECT_EQ(recovered.code, 0) << "killed after " << when.count() << " ms: " << recovered.all();
        EXPECT_THAT(world.left_behind(), IsEmpty()) << "killed after " << when.count() << " ms";
        return end == 128 + SIGKILL;
      }));
    }
    for (auto& round : rounds) (round.get() ? killed : after_its_end) += 1;
    const auto after = everything();
    EXPECT_EQ(after, before) << "after " << killed << " kills";
    if (after != before) break;
  }
  std::cout << killed << " runs killed at random moments, " << after_its_end << " had ended by then" << std::endl;
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
