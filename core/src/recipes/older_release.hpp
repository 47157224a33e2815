// Which release an upgrade to some state of a recipe starts from. "There is none" and "it cannot be told" are two
// answers: the first is a reason not to test an upgrade, the second is not.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <recipes/recipe_repository.hpp>

namespace simmer {

struct OlderRelease {
  std::optional<Release> release;
  // Without a release: why there is none, or why it cannot be told whether there is one.
  std::string why;
  bool is_known = true;  // what `why` says is certain
};

// The newest release, pre-releases aside, that is older than the state under test: for a release by version; for
// anything else the newest one in its history. A history that does not say (cut off, rewritten, unrelated) leaves it to
// the version in the state's label, which `label` reads ("": it has none) and which is asked for only then. What is
// not committed and has neither counts as newer than every release; of a commit, by its id or as a clean checkout, it cannot be told.
OlderRelease older_release(const RecipeRepository& repository, const ResolvedRef& under_test, const std::function<std::string()>& label);

}  // namespace simmer
