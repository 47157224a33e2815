// What a recipe cannot have on a real Swarm, and who is told that it is to blame: networks that another one has,
// ends that never come.
#include <gmock/gmock.h>

#include "swarm_fixture.hpp"

namespace simmer::contract {
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EngineContract);
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SwarmRefusalsTest : public SwarmEngineTest {
 protected:
  DeploySpec spec_of(const std::string& stack, const std::string& compose) {
    auto wanted = spec(stack, one_service("web", "true", ""));
    std::ofstream(wanted.recipe_dir / "compose.yml") << compose;
    SwarmUnderTest::read(wanted);
    return wanted;
  }
  // A network that is somebody else's, gone with the test.
  struct Stranger {
    std::string name;
    Stranger(const std::string& called, std::vector<std::string> options) : name(called) {
      options.insert(options.begin(), {"network", "create", "-d", "overlay"});
      options.push_back(name);
      docker(options);
    }
    Stranger(const Stranger&) = delete;
    ~Stranger() { docker({"network", "rm", name}); }
  };
};

const std::string version = "version: \"3.9\"\nservices:\n  web:\n    image: ${IMAGE}\n";
const std::string on_net = version + "    networks: [net]\n    deploy: {replicas: 0, endpoint_mode: dnsrr}\nnetworks:\n  net: ";
const std::string deaf = version + "    command: [\"sh\", \"-c\", \"trap '' TERM; while :; do sleep 1; done\"]\n    deploy: {endpoint_mode: dnsrr}\n";

// Docker makes such a network and says nothing; the tasks wait for ever.
TEST_F(SwarmRefusalsTest, ANetworkThatAnotherOneHasIsTheRecipesFault) {
  const Stranger stranger("s-taken-stranger", {"--subnet", "10.244.16.0/20", "--opt", "com.docker.network.driver.overlay.vxlanid_list=777001"});
  for (const auto& [net, said] : std::vector<std::pair<std::string, std::string>>{
           {"{ipam: {config: [{subnet: 10.244.17.0/24}]}}", "network net: the subnet 10.244.17.0/24 overlaps 10.244.16.0/20 of Docker's network s-taken-stranger: leave ipam out"},
           {"{driver_opts: {com.docker.network.driver.overlay.vxlanid_list: '777001'}}", "network net: the vxlan id 777001 is that of Docker's network s-taken-stranger"},
           {"{name: s-taken-stranger}", "network net: Docker has a network s-taken-stranger that is not this stack's"}}) {
    const auto wanted = spec_of("s-taken", on_net + net + "\n");
    EXPECT_THAT(refusal([&] { engine().deploy(wanted, limit()); }, ErrorKind::recipe), HasSubstr(said)) << net;
    EXPECT_THAT(engine().inventory("s-taken", limit()), IsEmpty()) << net;
  }
  // One of its own is no other's, at an upgrade either.
  auto wanted = spec_of("s-taken", on_net + "{ipam: {config: [{subnet: 10.244.32.0/24}]}}\n");
  engine().deploy(wanted, limit());
  wanted.facts.commit += "x";
  EXPECT_NO_THROW(engine().upgrade(wanted, limit()));
}

TEST_F(SwarmRefusalsTest, WhatHasADayToEndDoesNotOutliveTheTeardown) {
  for (const std::string grace : {"24h", "\"-1s\""}) {
    const auto wanted = spec_of("s-grace", deaf + "    stop_grace_period: " + grace + "\n");
    engine().deploy(wanted, limit());
    ASSERT_EQ(engine().wait_converged("s-grace", limit()).state, Convergence::State::converged);
    const auto start = Clock::now();
    EXPECT_THAT(engine().remove("s-grace", Limit::in(milliseconds(15000))), ElementsAre("web")) << grace;
    EXPECT_LT(Clock::now() - start, milliseconds(15000));
    EXPECT_THAT(engine().inventory("s-grace", limit()), IsEmpty()) << grace;
  }
}

// Docker 20.10 removes the service and lets its container run on.
TEST_F(SwarmRefusalsTest, AJobThatStillRunsEndsWithItsStack) {
  stacks_.push_back("s-orphan");
  const std::string label = "com.docker.stack.namespace=s-orphan";
  docker({"service", "create", "-d", "-q", "--name", "s-orphan_web", "--mode", "replicated-job", "--network", "host", "--label", label, "--container-label", label, contract::image(), "sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"});
  const auto running = [&] { return docker({"ps", "-q", "--filter", "label=" + label, "--filter", "status=running"}); };
  const auto until = limit();
  while (running().empty() && !until.passed()) engine().wait_for_change("s-orphan", engine().state("s-orphan", until).generation, Limit::in(milliseconds(200)));
  ASSERT_NE(running(), "");
  const auto start = Clock::now();
  engine().remove("s-orphan", Limit::in(milliseconds(60000)));
  EXPECT_LT(Clock::now() - start, milliseconds(20000)) << "not only when the time is nearly over";
  EXPECT_EQ(running(), "");
}

