// The checks behind check_conformance(); included by simmer/testkit/conformance.hpp, not by you.
//
// One member function a promise. A check says what a violation would cost, because its message is all
// that the author of a plugin reads.
#pragma once

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <simmer/lease_provider.hpp>
#include <simmer/testkit/conformance.hpp>

namespace simmer::testkit::detail {

class ConformanceRun {
 public:
  explicit ConformanceRun(const PluginUnderTest& plugin) : plugin_(plugin), facts_(plugin.facts) {}

  ConformanceReport run() {
    check("factory", [this] { return make_recipe(); });
    if (recipe_) {
      check("traits", [this] { return traits_are_sane(); });
      check("traits-are-stable", [this] { return traits_are_stable(); });
      probes();
      data();
      check("snapshot-strategy", [this] { return strategy_is_sane(); });
      check("check-names", [this] { return check_names_are_unique(); });
      check("checks-on-healthy-app", [this] { return checks_pass_when_healthy(); });
      check("checks-on-dead-server", [this] { return checks_do_not_pass_when_dead(); });
      check("upgrade-gate", [this] { return gate_gives_reasons(); });
      check("interruption-passes", [this] { return interruption_passes(); });
      check("secrets-stay-secret", [this] { return secrets_stay_secret(); });
    }
    return std::move(report_);
  }

 private:
  static Finding passed(std::string message = {}) { return {"", Verdict::passed, std::move(message)}; }
  static Finding failed(std::string message) { return {"", Verdict::failed, std::move(message)}; }
  static Finding warning(std::string message) { return {"", Verdict::warning, std::move(message)}; }
  static Finding skipped(std::string message) { return {"", Verdict::skipped, std::move(message)}; }

  template <class Body>
  void check(const std::string& name, Body body) {
    if (plugin_.on_begin) plugin_.on_begin(name);
    Finding finding;
    try {
      finding = body();
    } catch (const std::exception& error) {
      finding = failed(std::string("threw: ") + error.what());
    } catch (...) {
      finding = failed("threw something that is not a std::exception: nobody can say what it was");
    }
    finding.check = name;
    report_.findings.push_back(std::move(finding));
  }

  // For what may be skipped in a world that is not the app's own.
  template <class Body>
  void check_in_world(const std::string& name, Body body) {
    if (world_suits_) {
      check(name, body);
    } else {
      check(name,
            [] { return skipped("the standard world is not this app; test it with a world of its own (docs/plugin-guide.md)"); });
    }
  }

  FakeHost& new_world() {
    hosts_.push_back(std::make_unique<FakeHost>());
    FakeHost& host = *hosts_.back();
    host.context.recipe = facts_.recipe;
    for (const auto& secret : facts_.secrets) host.secrets[secret.name] = "fake-secret-of-" + secret.name;
    plugin_.prepare ? plugin_.prepare(host) : prepare_standard_world(host);
    return host;
  }

  // ---- the plugin as such ----

  Finding make_recipe() {
    recipe_ = plugin_.create();
    return recipe_ ? passed() : failed("returned no recipe");
  }

  Finding traits_are_sane() {
    traits_ = recipe_->traits(facts_);
    static const std::set<std::string> roles = {"live", "canonical", "test"};
    if (!roles.contains(traits_.default_role))
      return failed("default_role is '" + traits_.default_role + "'; it must be live, canonical or test");
    for (const auto& need : traits_.needs)
      if (need.empty() || need.find_first_of(" \t\n") != std::string::npos)
        return failed("needs contains '" + need + "': not a name");
    if (traits_.start_timeout && *traits_.start_timeout <= std::chrono::milliseconds(0))
      return failed("start_timeout is not positive");
    for (const auto& [tier, reason] : traits_.not_applicable)
      if (reason.empty())
        return failed("tier " + std::string(to_string(tier)) + " is not applicable without a reason; people read it");
    return passed();
  }

  Finding traits_are_stable() {
    const auto again = recipe_->traits(facts_);
    const bool same = again.kind == traits_.kind && again.default_role == traits_.default_role && again.needs == traits_.needs &&
                      again.start_timeout == traits_.start_timeout && again.not_applicable == traits_.not_applicable &&
                      again.cold_not_applicable == traits_.cold_not_applicable && again.fork_may_move == traits_.fork_may_move;
    return same ? passed()
                : failed("two calls with the same facts answer differently; locks and leases are decided by the first");
  }

  // ---- health ----

