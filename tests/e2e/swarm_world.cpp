#include <e2e/swarm_world.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <regex>
#include <sstream>

#include <base/files.hpp>

#ifndef SIMMER_ABRA_STAND_IN
#define SIMMER_ABRA_STAND_IN ""
#endif

namespace simmer::e2e {

std::string docker(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "/usr/bin/docker");
  const auto done = run_command({arguments, {}, false, {}, ""}, Limit::in(std::chrono::seconds(60)));
  EXPECT_EQ(done.exit_code, 0) << done.err;
  return done.out;
}

std::string base_domain() {
  const char* name = std::getenv("SIMMER_STORY_NAME");
  return (name == nullptr ? "" : std::string(name) + ".") + "simmer.localhost";
}

std::string stack_suffix() {
  std::string suffix = "_" + base_domain();
  std::replace(suffix.begin(), suffix.end(), '.', '_');
  return suffix;
}

namespace {

std::string everything_at_all() {
  return docker({"service", "ls", "--format", "service {{.Name}} {{.ID}}"}) + docker({"ps", "-a", "--no-trunc", "--format", "container {{.Names}}"}) +
         docker({"volume", "ls", "--format", "volume {{.Name}}"}) + docker({"secret", "ls", "--format", "secret {{.Name}} {{.ID}}"}) +
         docker({"config", "ls", "--format", "config {{.Name}} {{.ID}}"}) + docker({"network", "ls", "--format", "network {{.Name}} {{.ID}}"});
}

}  // namespace

std::string everything() {
  // Not what other stories have that are told at the same time, which their names tell: "…_s2_simmer_localhost…".
  static const std::regex of_a_story("_s[0-9]+_simmer_localhost");
  std::istringstream lines(everything_at_all());
  std::string mine;
  for (std::string line; std::getline(lines, line);)
    if (line.find(stack_suffix()) != std::string::npos || !std::regex_search(line, of_a_story)) mine += line + "\n";
  return mine;
}

std::string engine_config() {
  const char* engine = std::getenv("SIMMER_STORY_ENGINE");
  if (engine == nullptr || std::string(engine) != "abra") return "engine: swarm\n";
  const char* real = std::getenv("SIMMER_TEST_ABRA");
  const std::string program = real != nullptr && *real != '\0' ? real : SIMMER_ABRA_STAND_IN;
  std::cerr << "the engine abra drives " << program << (real == nullptr ? ", a STAND-IN for abra" : "") << std::endl;
  return "engine: abra\nabra: {bin: " + program + "}\n";
}

bool eventually(const std::function<bool()>& done) {
  const auto limit = Limit::in(std::chrono::seconds(60));
  while (!done()) {
    if (limit.passed()) return false;
    wait_for(milliseconds(50), {}, "what a test waits for");
  }
  return true;
}

}  // namespace simmer::e2e
