// The journal of a change in flight: an intent on disk before each step that changes something, so
// that whoever comes after a crash can finish or undo it (promise P3). docs/formats/journal.md.
//
// It is declarative: it names everything the run may have touched (stacks, fork, checkouts) and how
// far it had come; recovery needs no more than that. A run writes runs/<id>/journal.json; one that
// uses a kept app's name or data writes the same document to the app's folder first, which is the
// authority for that app.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <base/process.hpp>
#include <state/state_folder.hpp>

namespace simmer {

struct JournalEntry {
  std::string operation;  // cold, quick, promote, seed, canonical-deploy, …
  std::string run_id;     // empty: no run; the journal is in the app's folder alone
  std::string app;
  std::string recipe;
  std::string engine;
  std::string engine_id;  // Engine::identity(); empty also in journals of before there was one
  std::string command;    // as the user typed it
  std::string started_at;
  ProcessId parent;       // holds the locks
  ProcessId child;        // leader of the run's process group; pid 0: none yet
  std::vector<std::string> stacks;  // every stack that may have been deployed
  std::string kept_stack;           // the one among them that is a canonical's own name; empty: none
  bool was_dirty = false;           // the dirty mark was there before this operation
  std::string step;                 // what was begun last: for people, and for the few cases where it decides
  std::uint64_t sequence = 0;
};

class Journal {
 public:
  // For a run alone, or for one that uses the kept app `entry.app` (then in both places).
  Journal(const StateFolder& state, JournalEntry entry, bool in_app_folder);
  // Takes up where another process of the same run left off.
  static Journal resume(const StateFolder& state, const std::string& run_id);

  const JournalEntry& entry() const { return entry_; }
  // Each of these writes durably before it returns.
  void begin_step(const std::string& step);
  void add_stack(const std::string& stack, const std::string& step, bool kept = false);
  void set_child(const ProcessId& child);
  // The change is complete (or completely undone): both files go, the run's last.
  void finish();

 private:
  Journal(const StateFolder& state, JournalEntry entry, bool in_app_folder, bool write_now);
  void write();
  StateFolder state_;
  JournalEntry entry_;
  bool in_app_folder_;
};

// Nothing when there is no such file. Damaged: Error(needs_operator).
std::optional<JournalEntry> read_journal(const fs::path& file);
fs::path journal_of_run(const StateFolder& state, const std::string& run_id);
fs::path journal_of_canonical(const StateFolder& state, const std::string& app);

}  // namespace simmer