  void probes() {
    check("probe-on-dead-server", [this] {
      FakeHost& host = new_world();
      host.go_down();
      const auto probe = recipe_->health_probe(facts_, host);
      if (!probe) return failed("health_probe() returned nullptr: every run is unverified, which is never green");
      const Health health = probe->probe();
      if (health.state == HealthState::healthy) return failed("says healthy although nothing answers");
      if (health.message.empty()) return failed("does not say what it saw; the message is all that people get");
      return health.state == HealthState::unhealthy ? passed() : warning("unverified: " + health.message);
    });
    check("probe-on-proxy-page", [this] { return probe_rejects(FakeHost::not_found(), "the proxy's 404"); });
    check("probe-on-server-error", [this] {
      HttpResponse broken = FakeHost::page("internal error");
      broken.status = 500;
      return probe_rejects(broken, "a 500");
    });
    check("probe-on-strange-page", [this] {
      auto finding = probe_rejects(FakeHost::page("<title>somebody else's</title>"), "somebody else's page");
      if (finding.verdict == Verdict::failed)
        finding = warning(finding.message + "; compare with something only this app can know");
      return finding;
    });
    check("probe-on-healthy-app", [this] {
      FakeHost& host = new_world();
      const auto probe = recipe_->health_probe(facts_, host);
      const Health health = probe ? probe->probe() : Health{};
      world_suits_ = plugin_.world_is_exact || health.state == HealthState::healthy;
      if (health.state == HealthState::healthy) return passed();
      if (plugin_.world_is_exact) return failed("is not healthy in the app's own world: " + health.message);
      return skipped("not healthy in the standard world: " + health.message);
    });
  }

  Finding probe_rejects(const HttpResponse& answer, const std::string& what) {
    FakeHost& host = new_world();
    host.server = [answer](const HttpRequest&) { return answer; };
    const auto probe = recipe_->health_probe(facts_, host);
    if (!probe) return skipped("no probe");
    const Health health = probe->probe();
    if (health.state == HealthState::healthy && !host.requests.empty()) return failed("takes " + what + " for the app");
    if (host.requests.empty()) return skipped("this probe does not ask over HTTP");
    return passed();
  }

  // ---- the data contract ----

  void data() {
    check("data-contract-declared", [this] {
      FakeHost& host = new_world();
      has_contract_ = recipe_->data_contract(facts_, host) != nullptr;
      if (has_contract_)
        return traits_.kind == RecipeKind::stateful ? passed() : warning("has a data contract, and calls itself stateless");
      if (traits_.kind == RecipeKind::stateless) return skipped("stateless");
      return failed("is stateful and has no data contract: no tier can show that its data survives");
    });
    if (!has_contract_) return;
    check_in_world("data-unseeded-is-noticed", [this] {
      return expect_verify(*contract(new_world()), "nonce0", false, "passes before anything was seeded");
    });
    check_in_world("data-seed-then-verify", [this] {
      FakeHost& host = new_world();
      contract(host)->seed("nonce1");
      // Another object: the host verifies in another process than it seeded in.
      return expect_verify(*contract(host), "nonce1", true, "does not find what was just seeded");
    });
    check_in_world("data-seed-twice", [this] { return seed_is_idempotent(); });
    check_in_world("data-verify-only-reads", [this] {
      FakeHost& host = new_world();
      contract(host)->seed("nonce1");
      const auto before = host.volume_files;
      contract(host)->verify("nonce1");
      return host.volume_files == before ? passed() : failed("verify() changed a volume");
    });
    check_in_world("data-other-nonce-is-noticed", [this] {
      FakeHost& host = new_world();
      contract(host)->seed("nonce1");
      return expect_verify(*contract(host), "nonce2", false, "passes for a nonce that was never seeded");
    });
    check_in_world("data-lost-is-noticed", [this] {
      FakeHost& host = new_world();
      contract(host)->seed("nonce1");
      contract(host)->wipe();
      return expect_verify(*contract(host), "nonce1", false, "is blind to loss: passes after wipe()");
    });
    check_in_world("data-each-file-matters", [this] { return each_seeded_file_matters(); });
    check_in_world("data-wipe-spares-the-rest", [this] { return wipe_spares_the_rest(); });
    check_in_world("data-wipe-twice", [this] {
      FakeHost& host = new_world();
      contract(host)->seed("nonce1");
      contract(host)->wipe();
      contract(host)->wipe();
      contract(host)->seed("nonce1");
      return expect_verify(*contract(host), "nonce1", true, "cannot seed again after wipe()");
    });
  }

