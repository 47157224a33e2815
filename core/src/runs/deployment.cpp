#include <runs/deployment.hpp>

#include <algorithm>
#include <utility>

#include <base/crash_point.hpp>
#include <base/mounts.hpp>
#include <config/config.hpp>
#include <engine/router_label.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {

milliseconds since(Clock::time_point start) { return std::chrono::duration_cast<milliseconds>(Clock::now() - start); }

std::string in_seconds(milliseconds duration) {
  const auto tenths = (duration.count() + 50) / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

// The first version's word on the data, and the running one's where the first cannot look.
class WordOfTheFirst : public DataContract {
 public:
  WordOfTheFirst(std::unique_ptr<DataContract> first, std::function<DataContract*()> present) : first_(std::move(first)), present_(std::move(present)) {}

  void seed(const std::string& nonce) override { first_->seed(nonce); }

  CheckResult verify(const std::string& nonce) override {
    auto result = first_->verify(nonce);
    cannot_look_ = result.outcome == Outcome::unverified;
    DataContract* present = cannot_look_ ? present_() : nullptr;
    if (present == nullptr) return result;
    auto said = present->verify(nonce);
    said.message += " (" + result.message + ")";
    return said;
  }

  void wipe() override {
    DataContract* present = cannot_look_ ? present_() : nullptr;
    (present != nullptr ? present : first_.get())->wipe();
  }

 private:
  std::unique_ptr<DataContract> first_;
  std::function<DataContract*()> present_;
  bool cannot_look_ = false;
};

// What a service asks for to end by itself.
milliseconds grace_of(const std::string& name, const RecipeState& state) {
  for (const auto& service : state.tree.facts.services)
    if (service.name == name) return service.stop_grace.value_or(milliseconds(0));
  return milliseconds(0);
}

}  // namespace

Deployment::Deployment(RunContext& run, std::string stack, std::string domain, bool kept)
    : run_(run), stack_(std::move(stack)), domain_(std::move(domain)), kept_(kept) {}

Deployment::~Deployment() = default;

DeploySpec Deployment::spec_for(const RecipeState& state, const std::map<std::string, VolumeSource>& volumes, const Values& secrets) const {
  DeploySpec spec;
  spec.stack = stack_;
  spec.domain = domain_;
  spec.run_id = run_.spec.run_id;
  spec.kept = kept_;
  spec.asked_directly = !is_behind_proxy(state);
  spec.recipe_dir = state.dir;
  spec.repository = run_.spec.repository;
  spec.compose = one_file(state.tree);
  spec.objects = state.tree.objects;
  spec.asked_limits = state.tree.limits;
  spec.facts = state.tree.facts;
  spec.images = state.images;
  spec.app = run_.spec.app;
  spec.env = state.env;
  spec.secrets = secrets;
  for (const auto& object : state.tree.objects)
    if (object.is_secret) spec.secrets[object.key] = object.content;
  spec.volumes = volumes;
  if (!spec.run_id.empty()) spec.limits = run_.spec.limits;
  // Of what is thrown away nothing needs longer than the teardown waits; what ends data that is kept has all the time there is.
  if (!kept_) spec.longest_grace = run_.spec.teardown * 3 / 4;
  spec.internal_networks = run_.spec.deny_egress;
  return spec;
}

milliseconds Deployment::start_deadline() const {
  const auto& facts = state_->tree.facts;
  const auto traits = run_.recipe.traits(facts);
  if (traits.start_timeout) return *traits.start_timeout;
  return facts.timeout.value_or(run_.spec.start);
}

// What people reach it by is what has to be healthy: its name, at the proxy.
bool Deployment::is_behind_proxy(const RecipeState& state) const {
  if (run_.spec.proxy_address.empty()) return false;
  return std::any_of(state.tree.facts.services.begin(), state.tree.facts.services.end(), has_router);
}

void Deployment::make_parts(const RecipeState& state, const Values& secrets) {
  drop_parts();
  state_ = std::make_unique<RecipeState>(state);
  if (!first_) {
    first_ = std::make_unique<RecipeState>(state);
    first_secrets_ = secrets;
  }
  url_ = is_behind_proxy(*state_) ? (run_.spec.proxy_tls ? "https://" : "http://") + domain_
                                  : run_.engine.endpoint(stack_, "", Limit::in(run_.spec.teardown, run_.stop));
  host_ = run_.make_host(context_of(*state_), state_->tree.facts, secrets, state.env);
  probe_ = run_.recipe.health_probe(state_->tree.facts, *host_);
}

