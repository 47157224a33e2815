// Whose fault is what Docker refuses? A recipe's own content is red (exit 1), what the machine lacks is an error (exit 7). Docker's
// words are one table, in one place.
#pragma once

#include <string>

#include <simmer/error.hpp>

namespace simmer::swarm {

// Of what `docker stack deploy`, abra or a task's state said: true where this machine or its Docker is to blame (no network, no
// disk, no leader, addresses exhausted), false where the recipe is. What no row knows is the recipe's: what was asked for is its own.
bool is_machines_fault(const std::string& said);

// Of an answer of Docker's API to the wish for something that the recipe describes (a config, a secret): recipe for what is wrong with
// the wish (400, 409, 413), else unavailable.
ErrorKind kind_of_refusal(int status, const std::string& said);

}  // namespace simmer::swarm