  std::unique_ptr<DataContract> contract(FakeHost& host) {
    auto made = recipe_->data_contract(facts_, host);
    if (!made) throw Error(ErrorKind::plugin, "data_contract() returned nullptr, although it returned one before");
    return made;
  }

  static Finding expect_verify(DataContract& contract, const std::string& nonce, bool pass, const std::string& complaint) {
    const CheckResult result = contract.verify(nonce);
    if ((result.outcome == Outcome::pass) != pass)
      return failed("verify() " + complaint + (result.message.empty() ? "" : ": " + result.message));
    if (!pass && result.message.empty()) return failed("verify() fails without saying what is missing");
    return passed();
  }

  Finding seed_is_idempotent() {
    FakeHost& host = new_world();
    contract(host)->seed("nonce1");
    const auto once = host.volume_files;
    contract(host)->seed("nonce1");
    if (host.volume_files != once) return failed("seed() with the same nonce again changed a volume");
    return expect_verify(*contract(host), "nonce1", true, "fails after seeding twice");
  }

  // The negative control, file by file: what verify() does not look at, nobody notices the loss of.
  Finding each_seeded_file_matters() {
    FakeHost& host = new_world();
    const auto before = host.volume_files;
    contract(host)->seed("nonce1");
    const auto seeded = host.volume_files;
    if (seeded == before) return skipped("seed() wrote no volume file");
    for (const auto& [volume, files] : seeded) {
      for (const auto& [path, bytes] : files) {
        const auto was = before.find(volume);
        if (was != before.end() && was->second.contains(path) && was->second.at(path) == bytes) continue;
        host.volume_files = seeded;
        host.volume_files[volume].erase(path);
        if (contract(host)->verify("nonce1").outcome == Outcome::pass)
          return failed("verify() does not notice that " + volume + "/" + path + " is gone");
        host.volume_files = seeded;
        host.volume_files[volume][path] = bytes + "damaged";
        if (contract(host)->verify("nonce1").outcome == Outcome::pass)
          return warning("verify() does not notice that " + volume + "/" + path + " has changed");
      }
    }
    return passed();
  }

  Finding wipe_spares_the_rest() {
    FakeHost& host = new_world();
    const auto before = host.volume_files;
    contract(host)->seed("nonce1");
    contract(host)->wipe();
    for (const auto& [volume, files] : before)
      for (const auto& [path, bytes] : files)
        if (!host.volume_files[volume].contains(path) || host.volume_files[volume][path] != bytes)
          return warning("wipe() also took or changed " + volume + "/" + path + ", which seed() did not write");
    return passed();
  }

  // ---- snapshots, checks, gate ----

  Finding strategy_is_sane() {
    std::vector<std::string> volumes;
    for (const auto& volume : facts_.volumes) volumes.push_back(volume.name);
    FakeReadyStrategies ready(volumes);
    const auto strategy = recipe_->snapshot_strategy(facts_, ready);
    if (!strategy) return failed("snapshot_strategy() returned nullptr: no upgrade could be undone");
    if (strategy->name().empty()) return failed("the strategy has no name");
    const auto steps = strategy->way_back();
    if (steps.empty() || steps.back() != WayBackStep::probe)
      return failed("way_back() must end with probe: an unproven way back is none");
    const auto at = [&steps](WayBackStep step) { return std::find(steps.begin(), steps.end(), step) - steps.begin(); };
    const auto none = static_cast<std::ptrdiff_t>(steps.size());
    const auto deployed = std::min(at(WayBackStep::deploy), at(WayBackStep::deploy_in_place));
    if (deployed == none) return failed("way_back() never deploys the last good version");
    const auto restored = at(WayBackStep::restore);
    if (restored != none && strategy->capture_when() != CaptureWhen::running &&
        (at(WayBackStep::undeploy) > restored || deployed < restored))
      return failed("way_back() restores volumes while the app may write to them: undeploy, restore, deploy, probe");
    if (traits_.kind == RecipeKind::stateful && strategy->capture_when() == CaptureWhen::never)
      return failed("is stateful, and its strategy captures nothing");
    if (strategy->capture_when() != CaptureWhen::never && restored == none)
      return failed("the strategy captures data, and way_back() never restores it");
    for (const auto& volume : strategy->volumes())
      if (std::find(volumes.begin(), volumes.end(), volume) == volumes.end())
        return failed("the strategy names volume " + volume + ", which the recipe does not declare");
    return passed();
  }

