// The operator's configuration: one YAML file, one schema. An unknown key is an error that names
// the nearest known one, so that no setting silently does nothing. Flags and SIMMER_… variables are
// laid over it by the runner.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <engine/engine_options.hpp>
#include <engine/service_limits.hpp>

namespace simmer {

using std::chrono::milliseconds;

// `apps.<name>` of the configuration. Whatever is not set is empty.
struct AppConfig {
  std::string name;
  std::string recipe;  // default: the app's name
  std::string role;    // live | canonical | test; empty: the plugin's word
  std::string domain;
  std::string source;  // URL the recipe's repository is fetched from
  std::string update = "latest";
  std::map<std::string, std::string> env;
  std::vector<std::string> needs;
  std::vector<std::string> allow;  // exceptions from the compose policy (P16)
  std::vector<std::string> turns_over;  // volumes whose files come and go: not counted after an upgrade
  std::map<std::string, std::vector<std::string>> drops;  // version -> volumes whose data it may drop
  bool trusted = false;
  bool sweep = true;
};

struct Config {
  std::filesystem::path file;  // where it was read from; empty: defaults alone
  std::string base_domain = "simmer.localhost";
  std::string engine = "local";
  EngineOptions engines;
  std::string proxy_network = "proxy";
  std::string proxy_address;      // "127.0.0.1:443"; empty: apps are asked directly, beside the proxy
  std::string proxy_tls = "wildcard";  // or none
  std::filesystem::path state;
  std::filesystem::path recipes_dir;  // empty: <state>/recipes
  std::vector<std::filesystem::path> plugin_path;
  std::string fork = "auto";
  std::map<std::string, AppConfig> apps;
  struct {
    milliseconds window{2000}, live_window{60000};
  } health;
  struct {
    std::optional<milliseconds> start;  // nothing: 30 s on local, 300 s elsewhere
    milliseconds plugin{60000}, teardown{60000}, wait{0};
  } deadlines;
  struct {
    ServiceLimits limits{4096, std::int64_t{4} << 30, 0};  // of each service of a run; cpus 0: all that the machine has
    bool deny_egress = false;
  } runs;
  struct {
    int high = 85, low = 75;  // percent used
  } disk;
  std::vector<std::string> hold_markers;
  bool offline = false;
  std::string log_level = "info";
  // Keys that were given and have no effect in this version: said, so that no setting silently does nothing.
  std::vector<std::string> without_effect;

  milliseconds start_deadline() const {
    return deadlines.start.value_or(engine == "local" ? milliseconds(30000) : milliseconds(300000));
  }
  std::filesystem::path recipes() const { return recipes_dir.empty() ? state / "recipes" : recipes_dir; }
  // The app of that name, with defaults when it is not configured.
  AppConfig app(const std::string& name) const;
  // Domain of an app in a role ("warm-<app>.<base domain>" for a canonical that has none of its own).
  std::string domain_of(const AppConfig& app) const;
};

// Reads and checks the file. Error(config): file, line, what, nearest known key.
Config read_config(const std::filesystem::path& file);
// Checks what only the whole shows: two apps with one domain, a domain that a cold run could take,
// an unknown engine or role. Call after flags and variables were laid over.
void check_config(const Config& config);

// "1500ms", "2s", "5m", "4h", "1d", a bare number: seconds. Nothing when it is no duration.
std::optional<milliseconds> parse_duration(const std::string& text);
std::string format_duration(milliseconds duration);

// The candidate nearest to `word` (Levenshtein), or empty when none is near.
std::string nearest(const std::string& word, const std::vector<std::string>& candidates);
// ", did you mean 'x'?" or empty.
std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace simmer
