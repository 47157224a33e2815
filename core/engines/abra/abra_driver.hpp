// Drives the abra CLI as an operator would: under a pseudo-terminal, never prompting, offline, in an ABRA_DIR of each stack's own.
// See docs/engine-abra.md.
#pragma once

#include <swarm/stack_driver.hpp>

namespace simmer {

struct AbraOptions {
  std::string program = "abra";      // abra.bin
  std::filesystem::path dir;         // abra.dir, the operator's ABRA_DIR: only read, for its catalogue
  std::string server = "default";    // abra.server
  std::filesystem::path folder;      // <state>/engines/abra: an ABRA_DIR per stack
  std::filesystem::path runs;        // <state>/runs: what abra said goes to <run id>/abra.log; empty: nowhere
  swarm::DockerAddress docker;
  std::string docker_program{};  // docker.bin
};

class AbraDriver final : public swarm::StackDriver {
 public:
  explicit AbraDriver(AbraOptions options);

  std::string engine_name() const override { return "abra"; }
  std::string identity() const override { return options_.dir.empty() ? "" : ", abra.dir " + options_.dir.string(); }
  void check(const Limit& limit) override;
  std::map<std::string, std::string> tools(const Limit& limit) override;
  void refuse_unjudged(const DeploySpec& spec) override;
  void deploy(const DeploySpec& spec, const std::string& file, const Limit& limit) override;
  void remove(const std::string& stack, const Limit& limit) override;
  std::vector<EngineObject> objects(const std::string& stack) override;
  std::vector<std::string> stacks() override;
  void forget(const std::string& stack) override;
  std::optional<std::vector<LintFinding>> lint(const DeploySpec& spec, const Limit& limit) override;

 private:
  struct Said {
    int exit_code = 0;
    std::string out, err;
  };
  using fs_path = std::filesystem::path;

  Said run(const fs_path& abra_dir, std::vector<std::string> arguments, const std::map<std::string, std::string>& secrets, const std::string& run_id, const Limit& limit);
  void require_label(const DeploySpec& spec, const Limit& limit);
  std::string version(const Limit& limit);

  AbraOptions options_;
  std::string docker_;
};

}  // namespace simmer
