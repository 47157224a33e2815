// The story of the local engine, on a real Docker Swarm: cold, data-warm, a good and a bad change, nothing left. Needs the
// images of tests/images (nginx) and a swarm at DOCKER_HOST: ./test.sh swarm brings both up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include <base/files.hpp>
#include <e2e/simmer_world.hpp>

namespace simmer::e2e {

namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string docker(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "/usr/bin/docker");
  const auto done = run_command({arguments, {}, false, {}, ""}, Limit::in(std::chrono::seconds(60)));
  EXPECT_EQ(done.exit_code, 0) << done.err;
  return done.out;
}

// Everything that Docker has, by kind and name.
std::string everything() {
  return docker({"service", "ls", "--format", "service {{.Name}}"}) + docker({"ps", "-a", "--format", "container {{.Names}}"}) +
         docker({"volume", "ls", "--format", "volume {{.Name}}"}) + docker({"secret", "ls", "--format", "secret {{.Name}}"}) +
         docker({"config", "ls", "--format", "config {{.Name}}"}) + docker({"network", "ls", "--format", "network {{.Name}}"});
}

class SwarmStory : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    docker({"network", "create", "-d", "overlay", "--attachable", "proxy"});
    before_ = everything();
    world_ = new World("engine: swarm\nhealth: {window: 500ms}\ndeadlines: {start: 120s, plugin: 30s, teardown: 60s}\n");
    const auto seeded = world_->simmer({"canonical", "seed", "custom-html", "--json"}, {}, std::chrono::seconds(400));
    ASSERT_EQ(seeded.code, 0) << seeded.all();
    seeded_ = Json::parse(seeded.out);
  }
  static void TearDownTestSuite() {
    delete world_;
    docker({"network", "rm", "proxy"});
  }
  static Ran quick(const std::string& ref) { return world_->simmer({"run", "custom-html", "--quick", "--ref", ref, "--json"}, {}, std::chrono::seconds(300)); }

  static World* world_;
  static Json seeded_;
  static std::string before_;
};

World* SwarmStory::world_ = nullptr;
Json SwarmStory::seeded_;
std::string SwarmStory::before_;

TEST_F(SwarmStory, AColdRunIsGreenAndLeavesNothing) {
  EXPECT_EQ(seeded_["engine"], "swarm");
  EXPECT_EQ(seeded_["level"], 5) << seeded_["rungs"].dump(2);
  EXPECT_EQ(seeded_["canonical"]["outcome"], "seeded");
  EXPECT_EQ(seeded_["deploy_count"], 2);
  EXPECT_THAT(seeded_["digests"]["app"].get<std::string>(), HasSubstr("sha256:"));
  EXPECT_THAT(seeded_["tools"]["docker"].get<std::string>(), HasSubstr("."));
  EXPECT_TRUE(seeded_["teardown"]["after"].empty());
  EXPECT_EQ(everything(), before_);
  EXPECT_THAT(world_->left_behind(), IsEmpty());
}

TEST_F(SwarmStory, QuickPassesAGoodChangeAndFailsABadOneWithoutMovingAByte) {
  const auto known_good = world_->known_good("custom-html");
  const auto good = quick("good");
  EXPECT_EQ(good.code, 0) << good.all();
  EXPECT_EQ(everything(), before_);
  const auto bad = quick("bad/loses-data");
  EXPECT_EQ(bad.code, 1) << bad.all();
  EXPECT_THAT(Json::parse(bad.out)["reason"].get<std::string>(), HasSubstr("marker-is-intact"));
  EXPECT_EQ(everything(), before_);
  EXPECT_EQ(world_->known_good("custom-html"), known_good);
  EXPECT_EQ(world_->simmer({"canonical", "verify", "custom-html"}).code, 0);
}

TEST_F(SwarmStory, AChangeThatDoesNotStartSaysWhyInItsOwnWords) {
  const auto ran = quick("bad/crash-loops");
  EXPECT_EQ(ran.code, 1) << ran.all();
  EXPECT_THAT(Json::parse(ran.out)["reason"].get<std::string>(), AllOf(HasSubstr("paused by Swarm"), HasSubstr("its last words: start.sh: nginx ended before its time")));
  EXPECT_EQ(everything(), before_);
}

TEST_F(SwarmStory, WhatAKilledRunLeftIsCleanedUpByTheNextCommand) {
  const auto ran = world_->simmer({"run", "custom-html", "--tiers", "install", "--json"}, {{"SIMMER_CRASH_COUNT", (world_->root() / "points").string()}, {"SIMMER_CRASH_AT", "7"}});
  EXPECT_EQ(ran.code, 137) << ran.all();
  const auto recovered = world_->simmer({"recover"});
  EXPECT_EQ(recovered.code, 0) << recovered.all();
  EXPECT_EQ(everything(), before_);
  EXPECT_THAT(world_->left_behind(), IsEmpty());
}

}  // namespace

}  // namespace simmer::e2e
