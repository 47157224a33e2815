// What generic reads out of a recipe it knows nothing about.
#include "generic.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <simmer/testkit.hpp>

namespace {

using namespace simmer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testkit::FakeHost;

std::unique_ptr<Recipe> make_generic() {
  char error[100] = {};
  return std::unique_ptr<Recipe>(simmer_plugin_descriptor.create(error, sizeof error));
}

class GenericTest : public ::testing::Test {
 protected:
  GenericTest() { testkit::prepare_standard_world(host_); }

  Health probe() { return recipe_->health_probe(facts_, host_)->probe(); }
  std::unique_ptr<DataContract> contract() { return recipe_->data_contract(facts_, host_); }
  void no_router() { facts_.services[0].labels.clear(); }
  void commands() {
    facts_.simmer_yml.seed = SimmerYml::Command{"app", {"write", "--row", "n=${NONCE}", "${NONCE}${NONCE}"}};
    facts_.simmer_yml.verify = SimmerYml::Command{"app", {"look-for", "${NONCE}"}};
    facts_.simmer_yml.wipe = SimmerYml::Command{"app", {"lose-all"}};
    // An app with one row.
    host_.shell = [this](const ExecRequest& request) -> ExecResult {
      if (request.argv[0] == "write") row_ = request.argv[2].substr(2);
      if (request.argv[0] == "lose-all") row_.clear();
      if (request.argv[0] == "look-for") return {row_ == request.argv[1] ? 0 : 3, "", "no such row\nsecond line"};
      return {};
    };
  }
  std::string error_of_contract() {
    try {
      contract();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::recipe);
      return error.what();
    }
    return "no error";
  }

  RecipeFacts facts_ = testkit::standard_facts("something");
  FakeHost host_;
  std::unique_ptr<Recipe> recipe_ = make_generic();
  std::string row_;
};

TEST_F(GenericTest, ConformsForAWebSite) {
  const auto report = testkit::check_conformance({.create = make_generic,
                                                  .facts = facts_,
                                                  .prepare = testkit::prepare_standard_world,
                                                  .world_is_exact = true,
                                                  .on_begin = {}});
  EXPECT_TRUE(report.passed()) << report.text();
}

TEST_F(GenericTest, ConformsWithCommands) {
  commands();
  auto rows = std::make_shared<std::map<FakeHost*, std::string>>();
  const auto report =
      testkit::check_conformance({.create = make_generic,
                                  .facts = facts_,
                                  .prepare =
                                      [rows](FakeHost& host) {
                                        testkit::prepare_standard_world(host);
                                        host.shell = [rows, &host](const ExecRequest& request) -> ExecResult {
                                          auto& row = (*rows)[&host];
                                          if (request.argv[0] == "write") row = request.argv[2].substr(2);
                                          if (request.argv[0] == "lose-all") row.clear();
                                          return {request.argv[0] == "look-for" && row != request.argv[1] ? 1 : 0, "", ""};
                                        };
                                      },
                                  .world_is_exact = true,
                                  .on_begin = {}});
  EXPECT_TRUE(report.passed()) << report.text();
}

TEST_F(GenericTest, IsATestAppUnlessConfiguredOtherwise) { EXPECT_EQ(recipe_->traits(facts_).default_role, "test"); }

TEST_F(GenericTest, SimmerYmlIsHonoured) {
  facts_.simmer_yml.needs = {"keycloak"};
  facts_.simmer_yml.timeouts["start"] = std::chrono::seconds(90);
  facts_.simmer_yml.not_applicable[Tier::upgrade] = "one version only";
  const auto traits = recipe_->traits(facts_);
  EXPECT_EQ(traits.needs, std::vector<std::string>{"keycloak"});
  EXPECT_EQ(traits.start_timeout, std::chrono::seconds(90));
  EXPECT_EQ(traits.not_applicable.at(Tier::upgrade), "one version only");
}

TEST_F(GenericTest, AsksThePathOfSimmerYmlForItsText) {
  facts_.simmer_yml.health_path = "/kept/by-a-user.html";
  facts_.simmer_yml.health_expect = "written by a user";
  EXPECT_EQ(probe().state, HealthState::healthy) << probe().message;
  EXPECT_EQ(host_.requests.at(0).url, "/kept/by-a-user.html");
  facts_.simmer_yml.health_expect = "written by a robot";
  EXPECT_THAT(probe().message, AllOf(HasSubstr("written by a robot"), HasSubstr("written by a user")));
  EXPECT_EQ(probe().state, HealthState::unhealthy);
}

