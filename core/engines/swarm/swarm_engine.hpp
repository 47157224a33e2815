// The engines `swarm` and `abra`: the same stacks as `docker stack deploy` makes, on a real Docker Swarm. Who makes them is a
// driver's business (the docker CLI, or abra); the docker CLI runs commands in containers; everything that is read comes from
// Docker's API. See docs/engine-swarm.md and docs/engine-abra.md.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <engine/engine.hpp>
#include <swarm/docker_api.hpp>
#include <swarm/stack_driver.hpp>
#include <swarm/stack_state.hpp>

namespace simmer {

struct SwarmEngineOptions {
  swarm::DockerAddress docker;
  std::string instance;  // which Simmer this is: what another one deployed on the same Docker is not in inventory("")
  std::unique_ptr<swarm::StackDriver> driver = nullptr;  // what makes stacks; none: the docker CLI
  std::string docker_program{};  // docker.bin; empty: docker_program() looks for it
};

class SwarmEngine final : public Engine {
 public:
  explicit SwarmEngine(SwarmEngineOptions options);

  std::string name() const override { return driver_->engine_name(); }
  std::string identity(const Limit& limit) override;
  void check(const Limit& limit) override;
  std::vector<Finding> examine(const std::string& proxy_network, const Limit& limit) override;
  std::map<std::string, std::string> tools(const Limit& limit) override;
  std::optional<std::vector<LintFinding>> lint(const DeploySpec& spec, const Limit& limit) override { return driver_->lint(spec, limit); }
  void make_images_present(const DeploySpec& spec, const Limit& limit) override;
  std::vector<std::string> missing_images(const DeploySpec& spec, const Limit& limit) override;
  void keep_images(const std::string& app, const std::map<std::string, std::string>& digests, const Limit& limit) override;
  void keep_only_images(const std::string& app, const std::map<std::string, std::string>& digests, const Limit& limit) override;
  void deploy(const DeploySpec& spec, const Limit& limit) override;
  void upgrade(const DeploySpec& spec, const Limit& limit) override;
  void stop(const std::string& stack, const Limit& limit) override;
  void start(const std::string& stack, const Limit& limit) override;
  std::vector<std::string> undeploy(const std::string& stack, const Limit& limit) override;
  std::vector<std::string> remove(const std::string& stack, const Limit& limit) override;
  std::vector<EngineObject> inventory(const std::string& stack, const Limit& limit) override;
  std::vector<std::string> unmarked_stacks(const Limit& limit) override;
  std::vector<LabelsOfStack> proxy_labels(const Limit& limit) override;
  std::optional<Deployed> deployed(const std::string& stack, const Limit& limit) override;
  Convergence state(const std::string& stack, const Limit& limit) override;
  Convergence wait_converged(const std::string& stack, const Limit& limit) override;
  Convergence wait_for_change(const std::string& stack, std::uint64_t seen, const Limit& limit) override;
  std::string endpoint(const std::string& stack, const std::string& service, const Limit& limit) override;
  ExecResult exec(const std::string& stack, const ExecRequest& request, const Limit& limit) override;
  std::string logs(const std::string& stack, const std::string& service, std::size_t max_lines, const Limit& limit) override;
  VolumePlace volume(const std::string& stack, const std::string& volume, const Limit& limit) override;
  void forget(const std::string&) override {}

 private:
  using Json = nlohmann::json;

  // stack_deploy.cpp: what changes a stack
  void stack_deploy(const DeploySpec& spec, const Limit& limit);
  void refuse_elsewhere(const std::string& stack, const Limit& limit);
  void make_given_volumes(const DeploySpec& spec, const Limit& limit);
  void make_secrets(const DeploySpec& spec, const Limit& limit);
  void make_objects(const DeploySpec& spec, const Limit& limit);
  void scale(const std::string& stack, bool down, const Limit& limit);
  void sweep_up(const std::string& stack, const Limit& limit);
  void end_jobs(const std::string& stack, const Limit& limit);
  void end_orphaned_jobs(const std::string& stack, std::set<std::string>& told, const Limit& limit);
  void kill_what_runs(const std::string& stack, const Limit& limit);
  void wait_until_gone(const std::string& stack, const Limit& limit);
  void remove_all(const std::string& path, const std::string& stack, const Limit& limit);
  std::vector<std::string> services_killed_since(const std::string& stack, std::int64_t since, const Limit& limit);

  // swarm_images.cpp
  std::string image_id(const std::string& reference, const Limit& limit);  // empty: not here
  std::string recorded_image(const DeploySpec& spec, const std::string& service) const;
  std::string recorded_image_id(const DeploySpec& spec, const std::string& recorded, const Limit& limit);
  std::string pull(const std::string& image, const Limit& limit);
  std::map<std::string, std::string> images_to_run(const DeploySpec& spec, const Limit& limit);  // instead of what the recipe names

  // swarm_networks.cpp
  void check_networks(const DeploySpec& spec, const Limit& limit);
  void refuse_taken_networks(const DeploySpec& spec, const Limit& limit);
  Json network_named(const std::string& name, const Limit& limit);
  std::int64_t free_addresses(const Json& network, const Limit& limit);

  // swarm_engine.cpp: what is read
  std::string this_node(const Limit& limit);
  struct TaskElsewhere {
    std::string service, container, image;
    bool runs = false;
  };
  std::vector<TaskElsewhere> tasks_elsewhere(const std::string& stack, const Limit& limit);
  Json services_of(const std::string& stack, const Limit& limit);
  Json service_named(const std::string& stack, const std::string& service, const Limit& limit);
  std::string name_of_volume(const std::string& stack, const std::string& volume, const Limit& limit);
  Json volumes_of(const swarm::Filters& filters, const Limit& limit);
  std::set<std::string> our_stacks(const Limit& limit);
  Json containers_of(const std::string& stack, const Limit& limit);
  std::string digest_of(const std::string& image, const std::string& name, const Limit& limit);
  void add_digests_of_what_rests(const std::string& stack, const Json& services, const Json& containers, std::map<std::string, std::string>& digests, const Limit& limit);
  std::string running_container(const std::string& stack, const std::string& service, const Limit& limit);
  std::string last_words(const std::string& stack, const std::string& service, const Limit& limit);

  struct Memory {
    swarm::StackMemory stack;
    std::string fingerprint;
    std::uint64_t generation = 0;
  };

  swarm::DockerApi api_;
  std::string instance_, docker_, node_, identity_;
  std::unique_ptr<swarm::StackDriver> driver_;
  std::map<std::string, Memory> memory_;
};

// Of a stack that Docker may get to see. Error(usage) for any other name.
void check_stack_name(const std::string& stack);

}  // namespace simmer
