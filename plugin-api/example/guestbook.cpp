// The recipe `guestbook`: a page that lists what people wrote, from files in the volume `entries`.
#include <simmer/plugin.hpp>

namespace {

// Healthy is the guestbook's own page, not any page: its front page always carries this line.
class OwnPage : public simmer::HealthProbe {
 public:
  explicit OwnPage(simmer::Host& host) : host_(host) {}

  simmer::Health probe() override {
    simmer::HttpRequest request;
    request.url = "/";
    const auto response = host_.http(request);
    if (response.status == 0) return {simmer::HealthState::unhealthy, "no answer: " + response.error};
    if (response.status != 200 || response.body.find("<title>Guestbook</title>") == std::string::npos)
      return {simmer::HealthState::unhealthy, "GET / is not the guestbook: status " + std::to_string(response.status)};
    return {simmer::HealthState::healthy, "the guestbook's own page"};
  }

 private:
  simmer::Host& host_;
};

// One entry, signed by the nonce. A user would miss it, and so must verify().
class Entries : public simmer::DataContract {
 public:
  explicit Entries(simmer::Host& host) : host_(host) {}

  void seed(const std::string& nonce) override {
    if (verify(nonce).outcome != simmer::Outcome::pass) host_.write_volume_file("entries", "simmer.txt", entry(nonce));
  }
  simmer::CheckResult verify(const std::string& nonce) override {
    if (!host_.volume_file_exists("entries", "simmer.txt")) return {simmer::Outcome::fail, "entries/simmer.txt is gone"};
    if (host_.read_volume_file("entries", "simmer.txt") != entry(nonce))
      return {simmer::Outcome::fail, "entries/simmer.txt is not the entry of " + nonce};
    return {simmer::Outcome::pass, "the entry is there"};
  }
  void wipe() override {
    if (host_.volume_file_exists("entries", "simmer.txt")) host_.remove_volume_file("entries", "simmer.txt");
  }

 private:
  static std::string entry(const std::string& nonce) { return "It was lovely here. " + nonce + "\n"; }
  simmer::Host& host_;
};

// A custom test: what people wrote is really shown.
class ShowsEntries : public simmer::Check {
 public:
  explicit ShowsEntries(simmer::Host& host) : host_(host) {}
  std::string name() const override { return "shows-entries"; }
  bool required() const override { return true; }
  simmer::CheckResult run() override {
    simmer::HttpRequest request;
    request.url = "/entries";
    const auto response = host_.http(request);
    if (response.status == 200) return {simmer::Outcome::pass, ""};
    return {simmer::Outcome::fail,
            "GET /entries: expected status 200, saw " + std::to_string(response.status) + " " + response.error};
  }

 private:
  simmer::Host& host_;
};

class Guestbook : public simmer::Recipe {
 public:
  simmer::RecipeTraits traits(const simmer::RecipeFacts&) override {
    simmer::RecipeTraits traits;
    traits.kind = simmer::RecipeKind::stateful;
    traits.default_role = "canonical";
    return traits;
  }
  std::unique_ptr<simmer::HealthProbe> health_probe(const simmer::RecipeFacts&, simmer::Host& host) override {
    return std::make_unique<OwnPage>(host);
  }
  std::unique_ptr<simmer::DataContract> data_contract(const simmer::RecipeFacts&, simmer::Host& host) override {
    return std::make_unique<Entries>(host);
  }
  std::unique_ptr<simmer::SnapshotStrategy> snapshot_strategy(const simmer::RecipeFacts&,
                                                              simmer::ReadyStrategies& ready) override {
    return ready.raw_volumes({});
  }
  std::unique_ptr<simmer::UpgradeGate> upgrade_gate(const simmer::RecipeFacts&) override { return nullptr; }
  std::vector<std::unique_ptr<simmer::Check>> checks(simmer::Tier tier, const simmer::RecipeFacts&, simmer::Host& host) override {
    std::vector<std::unique_ptr<simmer::Check>> all;
    if (tier == simmer::Tier::custom) all.push_back(std::make_unique<ShowsEntries>(host));
    return all;
  }
};

}  // namespace

SIMMER_PLUGIN(Guestbook, "guestbook", "1.0.0", "guestbook");