TEST_F(GenericTest, StatusDecidesWithoutText) {
  for (const auto& [status, healthy] : std::map<int, bool>{{200, true},
                                                           {204, true},
                                                           {302, true},
                                                           {399, true},
                                                           {400, false},
                                                           {401, false},
                                                           {404, false},
                                                           {500, false},
                                                           {502, false},
                                                           {0, false}}) {
    host_.server = [status = status](const HttpRequest&) {
      auto page = FakeHost::page("x");
      page.status = status;
      return page;
    };
    EXPECT_EQ(probe().state == HealthState::healthy, healthy) << status;
  }
}

TEST_F(GenericTest, ProxysPageIsRecognisedWhateverItsStatus) {
  host_.server = [](const HttpRequest&) { return FakeHost::page("404 page not found\n"); };
  EXPECT_EQ(probe().state, HealthState::unhealthy);
  EXPECT_THAT(probe().message, HasSubstr("proxy"));
}

// Without a text, another app's page at the end of a redirect would pass for ours.
TEST_F(GenericTest, FollowsRedirectsOnlyWhenItKnowsTheText) {
  probe();
  EXPECT_FALSE(host_.requests.back().follow_redirects);
  facts_.simmer_yml.health_expect = "x";
  probe();
  EXPECT_TRUE(host_.requests.back().follow_redirects);
}

TEST_F(GenericTest, PublishedPortIsAskedToo) {
  no_router();
  facts_.services[0].ports = {{"8080", "80", "tcp", ""}};
  EXPECT_EQ(probe().state, HealthState::healthy);
  EXPECT_EQ(host_.requests.size(), 1u);
}

TEST_F(GenericTest, HealthCheckIsTheProbeWhereNothingAnswersHttp) {
  no_router();
  facts_.services[0].has_healthcheck = true;
  int exit_code = 0;
  host_.shell = [&exit_code](const ExecRequest&) { return ExecResult{exit_code, "", "cannot connect\nmore"}; };
  const std::map<std::vector<std::string>, std::vector<std::string>> forms = {
      {{"CMD", "pg_isready", "-q"}, {"pg_isready", "-q"}},
      {{"CMD-SHELL", "pg_isready || exit 1"}, {"/bin/sh", "-c", "pg_isready || exit 1"}},
      {{"pg_isready -q"}, {"/bin/sh", "-c", "pg_isready -q"}}};
  for (const auto& [test, argv] : forms) {
    facts_.services[0].healthcheck = test;
    exit_code = 0;
    EXPECT_EQ(probe().state, HealthState::healthy);
    EXPECT_EQ(host_.commands.back().argv, argv);
    EXPECT_EQ(host_.commands.back().service, "app");
    exit_code = 1;
    EXPECT_EQ(probe().state, HealthState::unhealthy);
    EXPECT_THAT(probe().message, AllOf(HasSubstr("app"), HasSubstr("exit code 1"), HasSubstr("cannot connect")));
  }
}

TEST_F(GenericTest, EveryHealthCheckMustPass) {
  no_router();
  auto second = facts_.services[0];
  second.name = "db";
  facts_.services.push_back(second);
  for (auto& service : facts_.services) {
    service.has_healthcheck = true;
    service.healthcheck = {"CMD", "check", service.name};
  }
  host_.shell = [](const ExecRequest& request) { return ExecResult{request.argv[1] == "db" ? 1 : 0, "", ""}; };
  EXPECT_EQ(probe().state, HealthState::unhealthy);
  EXPECT_THAT(probe().message, HasSubstr("db"));
}

TEST_F(GenericTest, ServiceThatDoesNotRunYetIsUnhealthy) {
  no_router();
  facts_.services[0].has_healthcheck = true;
  facts_.services[0].healthcheck = {"CMD", "true"};
  EXPECT_EQ(probe().state, HealthState::unhealthy);
}

TEST_F(GenericTest, NothingToAskIsUnverifiedWithTheReason) {
  no_router();
  EXPECT_EQ(probe().state, HealthState::unverified);
  EXPECT_THAT(probe().message, HasSubstr("no router label, no published port and no health check"));
  facts_.services[0].has_healthcheck = true;
  facts_.services[0].healthcheck = {"NONE"};
  EXPECT_EQ(probe().state, HealthState::unverified);
}

