// One attempt of a run, from the parent's side: starts the child, listens, holds it to its deadlines, passes
// Ctrl-C on, and knows what it found even when the child dies in the middle.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <base/interruption.hpp>
#include <runs/run_report.hpp>
#include <runs/run_spec.hpp>
#include <simmer/host.hpp>

namespace simmer {

// What people are shown while it runs. Called from the parent's main thread.
class Progress {
 public:
  virtual ~Progress() = default;
  virtual void line(LogLevel level, const std::string& text) = 0;
  virtual void phase(const std::string& text) = 0;
  // The same phase goes on; called every few seconds.
  virtual void still(const std::string& phase, std::chrono::milliseconds for_how_long) = 0;
};

struct AttemptOptions {
  std::vector<std::string> child_command;  // program and hidden flag; the socket's number is added
  fs::path output;                         // what the child and its plugin print goes here (0600)
  Interruption* interruption = nullptr;
  Progress* progress = nullptr;
};

// Must be called from the main thread (the child is to die with it). Never throws for what the child does.
AttemptReport run_attempt(const RunSpec& spec, const AttemptOptions& options);

}  // namespace simmer
