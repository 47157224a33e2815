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
  explicit DockerCli(DockerAddress address);
  std::string engine_name() const override { return "swarm"; }
  void check(const Limit& limit) override;
  std::map<std::string, std::string> tools(const Limit&) override { return {}; }
  void deploy(const DeploySpec& spec, const std::string& file, const Limit& limit) override;
  void remove(const std::string& stack, const Limit& limit) override;

 private:
  std::string client_version(const Limit& limit);

  DockerAddress address_;
  std::string docker_;
};

// The program `docker`: Debian's engine brings one; a newer one without an engine may come first in PATH.
std::string docker_program();

// Several lines as one, cut to what fits in a message; what would steer a terminal is shown instead.
std::string one_line(std::string text);

}  // namespace simmer::swarm
