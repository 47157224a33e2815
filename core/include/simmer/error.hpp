// The one error idiom of Simmer: a failure is an exception of type simmer::Error.
//
// It has a kind, which decides the exit code in one place (the runner), a message (what, where, what
// to do), and a trail: what was being done when it happened, innermost first. A domain outcome
// (held, unhealthy, red, rolled back) is never an Error; those are values.
//
// A plugin may throw any std::exception: the host adds which plugin and which call.
#pragma once

#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace simmer {

// What kind of trouble this is. The exit codes are those of the command line's contract.
enum class ErrorKind {
  usage,           // what the caller typed (exit 2)
  config,          // what the operator configured (exit 2)
  recipe,          // what a recipe contains: red in a run (1), usage where a recipe is only shown (2)
  plugin,          // a plugin failed: red in a run (1); one that cannot be had: exit 7
  busy,            // another Simmer holds it (exit 6)
  unavailable,     // engine, plugin or dependency does not answer (exit 7)
  infrastructure,  // no disk, no address, no image: never blamed on the recipe (exit 7)
  needs_operator,  // state is damaged or incomplete; a person decides (exit 5)
  interrupted,     // Ctrl-C, SIGTERM, a stop token (exit 130)
  internal,        // a defect of Simmer itself (exit 7)
};

// Thread-safe to copy; owns its strings. Visible across shared objects, so that the host can catch
// what a plugin throws.
class __attribute__((visibility("default"))) Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string message) : kind_(kind), message_(std::move(message)) { compose(); }

  ErrorKind kind() const noexcept { return kind_; }
  // The message alone, one line, without the trail.
  const std::string& message() const noexcept { return message_; }
  // What was being done, innermost first.
  const std::vector<std::string>& trail() const noexcept { return trail_; }
  // Message and trail in one line: "no such file (reading the manifest; restoring custom-html)".
  const char* what() const noexcept override { return line_.c_str(); }

  // Adds one more thing that was being done. Called on the way up, see while_doing().
  void add_context(std::string doing) {
    trail_.push_back(std::move(doing));
    compose();
  }

 private:
  void compose() {
    line_ = message_;
    for (std::size_t i = 0; i < trail_.size(); ++i) line_ += (i == 0 ? " (" : "; ") + trail_[i];
    if (!trail_.empty()) line_ += ")";
  }

  ErrorKind kind_;
  std::string message_;
  std::vector<std::string> trail_;
  std::string line_;
};

// Runs `action`; an Error that leaves it gains `doing` ("restoring volume data of app x").
template <class Action>
decltype(auto) while_doing(std::string doing, Action&& action) {
  try {
    return std::forward<Action>(action)();
  } catch (Error& error) {
    error.add_context(std::move(doing));
    throw;
  }
}

}  // namespace simmer
