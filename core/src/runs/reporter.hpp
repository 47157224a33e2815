// What a lifecycle tells while it walks. The child's implementation turns each call into one JSON line
// to the parent, which keeps what it has heard even when the child dies in the middle.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include <simmer/host.hpp>
#include <simmer/tier.hpp>

namespace simmer {

class Reporter {
 public:
  virtual ~Reporter() = default;
  virtual void log(LogLevel level, const std::string& text) = 0;
  // What is being done or waited for now; shown to people.
  virtual void phase(const std::string& text) = 0;
  virtual void tier_started(Tier tier) = 0;
  virtual void check(Tier tier, const std::string& name, bool required, const CheckResult& result, std::chrono::milliseconds took) = 0;
  // `why` for a skip or an unverified: "declared: …", "structural: …", "base-broken: …".
  virtual void tier_done(Tier tier, Outcome outcome, const std::string& why, std::chrono::milliseconds took) = 0;
  // Something for result.json, by key (see docs/formats/result.md).
  virtual void fact(const std::string& key, const std::string& value) = 0;
  virtual void facts(const std::string& key, const std::map<std::string, std::string>& values) = 0;
  // Named durations, summed: "app_start", "window", "fork", "restore", …
  virtual void timing(const std::string& name, std::chrono::milliseconds took) = 0;
  virtual void warning(const std::string& text) = 0;
  // A deployment from nothing was made (upgrades in place do not count).
  virtual void deployed() = 0;
  // What a teardown left behind.
  virtual void residue(const std::string& what) = 0;
};

}  // namespace simmer
