// Where the programs are that judge Simmer's reading (build.sh makes them), for the tests that ask them.
//
// A machine without Go has none, and its tests skip. The suites that are to prove something never do: there a missing judge is red.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace simmer::test {

// The program `name` in the folder that SIMMER_TEST_COMPOSE_ORACLES names; empty: there is none.
inline std::string oracle(const std::string& name) {
  const char* folder = std::getenv("SIMMER_TEST_COMPOSE_ORACLES");
  const std::string program = std::string(folder == nullptr ? "" : folder) + "/" + name;
  return folder != nullptr && std::filesystem::exists(program) ? program : "";
}

// Whether this run was begun by `./test.sh` (SIMMER_TEST_SUITE), which builds the oracles: the suite that must not go without them.
inline bool oracle_is_required() {
  const char* suite = std::getenv("SIMMER_TEST_SUITE");
  return suite != nullptr && (std::string(suite) == "default" || std::string(suite) == "asan");
}

}  // namespace simmer::test

// Ends the test when there is no such oracle: a failure where it is required, else skipped.
#define SIMMER_NEEDS_ORACLE(name)                                                                                                                     \
  if (::simmer::test::oracle(name).empty()) {                                                                                                         \
    if (::simmer::test::oracle_is_required()) FAIL() << "SIMMER_TEST_COMPOSE_ORACLES names no folder with " << name << ", and this suite must have it"; \
    GTEST_SKIP() << "SIMMER_TEST_COMPOSE_ORACLES names no folder with " << name << ": tests/compose-oracle/build.sh makes one";                        \
  }                                                                                                                                                   \
  static_assert(true)