  Finding check_names_are_unique() {
    std::set<std::string> names;
    for (const Tier tier : all_tiers) {
      FakeHost& host = new_world();
      for (const auto& check : recipe_->checks(tier, facts_, host)) {
        if (!check) return failed("checks() returned a nullptr for tier " + std::string(to_string(tier)));
        const auto name = check->name();
        if (name.empty() || name.find_first_of(" \t\n/") != std::string::npos)
          return failed("'" + name + "' is no name for a check");
        if (!names.insert(std::string(to_string(tier)) + " " + name).second)
          return failed("two checks of tier " + std::string(to_string(tier)) + " are called " + name);
      }
    }
    return passed(std::to_string(names.size()) + " checks");
  }

  template <class Judge>
  Finding for_each_check(bool alive, Judge judge) {
    for (const Tier tier : all_tiers) {
      FakeHost& host = new_world();
      if (!alive) host.go_down();
      for (const auto& check : recipe_->checks(tier, facts_, host)) {
        if (!check) return failed("checks() returned a nullptr");
        CheckResult result;
        try {
          result = check->run();
        } catch (const Error& error) {
          result = {Outcome::unverified, error.what()};
        }
        if (auto complaint = judge(*check, result); !complaint.empty())
          return failed("check " + check->name() + " " + complaint + (result.message.empty() ? "" : ": " + result.message));
      }
    }
    return passed();
  }

  Finding checks_pass_when_healthy() {
    if (!world_suits_) return skipped("the standard world is not this app");
    return for_each_check(true, [](Check& check, const CheckResult& result) -> std::string {
      return check.required() && result.outcome != Outcome::pass ? "does not pass on a healthy app" : "";
    });
  }

  Finding checks_do_not_pass_when_dead() {
    return for_each_check(false, [](Check&, const CheckResult& result) -> std::string {
      if (result.outcome == Outcome::pass) return "passes although nothing answers";
      return result.message.empty() ? "fails without saying what it saw" : "";
    });
  }

  Finding gate_gives_reasons() {
    const auto gate = recipe_->upgrade_gate(facts_);
    if (!gate) return skipped("none of its own");
    const auto verdict = gate->judge({"fake-app", "1.0.0+1.0", "1.0.1+1.0", {{"1.0.1+1.0", ""}}});
    return verdict.hold && verdict.reason.empty() ? failed("holds an upgrade without a reason") : passed();
  }

  // A cancelled run must end: what swallows the interruption holds up the whole teardown.
  Finding interruption_passes() {
    FakeHost& host = new_world();
    const auto probe = recipe_->health_probe(facts_, host);
    if (!probe) return skipped("no probe");
    host.interrupt();
    try {
      const auto health = probe->probe();
      return health.state == HealthState::healthy ? failed("the probe says healthy after the run was cancelled")
                                                  : warning("the probe swallows Error(interrupted); let it pass");
    } catch (const Error& error) {
      return error.kind() == ErrorKind::interrupted ? passed() : warning("the probe turns Error(interrupted) into another one");
    }
  }

  Finding secrets_stay_secret() {
    for (const auto& host : hosts_) {
      for (const auto& [name, value] : host->secrets) {
        const auto shows = [&value = value](const std::string& text) { return text.find(value) != std::string::npos; };
        for (const auto& line : host->log_lines)
          if (shows(line)) return failed("logs the secret " + name);
        for (const auto& command : host->commands)
          for (const auto& argument : command.argv)
            if (shows(argument)) return failed("puts the secret " + name + " into a command line; give it as input");
        for (const auto& finding : report_.findings)
          if (shows(finding.message)) return failed("puts the secret " + name + " into a message");
      }
    }
    return passed();
  }

  const PluginUnderTest& plugin_;
  RecipeFacts facts_;
  ConformanceReport report_;
  // Hosts outlive what was made with them, and what they recorded is looked at in the end.
  std::vector<std::unique_ptr<FakeHost>> hosts_;
  std::unique_ptr<Recipe> recipe_;
  RecipeTraits traits_;
  bool world_suits_ = true;
  bool has_contract_ = false;
};

}  // namespace simmer::testkit::detail

namespace simmer::testkit {

inline ConformanceReport check_conformance(const PluginUnderTest& plugin) { return detail::ConformanceRun(plugin).run(); }

}  // namespace simmer::testkit
