// A state folder, real recipe repositories and the built `simmer`, for tests that use it as people do.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <base/process.hpp>

namespace simmer::e2e {

namespace fs = std::filesystem;
using Json = nlohmann::json;

struct Ran {
  int code = -1;
  std::string out, err;
  Json result;  // of --json; null when standard output is no JSON document

  Json tier(const std::string& name) const { return result.value("tiers", Json::object()).value(name, Json::object()); }
  std::string verdict() const { return result.value("verdict", "none"); }
  std::string reason() const { return result.value("reason", ""); }
  // Everything that was said, for a failing test's message.
  std::string all() const { return "exit " + std::to_string(code) + "\n" + out + err; }
};

class World {
 public:
  // `config` is YAML; `health` and `deadlines` that it does not give are short. Each world has recipes of its own.
  // It lies below `parent`; empty: where tests' temporary files go.
  explicit World(const std::string& config = "", const fs::path& parent = "");
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Ran simmer(std::vector<std::string> arguments, std::map<std::string, std::string> env = {}, std::chrono::seconds limit = std::chrono::seconds(120)) const;
  // `run … --json` and `canonical seed … --json`.
  Ran run(std::vector<std::string> arguments, std::map<std::string, std::string> env = {}) const;
  std::vector<std::string> command(std::vector<std::string> arguments) const;

  void write_config(const std::string& config) const;
  fs::path root() const { return root_; }
  fs::path state() const { return root_ / "state"; }
  fs::path recipes() const { return root_ / "recipes"; }
  fs::path plugins_of_the_build() const;

  // One digest over canonical.json and every file of the snapshot.
  std::string known_good(const std::string& app) const;
  // What is running or lying about although nothing should; empty: nothing.
  std::vector<std::string> left_behind() const;

 private:
  fs::path root_;
};

}  // namespace simmer::e2e