void Deployment::drop_parts() {
  contract_.reset();
  present_contract_.reset();
  probe_.reset();
  first_host_.reset();
  host_.reset();
  contract_made_ = present_contract_made_ = false;
}

AppContext Deployment::context_of(const RecipeState& state) const {
  AppContext app;
  app.app = run_.spec.app;
  app.recipe = run_.spec.recipe;
  app.domain = domain_;
  app.stack = stack_;
  app.version = state.version;
  app.commit = state.commit;
  app.role = kept_ ? "canonical" : "test";
  app.url = url_;
  return app;
}

void Deployment::deploy(const RecipeState& state, const std::map<std::string, VolumeSource>& volumes, const Values& secrets) {
  run_.journal.add_stack(stack_, "deploying " + stack_ + " at " + state.commit, kept_);
  run_.report.phase("deploying " + (state.version.empty() ? state.commit.substr(0, 12) : state.version) + " as " + domain_);
  const Limit limit = Limit::in(run_.spec.start, run_.stop);
  const auto spec = spec_for(state, volumes, secrets);
  if (!std::exchange(run_.has_told_limits, true))
    for (const auto& what : run_.engine.unenforced(spec)) run_.report.log(LogLevel::info, what);
  run_.engine.make_images_present(spec, limit);
  deployed_ = true;
  run_.report.deployed();
  run_.engine.deploy(spec, limit);
  crash_point("after a deploy");
  make_parts(state, secrets);
}

void Deployment::upgrade(const RecipeState& state, const std::map<std::string, VolumeSource>& volumes, const Values& secrets) {
  run_.journal.begin_step("upgrading " + stack_ + " to " + state.commit);
  run_.report.phase("upgrading to " + (state.version.empty() ? "" : state.version + " ") + "commit " + state.commit.substr(0, 12));
  const Limit limit = Limit::in(run_.spec.start, run_.stop);
  const auto spec = spec_for(state, volumes, secrets);
  run_.engine.make_images_present(spec, limit);
  run_.engine.upgrade(spec, limit);
  crash_point("after an upgrade");
  make_parts(state, secrets);
}

HealthOutcome Deployment::wait_healthy() {
  run_.report.phase("waiting until " + domain_ + " is healthy and steady");
  const auto start = Clock::now();
  const auto deadline = start_deadline();
  const Limit limit = Limit::in(deadline, run_.stop);
  std::optional<Clock::time_point> healthy_since, ill_since;
  std::optional<std::uint64_t> generation, generation_in_health;
  bool was_healthy = false;
  std::string last = "it was never asked";
  milliseconds pause(10);
  while (true) {
    limit.check_stop("waiting for " + domain_);
    const auto now = run_.engine.wait_converged(stack_, limit);
    const std::string tail = now.log_tail.empty() ? "" : "; its last words: " + now.log_tail;
    switch (now.state) {
      case Convergence::State::converged: break;
      case Convergence::State::infrastructure: throw Error(ErrorKind::infrastructure, now.reason);
      case Convergence::State::failed: return {Outcome::fail, now.reason + tail};
      case Convergence::State::gone: return {Outcome::fail, "the deployment is gone: " + now.reason};
      case Convergence::State::converging:
        return {Outcome::fail, "not up within " + in_seconds(deadline) + ": " + now.reason + (was_healthy ? "; it was healthy before" : "") + tail};
    }
    if (generation != now.generation) healthy_since.reset();
    generation = now.generation;
    const Health health = probe_ ? probe_->probe() : Health{HealthState::unverified, "the plugin has no health probe"};
    if (health.state == HealthState::unverified) return {Outcome::unverified, health.message};
    if (health.state == HealthState::healthy) {
      if (!was_healthy) run_.report.timing("app_start", since(start));
      was_healthy = true;
      generation_in_health = now.generation;
      ill_since.reset();
      if (!healthy_since) healthy_since = Clock::now();
      const auto steady = since(*healthy_since);
      if (steady >= run_.spec.window) {
        run_.report.timing("window", run_.spec.window);
        return {Outcome::pass, "healthy and steady for " + in_seconds(run_.spec.window) + ", up after " + in_seconds(since(start) - steady)};
      }
      pause = std::min(milliseconds(250), run_.spec.window - steady);
    } else {
      last = health.message;
      healthy_since.reset();
      if (!ill_since) ill_since = Clock::now();
      if (was_healthy && since(*ill_since) >= std::max(run_.spec.window, milliseconds(500)))
        return {Outcome::fail, "it was healthy and then became unhealthy: " + last + (now.generation == generation_in_health ? "" : "; a service of it died or was started again meanwhile")};
      if (limit.passed()) return {Outcome::fail, "not healthy within " + in_seconds(deadline) + ": " + last};
      pause = std::min(milliseconds(250), was_healthy ? milliseconds(50) : pause * 2);
    }
    run_.engine.wait_for_change(stack_, now.generation, Limit::in(std::max(pause, milliseconds(1)), run_.stop));
  }
}

