// The janitor (design.md 7.6): removes what no living run owns. Age is no criterion for what runs, and what is
// kept is never a candidate.
#pragma once

#include <string>
#include <vector>

#include <runs/run_command.hpp>

namespace simmer {

// Recovers what is dead, then removes orphaned deployments, unreferenced parts of snapshots, what killed clones and
// fetches left, old runs and locks of runs that ended. Says each thing; what it could not do is returned, in words.
std::vector<std::string> collect_garbage(Session& session, bool dry_run, const RecoverLog& say);

}  // namespace simmer
