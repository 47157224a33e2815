// A recipe's text never steers the terminal that it is shown on, whatever command shows it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <base/files.hpp>
#include <base/printable.hpp>
#include <e2e/simmer_world.hpp>

namespace simmer::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// What a terminal would obey, raw: C0, C1 (as UTF-8), and what turns text round.
const std::string raw = "\x1b]0;owned\x07\x1b[2J\r\xC2\x9b" "31m\u202e";

class HostileText : public ::testing::Test {
 protected:
  HostileText() {
    const fs::path recipe = world_.recipes() / "loud";
    make_folders(recipe / "release");
    // YAML's escapes bring the characters in; the mount makes a run refuse it, in their words.
    write_file_beside(recipe / "compose.yml",
                      "version: '3.8'\nservices:\n  app:\n    image: nginx:1.22.1\n    hostname: \"\\e[2J\\x85\\x9b31m\\u202e\"\n    healthcheck: {test: [CMD, 'true']}\n"
                      "    volumes: [\"/etc/\\x9b31m\\u202e:/mnt\"]\n    environment: {A: \"\\e\\x9b\\u202e\"}\n"
                      "    deploy: {labels: ['coop-cloud.${STACK_NAME}.version=1.0.0+1.22.1', \"backupbot.backup.path=/\\e\\x9b\\u202e\"]}\n");
    write_file_beside(recipe / ".env.sample", "TYPE=loud\n");
    write_file_beside(recipe / "release/1.0.0+1.22.1", "read me " + raw + "\n");
    git({"init", "-q"});
    git({"add", "-A"});
    git({"-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "x"});
    git({"tag", "1.0.0+1.22.1"});
    git({"tag", "v1\u202e\xC2\x9b"});
  }
  void git(std::vector<std::string> words) {
    words.insert(words.begin(), {"git", "-C", (world_.recipes() / "loud").string()});
    const auto done = run_command({words, {}, false, {}, ""}, Limit::in(std::chrono::seconds(20)));
    ASSERT_EQ(done.exit_code, 0) << done.err;
  }
  static void expect_quiet(const std::string& text, const std::string& where) { EXPECT_EQ(printable(text), text) << where; }
  void expect_quiet(const Ran& ran, const std::string& where) {
    expect_quiet(ran.out, where);
    expect_quiet(ran.err, where);
  }
  World world_;
};

TEST_F(HostileText, IsShownAndNotObeyed) {
  const auto shown = world_.simmer({"recipe", "show", "loud"});
  EXPECT_EQ(shown.code, 1) << shown.all();
  expect_quiet(shown, "recipe show");
  EXPECT_THAT(shown.out, HasSubstr("read me \\x1b]0;owned\\x07\\x1b[2J\\x0d\\u009b31m\\u202e"));
  EXPECT_THAT(shown.out, HasSubstr("v1\\u202e\\u009b"));
  const auto json = world_.simmer({"recipe", "show", "loud", "--json"});
  expect_quiet(json, "recipe show --json");
  EXPECT_EQ(json.result["notes"], "read me " + raw + "\n") << "a reader of JSON gets what was written";
  expect_quiet(world_.simmer({"recipe", "list"}), "recipe list");
}

TEST_F(HostileText, OfARunsReasonReachesNeitherTerminalNorLog) {
  const auto ran = world_.simmer({"run", "loud"});
  EXPECT_EQ(ran.code, 1) << ran.all();
  expect_quiet(ran, "run");
  EXPECT_THAT(ran.out, HasSubstr("\\u009b31m\\u202e"));
  const std::string log = ran.out.substr(ran.out.find("log: ") + 5);
  const std::string text = read_file(log.substr(0, log.find('\n')));
  EXPECT_THAT(text, HasSubstr("\\u009b31m\\u202e"));
  expect_quiet(text, "the run's log");
  expect_quiet(world_.simmer({"status"}), "status");
  expect_quiet(world_.simmer({"--log-level", "debug", "run", "loud", "--json"}), "run --json");
}

TEST_F(HostileText, OfAnAlertIsShownAndNotObeyed) {
  make_folders(world_.state() / "alerts");
  write_file_beside(world_.state() / "alerts/a.json", Json({{"kind", "k"}, {"app", "loud"}, {"at", "t"}, {"detail", raw}}).dump());
  for (const std::string what : {"list", "show"}) {
    const auto ran = what == "list" ? world_.simmer({"alerts", "list"}) : world_.simmer({"alerts", "show", "a"});
    EXPECT_EQ(ran.code, 0) << ran.all();
    expect_quiet(ran, "alerts " + what);
    EXPECT_THAT(ran.out, HasSubstr("\\u009b31m\\u202e"));
  }
  EXPECT_EQ(world_.simmer({"alerts", "show", "a"}).result["detail"], raw);
}

TEST_F(HostileText, OfTheCommandLineIsQuotedWithoutBeingObeyed) {
  const auto ran = world_.simmer({"run", "no" + raw});
  EXPECT_EQ(ran.code, 2);
  expect_quiet(ran, "a refusal");
  EXPECT_THAT(ran.err, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace simmer::e2e
