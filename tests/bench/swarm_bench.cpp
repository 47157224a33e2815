// What a quick run costs on a real Docker Swarm, side by side in one run with the docker CLI doing the same by hand, and with
// little and much data; printed, nothing here fails for being slow. ./test.sh swarm-bench
//
//   floor   docker stack deploy (the known-good's stack), docker stack deploy (the change), docker stack rm, each until done
//   own     a quick run less the app's own start and stop and the windows, as result.json has it
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>

#include <base/files.hpp>
#include <e2e/swarm_world.hpp>

namespace simmer::e2e {

namespace {

double ms(Clock::duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void sh(const std::string& script, const std::map<std::string, std::string>& env = {}) {
  const auto done = run_command({{"bash", "-euo", "pipefail", "-c", script}, env, false, {}, ""}, Limit::in(std::chrono::minutes(5)));
  ASSERT_EQ(done.exit_code, 0) << script << "\n" << done.out << done.err;
}

// The steps that no quick run can do without, with nothing of Simmer's: the time of the CLI's calls, and of all until Docker is done.
struct Floor {
  double calls = 0, whole = 0;
};

Floor floor_of(const World& world) {
  const std::string stack = "floor_by_hand";
  const fs::path tree = world.root() / "floor";
  const std::map<std::string, std::string> env = {{"STACK_NAME", stack}, {"DOMAIN", "floor.simmer.localhost"}, {"LETS_ENCRYPT_ENV", ""}, {"FILLER_KIB", "0"}};
  Floor floor;
  const auto begin = Clock::now();
  const auto call = [&](const std::string& script) {
    const auto start = Clock::now();
    sh(script, env);
    floor.calls += ms(Clock::now() - start);
  };
  for (const std::string ref : {"1.4.0+1.22.1", "bench-change"}) {
    sh("rm -rf " + tree.string() + " && mkdir -p " + tree.string() + " && git -C " + (world.recipes() / "custom-html").string() + " archive " + ref + " | tar -x -C " + tree.string());
    call("cd " + tree.string() + " && set -a && . ./abra.sh && /usr/bin/docker stack deploy --prune --resolve-image never -c compose.yml " + stack);
    EXPECT_TRUE(eventually([&] {
      const auto update = docker({"service", "inspect", "--format", "{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}", stack + "_app"});
      return update.find("updating") == std::string::npos && docker({"ps", "--filter", "label=com.docker.stack.namespace=" + stack, "--filter", "health=healthy", "-q"}).size() > 10;
    }));
  }
  call("/usr/bin/docker stack rm " + stack);
  EXPECT_TRUE(eventually([&] { return docker({"ps", "-aq", "--filter", "label=com.docker.stack.namespace=" + stack}).empty() && docker({"network", "ls", "-q", "--filter", "label=com.docker.stack.namespace=" + stack}).empty(); }));
  floor.whole = ms(Clock::now() - begin);
  docker({"volume", "rm", stack + "_content"});
  return floor;
}

TEST(SwarmBench, AQuickRunBesideTheDockerCliAndWithMuchData) {
  docker({"network", "create", "-d", "overlay", "--attachable", "proxy"});
  constexpr double window = 200;
  World world("engine: swarm\nhealth: {window: 200ms}\ndeadlines: {start: 120s, plugin: 60s, teardown: 60s}\napps:\n  small: {recipe: custom-html, role: canonical, env: {FILLER_KIB: \"10\"}}\n"
              "  big: {recipe: custom-html, role: canonical, env: {FILLER_KIB: \"10240\"}}\n");
  // A release that fills an empty volume with 200 files, and a change to be tested.
  sh("cd " + (world.recipes() / "custom-html").string() +
     " && sed -i 's/^    entrypoint:.*/&\\n    environment: [\"FILLER_KIB=${FILLER_KIB}\"]/; s/version=1.3.0+1.22.1/version=1.4.0+1.22.1/' compose.yml && sed -i 's/START_SH_VERSION=.*/START_SH_VERSION=v90/' abra.sh && echo 'FILLER_KIB=0' >> .env.sample && "
     "sed -i 's|^exec nginx|if [ \"$FILLER_KIB\" -gt 0 ] \\&\\& [ ! -e \"$content/filler\" ]; then mkdir \"$content/filler\"; for i in $(seq 200); do head -c \"${FILLER_KIB}k\" /dev/urandom >\"$content/filler/$i\"; done; fi\\nexec nginx|' start.sh && "
     "git -c user.name=a -c user.email=a@b commit -qam 'Much data' && git -c user.name=a -c user.email=a@b tag -am 1.4.0+1.22.1 1.4.0+1.22.1 && "
     "git checkout -q -b bench-change && sed -i 's/START_SH_VERSION=.*/START_SH_VERSION=v91/' abra.sh && echo '# changed' >> start.sh && git -c user.name=a -c user.email=a@b commit -qam 'A change' && git checkout -q main");
  for (const std::string app : {"small", "big"}) {
    const auto seeded = world.simmer({"canonical", "seed", app, "--json"}, {}, std::chrono::seconds(500));
    ASSERT_EQ(seeded.code, 0) << seeded.all();
  }
  std::map<std::string, std::vector<double>> own, whole;
  std::vector<double> calls, floors;
  for (int i = 0; i < 5; ++i) {
    const auto floor = floor_of(world);
    calls.push_back(floor.calls);
    floors.push_back(floor.whole);
    for (const std::string app : {"small", "big"}) {
      const auto begin = Clock::now();
      const auto ran = world.simmer({"run", app, "--quick", "--ref", "bench-change", "--json"}, {}, std::chrono::seconds(300));
      const double took = ms(Clock::now() - begin);
      ASSERT_EQ(ran.code, 0) << ran.all();
      own[app].push_back(ran.result["timings"]["own_ms"].get<double>());
      whole[app].push_back(took - 2 * window);
    }
  }
  const auto line = [](const std::string& what, double value) { std::cout << "bench: " << what << ": " << static_cast<long>(value) << " ms" << std::endl; };
  line("floor, docker stack deploy twice and rm, the calls alone, median of 5", median(calls));
  line("floor, the same until Docker is done", median(floors));
  line("quick run, 200 files of 10 KiB, Simmer's own time (result.json)", median(own["small"]));
  line("quick run, 200 files of 10 MiB, Simmer's own time", median(own["big"]));
  line("quick run, 200 files of 10 KiB, from outside, less the windows", median(whole["small"]));
  line("over the floor: own time less the CLI's calls (target: 2000)", median(own["small"]) - median(calls));
  line("over the floor: from outside, less windows and the floor until Docker is done", median(whole["small"]) - median(floors));
  std::cout << "bench: 2 GiB against 2 MiB, own time: " << median(own["big"]) / median(own["small"]) << " x (target: 1.2)" << std::endl;
  docker({"network", "rm", "proxy"});
}

}  // namespace

}  // namespace simmer::e2e
