// What an upgrade must keep of the data, seen from the version that the data is of: a change under test does not say itself what it
// may lose (promise P14). The marker is one witness (Deployment::contract()); this is the other: which volumes of value are still the
// app's, and how much of what lay in them is still there.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <runs/deployment.hpp>
#include <snapshots/census.hpp>

namespace simmer {

// Names of `state`'s volumes that a service mounts and that the plugin's strategy keeps.
std::vector<std::string> volumes_of_value(RunContext& run, const RecipeState& state);

class DataKept {
 public:
  // `app` runs the base, whose data is there. Counts what is in its volumes of value; one that this machine cannot see into is left out, and said.
  DataKept(RunContext& run, const Deployment& app);

  // Before the upgrade: does `head` still have, mount and keep each of those volumes? What an operator allows it to drop (apps.X.drops) may go,
  // and is said as a warning.
  CheckResult still_has(const RecipeState& head);

  // After it, and again once the app has ended (it may delete as its last act): is more than half of it still there, entries and bytes, volume by
  // volume? Not asked of volumes that turn over, by the base's simmer.yml or the operator, nor of those that may be dropped. Needs no deployment.
  // unverified: a volume could not be counted.
  CheckResult still_there();

 private:
  std::string size_of(const std::string& volume) const;
  bool may_drop(const std::string& volume) const;

  RunContext& run_;
  std::string stack_;
  RecipeState base_;
  std::vector<std::string> volumes_;
  std::string head_version_;              // that still_has() was asked of
  std::map<std::string, fs::path> places_;  // where they lie
  std::map<std::string, Census> before_;
  std::string not_counted_;               // the first one, and why
};

}  // namespace simmer
