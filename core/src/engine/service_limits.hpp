// What the services of a run are held to, so that a recipe under test cannot take the machine down. Configured by the operator
// (`runs.limits`), handed to a run's child as it stands, enforced by the engine.
#pragma once

#include <algorithm>
#include <cstdint>

namespace simmer {

// What a service may use at most; 0: no limit. A tighter one that the recipe sets itself wins.
struct ServiceLimits {
  std::int64_t pids = 0;  // processes and threads
  std::int64_t memory_bytes = 0;
  double cpus = 0;
  friend bool operator==(const ServiceLimits&, const ServiceLimits&) = default;
};

// Field by field the smaller one; 0 is none.
inline ServiceLimits tighter(const ServiceLimits& a, const ServiceLimits& b) {
  const auto smaller = [](auto one, auto other) { return one <= 0 ? other : other <= 0 ? one : std::min(one, other); };
  return {smaller(a.pids, b.pids), smaller(a.memory_bytes, b.memory_bytes), smaller(a.cpus, b.cpus)};
}

}  // namespace simmer
