#include "generic.hpp"

namespace generic {
namespace {

using simmer::Health;
using simmer::HealthState;
using simmer::Host;
using simmer::HttpRequest;
using simmer::ServiceFacts;

std::string first_line(const std::string& text) { return text.substr(0, std::min<std::size_t>(text.find('\n'), 100)); }

class HttpProbe : public simmer::HealthProbe {
 public:
  HttpProbe(Host& host, std::string path, std::string expect) : host_(host), path_(std::move(path)), expect_(std::move(expect)) {}

  Health probe() override {
    HttpRequest request;
    request.url = path_;
    // Where a redirect leads may be another app's page: it is followed only if we know the text.
    request.follow_redirects = !expect_.empty();
    const auto response = host_.http(request);
    const auto seen = "GET " + path_ + ": status " + std::to_string(response.status);
    if (response.status == 0) return {HealthState::unhealthy, "GET " + path_ + ": no answer: " + response.error};
    if (response.status < 200 || response.status > 399)
      return {HealthState::unhealthy, seen + ", expected 200 to 399; saw '" + first_line(response.body) + "'"};
    // Traefik's own words, should something in front of it have turned the status into 200.
    if (response.body == "404 page not found\n" || response.body == "404 page not found")
      return {HealthState::unhealthy, seen + ", but it is the proxy's page: '404 page not found'"};
    if (!expect_.empty() && response.body.find(expect_) == std::string::npos)
      return {HealthState::unhealthy, seen + ", but without the text '" + expect_ + "'; saw '" + first_line(response.body) + "'"};
    return {HealthState::healthy, seen};
  }

 private:
  Host& host_;
  std::string path_, expect_;
};

// A compose health check as an argv: ["CMD", …], ["CMD-SHELL", text], or a text alone. Empty: none.
std::vector<std::string> health_command(const ServiceFacts& service) {
  const auto& test = service.healthcheck;
  if (service.replicas == 0 || !service.has_healthcheck || test.empty() || test[0] == "NONE") return {};
  if (test[0] == "CMD") return {test.begin() + 1, test.end()};
  const bool names_shell = test[0] == "CMD-SHELL";
  if (test.size() != (names_shell ? 2u : 1u)) return {};
  return {"/bin/sh", "-c", test.back()};
}

// The services' own health checks, run where the engine would run them. All must pass.
class OwnHealthChecks : public simmer::HealthProbe {
 public:
  struct Test {
    std::string service;
    std::vector<std::string> argv;
    bool may_be_done = false;  // restart_policy none: a job that has ended is not asked; the engine knows whether it should run
  };
  OwnHealthChecks(Host& host, std::vector<Test> tests) : host_(host), tests_(std::move(tests)) {}

  Health probe() override {
    std::size_t passed = 0;
    std::string not_asked;
    for (const auto& test : tests_) {
      simmer::ExecRequest request;
      request.service = test.service;
      request.argv = test.argv;
      try {
        const auto result = host_.exec(request);
        if (result.exit_code != 0)
          return {HealthState::unhealthy, "health check of " + test.service + ": exit code " + std::to_string(result.exit_code) +
                                              " '" + first_line(result.err.empty() ? result.out : result.err) + "'"};
        ++passed;
      } catch (const simmer::Error& error) {
        if (error.kind() == simmer::ErrorKind::interrupted) throw;
        not_asked = "health check of " + test.service + " cannot run: " + error.message();
        if (!test.may_be_done || error.kind() != simmer::ErrorKind::unavailable) return {HealthState::unhealthy, not_asked};
      }
    }
    if (passed == 0) return {HealthState::unhealthy, not_asked};
    return {HealthState::healthy, "own health checks pass: " + std::to_string(passed)};
  }

 private:
  Host& host_;
  std::vector<Test> tests_;
};

class NothingToAsk : public simmer::HealthProbe {
 public:
  Health probe() override {
    return {HealthState::unverified,
            "nothing to ask: the recipe has no router label, no published port and no health check; add one, or health.path to "
            "simmer.yml"};
  }
};

}  // namespace

std::unique_ptr<simmer::HealthProbe> make_probe(const RecipeFacts& facts, Host& host) {
  const auto& yml = facts.simmer_yml;
  if (answers_http(facts))
    return std::make_unique<HttpProbe>(host, yml.health_path.empty() ? "/" : yml.health_path, yml.health_expect);
  std::vector<OwnHealthChecks::Test> tests;
  for (const auto& service : facts.services)
    if (auto argv = health_command(service); !argv.empty()) tests.push_back({service.name, std::move(argv), service.restart_condition == "none"});
  if (!tests.empty()) return std::make_unique<OwnHealthChecks>(host, std::move(tests));
  return std::make_unique<NothingToAsk>();
}

}  // namespace generic
