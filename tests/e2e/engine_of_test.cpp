// What another engine than today's has in flight, or deployed, is not called recovered, undeployed or dropped by one that never had it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <base/files.hpp>
#include <e2e/simmer_world.hpp>

namespace simmer::e2e {

namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// As if it had been written while another engine was configured.
void replace_in(const fs::path& file, const std::string& what, const std::string& by) {
  std::string text = read_file(file);
  const auto at = text.find(what);
  ASSERT_NE(at, std::string::npos) << file << " does not say " << what << ":\n" << text;
  write_file_beside(file, text.replace(at, what.size(), by));
}

const auto says_both = AllOf(HasSubstr("on the engine swarm (Docker ABCD)"), HasSubstr("today's is local"));
const std::string ours = "\"engine\": \"local\"", theirs = "\"engine\": \"swarm\"", no_id = "\"engine_id\": \"\"", their_id = "\"engine_id\": \"Docker ABCD\"";

std::string stack_files(const World& world) {
  std::string all;
  for (const auto& entry : fs::directory_iterator(world.state() / "engines/local"))
    if (entry.path().filename().string()[0] != '.') all += entry.path().filename().string() + "\n";
  return all;
}

void make_theirs(const fs::path& file) {
  replace_in(file, ours, theirs);
  replace_in(file, no_id, their_id);
}

TEST(EngineOf, WhatWasInFlightOnAnotherEngineIsNotRecoveredByThisOne) {
  World world;
  ASSERT_EQ(world.run({"canonical", "seed", "custom-html"}).code, 0);
  const fs::path points = world.root() / "points", app_journal = world.state() / "canonical/custom-html/journal.json";
  const std::vector<std::string> quick = {"run", "custom-html", "--quick", "--ref", "good"};
  ASSERT_EQ(world.run(quick, {{"SIMMER_CRASH_COUNT", points.string()}}).code, 0);
  const auto passed = read_file(points);
  const auto upgrading = passed.find("after canonical journal: quick: upgrading");
  ASSERT_NE(upgrading, std::string::npos) << passed;
  const auto point = std::count(passed.begin(), passed.begin() + static_cast<std::ptrdiff_t>(upgrading), '\n') + 1;
  remove_durably(points);
  const auto before = world.known_good("custom-html");
  ASSERT_EQ(world.run(quick, {{"SIMMER_CRASH_COUNT", points.string()}, {"SIMMER_CRASH_AT", std::to_string(point)}}).code, 137);
  std::string run_id;
  for (const auto& entry : fs::directory_iterator(world.state() / "runs"))
    if (fs::exists(entry.path() / "journal.json")) run_id = entry.path().filename();
  const fs::path run_journal = world.state() / "runs" / run_id / "journal.json";
  const auto deployed = stack_files(world);
  ASSERT_THAT(deployed, Not(IsEmpty()));
  for (const auto& file : {app_journal, run_journal}) make_theirs(file);
  const auto in_flight = read_file(app_journal) + read_file(run_journal);

  const std::vector<std::vector<std::string>> commands = {{"recover"}, {"recover", "custom-html"}, {"recover", "--dry-run"}, {"gc"}, {"canonical", "undeploy", "custom-html"}, {"canonical", "restore", "custom-html", "--yes"},
                                                          {"canonical", "drop", "custom-html", "--yes"}, {"canonical", "deploy", "custom-html"}, quick};
  for (const auto& command : commands) {
    const auto ran = world.simmer(command);
    EXPECT_EQ(ran.code, 5) << command[0] << ran.all();
    EXPECT_THAT(ran.all(), says_both);
    EXPECT_THAT(ran.all(), Not(HasSubstr("undoing it")));
    ASSERT_TRUE(fs::exists(app_journal) && fs::exists(run_journal)) << command[0] << ran.all();
    EXPECT_EQ(read_file(app_journal) + read_file(run_journal), in_flight) << command[0];
    EXPECT_EQ(stack_files(world), deployed) << command[0];
    EXPECT_FALSE(fs::exists(world.state() / "runs" / run_id / "junit.xml")) << "it has not ended";
  }
  EXPECT_THAT(world.simmer({"alerts", "list"}).out, says_both);
  // Another recipe is tested meanwhile; a cold run of this one, which the app's own name has no part in, does not write over what is in flight.
  ASSERT_EQ(run_command({{SIMMER_PUBLISH_SCRIPT, (world.recipes() / "custom-html").string(), "good", "1.4.0+1.22.1"}, {}, false, {}, ""}, Limit::in(std::chrono::seconds(30))).exit_code, 0);
  const auto cold = world.run({"run", "custom-html"});
  EXPECT_EQ(cold.code, 5) << cold.all();
  EXPECT_EQ(cold.verdict(), "pass") << cold.all();
  EXPECT_THAT(cold.result["canonical"].dump(), says_both);
  EXPECT_EQ(read_file(app_journal) + read_file(run_journal), in_flight);

  replace_in(app_journal, theirs, ours);
  replace_in(app_journal, "  " + their_id + ",\n", "");  // as an older Simmer wrote it
  replace_in(run_journal, theirs, ours);
  const auto recovered = world.simmer({"recover"});
  EXPECT_EQ(recovered.code, 0) << recovered.all();
  EXPECT_EQ(world.known_good("custom-html"), before);
  EXPECT_THAT(world.left_behind(), IsEmpty());
}

TEST(EngineOf, WhatIsDeployedOnAnotherEngineStaysDeployed) {
  World world;
  ASSERT_EQ(world.run({"canonical", "seed", "custom-html"}).code, 0);
  const auto deployed = world.run({"canonical", "deploy", "custom-html"});
  ASSERT_EQ(deployed.code, 0) << deployed.all();
  const fs::path mark = world.state() / "canonical/custom-html/deployed-on";
  make_theirs(mark);
  const auto before = world.known_good("custom-html");
  const auto stacks = stack_files(world);
  for (const auto& command : std::vector<std::vector<std::string>>{{"canonical", "undeploy", "custom-html"}, {"recover"}, {"recover", "custom-html"}, {"canonical", "restore", "custom-html", "--yes"},
                                                                   {"canonical", "drop", "custom-html", "--yes"}, {"canonical", "deploy", "custom-html"}, {"run", "custom-html", "--quick", "--ref", "good"}}) {
    const auto ran = world.simmer(command);
    EXPECT_EQ(ran.code, 5) << command[0] << ran.all();
    EXPECT_THAT(ran.all(), says_both);
    EXPECT_THAT(ran.all(), Not(HasSubstr("nothing to recover")));
    EXPECT_EQ(world.known_good("custom-html"), before) << command[0];
    EXPECT_EQ(stack_files(world), stacks) << command[0];
  }
  EXPECT_EQ(world.run({"canonical", "seed", "custom-html", "--fresh"}).code, 6);
  EXPECT_EQ(stack_files(world), stacks);
  // Written again from meta.json, as whoever meets a damaged one does, the record has forgotten it.
  replace_in(world.state() / "canonical/custom-html/canonical.json", "\"deployed\"", "\"idle\"");
  EXPECT_EQ(world.simmer({"canonical", "undeploy", "custom-html"}).code, 5);
  EXPECT_EQ(stack_files(world), stacks);
  replace_in(mark, theirs, ours);
  replace_in(mark, their_id, no_id);
  EXPECT_EQ(world.simmer({"canonical", "undeploy", "custom-html"}).code, 0);
  EXPECT_FALSE(fs::exists(mark));
  EXPECT_THAT(world.left_behind(), IsEmpty());
}

}  // namespace

}  // namespace simmer::e2e