CheckResult Deployment::runs_what_was_asked() {
  const auto found = run_.engine.deployed(stack_, Limit::in(run_.spec.teardown, run_.stop));
  if (!found || !found->running) return {Outcome::fail, "nothing runs under " + stack_};
  if (found->commit != state_->commit)
    return {Outcome::fail, "what runs is commit " + found->commit.substr(0, 12) + ", asked for was " + state_->commit.substr(0, 12)};
  run_.report.facts("digests", found->digests);
  return {Outcome::pass, "commit " + found->commit.substr(0, 12) + " runs"};
}

void Deployment::report_digests(const std::string& key) {
  if (const auto found = run_.engine.deployed(stack_, Limit::in(run_.spec.teardown, run_.stop))) run_.report.facts(key, found->digests);
}

DataContract* Deployment::contract() {
  if (std::exchange(contract_made_, true)) return contract_.get();
  first_host_ = run_.make_host(context_of(*state_), first_->tree.facts, first_secrets_, first_->env);
  contract_ = run_.recipe.data_contract(first_->tree.facts, *first_host_);
  if (contract_ && first_->commit != state_->commit) contract_ = std::make_unique<WordOfTheFirst>(std::move(contract_), [this] { return present_contract(); });
  return contract_.get();
}

DataContract* Deployment::present_contract() {
  if (!std::exchange(present_contract_made_, true)) present_contract_ = run_.recipe.data_contract(state_->tree.facts, *host_);
  return present_contract_.get();
}

std::vector<std::unique_ptr<Check>> Deployment::checks(Tier tier) { return run_.recipe.checks(tier, state_->tree.facts, *host_); }

void Deployment::keep_for_inspection() {
  // An earlier attempt is repeated: only what the run ends with is worth looking at.
  const bool is_last = run_.spec.mode == RunMode::quick || run_.spec.attempt > 1;
  if (!run_.red || !is_last || run_.spec.keep == milliseconds(0) || run_.stop.stop_requested()) return;
  run_.journal.begin_step("keeping " + stack_ + " for inspection");
  run_.report.log(LogLevel::info, "kept for inspection for " + format_duration(run_.spec.keep) + ", Ctrl-C ends it: stack " + stack_ + (url_.empty() ? "" : " at " + url_));
  run_.report.phase("keeping " + domain_ + (url_.empty() ? "" : " (" + url_ + ")") + " for inspection");
  try {
    wait_for(run_.spec.keep, run_.stop, "keeping " + domain_);
  } catch (const Error&) {
    run_.report.log(LogLevel::info, "the inspection was ended");
  }
}

void Deployment::remove() {
  keep_for_inspection();
  drop_parts();
  run_.journal.begin_step("removing " + stack_);
  run_.report.phase("removing " + stack_);
  const auto start = Clock::now();
  const Limit limit = Limit::in(run_.spec.teardown);
  cut_short_.clear();
  for (const auto& service : run_.engine.remove(stack_, limit)) {
    run_.report.warning("service " + service + " did not end on SIGTERM within its grace and was killed");
    if (state_ && since(start) < grace_of(service, *state_)) cut_short_.push_back(service);
  }
  for (const auto& left : run_.engine.inventory(stack_, limit)) run_.report.residue(left.kind + " " + left.name);
  for (const auto& mount : take_undone_mounts()) run_.report.residue("mount " + mount + ", which the app left and Simmer has undone");
  deployed_ = false;
  run_.report.timing("app_stop", since(start));
}

CheckResult Deployment::ended_by_itself() const {
  if (cut_short_.empty()) return {Outcome::pass, ""};
  return {Outcome::fail, "service " + cut_short_.front() + " was killed when " + in_seconds(run_.spec.teardown) + " for its end were nearly over, before its stop_grace_period was: what it wrote may be half done; raise deadlines.teardown"};
}

}  // namespace simmer
