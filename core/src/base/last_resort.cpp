#include <base/last_resort.hpp>

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace simmer {

namespace {
constexpr milliseconds grace(500);  // people wait two seconds for an answer to Ctrl-C
}

LastResort::LastResort(std::string doing, const Limit& limit, std::function<void()> tidy, End end)
    : doing_(std::move(doing)), limit_(limit), tidy_(std::move(tidy)), end_(std::move(end)), thread_([this] { watch(); }) {}

LastResort::~LastResort() {
  {
    std::unique_lock lock(mutex_);
    while (ending_) changed_.wait(lock);  // for ever: the other thread ends the process
    done_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void LastResort::watch() {
  {
    std::unique_lock lock(mutex_);
    const auto done = [this] { return done_; };
    changed_.wait_until(lock, limit_.stop(), limit_.at(), done);
    if (changed_.wait_for(lock, grace, done)) return;
    ending_ = true;
  }
  const bool stopped = limit_.stop().stop_requested();
  // The work may still be going on: what it makes in the meantime is removed once more.
  bool tidied = !tidy_;
  for (int tries = 0; !tidied && tries < 20; ++tries) {
    try {
      tidy_();
      tidied = true;
    } catch (const std::exception&) {
      continue;
    }
  }
  const Error error(stopped ? ErrorKind::interrupted : ErrorKind::unavailable, (stopped ? "interrupted while " : "timed out while ") + doing_);
  if (end_) end_(error);
  std::fprintf(stderr, "simmer: %s\n", error.what());
  std::_Exit(stopped ? 130 : 7);
}

}  // namespace simmer
