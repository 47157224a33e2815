#include "generic.hpp"

namespace generic {
namespace {

using simmer::CheckResult;
using simmer::Error;
using simmer::ErrorKind;
using simmer::Host;
using simmer::Outcome;
using Command = simmer::SimmerYml::Command;

const std::string nonce_mark = "${NONCE}";

// Two files in every volume that has value, both in plain sight: one at its top and one in a folder of its own, where `rm -rf *` and `find -type f -delete`
// hit them. A volume that comes back empty, old or swapped is noticed; what the app itself makes of its data is not, which is why a recipe may bring
// commands. The folder's name is one that a database server takes for an empty database.
class Markers : public simmer::DataContract {
 public:
  Markers(Host& host, std::vector<std::string> volumes) : host_(host), volumes_(std::move(volumes)) {}

  void seed(const std::string& nonce) override {
    for (const auto& volume : volumes_)
      for (const auto& file : files_)
        if (!is_there(volume, file, nonce)) host_.write_volume_file(volume, file, content(volume, nonce));
  }

  CheckResult verify(const std::string& nonce) override {
    for (const auto& volume : volumes_) {
      if (holds_former(volume, nonce)) continue;
      for (const auto& file : files_) {
        if (!host_.volume_file_exists(volume, file)) return {Outcome::fail, "volume " + volume + ": " + file + " is gone"};
        const auto seen = host_.read_volume_file(volume, file);
        if (seen != content(volume, nonce))
          return {Outcome::fail, "volume " + volume + ": " + file + " is not the one of " + nonce + ": saw '" +
                                     seen.substr(0, seen.find('\n')) + "'"};
      }
    }
    return {Outcome::pass, "the marker is in " + std::to_string(volumes_.size()) + " volumes"};
  }

  void wipe() override {
    for (const auto& volume : volumes_) {
      for (const auto& file : {files_[0], files_[1], former_})
        if (host_.volume_file_exists(volume, file)) host_.remove_volume_file(volume, file);
    }
  }

 private:
  // The volume's name is in it: two volumes that were swapped are not the same data.
  static std::string content(const std::string& volume, const std::string& nonce) { return nonce + " " + volume + "\n"; }

  bool is_there(const std::string& volume, const std::string& file, const std::string& nonce) {
    return host_.volume_file_exists(volume, file) && host_.read_volume_file(volume, file) == content(volume, nonce);
  }

  // A known-good of an earlier Simmer has its one dot file alone, until its next promotion.
  bool holds_former(const std::string& volume, const std::string& nonce) {
    for (const auto& file : files_)
      if (host_.volume_file_exists(volume, file)) return false;
    return is_there(volume, former_, nonce);
  }

  const std::vector<std::string> files_ = {"simmer-marker", "simmer_marker/simmer-marker"};
  const std::string former_ = ".simmer-marker";
  Host& host_;
  std::vector<std::string> volumes_;
};

class Commands : public simmer::DataContract {
 public:
  Commands(Host& host, Command seed, Command verify, Command wipe)
      : host_(host), seed_(std::move(seed)), verify_(std::move(verify)), wipe_(std::move(wipe)) {}

  void seed(const std::string& nonce) override {
    // "Called again with the same nonce it changes nothing" must not rest on somebody's script.
    if (run(verify_, nonce).exit_code == 0) return;
    require_success("seed", run(seed_, nonce));
  }

  CheckResult verify(const std::string& nonce) override {
    simmer::ExecResult result;
    try {
      result = run(verify_, nonce);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::unavailable) throw;
      return {Outcome::unverified, "the verify command of simmer.yml could not be run in service " + verify_.service + ": " + error.message()};
    }
    if (result.exit_code == 0) return {Outcome::pass, "the verify command of simmer.yml found " + nonce};
    // As a shell says it: there is no such program, or none that can be started.
    if (result.exit_code == 126 || result.exit_code == 127)
      return {Outcome::unverified, "the verify command of simmer.yml could not be run in service " + verify_.service + ": " + outcome(result)};
    return {Outcome::fail, "the verify command of simmer.yml did not find " + nonce + ": " + outcome(result)};
  }

  void wipe() override { require_success("wipe", run(wipe_, "")); }

 private:
  simmer::ExecResult run(const Command& command, const std::string& nonce) {
    simmer::ExecRequest request;
    request.service = command.service;
    request.argv = command.argv;
    for (auto& argument : request.argv)
      for (auto at = argument.find(nonce_mark); at != std::string::npos; at = argument.find(nonce_mark, at + nonce.size()))
        argument.replace(at, nonce_mark.size(), nonce);
    return host_.exec(request);
  }

  static std::string outcome(const simmer::ExecResult& result) {
    const auto& said = result.err.empty() ? result.out : result.err;
    return "exit code " + std::to_string(result.exit_code) + " '" + said.substr(0, std::min<std::size_t>(said.find('\n'), 200)) +
           "'";
  }

  static void require_success(const std::string& name, const simmer::ExecResult& result) {
    if (result.exit_code != 0)
      throw Error(ErrorKind::recipe, "the " + name + " command of simmer.yml failed: " + outcome(result));
  }

  Host& host_;
  Command seed_, verify_, wipe_;
};

bool mentions_nonce(const Command& command) {
  for (const auto& argument : command.argv)
    if (argument.find(nonce_mark) != std::string::npos) return true;
  return false;
}

void require_workable(const simmer::SimmerYml& yml) {
  if (!yml.seed || !yml.verify || !yml.wipe)
    throw Error(ErrorKind::recipe,
                "simmer.yml: commands must give seed, verify and wipe, all three: a part of them proves nothing");
  if (!mentions_nonce(*yml.seed) || !mentions_nonce(*yml.verify))
    throw Error(ErrorKind::recipe, "simmer.yml: seed and verify must use ${NONCE}: else old data passes for new");
  if (mentions_nonce(*yml.wipe))
    throw Error(ErrorKind::recipe, "simmer.yml: wipe runs without a ${NONCE}: it must lose all that seed wrote");
}

}  // namespace

std::unique_ptr<simmer::DataContract> make_contract(const RecipeFacts& facts, Host& host) {
  const auto& yml = facts.simmer_yml;
  if (has_commands(facts)) {
    require_workable(yml);
    return std::make_unique<Commands>(host, *yml.seed, *yml.verify, *yml.wipe);
  }
  auto volumes = volumes_with_value(facts);
  if (volumes.empty()) return nullptr;
  return std::make_unique<Markers>(host, std::move(volumes));
}

}  // namespace generic
