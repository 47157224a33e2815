// result.json, junit.xml and the log of a run (docs/formats/result.md).
#pragma once

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <engine/engine.hpp>
#include <runs/attempt.hpp>
#include <runs/run_report.hpp>
#include <runs/run_spec.hpp>
#include <state/state_folder.hpp>

namespace simmer {

// Everything that result.json says.
struct RunRecord {
  RunSpec spec;
  std::string mode_asked, mode_reason;
  std::string started_at, ended_at;
  std::vector<AttemptReport> attempts;
  Verdict verdict = Verdict::error;
  bool full = false;
  // What happened to the canonical.
  std::string canonical_outcome;  // "", promoted, seeded, unchanged, failed, busy
  std::string canonical_reason;
  std::string canonical_before, canonical_after;  // versions
  std::chrono::milliseconds promotion_took{0};
  int promotion_deploys = 0;
  std::string reason;
  int exit_code = 0;
  std::vector<std::string> residue;
  std::map<std::string, std::string> tools;               // of the engine, with versions
  std::vector<EngineObject> inventory_before, inventory_after;  // what stood under the run's names
  nlohmann::json since_green;                             // past_runs.hpp; null unless red
};

nlohmann::json result_of(const RunRecord& record);
// Each image whose repository or digest the change under test changes: a list of `service`, `from`, `to`. Where a digest is not known
// (or, on `local`, is none of the image's) the reference decides. Null: there is no base, or it was not read.
nlohmann::json image_changes_of(const AttemptReport& attempt, const std::string& engine);
std::string junit_of(const RunRecord& record);
// While it runs: begun.json, what whoever recovers it after our death writes its result from.
void write_begun(const StateFolder& state, const RunRecord& record);
// The result of a run that never came to write one. `unknown`: what is said when begun.json cannot be read.
void write_killed_result(const StateFolder& state, const std::string& run_id, nlohmann::json unknown, const std::string& reason);
// Writes both into the run's folder; returns result.json's text.
std::string write_result(const StateFolder& state, const RunRecord& record);

// The run's log: every line that people are shown and more, with the time; passes on to `next`.
class RunLog : public Progress {
 public:
  RunLog(fs::path file, Progress* next);
  ~RunLog() override;
  void line(LogLevel level, const std::string& text) override;
  void phase(const std::string& text) override;
  void still(const std::string& phase, std::chrono::milliseconds for_how_long) override;
  const fs::path& file() const { return file_; }

 private:
  struct Sink;
  fs::path file_;
  std::unique_ptr<Sink> sink_;
  Progress* next_;
};

}  // namespace simmer
