// The local engine: deployments as plain processes of this machine, for recipes whose services have an
// `x-simmer-local` section. No container, no root, no daemon: each deployment has one small supervisor
// process of its own that outlives whoever deployed it. See docs/engine-local.md.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <engine/engine.hpp>

namespace simmer {

struct LocalEngineOptions {
  std::filesystem::path state_dir;  // <state>/engines/local; made when missing
  // The program that calls run_local_supervisor(), and the words that make it do so; the deployment's
  // folder is added as the last one: {this_program(), "--local-supervisor"}.
  std::vector<std::string> supervisor_argv;
};

class LocalEngine final : public Engine {
 public:
  explicit LocalEngine(LocalEngineOptions options);

  std::string name() const override { return "local"; }
  void check(const Limit& limit) override;
  std::map<std::string, std::string> tools(const Limit&) override { return {}; }  // none: it is a part of Simmer
  std::vector<std::string> unenforced(const DeploySpec& spec) override;
  void make_images_present(const DeploySpec& spec, const Limit& limit) override;
  std::vector<std::string> missing_images(const DeploySpec& spec, const Limit& limit) override;
  void deploy(const DeploySpec& spec, const Limit& limit) override;
  void upgrade(const DeploySpec& spec, const Limit& limit) override;
  void stop(const std::string& stack, const Limit& limit) override;
  void start(const std::string& stack, const Limit& limit) override;
  std::vector<std::string> undeploy(const std::string& stack, const Limit& limit) override;
  std::vector<std::string> remove(const std::string& stack, const Limit& limit) override;
  std::vector<EngineObject> inventory(const std::string& stack, const Limit& limit) override;
  std::optional<Deployed> deployed(const std::string& stack, const Limit& limit) override;
  Convergence state(const std::string& stack, const Limit& limit) override;
  Convergence wait_converged(const std::string& stack, const Limit& limit) override;
  Convergence wait_for_change(const std::string& stack, std::uint64_t seen, const Limit& limit) override;
  std::string endpoint(const std::string& stack, const std::string& service, const Limit& limit) override;
  ExecResult exec(const std::string& stack, const ExecRequest& request, const Limit& limit) override;
  std::string logs(const std::string& stack, const std::string& service, std::size_t max_lines, const Limit& limit) override;
  VolumePlace volume(const std::string& stack, const std::string& volume, const Limit& limit) override;

  // Gives the ports of a kept app back, which nothing else does: for an app that is no longer configured.
  void forget(const std::string& stack) override;

 private:
  LocalEngineOptions options_;
};

// The main() of a supervisor: argv[argc - 1] is the deployment's folder. Call it first of all, before
// any thread exists, and return what it returns.
int run_local_supervisor(int argc, char** argv);

}  // namespace simmer
