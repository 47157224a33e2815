// Ctrl-C, SIGTERM and SIGHUP as a stop token and as a descriptor to poll.
#pragma once

#include <atomic>
#include <stop_token>
#include <thread>

#include <base/files.hpp>

namespace simmer {

// Make one early in main, before other threads: it blocks the signals for the process. Programs that are
// started get them unblocked again (spawn_process).
class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  std::stop_token token() const { return source_.get_token(); }
  // Readable once a signal has come; how many have come.
  int descriptor() const { return event_.get(); }
  int count() const { return count_; }

 private:
  void listen();
  std::stop_source source_;
  Fd event_, end_;
  std::atomic<int> count_{0};
  std::thread thread_;
};

}  // namespace simmer
