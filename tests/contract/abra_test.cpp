// The abra engine against the contract, on a real Docker Swarm, with a STAND-IN for abra (tests/abra/abra) unless SIMMER_TEST_ABRA
// names a real one.
#include <abra/abra_driver.hpp>
#include <base/process.hpp>

#include "swarm_fixture.hpp"

namespace simmer::contract {
namespace {

using swarm::docker_address;

std::string program() {
  const char* real = std::getenv("SIMMER_TEST_ABRA");
  return real != nullptr && *real != '\0' ? real : SIMMER_ABRA_STAND_IN;
}

AbraOptions options(const fs::path& state, const std::string& abra = program()) {
  return {abra, {}, "default", state / "engines/abra", state / "runs", docker_address("", "")};
}

class AbraUnderTest : public SwarmUnderTest {
 public:
  AbraUnderTest() : AbraUnderTest(fs::path(::testing::TempDir()) / ("simmer-abra-" + std::to_string(::getpid()) + "-" + std::to_string(count_++))) {}
  ~AbraUnderTest() override { remove_tree(state_); }
  const fs::path& state() const { return state_; }

 private:
  explicit AbraUnderTest(const fs::path& state) : SwarmUnderTest(std::make_unique<AbraDriver>(options(state))), state_(state) {
    make_folders(state_ / "engines/abra");
    make_folders(state_ / "runs/run-1");
    set_domain("");  // abra makes the stack's name out of the domain
  }
  static inline std::atomic<int> count_{0};
  fs::path state_;
};

std::unique_ptr<EngineUnderTest> make_abra() { return std::make_unique<AbraUnderTest>(); }
INSTANTIATE_TEST_SUITE_P(Abra, EngineContract, ::testing::Values(&make_abra));

class AbraEngineTest : public ::testing::Test {
 protected:
  AbraEngineTest() { ::testing::Test::RecordProperty("abra", program()); }
  ~AbraEngineTest() override {
    ::unsetenv("ABRA_STAND_IN_LIES");
    ::unsetenv("ABRA_STAND_IN_VERSION");
    ::unsetenv("ABRA_STAND_IN_HANGS");
    try {
      for (const auto& stack : stacks_) engine().remove(stack, limit());
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
  static void only_the_stand_in() {
    if (program() != SIMMER_ABRA_STAND_IN) GTEST_SKIP() << "a fault that only the stand-in can be made to have";
  }
  static Limit limit() { return Limit::in(milliseconds(60000)); }
  Engine& engine() { return under_test_.engine(); }
  static std::string sh(const std::string& script) {
    const auto done = run_command({{"sh", "-euc", script}, {}, false, {}, ""}, limit());
    EXPECT_EQ(done.exit_code, 0) << script << ": " << done.err;
    return done.out.substr(0, done.out.find('\n'));
  }
  // A recipe in a repository, released as 1.0.0+1.
  DeploySpec released(const std::string& stack) {
    stacks_.push_back(stack);
    auto spec = under_test_.spec(stack, Sample::web_without_side);
    sh("sed -i 's,${IMAGE}," + image() + ",' " + (spec.recipe_dir / "compose.yml").string());  // an image with a tag
  sh("echo 'TYPE=sample' > " + (spec.recipe_dir / ".env.sample").string());
    spec.repository = under_test_.scratch() / ("repository-" + stack);
    const std::string repository = spec.repository.string();
    sh("cp -r " + spec.recipe_dir.string() + " " + repository + " && cd " + repository +
       " && git init -q && git add -A && git -c user.name=a -c user.email=a@b commit -qm one && git -c user.name=a -c user.email=a@b tag -am 1.0.0+1 1.0.0+1");
    spec.facts.commit = sh("git -C " + repository + " rev-parse HEAD");
    return spec;
  }

  AbraUnderTest under_test_;
  std::vector<std::string> stacks_;
};

TEST_F(AbraEngineTest, AReleaseIsDeployedByItsVersionAndNotedInTheEnv) {
  const auto spec = released("a-release");
  engine().deploy(spec, limit());
  ASSERT_EQ(engine().wait_converged(spec.stack, limit()).state, Convergence::State::converged);
  const fs::path dir = under_test_.state() / "engines/abra/a-release";
  EXPECT_TRUE(read_file(dir / "servers/default/a-release.env").starts_with("TYPE=sample:1.0.0+1\n"));
  const auto log = read_file(under_test_.state() / "runs/run-1/abra.log");
  EXPECT_NE(log.find("$ abra app deploy a-release 1.0.0+1 -n -o -c  (exit 0)"), std::string::npos) << log;
  EXPECT_EQ(log.find("s3cret-value"), std::string::npos);
  EXPECT_EQ(engine().deployed(spec.stack, limit())->commit, spec.facts.commit);
  engine().remove(spec.stack, limit());
  EXPECT_FALSE(fs::exists(dir)) << "the app's entry outlived the app";
}

TEST_F(AbraEngineTest, AChangeIsDeployedAsItIsAndStampedAsChaos) {
  auto spec = released("a-chaos");
  sh("cd " + spec.repository.string() + " && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m two");
  spec.facts.commit = sh("git -C " + spec.repository.string() + " rev-parse HEAD");
  engine().deploy(spec, limit());
  const auto label = sh("/usr/bin/docker service inspect --format '{{index .Spec.Labels \"coop-cloud.a-chaos.chaos-version\"}}' a-chaos_web");
  EXPECT_TRUE(spec.facts.commit.starts_with(label)) << label;
  spec.facts.commit += "+U";
  sh("echo '# changed' >> " + (spec.recipe_dir / "compose.yml").string());
  engine().upgrade(spec, limit());
  EXPECT_TRUE(sh("/usr/bin/docker service inspect --format '{{index .Spec.Labels \"coop-cloud.a-chaos.chaos-version\"}}' a-chaos_web").ends_with("+U"));
  ASSERT_EQ(engine().wait_converged(spec.stack, limit()).state, Convergence::State::converged);
}

TEST_F(AbraEngineTest, WhatAbraDeployedInsteadIsNoticed) {
  only_the_stand_in();
  const auto spec = released("a-lies");
  ::setenv("ABRA_STAND_IN_LIES", "1", 1);
  const auto said = refusal([&] { engine().deploy(spec, limit()); }, ErrorKind::unavailable);
  EXPECT_NE(said.find("asked for 1.0.0+1 and deployed 0.0.1+none"), std::string::npos) << said;
}

TEST_F(AbraEngineTest, AMissingOrTooOldAbraIsSaidWithTheVersionFound) {
  only_the_stand_in();
  AbraDriver missing(options(under_test_.state(), "/nowhere/abra"));
  EXPECT_NE(refusal([&] { missing.check(limit()); }, ErrorKind::unavailable).find("/nowhere/abra"), std::string::npos);
  ::setenv("ABRA_STAND_IN_VERSION", "0.9.1", 1);
  const auto said = refusal([&] { engine().check(limit()); }, ErrorKind::unavailable);
  EXPECT_NE(said.find("is 0.9.1, and 0.10.0 or later is needed"), std::string::npos) << said;
}

TEST_F(AbraEngineTest, AnAbraThatHangsIsEndedAndTheTeardownStillIsOne) {
  only_the_stand_in();
  const auto spec = released("a-hangs");
  engine().deploy(spec, limit());
  ::setenv("ABRA_STAND_IN_HANGS", "1", 1);
  auto again = spec;
  again.env["TEXT"] = "changed";
  const auto begin = Clock::now();
  EXPECT_NE(refusal([&] { engine().upgrade(again, Limit::in(milliseconds(1500))); }, ErrorKind::unavailable).find("timed out"), std::string::npos);
  EXPECT_LT(Clock::now() - begin, milliseconds(10000));
  engine().remove(spec.stack, Limit::in(milliseconds(16000)));
  EXPECT_TRUE(engine().inventory(spec.stack, limit()).empty());
}

// What is tested may be a checkout, and abra needs none of what a shallow one lacks.
TEST_F(AbraEngineTest, AReleaseIsDeployedFromAShallowCheckout) {
  auto spec = released("a-shallow");
  const std::string repository = spec.repository.string();
  sh("cd " + repository + " && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m two && git -c user.name=a -c user.email=a@b tag -am 1.1.0+1 1.1.0+1 && git clone -q --depth 1 file://" + repository + " " + repository + "-shallow");
  spec.repository += "-shallow";
  spec.facts.commit = sh("git -C " + spec.repository.string() + " rev-parse HEAD");
  spec.facts.version = "1.1.0+1";
  spec.env["ODD"] = "it's \"x\" a\\";  // no .env could hold it
  spec.facts.timeout = milliseconds(90500);
  engine().deploy(spec, limit());
  const auto env = read_file(under_test_.state() / "engines/abra/a-shallow/servers/default/a-shallow.env");
  EXPECT_EQ(env, "TYPE=sample:1.1.0+1\nCOMPOSE_FILE=../../compose.simmer.yml\nDOMAIN=a-shallow\nSTACK_NAME=a-shallow\nTIMEOUT=91\n");
}

// A line that is no constant to a shell is not read; abra takes it all the same, and would deploy what it names.
TEST_F(AbraEngineTest, FilesThatOnlyAbraWouldReadAreRefusedBeforeAnythingIsMade) {
  auto spec = released("a-unjudged");
  sh("cd " + spec.recipe_dir.string() + " && cp compose.yml compose.evil.yml && echo 'export COMPOSE_FILE=compose.evil.yml; true' > abra.sh");
  spec.facts.commit += "+U";
  under_test_.read(spec);  // to Simmer nothing has changed
  const auto said = refusal([&] { engine().deploy(spec, limit()); }, ErrorKind::recipe);
  EXPECT_NE(said.find("abra.sh:1: sets COMPOSE_FILE"), std::string::npos) << said;
  EXPECT_TRUE(engine().inventory(spec.stack, limit()).empty());
}

TEST_F(AbraEngineTest, LintIsReadFromTheTable) {
  auto spec = released("a-lint");
  auto findings = engine().lint(spec, limit());
  ASSERT_TRUE(findings);
  for (const auto& finding : *findings) EXPECT_FALSE(finding.error) << finding.rule << finding.message;
  fs::remove(spec.recipe_dir / ".env.sample");
  spec.facts.commit = "tree-1";
  findings = engine().lint(spec, limit());
  ASSERT_TRUE(findings);
  EXPECT_TRUE(std::any_of(findings->begin(), findings->end(), [](const auto& finding) { return finding.rule == "R008" && finding.error; }));
  EXPECT_FALSE(fs::exists(spec.recipe_dir.parent_path() / ".abra-lint"));
}

}  // namespace
}  // namespace simmer::contract