TEST_F(SwarmRefusalsTest, AThrownAwayRunEndsWithinItsOwnGrace) {
  const auto grace_in_docker = [&] { return docker({"service", "inspect", "--format", "{{.Spec.TaskTemplate.ContainerSpec.StopGracePeriod}}", "s-cap_web"}); };
  for (const auto& [grace, in_docker] : std::vector<std::pair<std::string, std::string>>{{"24h", "2s\n"}, {"\"-1s\"", "2s\n"}, {"1s", "1s\n"}}) {
    auto wanted = spec_of("s-cap", deaf + "    stop_grace_period: " + grace + "\n");
    wanted.longest_grace = milliseconds(2000);
    engine().deploy(wanted, limit());
    EXPECT_EQ(grace_in_docker(), in_docker) << grace;
    engine().remove("s-cap", limit());
  }
  // A live app's is its own.
  auto live = spec_of("s-cap", deaf + "    stop_grace_period: 30s\n");
  live.run_id.clear();
  live.longest_grace = milliseconds(2000);
  engine().deploy(live, limit());
  EXPECT_EQ(grace_in_docker(), "30s\n");
  engine().remove("s-cap", Limit::in(milliseconds(12000)));
}

// The reader's table is Docker's: what it refuses is refused here as well (of what only a task would show, nothing is asked).
TEST_F(SwarmRefusalsTest, DockerRefusesWhatTheReaderDoes) {
  const std::string rest = ", endpoint_mode: dnsrr, replicas: 0";
  const std::string two = "secrets: {a: {external: true, name: s-two-a}, b: {external: true, name: s-two-b}}\n";
  std::ofstream(under_test_.scratch() / "secret") << "x";
  docker({"secret", "create", "s-two-a", (under_test_.scratch() / "secret").string()});
  docker({"secret", "create", "s-two-b", (under_test_.scratch() / "secret").string()});
  for (const auto& [service, deploy] : std::vector<std::pair<std::string, std::string>>{{"", "resources: {limits: {memory: 3m}}"},
                                                                                         {"", "resources: {reservations: {cpus: '0.0005'}}"},
                                                                                         {"", "resources: {limits: {cpus: '0.12345678912'}}"},
                                                                                         {"healthcheck: {test: [CMD, a], interval: 1us}", "labels: {}"},
                                                                                         {"healthcheck: {test: [CMD, a], start_period: '-1s'}", "labels: {}"},
                                                                                         {"", "update_config: {delay: '-1s'}"},
                                                                                         {"", "restart_policy: {window: '-1s'}"},
                                                                                         {"image: Busybox", "labels: {}"},
                                                                                         {"image: 'busybox:'", "labels: {}"},
                                                                                         {"image: a-.b", "labels: {}"},
                                                                                         {"volumes: [{type: tmpfs, target: /t}, {type: tmpfs, target: /t}]", "labels: {}"},
                                                                                         {"secrets: [{source: a, target: t}, {source: b, target: t}]", "labels: {}"},
                                                                                         {"ports: ['82:80']", "labels: {}"},
                                                                                         {"ports: [{target: 1, published: 5, mode: host}, {target: 2, published: 5, mode: host}]", "labels: {}"},
                                                                                         {"", "placement: {constraints: ['node.labels.x = y']}"},
                                                                                         {"", "placement: {constraints: ['x == y']}"},
                                                                                         {"", "placement: {constraints: ['node.labels.x == y,z']}"}}) {
    const std::string named = service.starts_with("image") ? "" : "image: " + contract::image() + ", ";
    const std::string compose = "version: '3.9'\nservices:\n  web: {" + named + service + (service.empty() ? "" : ", ") + "networks: [host], deploy: {" + deploy + rest + "}}\nnetworks: {host: {external: true, name: host}}\n" + two;
    const auto done = run_command({{"/usr/bin/docker", "stack", "deploy", "--resolve-image", "never", "-c", "-", "s-two"}, {}, false, {}, compose}, limit());
    EXPECT_NE(done.exit_code, 0) << compose;
    std::ofstream(under_test_.scratch() / "compose.yml") << compose;
    refusal([&] { read_recipe_tree(under_test_.scratch(), "sample", {}); }, ErrorKind::recipe);
  }
  run_command({{"/usr/bin/docker", "stack", "rm", "s-two"}, {}, false, {}, ""}, limit());
  docker({"secret", "rm", "s-two-a", "s-two-b"});
}

}  // namespace
}  // namespace simmer::contract
