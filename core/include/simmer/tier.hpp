// The five tiers of a run and how each of them, and each check in them, reports.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace simmer {

enum class Tier { install, upgrade, backup, restore, custom };

inline constexpr std::array<Tier, 5> all_tiers = {Tier::install, Tier::upgrade, Tier::backup, Tier::restore, Tier::custom};

constexpr std::string_view to_string(Tier tier) {
  switch (tier) {
    case Tier::install: return "install";
    case Tier::upgrade: return "upgrade";
    case Tier::backup: return "backup";
    case Tier::restore: return "restore";
    case Tier::custom: return "custom";
  }
  return "?";
}

constexpr std::optional<Tier> tier_from(std::string_view name) {
  for (const Tier tier : all_tiers)
    if (to_string(tier) == name) return tier;
  return std::nullopt;
}

// unverified: it should have been shown and was not. It is never green.
enum class Outcome { pass, fail, skip, unverified };

constexpr std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::pass: return "pass";
    case Outcome::fail: return "fail";
    case Outcome::skip: return "skip";
    case Outcome::unverified: return "unverified";
  }
  return "?";
}

// What one check found. `message` is for the recipe's maintainer: what was expected, what was seen.
struct CheckResult {
  Outcome outcome = Outcome::unverified;
  std::string message;
};

}  // namespace simmer