TEST_F(GenericTest, MarkerIsInEveryVolumeWithValue) {
  facts_.volumes.push_back({"cache", "", false, {}});
  facts_.volumes.push_back({"database", "", false, {}});
  facts_.volumes.push_back({"foreign", "foreign", true, {}});
  facts_.volumes.push_back({"unused", "", false, {}});
  for (const std::string name : {"cache", "database", "foreign"})
    facts_.services[0].mounts.push_back({"volume", name, "/" + name, false});
  facts_.volumes.push_back({"memory", "", false, {{"driver", "local"}, {"driver_opts.type", "tmpfs"}, {"driver_opts.device", "tmpfs"}}});
  facts_.services[0].mounts.push_back({"volume", "memory", "/memory", false});
  facts_.simmer_yml.volumes_without_value = {"cache"};
  EXPECT_EQ(generic::volumes_with_value(facts_), (std::vector<std::string>{"content", "database"}));
  host_.volume_files["database"] = {};
  contract()->seed("abc");
  for (const std::string file : {"simmer-marker", "simmer_marker/simmer-marker"}) {
    EXPECT_EQ(host_.volume_files["content"][file], "abc content\n");
    EXPECT_EQ(host_.volume_files["database"][file], "abc database\n");
  }
  EXPECT_EQ(contract()->verify("abc").outcome, Outcome::pass);
  // Each of them counts.
  for (const std::string file : {"simmer-marker", "simmer_marker/simmer-marker"}) {
    auto& files = host_.volume_files["content"];
    const auto kept = files[file];
    files.erase(file);
    EXPECT_EQ(contract()->verify("abc").outcome, Outcome::fail) << file;
    files[file] = kept;
  }
  // Two volumes swapped are not the same data.
  std::swap(host_.volume_files["database"], host_.volume_files["content"]);
  EXPECT_EQ(contract()->verify("abc").outcome, Outcome::fail);
}

TEST_F(GenericTest, OneLostVolumeOfTwoIsNoticed) {
  facts_.volumes.push_back({"database", "", false, {}});
  facts_.services[0].mounts.push_back({"volume", "database", "/database", false});
  host_.volume_files["database"] = {};
  contract()->seed("abc");
  host_.volume_files["database"].clear();
  const auto result = contract()->verify("abc");
  EXPECT_EQ(result.outcome, Outcome::fail);
  EXPECT_THAT(result.message, HasSubstr("database"));
}

TEST_F(GenericTest, WithoutDataItIsStatelessAndSaysWhatDoesNotApply) {
  facts_.simmer_yml.volumes_without_value = {"content"};
  const auto traits = recipe_->traits(facts_);
  EXPECT_EQ(traits.kind, RecipeKind::stateless);
  EXPECT_THAT(traits.not_applicable.at(Tier::backup), HasSubstr("keeps no data"));
  EXPECT_THAT(traits.not_applicable.at(Tier::restore), HasSubstr("keeps no data"));
  EXPECT_FALSE(traits.not_applicable.contains(Tier::upgrade));
  EXPECT_EQ(contract(), nullptr);
  testkit::FakeReadyStrategies ready({"content"});
  EXPECT_EQ(recipe_->snapshot_strategy(facts_, ready)->name(), "version-only");
}

TEST_F(GenericTest, VolumesWithoutValueStayOutOfTheSnapshot) {
  facts_.volumes.push_back({"cache", "", false, {}});
  facts_.services[0].mounts.push_back({"volume", "cache", "/cache", false});
  facts_.simmer_yml.volumes_without_value = {"cache"};
  testkit::FakeReadyStrategies ready({"content", "cache"});
  EXPECT_EQ(recipe_->snapshot_strategy(facts_, ready)->volumes(), std::vector<std::string>{"content"});
}

TEST_F(GenericTest, CommandsReplaceTheMarker) {
  commands();
  contract()->seed("abc");
  EXPECT_EQ(row_, "abc");
  EXPECT_EQ(host_.commands.back().argv, (std::vector<std::string>{"write", "--row", "n=abc", "abcabc"}));
  EXPECT_FALSE(host_.volume_files["content"].contains(".simmer-marker"));
  EXPECT_EQ(contract()->verify("abc").outcome, Outcome::pass);
  const auto lost = contract()->verify("other");
  EXPECT_EQ(lost.outcome, Outcome::fail);
  EXPECT_THAT(lost.message, AllOf(HasSubstr("exit code 3"), HasSubstr("no such row"), ::testing::Not(HasSubstr("\n"))));
  contract()->wipe();
  EXPECT_EQ(contract()->verify("abc").outcome, Outcome::fail);
}

// Whether somebody's script may run twice is not left to chance.
TEST_F(GenericTest, SeedingTwiceRunsTheSeedCommandOnce) {
  commands();
  contract()->seed("abc");
  contract()->seed("abc");
  EXPECT_EQ(std::count_if(host_.commands.begin(), host_.commands.end(), [](const auto& one) { return one.argv[0] == "write"; }),
            1);
}

