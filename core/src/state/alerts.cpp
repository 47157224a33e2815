#include <state/alerts.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>

#include <base/files.hpp>
#include <base/json_text.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {

// Nothing for whatever else lies in the folder: it must not be in the way of another alert.
std::optional<nlohmann::json> read_object(const fs::path& file) {
  try {
    auto json = nlohmann::json::parse(read_file(file), nullptr, false);
    if (json.is_object()) return json;
  } catch (const Error&) {
  }
  return std::nullopt;
}

// As they are read back: what is no UTF-8 in them does not come back as it was.
std::map<std::string, std::string> as_kept(const std::map<std::string, std::string>& fields) {
  return nlohmann::json::parse(json_line(fields)).get<std::map<std::string, std::string>>();
}

std::vector<Alert> read_folder(const fs::path& folder, bool acknowledged) {
  std::vector<Alert> alerts;
  std::error_code failed;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed)) {
    if (entry->path().extension() != ".json") continue;
    Alert alert;
    alert.id = entry->path().stem();
    alert.acknowledged = acknowledged;
    const auto json = read_object(entry->path());
    if (!json) {
      alert.kind = "unreadable";
      alert.fields["detail"] = entry->path().string() + " is no JSON document";
    } else {
      for (const auto& [key, value] : json->items()) {
        const std::string text = value.is_string() ? value.get<std::string>() : json_line(value);
        if (key == "kind") alert.kind = text;
        else if (key == "app") alert.app = text;
        else if (key == "at") alert.at = text;
        else alert.fields[key] = text;
      }
    }
    alerts.push_back(std::move(alert));
  }
  std::sort(alerts.begin(), alerts.end(), [](const Alert& a, const Alert& b) { return a.id < b.id; });
  return alerts;
}

bool is_there(const fs::path& file) { return fs::symlink_status(file).type() != fs::file_type::not_found; }

bool is_plain_name(const std::string& id) { return !id.empty() && id[0] != '.' && id.find('/') == std::string::npos; }

}  // namespace

std::string raise_alert(const StateFolder& state, const std::string& kind, const std::string& app, std::map<std::string, std::string> fields) {
  fields = as_kept(fields);
  for (const auto& open : list_alerts(state, false))
    if (open.kind == kind && open.app == app && open.fields == fields) return open.id;
  nlohmann::json json = {{"kind", kind}, {"app", app}, {"at", utc_time()}};
  for (const auto& [key, value] : fields) json[key] = value;
  const std::string base = utc_stamp() + "-" + app + "-" + kind;
  std::string id = base;
  for (int again = 2;; ++again) {
    // Others raise alerts at the same time, and one that was acknowledged keeps its name.
    const bool is_new = !is_there(state.alerts() / "seen" / (id + ".json"));
    if (is_new && write_new_file_durably(state.alerts() / (id + ".json"), json_document(json))) return id;
    id = base + "-" + std::to_string(again);
  }
}

std::vector<Alert> list_alerts(const StateFolder& state, bool acknowledged) {
  auto alerts = read_folder(state.alerts(), false);
  if (acknowledged)
    for (auto& seen : read_folder(state.alerts() / "seen", true)) alerts.push_back(std::move(seen));
  return alerts;
}

std::optional<Alert> find_alert(const StateFolder& state, const std::string& id) {
  for (auto& alert : list_alerts(state, true))
    if (alert.id == id) return alert;
  return std::nullopt;
}

bool acknowledge_alert(const StateFolder& state, const std::string& id) {
  if (!is_plain_name(id)) return false;
  const auto open = state.alerts() / (id + ".json"), seen = state.alerts() / "seen" / (id + ".json");
  if (is_there(open)) {
    rename_durably(open, seen);
    return true;
  }
  return is_there(seen);
}

}  // namespace simmer
