// How long a blocking call may take, and how it is cancelled: every wait in Simmer has both.
#pragma once

#include <algorithm>
#include <chrono>
#include <stop_token>
#include <string>

#include <simmer/error.hpp>

namespace simmer {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// A point in steady time and a stop token. Copied freely; thread-safe as std::stop_token is.
class Limit {
 public:
  static Limit in(milliseconds duration, std::stop_token stop = {}) { return Limit(Clock::now() + duration, std::move(stop)); }

  Clock::time_point at() const { return at_; }
  const std::stop_token& stop() const { return stop_; }
  bool passed() const { return Clock::now() >= at_; }
  // Zero when it has passed.
  milliseconds remaining() const {
    return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(at_ - Clock::now()));
  }
  // The same stop token, and whichever deadline is earlier.
  Limit at_most(milliseconds duration) const { return Limit(std::min(at_, Clock::now() + duration), stop_); }
  // The same deadline, deaf to cancellation: for cleaning up after one.
  Limit unstoppable() const { return Limit(at_, {}); }

  // Throws Error(interrupted) when cancelled; `what` says what was being waited for.
  void check_stop(const std::string& what) const {
    if (stop_.stop_requested()) throw Error(ErrorKind::interrupted, "interrupted while " + what);
  }

 private:
  Limit(Clock::time_point at, std::stop_token stop) : at_(at), stop_(std::move(stop)) {}
  Clock::time_point at_;
  std::stop_token stop_;
};

// Waits until the time has passed; throws Error(interrupted) at once when cancelled.
void wait_for(milliseconds duration, const std::stop_token& stop, const std::string& what);

}  // namespace simmer
