// Where everything is on disk (design.md section 8; docs/formats/state.md). Paths only, and the
// first making of the folder.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace simmer {

namespace fs = std::filesystem;

class StateFolder {
 public:
  explicit StateFolder(fs::path root) : root_(std::move(root)) {}

  // `--state`, SIMMER_STATE, else /var/lib/simmer for root and ~/.local/state/simmer for others.
  static fs::path default_root();

  // Makes what is missing, with a README that says what each thing is. Error(unavailable), one line,
  // when it cannot be made, read or written.
  void prepare() const;

  const fs::path& root() const { return root_; }
  fs::path canonical() const { return root_ / "canonical"; }
  fs::path canonical(const std::string& app) const { return canonical() / app; }
  fs::path runs() const { return root_ / "runs"; }
  fs::path run(const std::string& id) const { return runs() / id; }
  // Checkouts and backups of a run: gone when the run has ended.
  fs::path work(const std::string& id) const { return run(id) / "work"; }
  fs::path forks() const { return root_ / "forks"; }
  fs::path fork(const std::string& run_id) const { return forks() / run_id; }
  fs::path locks() const { return root_ / "locks"; }
  fs::path alerts() const { return root_ / "alerts"; }
  fs::path recipes() const { return root_ / "recipes"; }
  fs::path engine(const std::string& name) const { return root_ / "engines" / name; }
  // The checkout that a deployed canonical runs from.
  fs::path canonical_checkout(const std::string& app) const { return canonical(app) / "checkout"; }

  std::vector<std::string> canonical_apps() const;  // sorted
  std::vector<std::string> run_ids() const;         // oldest first

 private:
  fs::path root_;
};

// "20261123T231500Z" and "2026-11-23T23:15:00Z", now.
// Names of the folders in `folder`, sorted; none when it is not there.
std::vector<std::string> folders_in(const fs::path& folder);

std::string utc_stamp();
std::string utc_time();

}  // namespace simmer
