// Promise P3, the journal itself: on disk before it returns, in every place it must be, and never half read.
#include <gmock/gmock.h>

#include <simmer/error.hpp>
#include <state/journal.hpp>
#include <unit/base/scratch_folder.hpp>

namespace simmer {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Journals : public ::testing::Test {
 protected:
  Journals() {
    state.prepare();
    make_folders(state.run("run-1"));
  }
  static JournalEntry an_entry() {
    JournalEntry entry;
    entry.operation = "quick";
    entry.run_id = "run-1";
    entry.app = "custom-html";
    entry.recipe = "a-recipe";
    entry.engine = "swarm";
    entry.engine_id = "Docker ABCD";
    entry.command = "simmer run custom-html --quick";
    entry.started_at = "2026-11-23T23:15:00Z";
    entry.parent = this_process();
    entry.was_dirty = true;
    return entry;
  }
  std::optional<JournalEntry> of_run() { return read_journal(journal_of_run(state, "run-1")); }
  std::optional<JournalEntry> of_app() { return read_journal(journal_of_canonical(state, "custom-html")); }
  static std::string as_text(const JournalEntry& entry) {
    std::string text;
    for (const auto& word : {entry.operation, entry.run_id, entry.app, entry.recipe, entry.engine, entry.engine_id, entry.command,
                             entry.started_at, entry.kept_stack, entry.step})
      text += word + "|";
    for (const auto& id : {entry.parent, entry.child})
      text += std::to_string(id.pid) + "," + std::to_string(id.start_time) + "," + id.boot_id + "|";
    for (const auto& stack : entry.stacks) text += stack + ",";
    return text + "|" + std::to_string(entry.was_dirty) + "|" + std::to_string(entry.sequence);
  }
  // The Error that reading `text` as a journal ends with.
  ErrorKind kind_for(const std::string& text, std::string* message = nullptr) {
    write_file_beside(scratch / "journal.json", text);
    try {
      read_journal(scratch / "journal.json");
    } catch (const Error& error) {
      if (message != nullptr) *message = error.message();
      return error.kind();
    }
    return ErrorKind::internal;
  }
  ScratchFolder scratch;
  StateFolder state{scratch / "state"};
};

TEST_F(Journals, AreOnDiskWithEveryFieldWhenTheyHaveBegun) {
  Journal journal(state, an_entry(), true);
  EXPECT_EQ(as_text(of_run().value()), as_text(journal.entry()));
  EXPECT_EQ(as_text(of_app().value()), as_text(journal.entry()));
  const auto read = of_run().value();
  EXPECT_EQ(read.command, "simmer run custom-html --quick");
  EXPECT_TRUE(read.was_dirty);
  EXPECT_TRUE(is_alive(read.parent));
  EXPECT_EQ(read.child.pid, 0);
}

TEST_F(Journals, OfBeforeEnginesHadAnIdentityAreRead) {
  Journal(state, an_entry(), false);
  std::string text = read_file(journal_of_run(state, "run-1"));
  const std::string key = "\"engine_id\": \"Docker ABCD\",";
  ASSERT_NE(text.find(key), std::string::npos) << text;
  write_file_beside(scratch / "old.json", text.erase(text.find(key), key.size()));
  const auto old = read_journal(scratch / "old.json").value();
  EXPECT_EQ(old.engine, "swarm");
  EXPECT_EQ(old.engine_id, "");
}

TEST_F(Journals, OfARunAloneLeaveTheAppAlone) {
  Journal journal(state, an_entry(), false);
  journal.begin_step("deploying");
  EXPECT_TRUE(of_run());
  EXPECT_FALSE(fs::exists(state.canonical("custom-html")));
  journal.finish();
  EXPECT_FALSE(of_run());
}

TEST_F(Journals, WithoutARunAreInTheAppsFolderAlone) {
  auto entry = an_entry();
  entry.run_id.clear();
  entry.operation = "canonical-drop";
  Journal journal(state, entry, true);
  EXPECT_EQ(of_app().value().operation, "canonical-drop");
  EXPECT_THAT(names_in(state.runs()), ElementsAre("run-1"));
  EXPECT_FALSE(fs::exists(state.runs() / "journal.json"));
  journal.finish();
  EXPECT_FALSE(of_app());
}

TEST_F(Journals, SayEveryStepInBothPlacesBeforeItIsTaken) {
  Journal journal(state, an_entry(), true);
  const auto first = journal.entry().sequence;
  journal.begin_step("making a fork");
  journal.add_stack("cust-abc123", "deploying");
  journal.add_stack("warm-custom-html", "deploying the known-good", true);
  journal.add_stack("cust-abc123", "deploying again");
  journal.set_child({4711, 99, "boot"});
  for (const auto& read : {of_run().value(), of_app().value()}) {
    EXPECT_EQ(read.step, "deploying again");
    EXPECT_THAT(read.stacks, ElementsAre("cust-abc123", "warm-custom-html"));
    EXPECT_EQ(read.kept_stack, "warm-custom-html");
    EXPECT_EQ(read.child.pid, 4711);
    EXPECT_EQ(read.child.start_time, 99u);
    EXPECT_EQ(read.sequence, first + 5);
  }
  journal.finish();
  EXPECT_FALSE(of_run());
  EXPECT_FALSE(of_app());
  journal.finish();  // as after a crash between the two
}

TEST_F(Journals, AreResumedWhereTheOtherProcessLeftOff) {
  OtherProcess other([&] {
    Journal journal(state, an_entry(), true);
    journal.add_stack("warm-custom-html", "deploying", true);
    return std::to_string(journal.entry().sequence);
  });
  other.kill();
  auto journal = Journal::resume(state, "run-1");
  EXPECT_EQ(std::to_string(journal.entry().sequence), other.said());
  EXPECT_EQ(journal.entry().step, "deploying");
  journal.begin_step("upgrading");
  EXPECT_EQ(of_app().value().step, "upgrading");
  EXPECT_EQ(of_app().value().sequence, of_run().value().sequence);
  journal.finish();
  EXPECT_FALSE(of_app());
}

TEST_F(Journals, ThatAreResumedNeverTakeOverAnotherRunsChangeOfTheApp) {
  Journal mine(state, an_entry(), false);
  auto entry = an_entry();
  entry.run_id = "run-2";
  make_folders(state.run("run-2"));
  Journal others(state, entry, true);
  auto resumed = Journal::resume(state, "run-1");
  resumed.begin_step("mine");
  resumed.finish();
  EXPECT_EQ(of_app().value().run_id, "run-2");
  EXPECT_NE(of_app().value().step, "mine");
}

TEST_F(Journals, ThatAreNotThereCannotBeResumed) { EXPECT_THROW(Journal::resume(state, "run-1"), Error); }

TEST_F(Journals, ThatAreMissingAreNone) {
  EXPECT_FALSE(read_journal(scratch / "none.json"));
  EXPECT_FALSE(read_journal(scratch / "none/journal.json"));
}

TEST_F(Journals, ThatAreDamagedNeedAPersonAndNameTheFile) {
  Journal journal(state, an_entry(), false);
  const std::string whole = read_file(journal_of_run(state, "run-1"));
  for (const auto& text : {std::string(), whole.substr(0, whole.size() / 2), std::string("null"), std::string("[]"),
                           std::string("{}"), std::string(whole.size(), '\0')}) {
    std::string message;
    EXPECT_EQ(kind_for(text, &message), ErrorKind::needs_operator) << text;
    EXPECT_THAT(message, HasSubstr((scratch / "journal.json").string()));
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

TEST_F(Journals, WithAFieldMissingOrOfAnotherKindAreDamaged) {
  Journal journal(state, an_entry(), false);
  const std::string whole = read_file(journal_of_run(state, "run-1"));
  for (const std::string field :
       {"operation", "run_id", "app", "recipe", "engine", "command", "started_at", "parent", "child", "stacks", "kept_stack",
        "was_dirty", "step", "sequence", "pid", "start_time", "boot_id", "schema"}) {
    const auto at = whole.find("\"" + field + "\":");
    ASSERT_NE(at, std::string::npos) << field;
    EXPECT_EQ(kind_for(std::string(whole).replace(at + 1, field.size(), "other")), ErrorKind::needs_operator)
        << field << " missing";
    const auto value = at + field.size() + 4;
    EXPECT_EQ(kind_for(std::string(whole).insert(value, "{\"a\": 1}, \"b\": ")), ErrorKind::needs_operator)
        << field << " of another kind";
  }
}

TEST_F(Journals, OfAnotherVersionAreLeftToIt) {
  Journal journal(state, an_entry(), false);
  std::string text = read_file(journal_of_run(state, "run-1")), message;
  text.replace(text.find("\"schema\": 1"), 11, "\"schema\": 2");
  EXPECT_EQ(kind_for(text, &message), ErrorKind::needs_operator);
  EXPECT_THAT(message, HasSubstr("another version"));
}

// What a user types is bytes, not text: a path in Latin-1 must not keep the journal from being written.
TEST_F(Journals, TakeACommandThatIsNoUtf8) {
  auto entry = an_entry();
  entry.command = "simmer run ./caf\xe9";
  Journal journal(state, entry, false);
  EXPECT_THAT(of_run().value().command, HasSubstr("simmer run ./caf"));
}

}  // namespace
}  // namespace simmer