TEST_F(GenericTest, FailedCommandIsAnErrorNotAnEmptyAnswer) {
  commands();
  host_.shell = [](const ExecRequest&) { return ExecResult{7, "", "out of order"}; };
  EXPECT_THROW(contract()->seed("abc"), Error);
  EXPECT_THROW(contract()->wipe(), Error);
  host_.shell = {};
  EXPECT_EQ(contract()->verify("abc").outcome, Outcome::unverified) << "a command that could not be started proves neither";
  for (const int code : {126, 127}) {
    host_.shell = [code](const ExecRequest&) { return ExecResult{code, "", "not found"}; };
    EXPECT_EQ(contract()->verify("abc").outcome, Outcome::unverified) << code;
  }
}

// Of an earlier Simmer: a dot file, until the next promotion seeds anew.
TEST_F(GenericTest, TheMarkerOfAnEarlierSimmerIsKnown) {
  host_.volume_files["content"][".simmer-marker"] = "abc content\n";
  EXPECT_EQ(contract()->verify("abc").outcome, Outcome::pass);
  EXPECT_EQ(contract()->verify("xyz").outcome, Outcome::fail);
  contract()->seed("abc");
  host_.volume_files["content"].erase("simmer-marker");
  EXPECT_EQ(contract()->verify("abc").outcome, Outcome::fail) << "what was seeded anew is not recognised by the old file";
  contract()->wipe();
  EXPECT_FALSE(host_.volume_files["content"].contains(".simmer-marker"));
}

TEST_F(GenericTest, CommandsThatCannotProveAnythingAreRefused) {
  commands();
  facts_.simmer_yml.wipe.reset();
  EXPECT_THAT(error_of_contract(), HasSubstr("seed, verify and wipe"));
  commands();
  facts_.simmer_yml.verify->argv = {"look"};
  EXPECT_THAT(error_of_contract(), HasSubstr("${NONCE}"));
  commands();
  facts_.simmer_yml.wipe->argv = {"lose", "${NONCE}"};
  EXPECT_THAT(error_of_contract(), HasSubstr("wipe"));
}

// swarm-cronjob's services: nothing of them runs, and a volume that only they mount is not there yet.
TEST_F(GenericTest, AServiceAtRestIsNeitherAskedNorExpectedToHaveData) {
  no_router();
  facts_.services[0].has_healthcheck = true;
  facts_.services[0].healthcheck = {"CMD", "well"};
  auto cron = facts_.services[0];
  cron.name = "cron";
  cron.replicas = 0;
  cron.healthcheck = {"CMD", "cron-is-well"};
  cron.labels["traefik.http.routers.cron.rule"] = "Host(`x`)";
  cron.mounts = {{"volume", "only-crons", "/c", false}};
  facts_.services.insert(facts_.services.begin(), cron);
  facts_.volumes.push_back({"only-crons", "", false, {}});
  host_.volume_files.erase("only-crons");
  host_.shell = [](const ExecRequest& request) -> ExecResult {
    if (request.service == "cron") throw Error(ErrorKind::unavailable, "service cron does not run");
    return {};
  };
  EXPECT_EQ(probe().state, HealthState::healthy) << probe().message;
  ASSERT_NE(contract(), nullptr);
  EXPECT_NO_THROW(contract()->seed("0123456789abcdef"));
  facts_.services.pop_back();
  EXPECT_EQ(probe().state, HealthState::unverified) << "nothing is left to ask";
}

// An anchor gives a job the health check of its app.
TEST_F(GenericTest, AJobThatIsDoneIsNotAskedForItsHealth) {
  no_router();
  facts_.services[0].has_healthcheck = true;
  facts_.services[0].healthcheck = {"CMD", "well"};
  auto job = facts_.services[0];
  job.name = "migrate";
  job.restart_condition = "none";
  facts_.services.push_back(job);
  bool app_runs = true, job_is_well = false;
  host_.shell = [&](const ExecRequest& request) -> ExecResult {
    if (request.service == "migrate" && job_is_well) return {1, "", "not well"};
    if (request.service == "migrate" || !app_runs) throw Error(ErrorKind::unavailable, "does not run");
    return {};
  };
  EXPECT_EQ(probe().state, HealthState::healthy) << probe().message;
  app_runs = false;
  EXPECT_EQ(probe().state, HealthState::unhealthy);
  app_runs = job_is_well = true;
  EXPECT_EQ(probe().state, HealthState::unhealthy) << "it runs, and is not well";
  facts_.services.erase(facts_.services.begin());
  job_is_well = false;
  EXPECT_EQ(probe().state, HealthState::unhealthy) << "of nothing it was seen that it is well";
}

}  // namespace
