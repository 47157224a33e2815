// Could the known-good of an app be deployed now? Whole data is not enough: its recipe, its secrets and its images must be here
// too, and that is better known by day than when it is needed. `canonical verify` and `status` say it.
#pragma once

#include <string>
#include <vector>

#include <runs/run_command.hpp>

namespace simmer {

struct Deployable {
  std::vector<std::string> faults;  // one line each; empty: nothing is missing that was looked at
  std::string not_asked;            // why the engine could not be asked for images; empty: it was
};

// The snapshot is read as far as KnownGood::check() goes, and not further. Changes nothing, pulls nothing. The engine is given
// `patience`; none: it is not asked.
Deployable judge_deployable(const Session& session, const KnownGood& known_good, milliseconds patience);

}  // namespace simmer
