// What really runs a deployment. One contract, one test suite (tests/contract/engine_contract.hpp)
// that every engine passes. An engine knows nothing of what recipes mean; a plugin never learns
// which engine runs its app.
//
// All calls block until done, their limit has passed or they were cancelled. Failures are
// simmer::Error: kind recipe when the recipe's own content makes it impossible (no such template,
// unknown ${NAME}), infrastructure when the machine does (no port, no disk, no image, no address),
// unavailable when the engine does not answer, interrupted when cancelled. What a deployment *does*
// (converges, crash-loops) is a value. One Engine is used by one thread; several processes use the
// same deployments at the same time.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <base/limit.hpp>
#include <engine/labels_of_stack.hpp>
#include <engine/service_limits.hpp>
#include <recipes/file_object.hpp>
#include <recipes/lint_finding.hpp>
#include <simmer/host.hpp>
#include <simmer/recipe_facts.hpp>

namespace simmer {

// Where a volume's data comes from.
struct VolumeSource {
  enum class Kind {
    fresh,     // the engine makes an empty one and owns it
    existing,  // the folder at `path` is the volume; the engine never deletes it
    fork,      // as existing: a copy made for this run, or an overlay mounted there by the caller
  };
  Kind kind = Kind::fresh;
  std::filesystem::path path;
};

struct DeploySpec {
  std::string stack;   // [a-zA-Z0-9_-], unique
  std::string domain;
  std::string run_id;  // labels every object that can carry one; empty for live apps
  bool kept = false;   // of a kept app: its ports are remembered for ever, it runs on this node and nowhere else
  bool asked_directly = true;  // endpoint() will be asked for the app; false: people and probes reach it through a proxy
  std::filesystem::path recipe_dir;  // the checkout, without .git; stays as it is while deployed
  std::filesystem::path repository;  // the git repository it is from; empty: a working tree without one
  RecipeFacts facts;                 // of that checkout, interpolated with `env`
  std::string compose;               // the one file, as JSON: all that Docker is told of the recipe; no `$` in it is a variable
  std::vector<FileObject> objects;   // configs and secrets that the recipe brings as files
  std::map<std::string, std::string> env;      // the deployment's complete environment, abra.sh's exports in it; no name that tools obey (PATH, LD_…)
  std::map<std::string, std::string> secrets;  // compose name -> value; never logged, files 0600
  std::map<std::string, VolumeSource> volumes;  // compose name -> source; those not named are fresh
  ServiceLimits limits;            // of every service of a run; none of a live app's
  std::map<std::string, ServiceLimits> asked_limits{};  // service -> what its recipe sets itself: the tighter of both holds
  std::optional<std::chrono::milliseconds> longest_grace{};  // what a service may take to end, whatever its stop_grace_period says; of runs that are thrown away
  // Of a known-good, whose app `app` is: service -> the digest that its image had when it was proven (Deployed::digests). It runs by these and by
  // nothing else, whatever a tag leads to by now. A service that is not named runs what its recipe names.
  std::map<std::string, std::string> images{};
  std::string app{};
  bool internal_networks = false;  // runs.egress: deny: the run's own networks lead nowhere else
};

// One thing that a deployment consists of.
struct EngineObject {
  std::string kind;  // service, process, volume, secret, config, network, folder, port, …
  std::string id;
  std::string name;
  std::map<std::string, std::string> labels;
  friend bool operator==(const EngineObject&, const EngineObject&) = default;
  friend auto operator<=>(const EngineObject&, const EngineObject&) = default;
};

// What runs under a stack name, read back from the engine, not remembered.
struct Deployed {
  std::string version;
  std::string commit;
  std::string run_id;
  std::string domain;
  bool running = false;  // false: stopped, or undeployed with volumes left
  std::map<std::string, std::string> digests;  // service -> image digest (local: of the executable)
};

// How things stand, or how a wait for convergence ended.
struct Convergence {
  enum class State {
    converged,       // every service runs what was asked for; not yet: healthy
    converging,      // state(): not there yet.  wait_converged(): the limit passed
    failed,          // it will not: a task died again and again, an update was paused or rolled back
    infrastructure,  // the machine cannot: no port, no address, no image
    gone,            // nothing is deployed under this name
  };
  State state = State::converging;
  std::string service;   // the one it hangs on
  std::string reason;    // for people: what is being waited for, or what failed
  std::string log_tail;  // last lines of that service
  int deaths = 0;        // tasks that ended without being asked to, since the deploy or upgrade
  std::uint64_t generation = 0;  // grows with every change of state; for wait_for_change()
};

struct VolumePlace {
  std::string node;  // empty: this machine
  std::filesystem::path path;
};

// One thing that `simmer doctor` looks at.
struct Finding {
  enum class Level { good, warning, failure };
  std::string what;  // "proxy network"
  Level level = Level::good;
  std::string said;    // what was found
  std::string remedy;  // what to do about it; empty when good
};

class Engine {
 public:
  virtual ~Engine() = default;

  virtual std::string name() const = 0;

  // What tells it from another one of its name, in words that stay the same: the Docker that it speaks to. Empty: all that it has deployed lies in the
  // state folder itself, and goes where that goes.
  virtual std::string identity(const Limit&) { return ""; }

