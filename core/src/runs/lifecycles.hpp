// The lifecycles, walked in the run's child. Each reads like its section in design.md. What they find goes to
// the reporter; they throw only for what is not the recipe's doing.
#pragma once

#include <runs/run_context.hpp>

namespace simmer {

void run_cold(RunContext& run);     // 7.1
void run_quick(RunContext& run);    // 7.2; the known-good's lock is held by the parent
void run_promote(RunContext& run);  // 7.4, by forking the known-good, or (RunMode::seed) from an empty install
void run_deploy(RunContext& run);   // `canonical deploy`

}  // namespace simmer
