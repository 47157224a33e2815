// Who turns a recipe into a stack of Docker's: the docker CLI, or a tool on top of it. What runs is always read from Docker.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <engine/engine.hpp>
#include <swarm/docker_api.hpp>

namespace simmer::swarm {

// One thread. Failures are Errors as the Engine has them.
class StackDriver {
 public:
  virtual ~StackDriver() = default;
  virtual std::string engine_name() const = 0;
  // What, beside Docker itself, tells it from another one of its name: ", …". Empty: nothing.
  virtual std::string identity() const { return ""; }
  // Is the tool here, and new enough? Error(unavailable) with what was found.
  virtual void check(const Limit& limit) = 0;
  // The tool's own name and version.
  virtual std::map<std::string, std::string> tools(const Limit& limit) = 0;
  // Before anything is made for it: Error(recipe) for what the tool would obey although it was not judged.
  virtual void refuse_unjudged(const DeploySpec&) {}
  // The same for what this tool is too old to deploy, with its version.
  virtual void refuse_unknown(const DeploySpec&, const Limit&) {}
  // Deploys, or changes what is deployed to `spec`; `file` is the stack's one compose file (stack_file.hpp).
  virtual void deploy(const DeploySpec& spec, const std::string& file, const Limit& limit) = 0;
  // Asks for the end of the stack's services; they may still be going when it returns.
  virtual void remove(const std::string& stack, const Limit& limit) = 0;
  // What the tool itself keeps of a stack (an app's entry), as inventory; and what becomes of that when the stack is gone.
  virtual std::vector<EngineObject> objects(const std::string&) { return {}; }
  virtual std::vector<std::string> stacks() { return {}; }
  virtual void forget(const std::string&) {}
  virtual std::optional<std::vector<LintFinding>> lint(const DeploySpec&, const Limit&) { return std::nullopt; }
};

// `docker stack deploy` and `docker stack rm`.
class DockerCli final : public StackDriver {
 public:
  DockerCli(DockerAddress address, std::string program);  // as docker_program() has it
  std::string engine_name() const override { return "swarm"; }
  void check(const Limit&) override {}  // the engine runs commands by the same program
  std::map<std::string, std::string> tools(const Limit&) override { return {}; }
  void refuse_unknown(const DeploySpec& spec, const Limit& limit) override;
  void deploy(const DeploySpec& spec, const std::string& file, const Limit& limit) override;
  void remove(const std::string& stack, const Limit& limit) override;

 private:
  DockerAddress address_;
  std::string docker_;
};

// The docker CLI: `configured` (docker.bin: a path, or a name in PATH); empty: /usr/bin/docker, which Debian's engine brings, else `docker`
// in PATH. Not the first in PATH: what somebody put there for other ends would decide what is deployed.
std::string docker_program(const std::string& configured = "");

// "20.10.24+dfsg1". Error(unavailable) if the program does not say so.
std::string client_version(const std::string& docker, const Limit& limit);

// Does a client of this version know mode: replicated-job and global-job in a stack? (23.0 and later.)
bool knows_jobs(const std::string& client_version);

// Several lines as one, cut to what fits in a message; what would steer a terminal is shown instead.
std::string one_line(std::string text);

}  // namespace simmer::swarm
