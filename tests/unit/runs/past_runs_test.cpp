// What a red is compared with, how often the fast lane was wrong, and what remains of a run that was killed.
#include <gmock/gmock.h>

#include <runs/past_runs.hpp>
#include <runs/result.hpp>
#include <unit/base/scratch_folder.hpp>
#include <unit/recipes/git_recipe.hpp>

namespace simmer {
namespace {

using namespace test;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

class PastRuns : public ::testing::Test {
 protected:
  PastRuns() { state.prepare(); }
  // `second` orders the runs.
  std::string add(int second, const std::string& app, json result) {
    const std::string id = "20261123T2315" + std::to_string(second) + "Z-" + app + "-abc" + std::to_string(second);
    result.update({{"run_id", id}, {"app", app}, {"recipe", app}});
    make_folders(state.run(id));
    write_file_beside(state.run(id) / "result.json", result.dump());
    return id;
  }
  std::string add(int second, const std::string& app, const std::string& mode, const std::string& verdict, const std::string& commit = "c1") {
    return add(second, app, {{"mode", mode}, {"verdict", verdict}, {"commit", commit}});
  }
  ScratchFolder scratch{memory_folder()};
  StateFolder state{scratch / "state"};
};

TEST_F(PastRuns, LastGreenIsTheNewestOfTheAppBeforeTheRun) {
  add(10, "site", "cold", "pass");
  const auto wanted = add(11, "site", "quick", "pass");
  add(12, "site", "cold", "fail");
  add(13, "other", "cold", "pass");
  make_folders(state.run("20261123T231514Z-site-abc14"));  // without a result
  write_file_beside(state.run("20261123T231514Z-site-abc14") / "result.json", "{\"verdict\": \"pa");
  const auto red = add(20, "site", "cold", "fail");
  add(21, "site", "cold", "pass");
  EXPECT_EQ(last_green_before(state, "site", red).value().at("run_id"), wanted);
  EXPECT_FALSE(last_green_before(state, "nobody", red));
  EXPECT_FALSE(last_green_before(state, "site", "2026"));
}

TEST_F(PastRuns, ADifferenceNamesWhatChangedAndNothingElse) {
  testing_recipes::GitRecipe recipe;
  recipe.write("compose.yml", "image: a\n").write("same", "same");
  const auto green_commit = recipe.commit("one");
  recipe.write("compose.yml", "image: b\n").write("added", "new\n");
  const auto red_commit = recipe.commit("two");
  const json green = {{"run_id", "g"}, {"version", "1.0.0+1"}, {"commit", green_commit}, {"digests", {{"app", "d1"}, {"db", "d"}}},
                      {"environment", {"A", "B"}}, {"plugin", {{"name", "p"}, {"version", "1"}}}, {"tools", {{"simmer", "1"}}}};
  json red = green;
  red.update({{"run_id", "r"}, {"commit", red_commit}, {"digests", {{"app", "d2"}, {"db", "d"}}}, {"environment", {"B", "C"}},
              {"plugin", {{"name", "p"}, {"version", "2"}}}});
  const auto difference = difference_since(green, red, recipe.path());
  EXPECT_EQ(difference.at("run_id"), "g");
  EXPECT_EQ(difference.at("recipe").at("files"), json({"A added", "M compose.yml"}));
  EXPECT_THAT(difference.at("recipe").at("patch").get<std::string>(), HasSubstr("-image: a\n+image: b\n"));
  EXPECT_EQ(difference.at("digests"), json({{"app", {{"green", "d1"}, {"red", "d2"}}}}));
  EXPECT_EQ(difference.at("environment"), json({{"added", {"C"}}, {"removed", {"A"}}}));
  EXPECT_EQ(difference.at("plugin"), json({{"version", {{"green", "1"}, {"red", "2"}}}}));
  EXPECT_FALSE(difference.contains("tools"));
  EXPECT_EQ(difference_since(green, green, recipe.path()).size(), 3u) << "run, commit and version of the green one alone";
}

TEST_F(PastRuns, ADifferenceIsMadeOfWhateverThereIs) {
  testing_recipes::GitRecipe recipe;
  recipe.write("compose.yml", std::string(50000, 'x') + "\n");
  const auto commit = recipe.commit("one");
  recipe.write("compose.yml", std::string(50000, 'y') + "\n");
  const auto other = recipe.commit("two");
  EXPECT_THAT(difference_since({{"commit", commit}}, {{"commit", other}}, recipe.path()).at("recipe").at("patch").get<std::string>(),
              HasSubstr("cut here"));
  // A working tree with changes, a commit that is gone, no repository, results of another time.
  EXPECT_TRUE(difference_since({{"commit", commit}}, {{"commit", other + "+U"}}, recipe.path()).at("recipe").contains("patch"));
  EXPECT_TRUE(difference_since({{"commit", std::string(40, '0')}}, {{"commit", other}}, recipe.path()).at("recipe").contains("problem"));
  EXPECT_FALSE(difference_since({{"commit", commit}}, {{"commit", "tree-1"}}, recipe.path()).at("recipe").contains("files"));
  EXPECT_FALSE(difference_since({{"commit", commit}}, {{"commit", other}}, "").at("recipe").contains("files"));
  EXPECT_NO_THROW(difference_since(json::object(), {{"plugin", 7}, {"environment", {"A"}}, {"digests", {{"app", "d"}}}}, ""));
}

TEST_F(PastRuns, AFastLaneIsWrongWhenTheColdRunOfTheSameCommitSaysOtherwise) {
  add(10, "site", "quick", "pass", "c1");
  add(11, "site", "cold", "pass", "c1");   // agreed
  add(12, "site", "cold", "fail", "c1");   // no quick run before it any more
  add(13, "site", "quick", "pass", "c2");
  add(14, "site", "cold", "pass", "c3");   // another commit
  add(15, "site", "cold", "error", "c2");  // says nothing of the change
  add(16, "site", "cold", "fail", "c2");   // wrong
  add(17, "other", "quick", "fail", "c1");
  add(18, "other", "cold", "flaky", "c1");  // red, both
  const auto lanes = fast_lanes(state);
  EXPECT_EQ(lanes.at("site").pairs, 2);
  EXPECT_EQ(lanes.at("site").wrong, 1);
  EXPECT_EQ(lanes.at("other").pairs, 1);
  EXPECT_EQ(lanes.at("other").wrong, 0);
}

TEST_F(PastRuns, AKilledOneHasAResultWithEverythingThatWasKnown) {
  RunRecord record;
  record.spec.run_id = "20261123T231510Z-site-abc123";
  record.spec.app = record.spec.recipe = "site";
  record.spec.head.commit = "c0ffee";
  make_folders(state.run(record.spec.run_id));
  write_begun(state, record);
  write_killed_result(state, record.spec.run_id, json::object(), "Simmer was killed");
  const auto result = json::parse(read_file(state.run(record.spec.run_id) / "result.json"));
  const auto whole = result_of(record);
  for (const auto& [key, value] : whole.items()) EXPECT_TRUE(result.contains(key)) << key;
  EXPECT_EQ(result.at("verdict"), "error");
  EXPECT_EQ(result.at("reason"), "Simmer was killed");
  EXPECT_EQ(result.at("commit"), "c0ffee");
  EXPECT_THAT(names_in(state.run(record.spec.run_id)), ::testing::ElementsAre("result.json"));
  // One that had written its result keeps it.
  write_killed_result(state, record.spec.run_id, json::object(), "another reason");
  EXPECT_EQ(json::parse(read_file(state.run(record.spec.run_id) / "result.json")).at("reason"), "Simmer was killed");
  // And one whose begun.json is damaged has what the journal knew.
  write_file_beside(state.run(record.spec.run_id) / "begun.json", "{");
  remove_durably(state.run(record.spec.run_id) / "result.json");
  write_killed_result(state, record.spec.run_id, {{"app", "site"}}, "Simmer was killed");
  EXPECT_EQ(json::parse(read_file(state.run(record.spec.run_id) / "result.json")).at("app"), "site");
}

}  // namespace
}  // namespace simmer
