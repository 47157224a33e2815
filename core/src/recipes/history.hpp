// Who descends from whom, where the answer may be that it cannot be told: a shallow clone ends its history early,
// a damaged repository breaks it off.
#pragma once

#include <string>
#include <unordered_set>

namespace simmer {

enum class Ancestry { no, yes, unknown };

// A commit and every commit that leads to it, as far as they are here (40 hex each).
class History {
 public:
  // `is_whole`: no commit that is named as a parent is missing.
  History(std::unordered_set<std::string> commits, bool is_whole) : commits_(std::move(commits)), is_whole_(is_whole) {}

  Ancestry holds(const std::string& commit) const {
    if (commits_.contains(commit)) return Ancestry::yes;
    return is_whole_ ? Ancestry::no : Ancestry::unknown;
  }
  bool is_whole() const { return is_whole_; }

 private:
  std::unordered_set<std::string> commits_;
  bool is_whole_;
};

}  // namespace simmer
