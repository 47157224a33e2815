// The plugin that does its worst: in one call, chosen by SIMMER_FAULTY="<call>:<how>", it throws,
// hangs, crashes or ends the process. In all others, and without the variable, it is custom-html.
//
// call: factory, traits, health_probe, probe, data_contract, seed, verify, wipe, snapshot_strategy,
//       way_back, checks, check_run, before, after
// how:  throw (std::runtime_error), throw_int, hang, segfault, exit (with 0: it looks like success), abort
//
// SIMMER_FAULTY_BLIND (compile time): verify() passes always, whatever was lost.
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "custom_html.hpp"

namespace {

using namespace simmer;

void may_fail(const std::string& call) {
  const char* variable = std::getenv("SIMMER_FAULTY");
  const std::string wish = variable ? variable : "";
  if (wish.substr(0, wish.find(':')) != call || wish.find(':') == std::string::npos) return;
  const auto how = wish.substr(wish.find(':') + 1);
  if (how == "throw") throw std::runtime_error("faulty: told to throw in " + call);
  if (how == "throw_int") throw 42;
  if (how == "hang")
    while (true) ::pause();
  if (how == "segfault") {
    volatile int* volatile nowhere = nullptr;
    *nowhere = 1;
  }
  if (how == "exit") std::exit(0);
  if (how == "abort") std::abort();
  throw std::logic_error("SIMMER_FAULTY: nobody knows how to '" + how + "'");
}

class FaultyProbe : public HealthProbe {
 public:
  explicit FaultyProbe(std::unique_ptr<HealthProbe> honest) : honest_(std::move(honest)) {}
  Health probe() override {
    may_fail("probe");
    return honest_->probe();
  }

 private:
  std::unique_ptr<HealthProbe> honest_;
};

class FaultyContract : public DataContract {
 public:
  explicit FaultyContract(std::unique_ptr<DataContract> honest) : honest_(std::move(honest)) {}
  void seed(const std::string& nonce) override {
    may_fail("seed");
    honest_->seed(nonce);
  }
  CheckResult verify(const std::string& nonce) override {
    may_fail("verify");
#ifdef SIMMER_FAULTY_BLIND
    (void)nonce;
    return {Outcome::pass, "all is well, as ever"};
#else
    return honest_->verify(nonce);
#endif
  }
  void wipe() override {
    may_fail("wipe");
    honest_->wipe();
  }

 private:
  std::unique_ptr<DataContract> honest_;
};

class FaultyStrategy : public SnapshotStrategy {
 public:
  explicit FaultyStrategy(std::unique_ptr<SnapshotStrategy> honest) : honest_(std::move(honest)) {}
  std::string name() const override { return honest_->name(); }
  CaptureWhen capture_when() const override { return honest_->capture_when(); }
  std::vector<std::string> volumes() const override { return honest_->volumes(); }
  void capture(const std::string& folder) override { honest_->capture(folder); }
  void verify(const std::string& folder) override { honest_->verify(folder); }
  void restore(const std::string& folder) override { honest_->restore(folder); }
  std::vector<WayBackStep> way_back() const override {
    may_fail("way_back");
    return honest_->way_back();
  }

 private:
  std::unique_ptr<SnapshotStrategy> honest_;
};

class FaultyCheck : public Check {
 public:
  explicit FaultyCheck(std::unique_ptr<Check> honest) : honest_(std::move(honest)) {}
  std::string name() const override { return honest_->name(); }
  bool required() const override { return honest_->required(); }
  CheckResult run() override {
    may_fail("check_run");
    return honest_->run();
  }

 private:
  std::unique_ptr<Check> honest_;
};

class Faulty : public custom_html::CustomHtml {
 public:
  Faulty() { may_fail("factory"); }

  RecipeTraits traits(const RecipeFacts& facts) override {
    may_fail("traits");
    return CustomHtml::traits(facts);
  }
  std::unique_ptr<HealthProbe> health_probe(const RecipeFacts& facts, Host& host) override {
    may_fail("health_probe");
    return std::make_unique<FaultyProbe>(CustomHtml::health_probe(facts, host));
  }
  std::unique_ptr<DataContract> data_contract(const RecipeFacts& facts, Host& host) override {
    may_fail("data_contract");
    return std::make_unique<FaultyContract>(CustomHtml::data_contract(facts, host));
  }
  std::unique_ptr<SnapshotStrategy> snapshot_strategy(const RecipeFacts& facts, ReadyStrategies& ready) override {
    may_fail("snapshot_strategy");
    return std::make_unique<FaultyStrategy>(CustomHtml::snapshot_strategy(facts, ready));
  }
  std::vector<std::unique_ptr<Check>> checks(Tier tier, const RecipeFacts& facts, Host& host) override {
    may_fail("checks");
    auto all = CustomHtml::checks(tier, facts, host);
    for (auto& check : all) check = std::make_unique<FaultyCheck>(std::move(check));
    return all;
  }
  void before(Tier, Host&) override { may_fail("before"); }
  void after(Tier, Host&) override { may_fail("after"); }
};

}  // namespace

#ifndef SIMMER_FAULTY_NAME
#define SIMMER_FAULTY_NAME "faulty"
#endif
#ifndef SIMMER_FAULTY_RECIPE
#define SIMMER_FAULTY_RECIPE "custom-html"
#endif
SIMMER_PLUGIN(Faulty, SIMMER_FAULTY_NAME, "1.0.0", SIMMER_FAULTY_RECIPE);
