// Which hosts a Traefik rule answers for: enough of the rule language (v2 and v3) to say for certain
// that a router answers for the run's own host and nothing else.
#pragma once

#include <string>

namespace simmer {

// Empty when every request that `rule` can match is for `domain` or a name below it; else what is
// wrong, for people. What cannot be parsed, or cannot be proved, is wrong.
std::string foreign_host_in_rule(const std::string& rule, const std::string& domain);

}  // namespace simmer