  // Does it answer, and may we use it? Throws Error(unavailable) with what to do.
  virtual void check(const Limit& limit) = 0;

  // What an operator should know of the machine it runs on, beyond check(): networks, addresses, nodes. Changes nothing.
  virtual std::vector<Finding> examine(const std::string& proxy_network, const Limit& limit) {
    static_cast<void>(proxy_network);
    static_cast<void>(limit);
    return {};
  }

  // What it works with, by name, with versions ("docker": "20.10.24"); for result.json.
  virtual std::map<std::string, std::string> tools(const Limit& limit) = 0;

  // What of `spec`'s limits it cannot hold on this machine, a sentence each. Asked once a run: a setting is not silently without effect.
  virtual std::vector<std::string> unenforced(const DeploySpec&) { return {}; }

  // What the engine's own tool finds wrong with a recipe; nothing: it has no such tool.
  virtual std::optional<std::vector<LintFinding>> lint(const DeploySpec&, const Limit&) { return std::nullopt; }

  // Makes sure that everything the deployment starts from is here (pulls images, finds
  // executables), without changing anything that runs. Error(infrastructure) names what is missing.
  virtual void make_images_present(const DeploySpec& spec, const Limit& limit) = 0;

  // What make_images_present() would have to get, or could not, a sentence each: asked without getting it, and without changing anything.
  virtual std::vector<std::string> missing_images(const DeploySpec&, const Limit&) { return {}; }

  // Holds the images of these digests for the known-good of `app`, so that no prune takes them, whatever the recipe's own tags come to mean.
  // Error(infrastructure) for one that is not here. keep_only_images() lets go of all others that were held for it.
  virtual void keep_images(const std::string&, const std::map<std::string, std::string>&, const Limit&) {}
  virtual void keep_only_images(const std::string&, const std::map<std::string, std::string>&, const Limit&) {}

  // Starts a deployment that does not exist yet (nothing running under that name: Error otherwise).
  // Returns when the engine has accepted it, not when it has converged. Volumes left by undeploy()
  // under the same name are used again when the spec says `fresh` for them.
  virtual void deploy(const DeploySpec& spec, const Limit& limit) = 0;

  // Replaces what runs by `spec`, in place: same stack, ports, volumes and secrets that both have.
  // Only services whose definition differs are restarted.
  virtual void upgrade(const DeploySpec& spec, const Limit& limit) = 0;

  // Ends and starts again all services of a deployment, which stays what it is.
  virtual void stop(const std::string& stack, const Limit& limit) = 0;
  virtual void start(const std::string& stack, const Limit& limit) = 0;

  // Ends everything that runs, waits until it is gone, keeps volumes (and ports of a kept app).
  // Nothing deployed: fine. Returns the names of services that had to be killed after their grace.
  virtual std::vector<std::string> undeploy(const std::string& stack, const Limit& limit) = 0;

  // Undeploys and removes all that is left by that name: fresh volumes, secrets, configs, networks,
  // folders, ports. Never what was given as existing or fork. Nothing there: fine. The same return.
  virtual std::vector<std::string> remove(const std::string& stack, const Limit& limit) = 0;

  // Everything of one stack, or of all stacks when the name is empty. Sorted.
  virtual std::vector<EngineObject> inventory(const std::string& stack, const Limit& limit) = 0;

  // Stacks of which something is there that no Simmer has marked as its own: what is left of one whose marked parts are gone,
  // or a stranger's. The caller decides by the name.
  virtual std::vector<std::string> unmarked_stacks(const Limit&) { return {}; }

  // The labels by which a proxy could be told of services and containers, whoever made them but runs; empty where no proxy reads any.
  virtual std::vector<LabelsOfStack> proxy_labels(const Limit&) { return {}; }

  // Nothing when no deployment of that name exists.
  virtual std::optional<Deployed> deployed(const std::string& stack, const Limit& limit) = 0;

  // How it stands now.
  virtual Convergence state(const std::string& stack, const Limit& limit) = 0;
  // Waits until it has converged, will not converge any more, or the limit has passed.
  virtual Convergence wait_converged(const std::string& stack, const Limit& limit) = 0;
  // Waits until state().generation differs from `seen`, or the limit has passed; how it stands then.
  virtual Convergence wait_for_change(const std::string& stack, std::uint64_t seen, const Limit& limit) = 0;

  // URL under which this machine reaches a service now, no trailing slash. `service` empty: the app's
  // (the one with the router labels, else the first). Empty while the engine does not know it: on Swarm a
  // service is where its running task is.
  virtual std::string endpoint(const std::string& stack, const std::string& service, const Limit& limit) = 0;

  // Error(unavailable) when the service does not run or the command cannot be started.
  virtual ExecResult exec(const std::string& stack, const ExecRequest& request, const Limit& limit) = 0;

  // Last lines of a service's output, oldest first.
  virtual std::string logs(const std::string& stack, const std::string& service, std::size_t max_lines, const Limit& limit) = 0;

  // Error(unavailable) when there is none of that name. One that an upgrade declares no more is still found, where its data is.
  virtual VolumePlace volume(const std::string& stack, const std::string& volume, const Limit& limit) = 0;

  // Gives back what is remembered of a kept app for ever (its ports): the app has been dropped.
  virtual void forget(const std::string& stack) = 0;
};

}  // namespace simmer
