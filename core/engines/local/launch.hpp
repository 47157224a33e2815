// Starting a deployment's supervisor: a process that outlives us, and nobody's child when it has begun.
#pragma once

#include <string>
#include <vector>

#include <base/limit.hpp>
#include <local/stack_folder.hpp>

namespace simmer::local {

// `program`: the words that make this program a supervisor; the folder is added. Returns when it has accepted the deployment.
// Its refusal is thrown as the Error it is; Error(unavailable) when it did not start.
void start_supervisor(const StackFolder& folder, const std::vector<std::string>& program, const Limit& limit);

}  // namespace simmer::local
