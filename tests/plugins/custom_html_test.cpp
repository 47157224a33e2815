// What custom-html recognises, with a fake host. That it conforms at all is the kit's word.
#include "custom_html.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <simmer/testkit.hpp>

namespace {

using namespace simmer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testkit::FakeHost;

class CustomHtmlTest : public ::testing::Test {
 protected:
  CustomHtmlTest() { testkit::prepare_standard_world(host_); }

  Health probe() { return recipe_.health_probe(facts_, host_)->probe(); }
  std::unique_ptr<DataContract> contract() { return recipe_.data_contract(facts_, host_); }
  CheckResult run_check(const std::string& name) {
    for (const auto& check : recipe_.checks(Tier::custom, facts_, host_))
      if (check->name() == name) return check->run();
    ADD_FAILURE() << "no check " << name;
    return {};
  }
  testkit::FakeVolume& content() { return host_.volume_files["content"]; }

  RecipeFacts facts_ = testkit::standard_facts("custom-html");
  FakeHost host_;
  custom_html::CustomHtml recipe_;
};

TEST_F(CustomHtmlTest, ConformsInItsOwnWorld) {
  const auto report = testkit::check_conformance({.create = [] { return std::make_unique<custom_html::CustomHtml>(); },
                                                  .facts = facts_,
                                                  .prepare = testkit::prepare_standard_world,
                                                  .world_is_exact = true,
                                                  .on_begin = {}});
  EXPECT_TRUE(report.passed()) << report.text();
  for (const auto& finding : report.findings)
    EXPECT_NE(finding.verdict, testkit::Verdict::warning) << finding.check << finding.message;
}

TEST_F(CustomHtmlTest, IsCanonicalAndStateful) {
  const auto traits = recipe_.traits(facts_);
  EXPECT_EQ(traits.kind, RecipeKind::stateful);
  EXPECT_EQ(traits.default_role, "canonical");
}

TEST_F(CustomHtmlTest, ItsOwnPageIsHealthy) { EXPECT_EQ(probe().state, HealthState::healthy) << probe().message; }

TEST_F(CustomHtmlTest, SomebodyElsesPageIsNot) {
  host_.server = [](const HttpRequest&) { return FakeHost::page("<!doctype html><title>Welcome to nginx!</title>"); };
  const auto health = probe();
  EXPECT_EQ(health.state, HealthState::unhealthy);
  EXPECT_THAT(health.message, AllOf(HasSubstr("Welcome to nginx!"), HasSubstr("mine"), HasSubstr("bytes")));
}

// A page that begins like ours: the message must show where they part, not the common beginning.
TEST_F(CustomHtmlTest, DifferenceIsShownWhereItIs) {
  const std::string same(500, 'x');
  content()["index.html"] = same + "mine";
  host_.server = [&same](const HttpRequest&) { return FakeHost::page(same + "theirs\n\x1b[2J"); };
  const auto message = probe().message;
  EXPECT_THAT(message, AllOf(HasSubstr("byte 500"), HasSubstr("'mine'"), HasSubstr("'theirs")));
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

TEST_F(CustomHtmlTest, EmptyPageForAFullOneIsUnhealthyAndViceVersa) {
  host_.server = [](const HttpRequest&) { return FakeHost::page(""); };
  EXPECT_EQ(probe().state, HealthState::unhealthy);
  content()["index.html"] = "";
  host_.server = [](const HttpRequest&) { return FakeHost::page("x"); };
  EXPECT_EQ(probe().state, HealthState::unhealthy);
}

TEST_F(CustomHtmlTest, NoPageInTheVolumeYetIsUnhealthyNotAnError) {
  content().erase("index.html");
  host_.server = [](const HttpRequest&) { return FakeHost::page("something"); };
  EXPECT_EQ(probe().state, HealthState::unhealthy);
  EXPECT_THAT(probe().message, HasSubstr("index.html"));
}

TEST_F(CustomHtmlTest, PageThatIsInTheVolumeButNotServedIsLost) {
  contract()->seed("abc123");
  EXPECT_EQ(contract()->verify("abc123").outcome, Outcome::pass);
  const auto honest = host_.server;
  host_.server = [honest](const HttpRequest& request) {
    return request.url == "/simmer-abc123/page.html" ? FakeHost::not_found() : honest(request);
  };
  const auto result = contract()->verify("abc123");
  EXPECT_EQ(result.outcome, Outcome::fail);
  EXPECT_THAT(result.message, AllOf(HasSubstr("simmer-abc123/page.html"), HasSubstr("404")));
}

TEST_F(CustomHtmlTest, SeedKilledHalfwayCanBeWiped) {
  contract()->seed("abc123");
  content().erase("simmer-abc123/page.html");
  contract()->wipe();
  for (const auto& [path, bytes] : content()) EXPECT_EQ(path.find("simmer"), std::string::npos) << path;
}

TEST_F(CustomHtmlTest, WipeLosesEveryNonce) {
  contract()->seed("abc123");
  contract()->seed("def456");
  EXPECT_EQ(contract()->verify("abc123").outcome, Outcome::pass);
  EXPECT_EQ(contract()->verify("def456").outcome, Outcome::pass);
  contract()->wipe();
  EXPECT_EQ(contract()->verify("abc123").outcome, Outcome::fail);
  EXPECT_EQ(content().size(), 2u);
}

// The index lies where the app under test can write.
TEST_F(CustomHtmlTest, HostileIndexNamesNoOtherFile) {
  content()["simmer-index.txt"] = "../../etc\nabc123\n/root\nx/../y\n\n";
  contract()->wipe();
  EXPECT_TRUE(content().contains("index.html"));
  EXPECT_TRUE(content().contains("kept/by-a-user.html"));
  EXPECT_THROW(contract()->seed("../x"), Error);
}

TEST_F(CustomHtmlTest, SecondSeedWritesNothing) {
  contract()->seed("abc123");
  struct CountingHost : FakeHost {
    int writes = 0;
    void write_volume_file(const std::string& volume, const std::string& path, const std::string& bytes) override {
      ++writes;
      FakeHost::write_volume_file(volume, path, bytes);
    }
  } counting;
  counting.volume_files = host_.volume_files;
  recipe_.data_contract(facts_, counting)->seed("abc123");
  EXPECT_EQ(counting.writes, 0);
}

TEST_F(CustomHtmlTest, ChecksSeeWhatTheyAreFor) {
  EXPECT_EQ(run_check("missing-page-is-404").outcome, Outcome::pass);
  EXPECT_EQ(run_check("serves-html").outcome, Outcome::pass);
  EXPECT_EQ(run_check("sends-last-modified").outcome, Outcome::pass);
  host_.server = [](const HttpRequest&) {
    HttpResponse page;
    page.status = 200;
    page.headers = {{"content-type", "application/octet-stream"}};
    page.body = "index for everything";
    return page;
  };
  EXPECT_THAT(run_check("missing-page-is-404").message,
              AllOf(HasSubstr("expected status 404"), HasSubstr("index for everything")));
  EXPECT_THAT(run_check("serves-html").message, HasSubstr("application/octet-stream"));
  EXPECT_EQ(run_check("sends-last-modified").outcome, Outcome::fail);
}

TEST_F(CustomHtmlTest, OnlyLastModifiedIsWantedTheOthersAreRequired) {
  std::map<std::string, bool> required;
  for (const auto& check : recipe_.checks(Tier::custom, facts_, host_)) required[check->name()] = check->required();
  EXPECT_EQ(required,
            (std::map<std::string, bool>{{"missing-page-is-404", true}, {"serves-html", true}, {"sends-last-modified", false}}));
}

}  // namespace
