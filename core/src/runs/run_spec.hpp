// What one attempt of a run is to do: made by the parent, handed to the child as one JSON document.
// Complete: the child reads no configuration of its own.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include <engine/engine_options.hpp>
#include <engine/service_limits.hpp>
#include <recipes/recipe_repository.hpp>
#include <simmer/tier.hpp>

namespace simmer {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

enum class RunMode {
  cold,     // design.md 7.1
  quick,    // 7.2
  promote,  // 7.4, after a green cold run, carrying the canonical's data forward
  seed,     // 7.4, the first time or --fresh: from an empty install
  deploy,   // `canonical deploy`: leaves the app running
};
std::string_view to_string(RunMode mode);

struct RunSpec {
  RunMode mode = RunMode::cold;
  std::string run_id, hex;
  std::string app, recipe;
  std::string stack, domain;  // of the (first) deployment
  int attempt = 1;

  fs::path repository;        // empty: a working tree without one
  ResolvedRef head;           // under test
  bool head_is_taken = false;  // its tree is in <work>/head already (a working tree)
  // What the upgrade starts from; nothing: `no_base` says why there is nothing, or `base_unknown` why that cannot be told.
  std::string base_commit, base_version, no_base, base_unknown;
  std::vector<Tier> tiers;

  std::map<std::string, std::string> env;  // apps.X.env
  std::vector<std::string> needs;          // apps.X.needs
  std::vector<std::string> allow;
  std::vector<std::string> turns_over;                    // apps.X.turns_over
  std::map<std::string, std::vector<std::string>> drops;  // apps.X.drops
  std::string proxy_network;
  std::string proxy_address;  // empty: apps are asked directly
  bool proxy_tls = true;
  std::string fork = "auto";
  ServiceLimits limits;      // of each service
  bool deny_egress = false;  // runs.egress: deny

  fs::path state;
  std::string engine, engine_id;  // the latter: Engine::identity(), for the journal
  EngineOptions engines;
  std::vector<fs::path> plugin_path;
  milliseconds window{2000}, start{30000}, plugin{60000}, teardown{60000};
  milliseconds keep{0};  // how long a red deployment of the last attempt stays for inspection
};

// The first part of a cold run's domain: <first 4 characters of the recipe>-<6 hex>; `warm` is the canonicals' own prefix.
std::string cold_label(const std::string& recipe, const std::string& hex);
std::string stack_of_domain(const std::string& domain);

nlohmann::json to_json(const RunSpec& spec);
RunSpec run_spec_from(const nlohmann::json& json);

}  // namespace simmer
