// What a run found and what it means (design.md 7.1, P14): no empty green, no red without a reason, infrastructure never
// blamed on the recipe.
#include <gmock/gmock.h>
#include <runs/error_kind.hpp>
#include <runs/run_report.hpp>

namespace simmer {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::vector<Tier> every_tier(all_tiers.begin(), all_tiers.end());

TierReport tier(Outcome outcome, const std::string& why, std::vector<CheckReport> checks = {}) {
  return {outcome, why, std::move(checks), {}};
}
CheckReport check(Outcome outcome, bool required = true) { return {"page", required, outcome, "said so", {}}; }

// A full cold run in which everything passed.
AttemptReport green() {
  AttemptReport report;
  for (const Tier each : all_tiers) report.tiers[each] = tier(Outcome::pass, "1 check", {check(Outcome::pass)});
  report.facts["lint"] = "clean";
  report.deploy_count = report.deploys_expected = 2;
  report.ended = true;
  return report;
}

struct Case {
  std::string name;
  std::function<void(AttemptReport& report)> change;
  Verdict verdict;
  bool full;
  int level;
  std::string reason;  // part of it
  std::vector<Tier> asked = every_tier;
};
std::ostream& operator<<(std::ostream& out, const Case& one) { return out << one.name; }

class RunReport : public ::testing::TestWithParam<Case> {};

TEST_P(RunReport, IsJudged) {
  auto report = green();
  GetParam().change(report);
  EXPECT_EQ(to_string(judge(report, GetParam().asked)), to_string(GetParam().verdict));
  EXPECT_EQ(is_full(report, GetParam().asked), GetParam().full);
  EXPECT_EQ(climb(report).level, GetParam().level);
  const auto reason = reason_of(report);
  EXPECT_THAT(reason, HasSubstr(GetParam().reason));
  if (GetParam().verdict != Verdict::pass) {
    EXPECT_THAT(reason, Not(IsEmpty())) << "not green, and the last line says nothing";
  }
  EXPECT_EQ(reason.find('\n'), std::string::npos) << reason;
}

constexpr auto structural = "structural: no backup labels";
const Case cases[] = {
    {"all_passed", [](AttemptReport&) {}, Verdict::pass, true, 5, ""},
    // tiers
    {"install_failed",
     [](AttemptReport& r) { r.tiers[Tier::install] = tier(Outcome::fail, "page: said so", {check(Outcome::fail)}); },
     Verdict::fail, true, 0, "install: page: said so"},
    {"upgrade_failed", [](AttemptReport& r) { r.tiers[Tier::upgrade] = tier(Outcome::fail, "it did not move"); }, Verdict::fail,
     true, 1, "upgrade: it did not move"},
    {"backup_failed", [](AttemptReport& r) { r.tiers[Tier::backup] = tier(Outcome::fail, "no file"); }, Verdict::fail, true, 2,
     "backup: no file"},
    {"restore_failed", [](AttemptReport& r) { r.tiers[Tier::restore] = tier(Outcome::fail, "marker gone"); }, Verdict::fail, true,
     2, "restore: marker gone"},
    {"custom_failed", [](AttemptReport& r) { r.tiers[Tier::custom] = tier(Outcome::fail, "search"); }, Verdict::fail, true, 3,
     "custom: search"},
    {"lint_finds_something", [](AttemptReport& r) { r.facts["lint"] = "R005: no healthcheck"; }, Verdict::pass, true, 4, ""},
    {"lint_not_reached", [](AttemptReport& r) { r.facts.clear(); }, Verdict::pass, true, 4, ""},
    {"the_first_failure_is_named",
     [](AttemptReport& r) {
       r.tiers[Tier::custom] = tier(Outcome::fail, "later");
       r.tiers[Tier::upgrade] = tier(Outcome::fail, "first");
     },
     Verdict::fail, true, 1, "upgrade: first"},
    // unverified: never green
    {"install_unverified", [](AttemptReport& r) { r.tiers[Tier::install] = tier(Outcome::unverified, "no probe"); },
     Verdict::fail, false, 0, "no probe"},
    {"restore_unverified", [](AttemptReport& r) { r.tiers[Tier::restore] = tier(Outcome::unverified, "blind to loss"); },
     Verdict::fail, false, 2, "blind to loss"},
    {"custom_not_reported", [](AttemptReport& r) { r.tiers.erase(Tier::custom); }, Verdict::fail, false, 3, "custom"},
    {"nothing_reported",
     [](AttemptReport& r) {
       r.tiers.clear();
       r.deploy_count = r.deploys_expected = 0;
     },
     Verdict::fail, false, 0, ""},
    {"base_broken",
     [](AttemptReport& r) {
       r.tiers[Tier::upgrade] = tier(Outcome::unverified, "base-broken: 1.0.0+1 does not start", {check(Outcome::fail)});
       r.deploy_count = 1;
     },
     Verdict::pass, false, 1, "base-broken"},
    {"base_broken_and_another_failed",
     [](AttemptReport& r) {
       r.tiers[Tier::upgrade] = tier(Outcome::unverified, "base-broken: 1.0.0+1 does not start");
       r.tiers[Tier::custom] = tier(Outcome::fail, "search");
     },
     Verdict::fail, false, 1, "custom: search"},
    {"base_broken_is_for_the_upgrade_tier_alone",
     [](AttemptReport& r) { r.tiers[Tier::install] = tier(Outcome::unverified, "base-broken: hm"); }, Verdict::fail, false, 0,
     "base-broken"},
    // skips
    {"no_backup_labels",
     [](AttemptReport& r) { r.tiers[Tier::backup] = r.tiers[Tier::restore] = tier(Outcome::skip, structural); }, Verdict::pass,
     true, 5, ""},
    {"no_base",
     [](AttemptReport& r) {
       r.tiers[Tier::upgrade] = tier(Outcome::skip, "structural: no older release");
       r.deploy_count = r.deploys_expected = 1;
     },
     Verdict::pass, true, 5, ""},
    {"everything_skipped",
     [](AttemptReport& r) {
       for (auto& [which, report] : r.tiers) report = tier(Outcome::skip, "declared: no");
     },
     Verdict::fail, true, 5, "no check"},
    {"checks_that_only_skipped",
     [](AttemptReport& r) {
       for (auto& [which, report] : r.tiers) report = tier(Outcome::pass, "1 check", {check(Outcome::skip)});
     },
     Verdict::fail, true, 5, "no check"},
    {"cold_runs_make_no_sense",
     [](AttemptReport& r) {
       r.tiers.clear();
       r.deploy_count = r.deploys_expected = 0;
       r.cold_not_applicable = "takes the host's ports";
     },
     Verdict::skip, false, 0, "takes the host's ports"},
    {"cold_runs_make_no_sense_and_something_was_left",
     [](AttemptReport& r) {
       r.cold_not_applicable = "takes the host's ports";
       r.residue = {"volume x"};
     },
     Verdict::fail, true, 5, "volume x"},
    // checks
    {"a_required_check_that_did_not_run",
     [](AttemptReport& r) { r.tiers[Tier::custom].checks.push_back(check(Outcome::unverified)); }, Verdict::fail, true, 5,
     "page"},
    {"a_required_check_that_failed_in_a_tier_that_says_pass",
     [](AttemptReport& r) { r.tiers[Tier::custom].checks.push_back(check(Outcome::fail)); }, Verdict::fail, true, 5, "page"},
    {"a_wanted_check_that_failed", [](AttemptReport& r) { r.tiers[Tier::custom].checks.push_back(check(Outcome::fail, false)); },
     Verdict::pass, true, 5, ""},
    {"a_skipped_check_among_others", [](AttemptReport& r) { r.tiers[Tier::custom].checks.push_back(check(Outcome::skip)); },
     Verdict::pass, true, 5, ""},
    // tiers that were not asked for
    {"install_alone",
     [](AttemptReport& r) {
       for (const Tier other : {Tier::upgrade, Tier::backup, Tier::restore, Tier::custom})
         r.tiers[other] = tier(Outcome::skip, "not asked for");
       r.deploy_count = r.deploys_expected = 1;
     },
     Verdict::pass,
     false,
     1,
     "",
     {Tier::install}},
    {"custom_without_install",
     [](AttemptReport& r) {
       for (const Tier other : {Tier::install, Tier::upgrade, Tier::backup, Tier::restore})
         r.tiers[other] = tier(Outcome::skip, "not asked for");
       r.deploy_count = r.deploys_expected = 1;
     },
     Verdict::pass,
     false,
     0,
     "",
     {Tier::custom}},
    // teardown, deployments
    {"something_was_left",
     [](AttemptReport& r) {
       r.residue = {"volume x", "port 9000"};
     },
     Verdict::fail, true, 5, "teardown left volume x"},
    {"deployed_too_often", [](AttemptReport& r) { r.deploy_count = 3; }, Verdict::fail, true, 5, "deployed 3 times, expected 2"},
    {"deployed_too_rarely", [](AttemptReport& r) { r.deploy_count = 1; }, Verdict::fail, true, 5, "deployed 1 times, expected 2"},
    // what ended it
    {"did_not_end", [](AttemptReport& r) { r.ended = false; }, Verdict::fail, true, 5, ""},
    {"the_recipe_is_wrong",
     [](AttemptReport& r) {
       r.failed = ErrorKind::recipe;
       r.failure = "compose.yml:3: no such key";
     },
     Verdict::fail, true, 5, "compose.yml:3"},
    {"the_plugin_crashed",
     [](AttemptReport& r) {
       r.ended = false;
       r.failed = ErrorKind::plugin;
       r.failure = "the plugin crashed";
     },
     Verdict::fail, true, 5, "the plugin crashed"},
    {"the_disk_is_full",
     [](AttemptReport& r) {
       r.failed = ErrorKind::infrastructure;
       r.failure = "no space left";
     },
     Verdict::error, true, 5, "no space left"},
    {"the_disk_is_full_and_a_tier_failed",
     [](AttemptReport& r) {
       r.ended = false;
       r.tiers[Tier::install] = tier(Outcome::fail, "no page");
       r.failed = ErrorKind::infrastructure;
       r.failure = "no space left";
     },
     Verdict::error, true, 0, "no space left"},
    {"the_engine_is_gone",
     [](AttemptReport& r) {
       r.failed = ErrorKind::unavailable;
       r.failure = "no answer";
     },
     Verdict::error, true, 5, "no answer"},
    {"interrupted",
     [](AttemptReport& r) {
       r.ended = false;
       r.failed = ErrorKind::interrupted;
       r.failure = "interrupted";
     },
     Verdict::error, true, 5, "interrupted"},
};
INSTANTIATE_TEST_SUITE_P(, RunReport, ::testing::ValuesIn(cases), [](const auto& info) { return info.param.name; });

TEST(Judging, OfNothingThatWasAskedForIsNoEmptyGreen) { EXPECT_EQ(judge(green(), {}), Verdict::fail); }

TEST(Rungs, AreFiveAndSayWhy) {
  auto report = green();
  report.tiers[Tier::backup] = tier(Outcome::pass, "1 check");
  report.tiers[Tier::restore] = tier(Outcome::skip, "declared: no");
  report.facts["lint"] = "R005: no healthcheck";
  std::string said;
  for (const auto& rung : climb(report).rungs) said += rung.name + "=" + std::string(to_string(rung.outcome)) + " ";
  EXPECT_EQ(said, "install=pass upgrade=pass backup+restore=pass custom=pass lint=fail ");
  EXPECT_EQ(climb(report).rungs.back().reason, "R005: no healthcheck");
}

TEST(Rungs, OfBackupAndRestoreAreAsGoodAsTheWorse) {
  const std::vector<Outcome> from_worst = {Outcome::fail, Outcome::unverified, Outcome::pass, Outcome::skip};
  for (std::size_t backup = 0; backup < from_worst.size(); ++backup)
    for (std::size_t restore = 0; restore < from_worst.size(); ++restore) {
      auto report = green();
      report.tiers[Tier::backup] = tier(from_worst[backup], "why backup");
      report.tiers[Tier::restore] = tier(from_worst[restore], "why restore");
      const auto rung = climb(report).rungs.at(2);
      EXPECT_EQ(rung.outcome, from_worst[std::min(backup, restore)]);
      EXPECT_EQ(rung.reason, backup <= restore ? "why backup" : "why restore");
    }
}

TEST(Rungs, ThatNobodyAskedForStopTheClimb) {
  auto report = green();
  report.tiers[Tier::upgrade] = tier(Outcome::skip, "not asked for");
  const auto level = climb(report);
  EXPECT_EQ(level.level, 1);
  EXPECT_EQ(level.rungs.at(1).outcome, Outcome::unverified);
  EXPECT_EQ(level.rungs.at(3).outcome, Outcome::pass);
}

TEST(ExitCodes, OfSeveralTheWorstCounts) {
  const std::vector<int> from_worst = {130, 2, 5, 7, 4, 1, 6, 3, 0};
  for (std::size_t a = 0; a < from_worst.size(); ++a)
    for (std::size_t b = 0; b < from_worst.size(); ++b)
      EXPECT_EQ(worst_exit_code(from_worst[a], from_worst[b]), from_worst[std::min(a, b)]);
}

TEST(ExitCodes, AreThoseOfTheCommandLinesContract) {
  const std::map<ErrorKind, int> contract = {
      {ErrorKind::usage, 2},         {ErrorKind::config, 2},      {ErrorKind::recipe, 1},         {ErrorKind::plugin, 1},
      {ErrorKind::busy, 6},          {ErrorKind::unavailable, 7}, {ErrorKind::infrastructure, 7}, {ErrorKind::needs_operator, 5},
      {ErrorKind::interrupted, 130}, {ErrorKind::internal, 7}};
  for (const auto& [kind, code] : contract) {
    EXPECT_EQ(exit_code_of(kind), code) << to_text(kind);
    EXPECT_EQ(error_kind_from(to_text(kind)), kind) << to_text(kind);
  }
  EXPECT_EQ(error_kind_from("no such kind"), ErrorKind::internal);
}

}  // namespace
}  // namespace simmer
