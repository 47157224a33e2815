#include <child/guarded_recipe.hpp>

#include <simmer/error.hpp>

namespace simmer {

namespace {

struct Guard {
  std::string plugin;
  CallListener& listener;

  template <class Action>
  auto call(const std::string& name, Action&& action) const -> decltype(action()) {
    struct Announced {
      CallListener& listener;
      ~Announced() { listener.call_ended(); }
    };
    listener.call_started(name);
    const Announced announced{listener};
    const std::string prefix = "plugin " + plugin + ": " + name + " ";
    try {
      return action();
    } catch (const Error& error) {
      // What the machine or the user did is not the plugin's doing; it passed it on as it should.
      if (error.kind() == ErrorKind::interrupted || error.kind() == ErrorKind::infrastructure || error.kind() == ErrorKind::internal) throw;
      throw Error(ErrorKind::plugin, prefix + "failed: " + error.what());
    } catch (const std::exception& error) {
      throw Error(ErrorKind::plugin, prefix + "threw: " + error.what());
    } catch (...) {
      throw Error(ErrorKind::plugin, prefix + "threw something that is no std::exception");
    }
  }
};

class GuardedProbe : public HealthProbe {
 public:
  GuardedProbe(Guard guard, std::unique_ptr<HealthProbe> inner) : guard_(std::move(guard)), inner_(std::move(inner)) {}
  Health probe() override {
    return guard_.call("probe", [&] { return inner_->probe(); });
  }

 private:
  Guard guard_;
  std::unique_ptr<HealthProbe> inner_;
};

class GuardedContract : public DataContract {
 public:
  GuardedContract(Guard guard, std::unique_ptr<DataContract> inner) : guard_(std::move(guard)), inner_(std::move(inner)) {}
  void seed(const std::string& nonce) override {
    guard_.call("seed", [&] { inner_->seed(nonce); });
  }
  CheckResult verify(const std::string& nonce) override {
    return guard_.call("verify", [&] { return inner_->verify(nonce); });
  }
  void wipe() override {
    guard_.call("wipe", [&] { inner_->wipe(); });
  }

 private:
  Guard guard_;
  std::unique_ptr<DataContract> inner_;
};

class GuardedCheck : public Check {
 public:
  GuardedCheck(Guard guard, std::unique_ptr<Check> inner) : guard_(std::move(guard)), inner_(std::move(inner)) {
    guard_.call("check name", [&] {
      name_ = inner_->name();
      required_ = inner_->required();
    });
  }
  std::string name() const override { return name_; }
  bool required() const override { return required_; }
  CheckResult run() override {
    return guard_.call("check " + name_, [&] { return inner_->run(); });
  }

 private:
  Guard guard_;
  std::unique_ptr<Check> inner_;
  std::string name_;
  bool required_ = true;
};

class GuardedStrategy : public SnapshotStrategy {
 public:
  GuardedStrategy(Guard guard, std::unique_ptr<SnapshotStrategy> inner) : guard_(std::move(guard)), inner_(std::move(inner)) {}
  std::string name() const override {
    return guard_.call("strategy name", [&] { return inner_->name(); });
  }
  CaptureWhen capture_when() const override {
    return guard_.call("capture_when", [&] { return inner_->capture_when(); });
  }
  std::vector<std::string> volumes() const override {
    return guard_.call("strategy volumes", [&] { return inner_->volumes(); });
  }
  void capture(const std::string& folder) override {
    guard_.call("capture", [&] { inner_->capture(folder); });
  }
  void verify(const std::string& folder) override {
    guard_.call("strategy verify", [&] { inner_->verify(folder); });
  }
  void restore(const std::string& folder) override {
    guard_.call("strategy restore", [&] { inner_->restore(folder); });
  }
  std::vector<WayBackStep> way_back() const override {
    return guard_.call("way_back", [&] { return inner_->way_back(); });
  }

 private:
  Guard guard_;
  std::unique_ptr<SnapshotStrategy> inner_;
};

class GuardedGate : public UpgradeGate {
 public:
  GuardedGate(Guard guard, std::unique_ptr<UpgradeGate> inner) : guard_(std::move(guard)), inner_(std::move(inner)) {}
  GateVerdict judge(const UpgradeProposal& proposal) override {
    return guard_.call("judge", [&] { return inner_->judge(proposal); });
  }

 private:
  Guard guard_;
  std::unique_ptr<UpgradeGate> inner_;
};

class GuardedRecipe : public Recipe {
 public:
  GuardedRecipe(Guard guard, std::unique_ptr<Recipe> inner) : guard_(std::move(guard)), inner_(std::move(inner)) {}

  RecipeTraits traits(const RecipeFacts& facts) override {
    return guard_.call("traits", [&] { return inner_->traits(facts); });
  }
  std::unique_ptr<HealthProbe> health_probe(const RecipeFacts& facts, Host& host) override {
    return wrap<GuardedProbe>(guard_.call("health_probe", [&] { return inner_->health_probe(facts, host); }));
  }
  std::unique_ptr<DataContract> data_contract(const RecipeFacts& facts, Host& host) override {
    return wrap<GuardedContract>(guard_.call("data_contract", [&] { return inner_->data_contract(facts, host); }));
  }
  std::unique_ptr<SnapshotStrategy> snapshot_strategy(const RecipeFacts& facts, ReadyStrategies& ready) override {
    return wrap<GuardedStrategy>(guard_.call("snapshot_strategy", [&] { return inner_->snapshot_strategy(facts, ready); }));
  }
  std::unique_ptr<UpgradeGate> upgrade_gate(const RecipeFacts& facts) override {
    return wrap<GuardedGate>(guard_.call("upgrade_gate", [&] { return inner_->upgrade_gate(facts); }));
  }
  std::vector<std::unique_ptr<Check>> checks(Tier tier, const RecipeFacts& facts, Host& host) override {
    auto made = guard_.call("checks", [&] { return inner_->checks(tier, facts, host); });
    std::vector<std::unique_ptr<Check>> guarded;
    for (auto& check : made) {
      if (!check) throw Error(ErrorKind::plugin, "plugin " + guard_.plugin + ": checks returned an empty check");
      guarded.push_back(std::make_unique<GuardedCheck>(guard_, std::move(check)));
    }
    return guarded;
  }
  void before(Tier tier, Host& host) override {
    guard_.call("before", [&] { inner_->before(tier, host); });
  }
  void after(Tier tier, Host& host) override {
    guard_.call("after", [&] { inner_->after(tier, host); });
  }

 private:
  template <class Guarded, class Part>
  std::unique_ptr<Part> wrap(std::unique_ptr<Part> part) {
    if (!part) return nullptr;
    return std::make_unique<Guarded>(guard_, std::move(part));
  }

  Guard guard_;
  std::unique_ptr<Recipe> inner_;
};

}  // namespace

std::unique_ptr<Recipe> guard_recipe(std::unique_ptr<Recipe> recipe, const std::string& plugin, CallListener& listener) {
  return std::make_unique<GuardedRecipe>(Guard{plugin, listener}, std::move(recipe));
}

}  // namespace simmer
