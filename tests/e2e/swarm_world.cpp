#include <e2e/swarm_world.hpp>

#include <gtest/gtest.h>

#include <cstdlib>

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

std::string everything() {
  return docker({"service", "ls", "--format", "service {{.Name}} {{.ID}}"}) + docker({"ps", "-a", "--no-trunc", "--format", "container {{.Names}}"}) +
         docker({"volume", "ls", "--format", "volume {{.Name}}"}) + docker({"secret", "ls", "--format", "secret {{.Name}} {{.ID}}"}) +
         docker({"config", "ls", "--format", "config {{.Name}} {{.ID}}"}) + docker({"network", "ls", "--format", "network {{.Name}} {{.ID}}"});
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
