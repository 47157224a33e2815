// What earlier runs left in runs/: read from their result.json, for people to compare with. Decides nothing.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <map>
#include <optional>
#include <string>

#include <state/state_folder.hpp>

namespace simmer {

// The newest green result of `app` that is older than run `before`; nothing when there is none that can be read.
std::optional<nlohmann::json> last_green_before(const StateFolder& state, const std::string& app, const std::string& before);

// What differs between a green result and a later red one: recipe files and patch, digests, environment keys, plugin, tools.
// Only what differs is there, beside the green run's id, commit and version. `repository` may be empty.
nlohmann::json difference_since(const nlohmann::json& green, const nlohmann::json& red, const std::filesystem::path& repository);

// How often the fast lane was wrong: pairs of a quick verdict and the next cold one of the same commit of an app.
struct FastLane {
  int pairs = 0, wrong = 0;
};
std::map<std::string, FastLane> fast_lanes(const StateFolder& state);  // by recipe

}  // namespace simmer
