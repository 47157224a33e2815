// What a supervisor needs to run a deployment, made from a DeploySpec by whoever deploys: checked
// completely before anything on disk or in the process table changes. It is kept as spec.json, so
// that it can be read back when the one who deployed is long gone.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <engine/engine.hpp>
#include <local/stack_folder.hpp>

namespace simmer::local {

struct TemplateFile {
  std::string text;         // unexpanded
  bool executable = false;  // as its source is
};

struct ServiceBlueprint {
  std::string name;
  // Digest of all that makes a running service another one; ports and the checkout's place left out.
  std::string definition;
  std::string digest;  // of the executable, and of a script in the recipe that it runs
  std::vector<std::string> command;
  std::map<std::string, std::string> environment;        // from the compose file, already interpolated
  std::map<std::string, std::string> local_environment;  // from x-simmer-local, expanded by us
  std::map<std::string, TemplateFile> files;             // path in RUN_DIR -> template
  std::string working_dir;                               // empty: RUN_DIR
  milliseconds grace{10000};
  std::string restart;     // none, on-failure; anything else restarts always
  bool has_port = false;   // ${PORT} or ${PORT_<it>} is used somewhere
  bool is_reached = false;  // has a router or a published port
  bool is_server = false;  // has a router, a published port or a health check: there to stay, whatever `restart` says
  bool at_rest = false;    // replicas: 0; nothing of it is started
  ServiceLimits limits{};  // what it is held to
};

struct Blueprint {
  std::string stack, domain, run_id, version, commit;
  bool kept = false;
  fs::path recipe_dir;
  std::string search_path;  // PATH of the services
  std::string app_service;  // whose URL is the app's
  std::vector<ServiceBlueprint> services;
  std::map<std::string, std::string> env;
  std::set<std::string> secrets;            // names; the values are in files
  std::map<std::string, fs::path> volumes;  // name -> folder
  std::set<std::string> fresh_volumes;      // those of them that are ours
  std::map<std::string, fs::path> former_volumes;  // that earlier versions of this deployment had; their data is still there

  const ServiceBlueprint* find(const std::string& service) const;
};

// A service as it is started.
struct ExpandedService {
  std::vector<std::string> argv;
  std::map<std::string, std::string> env;  // complete
  std::string working_dir;
  std::map<std::string, TemplateFile> files;
  friend bool operator==(const ExpandedService&, const ExpandedService&);
};

// `current`: what runs, whose volumes and secrets carry over; nullptr for a new deployment. Throws
// Error(recipe) for what the recipe says, Error(infrastructure) for what the machine lacks.
Blueprint make_blueprint(const DeploySpec& spec, const StackFolder& folder, const Blueprint* current);

// `ports`: service -> port, for every service that has one.
ExpandedService expand_service(const Blueprint& blueprint, const ServiceBlueprint& service, const StackFolder& folder,
                               const std::map<std::string, int>& ports);

std::string to_text(const Blueprint& blueprint);
// Error(needs_operator) when the text is damaged.
Blueprint blueprint_from(const std::string& text);
std::optional<Blueprint> read_blueprint(const StackFolder& folder);

// Where PATH finds a program; a name with a slash is taken relative to `working_dir`. Nothing: not there.
std::optional<fs::path> find_program(const std::string& name, const std::string& search_path, const fs::path& working_dir);

// Can this name a service, volume or secret, that is a file?
bool is_plain_name(const std::string& name);

}  // namespace simmer::local
