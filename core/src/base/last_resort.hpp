// For work that hears no stop token: a library that waits in a system call, on a pipe or on a file system that never answers.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include <base/limit.hpp>
#include <simmer/error.hpp>

namespace simmer {

// While it lives, the process may end in the middle of what its maker does: if that has not come back half a second after `limit`
// has passed or was stopped. Then, in a thread of its own, `tidy` removes what the work has made so far (the work may still be
// making more; exceptions are swallowed), and `end` is called with Error(interrupted), "interrupted while <doing>", or
// Error(unavailable), "timed out while <doing>". `end` says it and does not return; an empty one writes one line to standard error
// and exits, with 130 or 7. Work that comes back in time is none of its business.
class LastResort {
 public:
  using End = std::function<void(const Error&)>;

  LastResort(std::string doing, const Limit& limit, std::function<void()> tidy, End end);
  // Does not return once the process is being ended.
  ~LastResort();
  LastResort(const LastResort&) = delete;

 private:
  void watch();

  const std::string doing_;
  const Limit limit_;
  const std::function<void()> tidy_;
  const End end_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool done_ = false, ending_ = false;
  std::thread thread_;
};

}  // namespace simmer
