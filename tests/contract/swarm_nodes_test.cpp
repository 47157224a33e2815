// A swarm of two nodes (SIMMER_TEST_SECOND_NODE: the DOCKER_HOST of the other, a worker): where things run, and that nothing stays.
#include <base/process.hpp>

#include "swarm_fixture.hpp"

namespace simmer::contract {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EngineContract);  // its samples are used here, not its tests

namespace {



class SwarmNodes : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* other = std::getenv("SIMMER_TEST_SECOND_NODE");
    if (other == nullptr) GTEST_SKIP() << "no second node: the swarm is not one that tests/swarm/up.sh made";
    other_ = other;
    before_ = on_the_other();
  }
  void TearDown() override {
    if (other_.empty()) return;
    for (const auto& stack : stacks_) engine().remove(stack, limit());
    const auto wait = limit();  // its agent has two seconds more to clear away
    while (on_the_other() != before_ && !wait.passed()) wait_for(milliseconds(100), {}, "the other node");
    EXPECT_EQ(on_the_other(), before_);
    EXPECT_TRUE(engine().inventory("", limit()).empty());
  }
  Engine& engine() { return under_test_.engine(); }
  static Limit limit() { return Limit::in(milliseconds(60000)); }
  std::string on_the_other(const std::string& filter = "") const {
    std::string all;
    for (const std::vector<std::string>& what : {std::vector<std::string>{"ps", "-a", "--format", "container {{.Names}}"}, {"volume", "ls", "-q"}, {"network", "ls", "--format", "network {{.Name}}"}}) {
      std::vector<std::string> arguments = {"/usr/bin/docker"};
      arguments.insert(arguments.end(), what.begin(), what.end());
      const auto done = run_command({arguments, {{"DOCKER_HOST", other_}}, false, {}, ""}, limit());
      EXPECT_EQ(done.exit_code, 0) << done.err;
      if (filter.empty() || what[0] == filter) all += done.out;
    }
    return all;
  }
  DeploySpec spec(const std::string& stack, const std::string& services) {
    stacks_.push_back(stack);
    return under_test_.spec_of(stack, services);
  }
  // A service that would run on the worker if it may.
  static std::string over_there(const std::string& more = "") {
    return one_service("web", "trap 'exit 0' TERM; while :; do sleep 0.1; done", more + "    deploy:\n      endpoint_mode: dnsrr\n      placement: {constraints: [node.role == worker]}\n      labels: [\"traefik.http.routers.web.rule=Host(`x`)\"]\n");
  }

  SwarmUnderTest under_test_;
  std::vector<std::string> stacks_;
  std::string other_, before_;
};

TEST_F(SwarmNodes, WhatNobodyHereHasToGetAtRunsWhereSwarmPutsIt) {
  auto wanted = spec("n-there", over_there());
  wanted.asked_directly = false;  // a proxy reaches it on every node
  engine().deploy(wanted, limit());
  const auto end = engine().wait_converged("n-there", limit());
  ASSERT_EQ(end.state, Convergence::State::converged) << end.reason;
  EXPECT_NE(on_the_other("ps").find("n-there_web"), std::string::npos);
  const auto inventory = engine().inventory("n-there", limit());
  EXPECT_TRUE(std::any_of(inventory.begin(), inventory.end(), [](const EngineObject& object) { return object.kind == "container" && object.name == "web"; })) << "a task elsewhere is not in the inventory";
  ASSERT_TRUE(engine().deployed("n-there", limit())->running);
  EXPECT_EQ(engine().deployed("n-there", limit())->digests.at("web"), image());
  engine().remove("n-there", limit());
  EXPECT_TRUE(engine().inventory("n-there", limit()).empty());
}

// A volume over there could be neither backed up nor removed from here.
TEST_F(SwarmNodes, WhatHasAVolumeRunsHere) {
  auto wanted = spec("n-volume", one_service("web", "trap 'exit 0' TERM; while :; do sleep 0.1; done", "    volumes: [\"content:/content\"]\n    deploy: {endpoint_mode: dnsrr, replicas: 3}\n"));
  wanted.asked_directly = false;
  engine().deploy(wanted, limit());
  ASSERT_EQ(engine().wait_converged("n-volume", limit()).state, Convergence::State::converged);
  EXPECT_EQ(on_the_other("ps").find("n-volume_web"), std::string::npos);
  EXPECT_TRUE(engine().volume("n-volume", "content", limit()).node.empty());
}

TEST_F(SwarmNodes, AKeptAppRunsHereAndOneThatRunsElsewhereIsRefused) {
  auto wanted = spec("n-kept", one_service("web", "trap 'exit 0' TERM; while :; do sleep 0.1; done", "    deploy: {endpoint_mode: dnsrr, replicas: 3}\n"));
  wanted.asked_directly = false;
  wanted.kept = true;
  engine().deploy(wanted, limit());
  ASSERT_EQ(engine().wait_converged("n-kept", limit()).state, Convergence::State::converged);
  EXPECT_EQ(on_the_other("ps").find("n-kept_web"), std::string::npos);
  auto there = spec("n-astray", over_there());
  there.asked_directly = false;
  engine().deploy(there, limit());
  ASSERT_EQ(engine().wait_converged("n-astray", limit()).state, Convergence::State::converged);
  there.kept = true;
  const auto said = refusal([&] { engine().upgrade(there, limit()); }, ErrorKind::infrastructure);
  EXPECT_NE(said.find("n-astray runs on node"), std::string::npos) << said;
}

}  // namespace
}  // namespace simmer::contract
