// What every engine promises (core/src/engine/engine.hpp), as tests. An engine takes part by a fixture
// that knows how to make it and which recipes it can run:
//
//   INSTANTIATE_TEST_SUITE_P(Local, EngineContract, ::testing::Values(&make_local));
//
// The tests see deployments through the Engine interface alone.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include <engine/engine.hpp>

namespace simmer::contract {

// Recipes that a fixture must supply. All have a secret `token`.
enum class Sample {
  web,  // service `web` (the app; answers "/" with spec.env["TEXT"], volume `content`) and `side`, which
        // only waits; `side` prints "side is up" and does not mention TEXT
  web_without_side,
  never_up,    // service `web` runs and never converges
  crash_loop,  // service `web` prints "about to fail" and exits 1, again and again
  deaf,        // service `web` ignores SIGTERM; its grace is 300 ms
  job,         // service `web`, and `job`, which may not be restarted, exits 0
  broken,      // cannot be deployed: the recipe's own fault
};

class EngineUnderTest {
 public:
  virtual ~EngineUnderTest() = default;
  virtual Engine& engine() = 0;
  // A spec ready to deploy: run_id "run-1", domain "<stack>.example.org" (abra: the stack itself), version "1.0.0+1", commit "c1",
  // env TEXT=hello, secret token=s3cret-value.
  virtual DeploySpec spec(const std::string& stack, Sample sample) = 0;
  // The same with another TEXT: what `web` answers.
  virtual void set_text(DeploySpec& spec, const std::string& text) { spec.env["TEXT"] = text; }
  // GET of an absolute URL: the body; "(no answer)" when there is none.
  virtual std::string get(const std::string& url) = 0;
  // A folder for volumes that are not the engine's.
  virtual std::filesystem::path scratch() = 0;
  // A shell command's argv that prints what is in the secret `token`.
  virtual std::vector<std::string> print_secret() = 0;
  // What a running part of a service is called in its inventory.
  virtual std::string process_kind() { return "process"; }
  // Is an endpoint good for the life of the stack? Else it is the running task's, and asked for anew.
  virtual bool keeps_its_endpoint() { return true; }
  // How long anything here may take.
  virtual milliseconds patience() { return milliseconds(20000); }
};

using MakeEngine = std::unique_ptr<EngineUnderTest> (*)();

class EngineContract : public ::testing::TestWithParam<MakeEngine> {
 protected:
  void SetUp() override {
    under_test_ = GetParam()();
    before_ = engine().inventory("", limit());
  }
  void TearDown() override {
    for (const auto& stack : stacks_) engine().remove(stack, limit());
    EXPECT_EQ(engine().inventory("", limit()), before_) << "a test left something behind";
  }

