#pragma once

#include <string>

namespace simmer {

// One thing that a maintainer should mend in a recipe.
struct LintFinding {
  std::string rule;  // "R001" … where abra has one, else "S…"
  bool error = false;
  std::string message;
};

}  // namespace simmer
