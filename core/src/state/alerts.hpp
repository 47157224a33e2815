// Alerts: one JSON file each, on disk before the command that raised it exits (promise P8).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <state/state_folder.hpp>

namespace simmer {

struct Alert {
  std::string id;    // file name without .json: <UTC stamp>-<app>-<kind>
  std::string kind;  // promote-failed, teardown-failed, canonical-damaged, …
  std::string app;
  std::string at;
  std::map<std::string, std::string> fields;  // attempted, last_good, latest, recovered, release_notes, detail
  bool acknowledged = false;
};

// Writes it durably and returns its id. An open alert of the same app, kind and detail is not
// repeated: its id is returned.
std::string raise_alert(const StateFolder& state, const std::string& kind, const std::string& app, std::map<std::string, std::string> fields);
// Open ones, oldest first; with `acknowledged` those too.
std::vector<Alert> list_alerts(const StateFolder& state, bool acknowledged);
std::optional<Alert> find_alert(const StateFolder& state, const std::string& id);
// False when there is none of that id; acknowledging twice is fine.
bool acknowledge_alert(const StateFolder& state, const std::string& id);

}  // namespace simmer
