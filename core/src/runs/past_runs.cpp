#include <runs/past_runs.hpp>

#include <nlohmann/json.hpp>

#include <base/files.hpp>
#include <recipes/recipe_diff.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {

using Json = nlohmann::json;

// Whatever cannot be read is no result.
std::optional<Json> result_of_run(const StateFolder& state, const std::string& run_id) {
  try {
    const auto text = read_file_if_there(state.run(run_id) / "result.json");
    auto json = text ? Json::parse(*text, nullptr, false) : Json();
    if (json.is_object()) return json;
  } catch (const Error&) {
  }
  return std::nullopt;
}

std::string text_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

// {"green": a, "red": b} for every key whose value differs; a key that one side lacks is null there.
Json changed_keys(const Json& green, const Json& red) {
  Json changes = Json::object();
  if (!green.is_object() || !red.is_object()) return changes;
  for (const auto& [key, value] : red.items())
    if (green.value(key, Json()) != value) changes[key] = {{"green", green.value(key, Json())}, {"red", value}};
  for (const auto& [key, value] : green.items())
    if (!red.contains(key)) changes[key] = {{"green", value}, {"red", Json()}};
  return changes;
}

Json only_in(const Json& some, const Json& others) {
  Json found = Json::array();
  for (const auto& each : some)
    if (std::find(others.begin(), others.end(), each) == others.end()) found.push_back(each);
  return found;
}

bool is_commit(const std::string& text) { return text.size() == 40; }

Json recipe_changes(const std::string& from, const std::string& to, const fs::path& repository) {
  // A working tree with changes is compared by its head; the rest is before its author's eyes.
  const std::string head = to.substr(0, to.find('+'));
  if (from == to) return Json();
  if (repository.empty() || !is_commit(from) || !is_commit(head)) return {{"from", from}, {"to", to}};
  try {
    const auto diff = diff_recipe(repository, from, head);
    return {{"from", from}, {"to", to}, {"files", diff.files}, {"patch", diff.patch}};
  } catch (const Error& error) {
    return {{"from", from}, {"to", to}, {"problem", error.message()}};
  }
}

}  // namespace

std::optional<Json> last_green_before(const StateFolder& state, const std::string& app, const std::string& before) {
  const auto ids = state.run_ids();
  for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
    if (*id >= before) continue;
    auto result = result_of_run(state, *id);
    if (result && text_of(*result, "app") == app && text_of(*result, "verdict") == "pass") return result;
  }
  return std::nullopt;
}

Json difference_since(const Json& green, const Json& red, const fs::path& repository) {
  Json difference = {{"run_id", text_of(green, "run_id")}, {"commit", text_of(green, "commit")}, {"version", text_of(green, "version")}};
  const auto add = [&](const char* key, const Json& what) {
    if (!what.empty()) difference[key] = what;
  };
  add("recipe", recipe_changes(text_of(green, "commit"), text_of(red, "commit"), repository));
  // A run that ended before anything ran has no digests; that is no difference.
  const Json nothing = Json::object();
  if (!red.value("digests", nothing).empty()) add("digests", changed_keys(green.value("digests", nothing), red.at("digests")));
  const Json before = green.value("environment", Json::array()), after = red.value("environment", Json::array());
  if (!after.empty() && before != after) difference["environment"] = {{"added", only_in(after, before)}, {"removed", only_in(before, after)}};
  for (const char* key : {"plugin", "tools"}) add(key, changed_keys(green.value(key, nothing), red.value(key, nothing)));
  return difference;
}

std::map<std::string, FastLane> fast_lanes(const StateFolder& state) {
  std::map<std::string, FastLane> lanes;
  std::map<std::pair<std::string, std::string>, std::string> quick;  // app and commit -> the last quick verdict
  for (const auto& id : state.run_ids()) {
    const auto result = result_of_run(state, id);
    if (!result) continue;
    const std::string verdict = text_of(*result, "verdict");
    if (verdict != "pass" && verdict != "fail" && verdict != "flaky") continue;  // nothing was learnt of the change
    const std::pair change(text_of(*result, "app"), text_of(*result, "commit"));
    if (text_of(*result, "mode") == "quick") {
      quick[change] = verdict;
    } else if (const auto said = quick.find(change); said != quick.end()) {
      auto& lane = lanes[text_of(*result, "recipe")];
      ++lane.pairs;
      if ((said->second == "pass") != (verdict == "pass")) ++lane.wrong;
      quick.erase(said);
    }
  }
  return lanes;
}

}  // namespace simmer
