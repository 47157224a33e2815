// What Simmer understood of one version of a recipe: plain values, handed to plugins and to the
// lifecycles, printed by `simmer recipe show`. Whoever reads compose files fills this in; nobody
// else parses them.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <simmer/tier.hpp>

namespace simmer {

// One mount of a service (compose `volumes:`, short or long syntax).
struct MountFacts {
  std::string type;    // "volume", "bind", "tmpfs", …
  std::string source;  // volume name or host path; empty: anonymous
  std::string target;  // path in the container
  bool read_only = false;
};

// One published port (compose `ports:`).
struct PortFacts {
  std::string published;  // empty: none asked for
  std::string target;
  std::string protocol = "tcp";
  std::string mode;  // "host", "ingress" or empty
};

// The `x-simmer-local` section of a service (design.md section 5), unexpanded.
struct LocalFacts {
  std::vector<std::string> command;
  std::map<std::string, std::string> environment;
  std::map<std::string, std::string> files;  // name in RUN_DIR -> template, relative to the recipe's folder
  std::string working_dir;                   // empty: RUN_DIR
};

struct ServiceFacts {
  std::string name;
  std::string image;
  std::vector<std::string> command;                // empty: the image's own
  std::map<std::string, std::string> environment;  // interpolated
  std::map<std::string, std::string> labels;       // service labels and deploy.labels together
  std::vector<MountFacts> mounts;
  std::vector<PortFacts> ports;
  std::vector<std::string> secrets;   // names in the file's top-level `secrets`
  std::vector<std::string> configs;   // names in the file's top-level `configs`
  std::vector<std::string> networks;  // names in the file's top-level `networks`
  bool has_healthcheck = false;
  std::vector<std::string> healthcheck;                   // its test, as written
  std::optional<std::chrono::milliseconds> stop_grace;    // stop_grace_period
  std::string restart_condition;                          // deploy.restart_policy.condition; empty: any
  int replicas = 1;                                       // deploy.replicas; 0: nothing of it runs until somebody starts it
  std::optional<LocalFacts> local;
};

// A top-level volume, secret, config or network.
struct ResourceFacts {
  std::string name;           // the key in the file
  std::string resolved_name;  // `name:` if given, interpolated; empty: made from the stack's name
  bool external = false;
  std::map<std::string, std::string> options;  // driver, driver_opts.*, file, …
};

// A recipe's own `simmer.yml` (docs/formats/simmer-yml.md); every key optional.
struct SimmerYml {
  bool present = false;
  std::string health_path;                                    // "/health"
  std::string health_expect;                                  // text that the page must contain
  std::vector<std::string> needs;                             // providers, e.g. keycloak
  std::map<std::string, std::chrono::milliseconds> timeouts;  // start, plugin, teardown
  std::map<Tier, std::string> not_applicable;                 // tier -> reason
  std::vector<std::string> volumes_without_value;
  // Commands run in a service: service name and argv; ${NONCE} is the marker.
  struct Command {
    std::string service;
    std::vector<std::string> argv;
  };
  std::optional<Command> seed, verify, wipe;
};

struct RecipeFacts {
  std::string recipe;   // its name
  std::string version;  // release label of this commit, or the label in its compose file; may be empty
  std::string commit;
  std::vector<ServiceFacts> services;  // in the file's order
  std::vector<ResourceFacts> volumes, secrets, configs, networks;
  std::map<std::string, std::string> env_sample;  // .env.sample, defaults as written
  std::map<std::string, std::string> abra_exports;  // `export X=…` of abra.sh, parsed, never run
  std::optional<std::chrono::milliseconds> timeout;  // the recipe's TIMEOUT
  SimmerYml simmer_yml;
};

}  // namespace simmer
