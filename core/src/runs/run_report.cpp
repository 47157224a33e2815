#include <runs/run_report.hpp>

#include <algorithm>
#include <array>

#include <runs/error_kind.hpp>

namespace simmer {

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass: return "pass";
    case Verdict::fail: return "fail";
    case Verdict::flaky: return "flaky";
    case Verdict::error: return "error";
    case Verdict::skip: return "skip";
  }
  return "?";
}

namespace {

bool is_asked(Tier tier, const std::vector<Tier>& asked) { return std::find(asked.begin(), asked.end(), tier) != asked.end(); }
bool is_base_broken(Tier which, const TierReport& tier) {
  return which == Tier::upgrade && tier.outcome == Outcome::unverified && tier.why.starts_with("base-broken");
}

const TierReport& tier_of(const AttemptReport& report, Tier tier) {
  static const TierReport none;
  const auto found = report.tiers.find(tier);
  return found == report.tiers.end() ? none : found->second;
}

bool is_recipe_trouble(ErrorKind kind) { return kind == ErrorKind::recipe || kind == ErrorKind::plugin; }

// Backup and restore are one rung: it is as good as the worse of them.
Rung backup_and_restore(const AttemptReport& report) {
  const auto& backup = tier_of(report, Tier::backup);
  const auto& restore = tier_of(report, Tier::restore);
  static constexpr std::array order = {Outcome::fail, Outcome::unverified, Outcome::pass, Outcome::skip};
  const auto rank = [](Outcome outcome) { return std::find(order.begin(), order.end(), outcome) - order.begin(); };
  const bool backup_decides = rank(backup.outcome) <= rank(restore.outcome);
  return {"backup+restore", backup_decides ? backup.outcome : restore.outcome, backup_decides ? backup.why : restore.why};
}

Rung lint_rung(const AttemptReport& report) {
  const auto found = report.facts.find("lint");
  if (found == report.facts.end()) return {"lint", Outcome::unverified, "not reached"};
  if (found->second == "clean") return {"lint", Outcome::pass, "clean"};
  return {"lint", Outcome::fail, found->second};
}

}  // namespace

Verdict judge(const AttemptReport& report, const std::vector<Tier>& asked) {
  if (report.failed && !is_recipe_trouble(*report.failed)) return Verdict::error;
  if (report.failed || !report.ended) return Verdict::fail;
  if (!report.residue.empty()) return Verdict::fail;
  if (!report.cold_not_applicable.empty()) return Verdict::skip;
  bool executed = false;
  for (const Tier tier : asked) {
    const auto& found = tier_of(report, tier);
    if (found.outcome == Outcome::fail) return Verdict::fail;
    if (found.outcome == Outcome::unverified && !is_base_broken(tier, found)) return Verdict::fail;
    for (const auto& check : found.checks) {
      if (check.outcome == Outcome::pass) executed = true;
      if (check.required && (check.outcome == Outcome::fail || check.outcome == Outcome::unverified) && !is_base_broken(tier, found)) return Verdict::fail;
    }
  }
  // A base that could not even be deployed explains the missing deployment.
  const bool counts = report.deploy_count == report.deploys_expected || is_base_broken(Tier::upgrade, tier_of(report, Tier::upgrade));
  return executed && counts ? Verdict::pass : Verdict::fail;
}

bool is_full(const AttemptReport& report, const std::vector<Tier>& asked) {
  return std::all_of(all_tiers.begin(), all_tiers.end(), [&](Tier tier) {
    const auto& found = tier_of(report, tier);
    return is_asked(tier, asked) && (found.outcome == Outcome::pass || found.outcome == Outcome::fail || found.outcome == Outcome::skip);
  });
}

Level climb(const AttemptReport& report) {
  const auto rung = [&](const std::string& name, Tier tier) {
    const auto& found = tier_of(report, tier);
    return Rung{name, found.outcome, found.why};
  };
  Level level;
  level.rungs = {rung("install", Tier::install), rung("upgrade", Tier::upgrade), backup_and_restore(report), rung("custom", Tier::custom), lint_rung(report)};
  for (auto& [name, outcome, reason] : level.rungs) {
    // Not asked for is reported as a skip of the tier, but nobody has shown anything: no rung.
    if (outcome == Outcome::skip && reason.starts_with("not asked for")) outcome = Outcome::unverified;
  }
  for (const auto& [name, outcome, reason] : level.rungs) {
    if (outcome == Outcome::fail || outcome == Outcome::unverified) break;
    ++level.level;
  }
  return level;
}

