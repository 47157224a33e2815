// A custom test of a recipe: named, required or wanted, with a result and a message.
#pragma once

#include <string>

#include <simmer/tier.hpp>

namespace simmer {

class Check {
 public:
  virtual ~Check() = default;
  // Short, stable, without spaces: it appears in results and statistics ("serves-index").
  virtual std::string name() const = 0;
  // A required check that fails, or does not run, makes the run red; a wanted one is only reported.
  virtual bool required() const = 0;
  // Runs once against a healthy deployment.
  virtual CheckResult run() = 0;
};

}  // namespace simmer
