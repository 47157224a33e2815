#include <base/limit.hpp>

#include <condition_variable>
#include <mutex>

namespace simmer {

void wait_for(milliseconds duration, const std::stop_token& stop, const std::string& what) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait_for(lock, stop, duration, [] { return false; });
  if (stop.stop_requested()) throw Error(ErrorKind::interrupted, "interrupted while " + what);
}

}  // namespace simmer