namespace {

bool is_unmet(const CheckReport& check) { return check.required && check.outcome != Outcome::pass && check.outcome != Outcome::skip; }

std::optional<std::string> unmet_check(Tier tier, const TierReport& report) {
  const auto unmet = std::find_if(report.checks.begin(), report.checks.end(), is_unmet);
  if (unmet == report.checks.end()) return std::nullopt;
  return std::string(to_string(tier)) + ": " + unmet->name + ": " + unmet->message;
}

bool any_check_passed(const AttemptReport& report) {
  for (const auto& [which, tier] : report.tiers)
    for (const auto& check : tier.checks)
      if (check.outcome == Outcome::pass) return true;
  return false;
}

std::string reason_with_lines(const AttemptReport& report) {
  // Trouble of the machine explains a tier that failed on the way to it, not the other way round.
  if (report.failed && !is_recipe_trouble(*report.failed)) return report.failure;
  for (const Tier tier : all_tiers) {
    const auto& found = tier_of(report, tier);
    if (found.outcome != Outcome::fail) continue;
    return unmet_check(tier, found).value_or(std::string(to_string(tier)) + ": " + found.why);
  }
  if (!report.failure.empty()) return report.failure;
  if (!report.residue.empty()) return "teardown left " + report.residue.front();
  if (!report.cold_not_applicable.empty()) return report.cold_not_applicable;
  for (const Tier tier : all_tiers) {
    const auto& found = tier_of(report, tier);
    if (found.outcome == Outcome::unverified) return std::string(to_string(tier)) + " unverified: " + found.why;
  }
  for (const Tier tier : all_tiers)
    if (const auto unmet = unmet_check(tier, tier_of(report, tier))) return *unmet;
  if (!report.ended) return "the run did not come to its end";
  if (report.deploy_count != report.deploys_expected)
    return "deployed " + std::to_string(report.deploy_count) + " times, expected " + std::to_string(report.deploys_expected);
  if (!any_check_passed(report)) return "no check was executed";
  return "";
}

}  // namespace

std::string reason_of(const AttemptReport& report) {
  // A service's last words may be several lines.
  std::string reason = reason_with_lines(report);
  while (!reason.empty() && reason.back() == '\n') reason.pop_back();
  std::replace(reason.begin(), reason.end(), '\n', ' ');
  return reason;
}

namespace {

constexpr std::pair<ErrorKind, std::string_view> kind_names[] = {
    {ErrorKind::usage, "usage"},           {ErrorKind::config, "config"},
    {ErrorKind::recipe, "recipe"},         {ErrorKind::plugin, "plugin"},
    {ErrorKind::busy, "busy"},             {ErrorKind::unavailable, "unavailable"},
    {ErrorKind::infrastructure, "infrastructure"}, {ErrorKind::needs_operator, "needs-operator"},
    {ErrorKind::interrupted, "interrupted"}, {ErrorKind::internal, "internal"}};

}  // namespace

std::string to_text(ErrorKind kind) {
  for (const auto& [candidate, name] : kind_names)
    if (candidate == kind) return std::string(name);
  return "internal";
}

ErrorKind error_kind_from(std::string_view name) {
  for (const auto& [kind, candidate] : kind_names)
    if (candidate == name) return kind;
  return ErrorKind::internal;
}

int exit_code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
    case ErrorKind::config: return 2;
    case ErrorKind::recipe:
    case ErrorKind::plugin: return 1;
    case ErrorKind::busy: return 6;
    case ErrorKind::needs_operator: return 5;
    case ErrorKind::interrupted: return 130;
    case ErrorKind::unavailable:
    case ErrorKind::infrastructure:
    case ErrorKind::internal: return 7;
  }
  return 7;
}

int worst_exit_code(int a, int b) {
  static constexpr std::array order = {130, 2, 5, 7, 4, 1, 6, 3, 0};
  const auto rank = [](int code) { return std::find(order.begin(), order.end(), code); };
  return rank(a) < rank(b) ? a : b;
}

}  // namespace simmer
