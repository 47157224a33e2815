// Promise P8, the alert itself: on disk when raise_alert() returns, once, and never in the way of another.
#include <gmock/gmock.h>

#include <simmer/error.hpp>
#include <state/alerts.hpp>
#include <unit/base/scratch_folder.hpp>

namespace simmer {
namespace {

using namespace test;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

class Alerts : public ::testing::Test {
 protected:
  Alerts() { state.prepare(); }
  std::string raise(const std::string& detail, const std::string& kind = "promote-failed") {
    return raise_alert(state, kind, "custom-html", {{"detail", detail}});
  }
  int count(bool acknowledged) { return static_cast<int>(list_alerts(state, acknowledged).size()); }
  ScratchFolder scratch;
  StateFolder state{scratch / "state"};
};

TEST_F(Alerts, AreFilesNamedAfterTimeAppAndKind) {
  const auto id =
      raise_alert(state, "rollback", "keycloak", {{"attempted", "2.0.0+2"}, {"last_good", "1.0.0+1"}, {"release_notes", ""}});
  EXPECT_THAT(id, MatchesRegex("[0-9]{8}T[0-9]{6}Z-keycloak-rollback"));
  EXPECT_THAT(read_file(state.alerts() / (id + ".json")), HasSubstr("\"release_notes\": \"\""));
  const auto found = find_alert(state, id).value();
  EXPECT_EQ(found.kind, "rollback");
  EXPECT_EQ(found.app, "keycloak");
  EXPECT_THAT(found.at, MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T.*Z"));
  EXPECT_EQ(found.fields.at("attempted"), "2.0.0+2");
  EXPECT_EQ(found.fields.at("release_notes"), "");
  EXPECT_FALSE(found.acknowledged);
}

TEST_F(Alerts, SurviveTheProcessThatRaisedThem) {
  OtherProcess other([&] { return raise("in a process that is killed"); });
  other.kill();
  ASSERT_TRUE(find_alert(state, other.said()));
  EXPECT_EQ(find_alert(state, other.said())->fields.at("detail"), "in a process that is killed");
}

TEST_F(Alerts, ThatAreOpenAreNotRepeated) {
  const auto id = raise("the same");
  EXPECT_EQ(raise("the same"), id);
  EXPECT_NE(raise("another"), id);
  EXPECT_NE(raise("the same", "teardown-failed"), id);
  EXPECT_NE(raise_alert(state, "promote-failed", "plain", {{"detail", "the same"}}), id);
  EXPECT_EQ(count(false), 4);
}

TEST_F(Alerts, OfOneSecondHaveIdsOfTheirOwn) {
  std::set<std::string> ids;
  for (int i = 0; i < 15; ++i) ids.insert(raise(std::to_string(i)));
  EXPECT_THAT(ids, SizeIs(15));
  EXPECT_EQ(count(false), 15);
}

TEST_F(Alerts, ThatAreAcknowledgedAreKeptAsideAndCanBeAcknowledgedTwice) {
  const auto id = raise("seen");
  raise("not seen");
  EXPECT_TRUE(acknowledge_alert(state, id));
  EXPECT_TRUE(acknowledge_alert(state, id));
  EXPECT_EQ(count(false), 1);
  EXPECT_EQ(count(true), 2);
  EXPECT_TRUE(find_alert(state, id).value().acknowledged);
  EXPECT_TRUE(fs::exists(state.alerts() / "seen" / (id + ".json")));
}

TEST_F(Alerts, AreRaisedAnewAfterTheyWereAcknowledged) {
  const auto id = raise("again");
  acknowledge_alert(state, id);
  const auto again = raise("again");
  EXPECT_NE(again, id) << "the same id for two alerts: acknowledging the second would replace the first";
  EXPECT_EQ(count(true), 2);
  acknowledge_alert(state, again);
  EXPECT_EQ(count(true), 2);
}

TEST_F(Alerts, ThatDoNotExistAreNotAcknowledged) {
  write_file_beside(scratch / "outside.json", "{}");
  for (const std::string id : {"", "none", ".", "../../outside", "seen/none"}) {
    EXPECT_FALSE(acknowledge_alert(state, id)) << id;
    EXPECT_FALSE(find_alert(state, id)) << id;
  }
  EXPECT_TRUE(fs::exists(scratch / "outside.json"));
}

TEST_F(Alerts, AreListedOldestFirst) {
  write_file_beside(state.alerts() / "20260102T000000Z-a-x.json", R"({"kind": "x", "app": "a", "at": "2026"})");
  write_file_beside(state.alerts() / "20250102T000000Z-z-x.json", R"({"kind": "x", "app": "z", "at": "2025"})");
  raise("now");
  const auto all = list_alerts(state, false);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].app, "z");
  EXPECT_EQ(all[1].app, "a");
}

TEST_F(Alerts, ThatCannotBeReadAreShownAsSuch) {
  write_file_beside(state.alerts() / "20260102T000000Z-a-x.json", "{\"kind\": ");
  const auto all = list_alerts(state, false);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].kind, "unreadable");
  EXPECT_TRUE(acknowledge_alert(state, all[0].id));
}

// Nothing that lies in the folder may keep an alert from being written.
TEST_F(Alerts, AreWrittenWhateverElseIsInTheFolder) {
  make_folders(state.alerts() / "a-folder.json");
  fs::create_symlink("nowhere", state.alerts() / "dangling.json");
  write_file_beside(state.alerts() / "20260102T000000Z-a-x.json", "");
  const auto id = raise("written");
  EXPECT_TRUE(fs::exists(state.alerts() / (id + ".json")));
}

// A detail quotes logs of apps, and those are bytes.
TEST_F(Alerts, AreWrittenWhateverBytesTheirDetailHolds) {
  const auto id = raise("nginx said: \xff\xfe caf\xe9");
  EXPECT_THAT(read_file(state.alerts() / (id + ".json")), HasSubstr("nginx said: "));
  EXPECT_THAT(find_alert(state, id).value().fields.at("detail"), HasSubstr("nginx said: "));
}

TEST_F(Alerts, RaisedBySeveralProcessesAtOnceAreAllThere) {
  constexpr int processes = 4, each = 20;
  {
    std::vector<std::unique_ptr<OtherProcess>> others;
    for (int i = 0; i < processes; ++i)
      others.push_back(std::make_unique<OtherProcess>([] { return std::string("ready"); },
                                                      [this, i] {
                                                        for (int n = 0; n < each; ++n)
                                                          raise(std::to_string(i) + "/" + std::to_string(n));
                                                        ::_exit(0);
                                                      }));
    for (auto& other : others) EXPECT_EQ(other->wait(), 0);
  }
  EXPECT_EQ(count(false), processes * each);
}

TEST_F(Alerts, OfNobodyAreNone) { EXPECT_EQ(count(true), 0); }

}  // namespace
}  // namespace simmer
