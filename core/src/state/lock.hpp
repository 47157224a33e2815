// Locks that die with their holder, are inherited by no child, and are never stolen from a live one
// (promise P7). flock(2) on close-on-exec descriptors; the file's content only tells people who it is.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <base/files.hpp>
#include <base/limit.hpp>

namespace simmer {

class Lock {
 public:
  enum class Mode { shared, exclusive };

  // Waits for it until the limit has passed (a limit in the past: one try). Not got: Error(busy),
  // one line that names the holder. `subject` is for people ("custom-html"), `what_for` is what we
  // will do with it ("simmer run custom-html, run 2026…"), read by others who meet us.
  static Lock acquire(const fs::path& file, Mode mode, const std::string& subject, const std::string& what_for, const Limit& limit);
  // Nothing when somebody else holds it.
  static std::optional<Lock> try_acquire(const fs::path& file, Mode mode, const std::string& what_for);
  // Is it held by anybody, as far as can be told without taking it for long?
  static bool is_held(const fs::path& file);
  // "pid 4711 (simmer run custom-html --quick, since 2026-11-23T23:15:00Z)"; empty when nobody holds it.
  static std::string holder(const fs::path& file);

  Lock(Lock&&) noexcept = default;
  Lock& operator=(Lock&&) noexcept = default;
  ~Lock() = default;

  // For a lock that nobody will ever want again (a run's own): the file goes with it.
  void remove_file();
  void release() { fd_.reset(); }

 private:
  Lock(Fd fd, fs::path file) : fd_(std::move(fd)), file_(std::move(file)) {}
  Fd fd_;
  fs::path file_;
};

}  // namespace simmer
