// The kit itself: that it keeps Host's contract, and that each of its checks can fail.
#include <simmer/testkit.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "custom_html.hpp"

namespace {

using namespace simmer;
using namespace simmer::testkit;
using ::testing::HasSubstr;

TEST(FakeHostTest, PathsMayNotLeaveTheVolume) {
  FakeHost host;
  host.volume_files["v"] = {};
  for (const std::string path : {"", "/etc/passwd", "..", "../x", "a/../../x", "a/.."})
    EXPECT_THROW(host.write_volume_file("v", path, ""), Error) << path;
  host.write_volume_file("v", "a/..b/c..", "fine");
  EXPECT_EQ(host.read_volume_file("v", "a/..b/c.."), "fine");
}

TEST(FakeHostTest, MissingThingsAreErrors) {
  FakeHost host;
  host.volume_files["v"] = {};
  EXPECT_THROW(host.read_volume_file("w", "x"), Error);
  EXPECT_THROW(host.read_volume_file("v", "x"), Error);
  EXPECT_THROW(host.remove_volume_file("v", "x"), Error);
  EXPECT_FALSE(host.volume_file_exists("v", "x"));
  EXPECT_THROW(host.secret("x"), Error);
  EXPECT_EQ(host.env("x"), std::nullopt);
  EXPECT_THROW(host.exec({}), Error);
}

TEST(FakeHostTest, DeadServerIsAnAnswerNotAnError) {
  FakeHost host;
  host.go_down();
  const auto response = host.http({});
  EXPECT_EQ(response.status, 0);
  EXPECT_EQ(response.error, "connection refused");
}

TEST(FakeHostTest, OwnUrlAndPathAreTheSameServer) {
  FakeHost host;
  prepare_standard_world(host);
  HttpRequest request;
  request.url = host.context.url + "/index.html?x=1";
  EXPECT_EQ(host.http(request).status, 200);
  request.url = "http://elsewhere.example/";
  EXPECT_EQ(host.http(request).status, 0);
}

TEST(FakeHostTest, WaitingCostsNoTimeAndMovesTheClock) {
  FakeHost host;
  const auto before = host.now();
  host.wait(std::chrono::hours(5));
  EXPECT_EQ(host.now() - before, std::chrono::hours(5));
  host.interrupt();
  EXPECT_THROW(host.wait(std::chrono::hours(5)), Error);
}

// custom-html with one thing wrong, as a function laid over it.
struct Wrong : custom_html::CustomHtml {
  std::function<void(RecipeTraits&)> traits_wrong;
  std::function<Health(Host&)> probe_wrong;
  std::function<std::unique_ptr<DataContract>(std::unique_ptr<DataContract>, Host&)> contract_wrong;
  std::function<std::unique_ptr<SnapshotStrategy>()> strategy_wrong;
  std::function<void(std::vector<std::unique_ptr<Check>>&, Host&)> checks_wrong;

