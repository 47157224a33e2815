// Is this deployment really healthy? Not only a 200: the app's own page, not the proxy's.
#pragma once

#include <string>

namespace simmer {

enum class HealthState {
  healthy,
  unhealthy,   // asked, and it is not (yet): the message says what was seen
  unverified,  // nothing to ask: never counts as healthy
};

struct Health {
  HealthState state = HealthState::unverified;
  std::string message;
};

// One per deployment. Asked again and again until the app is healthy and steady for a window, or a
// deadline ends the wait: so one call answers once, quickly, and never waits itself.
class HealthProbe {
 public:
  virtual ~HealthProbe() = default;
  // A server that does not answer yet is `unhealthy`, not an exception.
  virtual Health probe() = 0;
};

}  // namespace simmer