  Engine& engine() { return under_test_->engine(); }
  Limit limit() { return Limit::in(under_test_->patience()); }
  DeploySpec spec(const std::string& stack, Sample sample) {
    stacks_.push_back(stack);
    return under_test_->spec(stack, sample);
  }
  Convergence converge(const std::string& stack) { return engine().wait_converged(stack, limit()); }
  void deploy_and_converge(const DeploySpec& spec) {
    engine().deploy(spec, limit());
    const auto end = converge(spec.stack);
    ASSERT_EQ(end.state, Convergence::State::converged) << end.service << ": " << end.reason << "\n" << end.log_tail;
  }
  // The objects of one kind, "name=id".
  std::vector<std::string> objects(const std::string& stack, const std::string& kind) {
    std::vector<std::string> found;
    for (const auto& object : engine().inventory(stack, limit()))
      if (object.kind == kind) found.push_back(object.name + "=" + object.id);
    return found;
  }
  template <class Action>
  static ErrorKind kind_of_failure(Action action) {
    try {
      action();
    } catch (const Error& error) {
      last_message() = error.what();
      return error.kind();
    }
    ADD_FAILURE() << "no Error was thrown";
    return ErrorKind::internal;
  }
  static std::string& last_message() {
    static std::string message;
    return message;
  }
  static void write(const std::filesystem::path& path, const std::string& text) { std::ofstream(path) << text; }
  static std::string read(const std::filesystem::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::unique_ptr<EngineUnderTest> under_test_;
  std::vector<std::string> stacks_;
  std::vector<EngineObject> before_;
};

TEST_P(EngineContract, AnswersAndSaysItsName) {
  EXPECT_NO_THROW(engine().check(limit()));
  EXPECT_FALSE(engine().name().empty());
}

TEST_P(EngineContract, WhatIsNotThereIsNotAnError) {
  EXPECT_FALSE(engine().deployed("c-none", limit()));
  EXPECT_EQ(engine().state("c-none", limit()).state, Convergence::State::gone);
  EXPECT_EQ(engine().wait_converged("c-none", limit()).state, Convergence::State::gone);
  EXPECT_TRUE(engine().undeploy("c-none", limit()).empty());
  EXPECT_TRUE(engine().remove("c-none", limit()).empty());
  EXPECT_TRUE(engine().inventory("c-none", limit()).empty());
}

TEST_P(EngineContract, AskingSomethingOfWhatIsNotThereIsUnavailable) {
  EXPECT_EQ(kind_of_failure([&] { engine().endpoint("c-none", "", limit()); }), ErrorKind::unavailable);
  EXPECT_EQ(kind_of_failure([&] { engine().volume("c-none", "content", limit()); }), ErrorKind::unavailable);
  EXPECT_EQ(kind_of_failure([&] {
              engine().exec("c-none", {"web", {"true"}, "", milliseconds(1000)}, limit());
            }),
            ErrorKind::unavailable);
  EXPECT_EQ(kind_of_failure([&] { engine().stop("c-none", limit()); }), ErrorKind::unavailable);
}

TEST_P(EngineContract, ServesAndSaysWhatRuns) {
  const auto wanted = spec("c-web", Sample::web);
  engine().make_images_present(wanted, limit());
  deploy_and_converge(wanted);
  EXPECT_EQ(under_test_->get(engine().endpoint("c-web", "", limit()) + "/"), "hello\n");
  EXPECT_EQ(engine().endpoint("c-web", "", limit()), engine().endpoint("c-web", "web", limit()));
  const auto deployed = engine().deployed("c-web", limit());
  ASSERT_TRUE(deployed);
  EXPECT_EQ(deployed->version, "1.0.0+1");
  EXPECT_EQ(deployed->commit, "c1");
  EXPECT_EQ(deployed->run_id, "run-1");
  EXPECT_EQ(deployed->domain, wanted.domain);
  EXPECT_TRUE(deployed->running);
  EXPECT_FALSE(deployed->digests.at("web").empty());
  EXPECT_EQ(engine().state("c-web", limit()).deaths, 0);
}

TEST_P(EngineContract, ASecondDeployIsRefusedAndChangesNothing) {
  const auto wanted = spec("c-twice", Sample::web);
  deploy_and_converge(wanted);
  const auto before = objects("c-twice", under_test_->process_kind());
  EXPECT_EQ(kind_of_failure([&] { engine().deploy(wanted, limit()); }), ErrorKind::busy);
  EXPECT_EQ(objects("c-twice", under_test_->process_kind()), before);
}

TEST_P(EngineContract, ABrokenRecipeIsTheRecipesFaultAndLeavesNothing) {
  const auto wanted = spec("c-broken", Sample::broken);
  EXPECT_EQ(kind_of_failure([&] { engine().deploy(wanted, limit()); }), ErrorKind::recipe);
  EXPECT_EQ(last_message().find('\n'), std::string::npos) << last_message();
  EXPECT_FALSE(engine().deployed("c-broken", limit()));
  EXPECT_TRUE(engine().inventory("c-broken", limit()).empty());
}

TEST_P(EngineContract, AWaitForWhatNeverComesUpEndsAtItsLimit) {
  engine().deploy(spec("c-never", Sample::never_up), limit());
  const auto end = engine().wait_converged("c-never", Limit::in(milliseconds(400)));
  EXPECT_EQ(end.state, Convergence::State::converging);
  EXPECT_EQ(end.service, "web");
  EXPECT_FALSE(end.reason.empty());
}

// A caller whose time is up still wants to know how it stands.
TEST_P(EngineContract, AWaitWhoseLimitHasPassedTellsHowItStands) {
  deploy_and_converge(spec("c-late", Sample::web));
  const auto passed = Limit::in(milliseconds(0));
  const auto seen = engine().wait_converged("c-late", passed);
  EXPECT_EQ(seen.state, Convergence::State::converged);
  EXPECT_EQ(engine().wait_for_change("c-late", seen.generation, passed).generation, seen.generation);
}

TEST_P(EngineContract, ACrashLoopEndsTheWaitEarly) {
  engine().deploy(spec("c-crash", Sample::crash_loop), limit());
  const auto end = engine().wait_converged("c-crash", Limit::in(under_test_->patience()));
  EXPECT_EQ(end.state, Convergence::State::failed);
  EXPECT_EQ(end.service, "web");
  EXPECT_GE(end.deaths, 5);
  EXPECT_NE(end.log_tail.find("about to fail"), std::string::npos) << end.log_tail;
}

TEST_P(EngineContract, AJobThatIsDoneHasConverged) {
  deploy_and_converge(spec("c-job", Sample::job));
  EXPECT_EQ(engine().state("c-job", limit()).deaths, 0);
}

TEST_P(EngineContract, UndeployKeepsVolumesAndRemoveDoesNot) {
  const auto wanted = spec("c-volume", Sample::web);
  deploy_and_converge(wanted);
  const auto place = engine().volume("c-volume", "content", limit());
  write(place.path / "page", "kept");
  EXPECT_TRUE(engine().undeploy("c-volume", limit()).empty());
  EXPECT_EQ(engine().state("c-volume", limit()).state, Convergence::State::gone);
  const auto undeployed = engine().deployed("c-volume", limit());
  EXPECT_TRUE(!undeployed || !undeployed->running);
  EXPECT_TRUE(objects("c-volume", under_test_->process_kind()).empty());
  EXPECT_TRUE(objects("c-volume", "secret").empty());
  EXPECT_EQ(objects("c-volume", "volume").size(), 1U);
  deploy_and_converge(wanted);
  EXPECT_EQ(read(engine().volume("c-volume", "content", limit()).path / "page"), "kept");
  engine().remove("c-volume", limit());
  EXPECT_FALSE(std::filesystem::exists(place.path));
  EXPECT_TRUE(engine().inventory("c-volume", limit()).empty());
}

TEST_P(EngineContract, AVolumeThatWasGivenIsUsedAndNeverDeleted) {
  for (const auto kind : {VolumeSource::Kind::existing, VolumeSource::Kind::fork}) {
    const auto folder = under_test_->scratch() / (kind == VolumeSource::Kind::fork ? "fork" : "existing");
    std::filesystem::create_directories(folder);
    write(folder / "page", "precious");
    auto wanted = spec("c-existing", Sample::web);
    wanted.volumes["content"] = {kind, folder};
    deploy_and_converge(wanted);
    EXPECT_EQ(under_test_->get(engine().endpoint("c-existing", "", limit()) + "/page"), "precious");
    EXPECT_EQ(std::filesystem::canonical(engine().volume("c-existing", "content", limit()).path),
              std::filesystem::canonical(folder));
    engine().remove("c-existing", limit());
    EXPECT_EQ(read(folder / "page"), "precious");
  }
}

TEST_P(EngineContract, AVolumeWhoseFolderIsMissingIsRefused) {
  auto wanted = spec("c-missing", Sample::web);
  wanted.volumes["content"] = {VolumeSource::Kind::existing, under_test_->scratch() / "not-there"};
  EXPECT_EQ(kind_of_failure([&] { engine().deploy(wanted, limit()); }), ErrorKind::infrastructure);
  EXPECT_TRUE(engine().inventory("c-missing", limit()).empty());
}

TEST_P(EngineContract, AnUpgradeRestartsOnlyWhatDiffers) {
  auto wanted = spec("c-up", Sample::web);
  deploy_and_converge(wanted);
  const auto url = engine().endpoint("c-up", "", limit());
  write(engine().volume("c-up", "content", limit()).path / "page", "carried over");
  const auto process_of = [&](const std::string& service) {
    for (const auto& process : objects("c-up", under_test_->process_kind()))
      if (process.starts_with(service + "=")) return process;
    return std::string();
  };
  const auto web = process_of("web"), side = process_of("side");
  under_test_->set_text(wanted, "hello again");
  wanted.facts.version = "1.1.0+1";
  wanted.facts.commit = "c2";
  engine().upgrade(wanted, limit());
  ASSERT_EQ(converge("c-up").state, Convergence::State::converged);
  const auto url_now = engine().endpoint("c-up", "", limit());
  if (under_test_->keeps_its_endpoint()) {
    EXPECT_EQ(url_now, url);
  }
  EXPECT_EQ(under_test_->get(url_now + "/"), "hello again\n");
  EXPECT_EQ(under_test_->get(url_now + "/page"), "carried over");
  EXPECT_NE(process_of("web"), web);
  EXPECT_EQ(process_of("side"), side);
  EXPECT_EQ(engine().deployed("c-up", limit())->version, "1.1.0+1");
  EXPECT_EQ(engine().deployed("c-up", limit())->commit, "c2");
  EXPECT_EQ(engine().state("c-up", limit()).deaths, 0);
}

TEST_P(EngineContract, AnUpgradeEndsServicesThatAreGoneAndStartsNewOnes) {
  const auto with = spec("c-fewer", Sample::web);
  const auto without = spec("c-fewer", Sample::web_without_side);
  deploy_and_converge(with);
  engine().upgrade(without, limit());
  ASSERT_EQ(converge("c-fewer").state, Convergence::State::converged);
  EXPECT_EQ(objects("c-fewer", "service").size(), 1U);
  engine().upgrade(with, limit());
  ASSERT_EQ(converge("c-fewer").state, Convergence::State::converged);
  EXPECT_EQ(objects("c-fewer", "service").size(), 2U);
}

TEST_P(EngineContract, AnUpgradeThatCannotBeAppliedChangesNothing) {
  deploy_and_converge(spec("c-bad-up", Sample::web));
  const auto before = engine().inventory("c-bad-up", limit());
  const auto generation = engine().state("c-bad-up", limit()).generation;
  EXPECT_EQ(kind_of_failure([&] { engine().upgrade(under_test_->spec("c-bad-up", Sample::broken), limit()); }),
            ErrorKind::recipe);
  EXPECT_EQ(engine().inventory("c-bad-up", limit()), before);
  EXPECT_EQ(engine().state("c-bad-up", limit()).generation, generation);
  EXPECT_EQ(engine().deployed("c-bad-up", limit())->version, "1.0.0+1");
  EXPECT_EQ(under_test_->get(engine().endpoint("c-bad-up", "", limit()) + "/"), "hello\n");
}

TEST_P(EngineContract, AnUpgradeOfWhatIsNotDeployedIsUnavailable) {
  const auto wanted = spec("c-no-up", Sample::web);
  EXPECT_EQ(kind_of_failure([&] { engine().upgrade(wanted, limit()); }), ErrorKind::unavailable);
}

TEST_P(EngineContract, StopAndStartKeepTheDeployment) {
  deploy_and_converge(spec("c-stop", Sample::web));
  const auto url = engine().endpoint("c-stop", "", limit());
  engine().stop("c-stop", limit());
  // An address that is free again may be another deployment's by now.
  if (under_test_->keeps_its_endpoint()) EXPECT_EQ(under_test_->get(url + "/"), "(no answer)");
  else EXPECT_EQ(engine().endpoint("c-stop", "", limit()), "");
  ASSERT_TRUE(engine().deployed("c-stop", limit()));
  EXPECT_FALSE(engine().deployed("c-stop", limit())->running);
  EXPECT_NE(engine().state("c-stop", limit()).state, Convergence::State::converged);
  EXPECT_EQ(kind_of_failure([&] {
              engine().exec("c-stop", {"web", {"true"}, "", milliseconds(1000)}, limit());
            }),
            ErrorKind::unavailable);
  engine().start("c-stop", limit());
  ASSERT_EQ(converge("c-stop").state, Convergence::State::converged);
  const auto url_now = engine().endpoint("c-stop", "", limit());
  if (under_test_->keeps_its_endpoint()) {
    EXPECT_EQ(url_now, url);
  }
  EXPECT_EQ(under_test_->get(url_now + "/"), "hello\n");
}

TEST_P(EngineContract, EachChangeGrowsTheGenerationAndWakesAWaiter) {
  deploy_and_converge(spec("c-change", Sample::web));
  const auto seen = engine().state("c-change", limit());
  EXPECT_EQ(engine().wait_for_change("c-change", seen.generation, Limit::in(milliseconds(150))).generation, seen.generation);
  engine().stop("c-change", limit());
  const auto stopped = engine().wait_for_change("c-change", seen.generation, limit());
  EXPECT_GT(stopped.generation, seen.generation);
  engine().start("c-change", limit());
  EXPECT_GT(engine().wait_for_change("c-change", stopped.generation, limit()).generation, stopped.generation);
  ASSERT_EQ(converge("c-change").state, Convergence::State::converged);
  const auto last = engine().state("c-change", limit()).generation;
  engine().undeploy("c-change", limit());
  EXPECT_EQ(engine().wait_for_change("c-change", last, limit()).state, Convergence::State::gone);
}

TEST_P(EngineContract, ExecTellsOutputErrorsAndExitApart) {
  deploy_and_converge(spec("c-exec", Sample::web));
  const auto run = [&](std::vector<std::string> argv, const std::string& input, int timeout) {
    return engine().exec("c-exec", {"side", std::move(argv), input, milliseconds(timeout)}, limit());
  };
  const auto result = run({"sh", "-c", "cat; echo bad >&2; exit 3"}, "fed in", 5000);
  EXPECT_EQ(result.out, "fed in");
  EXPECT_EQ(result.err, "bad\n");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(kind_of_failure([&] { run({"no-such-program-here"}, "", 1000); }), ErrorKind::unavailable);
  EXPECT_EQ(kind_of_failure([&] { run({"sleep", "100"}, "", 100); }), ErrorKind::unavailable);
  EXPECT_EQ(kind_of_failure([&] {
              engine().exec("c-exec", {"nobody", {"true"}, "", milliseconds(1000)}, limit());
            }),
            ErrorKind::unavailable);
}

TEST_P(EngineContract, SecretsArriveAndAreNotShown) {
  deploy_and_converge(spec("c-secret", Sample::web));
  const auto result = engine().exec("c-secret", {"side", under_test_->print_secret(), "", milliseconds(5000)}, limit());
  EXPECT_EQ(result.out, "s3cret-value");
  for (const auto& object : engine().inventory("c-secret", limit())) {
    EXPECT_EQ((object.id + object.name).find("s3cret-value"), std::string::npos);
    for (const auto& [key, value] : object.labels) EXPECT_EQ(value.find("s3cret-value"), std::string::npos);
  }
}

TEST_P(EngineContract, LogsAreTheLastLines) {
  deploy_and_converge(spec("c-logs", Sample::web));
  const auto wait = limit();  // a service runs before it has written anything
  while (engine().logs("c-logs", "side", 1, limit()).empty() && !wait.passed()) wait_for(milliseconds(5), {}, "output");
  EXPECT_EQ(engine().logs("c-logs", "side", 1, limit()), "side is up\n");
  EXPECT_EQ(engine().logs("c-logs", "side", 0, limit()), "");
}

TEST_P(EngineContract, WhoIgnoresItsEndIsKilledAndNamed) {
  deploy_and_converge(spec("c-deaf", Sample::deaf));
  EXPECT_EQ(engine().undeploy("c-deaf", limit()), std::vector<std::string>{"web"});
  EXPECT_TRUE(objects("c-deaf", under_test_->process_kind()).empty());
}

TEST_P(EngineContract, TheInventoryIsSortedAndLabelled) {
  deploy_and_converge(spec("c-inventory", Sample::web));
  const auto all = engine().inventory("c-inventory", limit());
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  for (const auto& object : all) {
    EXPECT_EQ(object.labels.at("stack"), "c-inventory") << object.kind << " " << object.name;
    EXPECT_EQ(object.labels.at("run_id"), "run-1") << object.kind << " " << object.name;
  }
  for (const char* kind : {"service", "volume", "secret"}) EXPECT_FALSE(objects("c-inventory", kind).empty()) << kind;
}

TEST_P(EngineContract, TwoDeploymentsDoNotTouchEachOther) {
  deploy_and_converge(spec("c-one", Sample::web));
  deploy_and_converge(spec("c-two", Sample::web));
  const auto beside = engine().inventory("c-one", limit());
  EXPECT_NE(engine().endpoint("c-one", "", limit()), engine().endpoint("c-two", "", limit()));
  engine().remove("c-two", limit());
  EXPECT_EQ(engine().inventory("c-one", limit()), beside);
  EXPECT_EQ(under_test_->get(engine().endpoint("c-one", "", limit()) + "/"), "hello\n");
}

TEST_P(EngineContract, ACancelledWaitEndsAtOnce) {
  engine().deploy(spec("c-cancel", Sample::never_up), limit());
  std::stop_source stop;
  std::jthread canceller([&] { stop.request_stop(); });
  const auto start = Clock::now();
  EXPECT_EQ(kind_of_failure([&] { engine().wait_converged("c-cancel", Limit::in(under_test_->patience(), stop.get_token())); }),
            ErrorKind::interrupted);
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(2));
}

TEST_P(EngineContract, AStackNameThatCouldEscapeIsRefused) {
  auto wanted = under_test_->spec("c-name", Sample::web);
  wanted.stack = "../c-name";
  EXPECT_EQ(kind_of_failure([&] { engine().deploy(wanted, limit()); }), ErrorKind::usage);
}

}  // namespace simmer::contract