  RecipeTraits traits(const RecipeFacts& facts) override {
    auto traits = CustomHtml::traits(facts);
    if (traits_wrong) traits_wrong(traits);
    return traits;
  }
  struct Probe : HealthProbe {
    std::function<Health()> body;
    Health probe() override { return body(); }
  };
  std::unique_ptr<HealthProbe> health_probe(const RecipeFacts& facts, Host& host) override {
    if (!probe_wrong) return CustomHtml::health_probe(facts, host);
    auto probe = std::make_unique<Probe>();
    probe->body = [this, &host] { return probe_wrong(host); };
    return probe;
  }
  std::unique_ptr<DataContract> data_contract(const RecipeFacts& facts, Host& host) override {
    auto honest = CustomHtml::data_contract(facts, host);
    return contract_wrong ? contract_wrong(std::move(honest), host) : std::move(honest);
  }
  std::unique_ptr<SnapshotStrategy> snapshot_strategy(const RecipeFacts& facts, ReadyStrategies& ready) override {
    return strategy_wrong ? strategy_wrong() : CustomHtml::snapshot_strategy(facts, ready);
  }
  std::vector<std::unique_ptr<Check>> checks(Tier tier, const RecipeFacts& facts, Host& host) override {
    auto all = CustomHtml::checks(tier, facts, host);
    if (checks_wrong && tier == Tier::custom) checks_wrong(all, host);
    return all;
  }
};

struct WrongContract : DataContract {
  std::unique_ptr<DataContract> honest;
  std::function<void(const std::string&)> seeded = [](const std::string&) {};
  std::function<void()> verified = [] {};
  std::function<CheckResult(CheckResult)> verdict = [](CheckResult result) { return result; };
  std::function<void(DataContract&)> wiped = [](DataContract& contract) { contract.wipe(); };
  void seed(const std::string& nonce) override {
    honest->seed(nonce);
    seeded(nonce);
  }
  CheckResult verify(const std::string& nonce) override {
    verified();
    return verdict(honest->verify(nonce));
  }
  void wipe() override { wiped(*honest); }
};

struct WrongCheck : Check {
  std::string its_name = "wrong";
  std::function<CheckResult()> body = [] { return CheckResult{Outcome::pass, ""}; };
  std::string name() const override { return its_name; }
  bool required() const override { return true; }
  CheckResult run() override { return body(); }
};

// The verdict of one check of the kit on custom-html with `spoil` applied.
Finding finding_of(const std::string& check, const std::function<void(Wrong&)>& spoil) {
  auto facts = standard_facts("custom-html");
  facts.secrets = {{"password", "", false, {}}};
  const auto report = check_conformance({.create =
                                             [&spoil] {
                                               auto wrong = std::make_unique<Wrong>();
                                               spoil(*wrong);
                                               return wrong;
                                             },
                                         .facts = facts,
                                         .prepare = {},
                                         .world_is_exact = true,
                                         .on_begin = {}});
  for (const auto& finding : report.findings)
    if (finding.check == check) return finding;
  return {check, Verdict::skipped, "did not run"};
}
Verdict verdict_of(const std::string& check, const std::function<void(Wrong&)>& spoil) {
  return finding_of(check, spoil).verdict;
}

std::function<void(Wrong&)> with_contract(const std::function<void(WrongContract&, Host&)>& spoil) {
  return [spoil](Wrong& wrong) {
    wrong.contract_wrong = [spoil](std::unique_ptr<DataContract> honest, Host& host) {
      auto contract = std::make_unique<WrongContract>();
      contract->honest = std::move(honest);
      spoil(*contract, host);
      return contract;
    };
  };
}

std::function<void(Wrong&)> with_check(const std::function<void(WrongCheck&, Host&)>& spoil) {
  return [spoil](Wrong& wrong) {
    wrong.checks_wrong = [spoil](auto& checks, Host& host) {
      auto check = std::make_unique<WrongCheck>();
      spoil(*check, host);
      checks.push_back(std::move(check));
    };
  };
}

std::function<void(Wrong&)> with_way_back(CaptureWhen when, std::vector<WayBackStep> steps,
                                          std::vector<std::string> volumes = {"content"}) {
  return
      [=](Wrong& wrong) { wrong.strategy_wrong = [=] { return std::make_unique<FakeStrategy>("own", when, volumes, steps); }; };
}

TEST(ConformanceTest, NothingWrongPassesEverything) {
  for (const std::string check : {"factory", "traits", "probe-on-healthy-app", "data-lost-is-noticed", "snapshot-strategy"})
    EXPECT_EQ(verdict_of(check, [](Wrong&) {}), Verdict::passed) << check;
}

TEST(ConformanceTest, Factory) {
  EXPECT_FALSE(check_conformance({[] { return nullptr; }, standard_facts("x"), {}, true, {}}).passed());
  const auto report = check_conformance({[]() -> std::unique_ptr<Recipe> { throw 42; }, standard_facts("x"), {}, true, {}});
  EXPECT_EQ(report.verdict_of("factory"), Verdict::failed);
  EXPECT_FALSE(report.passed());
}

TEST(ConformanceTest, Traits) {
  EXPECT_EQ(verdict_of("traits", [](Wrong& w) { w.traits_wrong = [](auto& t) { t.default_role = "boss"; }; }), Verdict::failed);
  EXPECT_EQ(verdict_of("traits", [](Wrong& w) { w.traits_wrong = [](auto& t) { t.not_applicable[Tier::backup] = ""; }; }),
            Verdict::failed);
  EXPECT_EQ(verdict_of("traits", [](Wrong& w) { w.traits_wrong = [](auto& t) { t.needs = {"two words"}; }; }), Verdict::failed);
  EXPECT_EQ(
      verdict_of("traits", [](Wrong& w) { w.traits_wrong = [](auto& t) { t.start_timeout = std::chrono::milliseconds(0); }; }),
      Verdict::failed);
  int calls = 0;
  EXPECT_EQ(verdict_of("traits-are-stable",
                       [&calls](Wrong& w) { w.traits_wrong = [&calls](auto& t) { t.fork_may_move = ++calls % 2 == 0; }; }),
            Verdict::failed);
}

TEST(ConformanceTest, Probes) {
  const auto always_healthy = [](Wrong& w) { w.probe_wrong = [](Host&) { return Health{HealthState::healthy, "sure"}; }; };
  EXPECT_EQ(verdict_of("probe-on-dead-server", always_healthy), Verdict::failed);
  const auto status_alone = [](Wrong& w) {
    w.probe_wrong = [](Host& host) {
      HttpRequest request;
      request.url = "/";
      return host.http(request).status != 0 ? Health{HealthState::healthy, "x"} : Health{HealthState::unhealthy, "x"};
    };
  };
  EXPECT_EQ(verdict_of("probe-on-proxy-page", status_alone), Verdict::failed);
  EXPECT_EQ(verdict_of("probe-on-server-error", status_alone), Verdict::failed);
  EXPECT_EQ(verdict_of("probe-on-strange-page", status_alone), Verdict::warning);
  const auto never_healthy = [](Wrong& w) { w.probe_wrong = [](Host&) { return Health{HealthState::unhealthy, "no"}; }; };
  EXPECT_EQ(verdict_of("probe-on-healthy-app", never_healthy), Verdict::failed);
  const auto throws = [](Wrong& w) { w.probe_wrong = [](Host&) -> Health { throw std::runtime_error("boom"); }; };
  EXPECT_THAT(finding_of("probe-on-dead-server", throws).message, HasSubstr("boom"));
  const auto mute = [](Wrong& w) { w.probe_wrong = [](Host&) { return Health{HealthState::unhealthy, ""}; }; };
  EXPECT_EQ(verdict_of("probe-on-dead-server", mute), Verdict::failed);
}

TEST(ConformanceTest, DataContract) {
  EXPECT_EQ(verdict_of("data-contract-declared", [](Wrong& w) { w.contract_wrong = [](auto, Host&) { return nullptr; }; }),
            Verdict::failed);
  const auto blind = with_contract([](auto& c, Host&) {
    c.verdict = [](CheckResult) { return CheckResult{Outcome::pass, ""}; };
  });
  for (const std::string check :
       {"data-unseeded-is-noticed", "data-other-nonce-is-noticed", "data-lost-is-noticed", "data-each-file-matters"})
    EXPECT_EQ(verdict_of(check, blind), Verdict::failed) << check;
  const auto never = with_contract([](auto& c, Host&) {
    c.verdict = [](CheckResult) { return CheckResult{Outcome::fail, "no"}; };
  });
  EXPECT_EQ(verdict_of("data-seed-then-verify", never), Verdict::failed);
  const auto grows = with_contract([](auto& c, Host& host) {
    c.seeded = [&host](const std::string&) {
      const auto old = host.volume_file_exists("content", "log") ? host.read_volume_file("content", "log") : "";
      host.write_volume_file("content", "log", old + "x");
    };
  });
  EXPECT_EQ(verdict_of("data-seed-twice", grows), Verdict::failed);
  EXPECT_EQ(verdict_of("data-each-file-matters", grows), Verdict::failed) << "a seeded file that verify() never reads";
  const auto writes =
      with_contract([](auto& c, Host& host) { c.verified = [&host] { host.write_volume_file("content", "seen", "x"); }; });
  EXPECT_EQ(verdict_of("data-verify-only-reads", writes), Verdict::failed);
  const auto keeps = with_contract([](auto& c, Host&) { c.wiped = [](DataContract&) {}; });
  EXPECT_EQ(verdict_of("data-lost-is-noticed", keeps), Verdict::failed);
  const auto scorched = with_contract([](auto& c, Host& host) {
    c.wiped = [&host](DataContract& honest) {
      honest.wipe();
      host.remove_volume_file("content", "index.html");
    };
  });
  EXPECT_EQ(verdict_of("data-wipe-spares-the-rest", scorched), Verdict::warning);
  EXPECT_EQ(verdict_of("data-wipe-twice", scorched), Verdict::failed);
}

TEST(ConformanceTest, Strategy) {
  using enum WayBackStep;
  EXPECT_EQ(verdict_of("snapshot-strategy", [](Wrong& w) { w.strategy_wrong = [] { return nullptr; }; }), Verdict::failed);
  const std::vector<std::vector<WayBackStep>> wrong_ways = {{},
                                                            {undeploy, restore, deploy},
                                                            {undeploy, restore, probe},
                                                            {restore, undeploy, deploy, probe},
                                                            {undeploy, deploy, restore, probe},
                                                            {deploy_in_place, probe}};
  for (const auto& steps : wrong_ways)
    EXPECT_EQ(verdict_of("snapshot-strategy", with_way_back(CaptureWhen::stopped, steps)), Verdict::failed);
  const std::vector good = {undeploy, restore, deploy, probe};
  EXPECT_EQ(verdict_of("snapshot-strategy", with_way_back(CaptureWhen::stopped, good)), Verdict::passed);
  EXPECT_EQ(verdict_of("snapshot-strategy", with_way_back(CaptureWhen::never, {deploy_in_place, probe})), Verdict::failed);
  EXPECT_EQ(verdict_of("snapshot-strategy", with_way_back(CaptureWhen::stopped, good, {"nobody-has-this"})), Verdict::failed);
}

TEST(ConformanceTest, Checks) {
  EXPECT_EQ(verdict_of("check-names", with_check([](auto& c, Host&) { c.its_name = "serves-html"; })), Verdict::failed);
  EXPECT_EQ(verdict_of("check-names", with_check([](auto& c, Host&) { c.its_name = "two words"; })), Verdict::failed);
  EXPECT_EQ(verdict_of("check-names", [](Wrong& w) { w.checks_wrong = [](auto& all, Host&) { all.push_back(nullptr); }; }),
            Verdict::failed);
  EXPECT_EQ(verdict_of("checks-on-dead-server", with_check([](auto&, Host&) {})), Verdict::failed);
  EXPECT_EQ(verdict_of("checks-on-healthy-app", with_check([](auto& c, Host&) {
                         c.body = [] { return CheckResult{Outcome::fail, "no"}; };
                       })),
            Verdict::failed);
  EXPECT_EQ(verdict_of("checks-on-dead-server", with_check([](auto& c, Host&) {
                         c.body = [] { return CheckResult{Outcome::fail, ""}; };
                       })),
            Verdict::failed);
}

TEST(ConformanceTest, Secrets) {
  EXPECT_EQ(verdict_of("secrets-stay-secret", with_check([](auto& c, Host& host) {
                         c.body = [&host] {
                           host.log(LogLevel::info, "password is " + host.secret("password"));
                           return CheckResult{Outcome::fail, "x"};
                         };
                       })),
            Verdict::failed);
  EXPECT_EQ(verdict_of("secrets-stay-secret", with_check([](auto& c, Host& host) {
                         c.body = [&host] { return CheckResult{Outcome::fail, "cannot log in with " + host.secret("password")}; };
                       })),
            Verdict::failed);
}

TEST(ConformanceTest, Interruption) {
  const auto swallows = [](Wrong& w) {
    w.probe_wrong = [](Host& host) {
      try {
        host.wait(std::chrono::milliseconds(1));
      } catch (...) {
      }
      return Health{HealthState::unhealthy, "x"};
    };
  };
  EXPECT_EQ(verdict_of("interruption-passes", swallows), Verdict::warning);
}

TEST(ConformanceTest, AbsentWorldSkipsWhatItCannotShow) {
  const auto report =
      check_conformance({[]() -> std::unique_ptr<Recipe> { return std::make_unique<custom_html::CustomHtml>(); },
                         standard_facts("custom-html"),
                         [](FakeHost& host) { host.server = [](const HttpRequest&) { return FakeHost::not_found(); }; },
                         false,
                         {}});
  EXPECT_EQ(report.verdict_of("probe-on-healthy-app"), Verdict::skipped);
  EXPECT_EQ(report.verdict_of("data-lost-is-noticed"), Verdict::skipped);
  EXPECT_TRUE(report.passed()) << report.text();
}

TEST(ConformanceTest, SaysWhereItIs) {
  std::vector<std::string> begun;
  PluginUnderTest plugin;
  plugin.create = [] { return std::make_unique<custom_html::CustomHtml>(); };
  plugin.facts = standard_facts("custom-html");
  plugin.on_begin = [&begun](const std::string& check) { begun.push_back(check); };
  const auto report = check_conformance(plugin);
  ASSERT_EQ(begun.size(), report.findings.size());
  for (std::size_t i = 0; i < begun.size(); ++i) EXPECT_EQ(begun[i], report.findings[i].check);
}

}  // namespace
