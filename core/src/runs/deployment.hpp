// One deployment of a run: deployed, awaited, upgraded and removed through the engine, with the plugin's
// parts for whatever version runs at the moment.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <runs/run_context.hpp>

namespace simmer {

// How the wait for a healthy app ended.
struct HealthOutcome {
  Outcome outcome = Outcome::unverified;  // pass, fail, or unverified (there is nothing to ask)
  std::string message;
};

class Deployment {
 public:
  // `kept`: at a canonical's own name. Nothing is done yet.
  Deployment(RunContext& run, std::string stack, std::string domain, bool kept);
  ~Deployment();

  const std::string& stack() const { return stack_; }

  // Journals the stack, then deploys. `volumes` as in DeploySpec.
  void deploy(const RecipeState& state, const std::map<std::string, VolumeSource>& volumes, const Values& secrets);
  void upgrade(const RecipeState& state, const std::map<std::string, VolumeSource>& volumes, const Values& secrets);

  // Waits until the app has converged, answers its probe, and stays so for the window. Error(infrastructure)
  // when the machine is to blame.
  HealthOutcome wait_healthy();

  // Does what runs carry the commit and version it should?
  CheckResult runs_what_was_asked();

  // What runs now, as the fact map `key`.
  void report_digests(const std::string& key);

  // Parts of the running version.
  Host& host() { return *host_; }
  // How its data is recognised: by the word of the version that this deployment began with, whose markers are in it, whatever the running one
  // says of its volumes. Where that word cannot be had of what runs now (verify() says unverified: its command is not there any more), the
  // running version's is taken, and the message says so. nullptr: the first version had none.
  DataContract* contract();
  // That of the running version, which nothing was asked of yet; nullptr: it has none.
  DataContract* present_contract();
  std::vector<std::unique_ptr<Check>> checks(Tier tier);
  const RecipeState& state() const { return *state_; }

  // Ends it and removes every trace; reports residue and services that had to be killed. Deaf to cancellation.
  // A red one stays up before for as long as the run was told to keep it, or until it is cancelled.
  void remove();
  bool is_deployed() const { return deployed_; }
  // After remove(): had every service the time that it asks for? What was killed before it was over leaves data that nobody may keep.
  CheckResult ended_by_itself() const;

 private:
  DeploySpec spec_for(const RecipeState& state, const std::map<std::string, VolumeSource>& volumes, const Values& secrets) const;
  void keep_for_inspection();
  bool is_behind_proxy(const RecipeState& state) const;
  void drop_parts();
  void make_parts(const RecipeState& state, const Values& secrets);
  AppContext context_of(const RecipeState& state) const;
  milliseconds start_deadline() const;

  RunContext& run_;
  std::string stack_, domain_;
  std::string url_;  // of what was deployed last
  bool kept_;
  bool deployed_ = false;
  std::unique_ptr<RecipeState> state_, first_;
  Values first_secrets_;
  std::vector<std::string> cut_short_;
  // Destroyed in reverse order: parts before their host.
  std::unique_ptr<Host> host_, first_host_;
  std::unique_ptr<HealthProbe> probe_;
  std::unique_ptr<DataContract> present_contract_, contract_;
  bool contract_made_ = false, present_contract_made_ = false;
};

}  // namespace simmer
