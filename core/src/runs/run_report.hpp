// What a run found, and what it means: verdict, level, exit code. Pure values and pure functions.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <simmer/error.hpp>
#include <simmer/tier.hpp>

namespace simmer {

struct CheckReport {
  std::string name;
  bool required = true;
  Outcome outcome = Outcome::unverified;
  std::string message;
  std::chrono::milliseconds took{0};
};

struct TierReport {
  Outcome outcome = Outcome::unverified;
  std::string why = "not reached";
  std::vector<CheckReport> checks;
  std::chrono::milliseconds took{0};
};

enum class Verdict { pass, fail, flaky, error, skip };
std::string_view to_string(Verdict verdict);

// One walk through a lifecycle, as far as it came.
struct AttemptReport {
  std::map<Tier, TierReport> tiers;
  std::map<std::string, std::string> facts;
  std::map<std::string, std::map<std::string, std::string>> fact_maps;  // "digests", …
  std::map<std::string, std::chrono::milliseconds> timings;
  std::vector<std::string> warnings, residue;
  int deploy_count = 0, deploys_expected = 0;
  bool ended = false;  // the child said that it was done
  // Why it did not get to its end: an Error that left the lifecycle, a dead or hanging child.
  std::optional<ErrorKind> failed;
  std::string failure;
  std::string cold_not_applicable;  // declared by the plugin
  std::chrono::milliseconds took{0};
};

// design.md 7.1: any fail is fail; a required tier left unverified is fail, but for base-broken; nothing
// executed is fail; infrastructure trouble is error; a declared "not for cold runs" is skip.
Verdict judge(const AttemptReport& report, const std::vector<Tier>& asked);
// Every tier ran, or was a declared or structural skip.
bool is_full(const AttemptReport& report, const std::vector<Tier>& asked);

struct Rung {
  std::string name;  // install, upgrade, backup+restore, custom, lint
  Outcome outcome = Outcome::unverified;
  std::string reason;
};
struct Level {
  int level = 0;  // 0 to 5
  std::vector<Rung> rungs;
};
Level climb(const AttemptReport& report);

// One sentence for the last line: which tier failed with what, or what went wrong.
std::string reason_of(const AttemptReport& report);

// The exit code that an Error of this kind means on its own (design.md section 9).
int exit_code_of(ErrorKind kind);
// Of several codes, the one that counts: 5, 7, 4, 1, 6, 3, 0 (130 and 2 above all).
int worst_exit_code(int a, int b);

}  // namespace simmer
