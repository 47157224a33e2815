#include "custom_html.hpp"

#include <algorithm>
#include <functional>
#include <sstream>

namespace custom_html {
namespace {

using simmer::CheckResult;
using simmer::Health;
using simmer::HealthState;
using simmer::Host;
using simmer::HttpRequest;
using simmer::HttpResponse;
using simmer::Outcome;

const std::string volume = "content";

HttpResponse get(Host& host, const std::string& path) {
  HttpRequest request;
  request.url = path;
  return host.http(request);
}

// The beginning of a page, on one line and fit for a message.
std::string glimpse(const std::string& body) {
  std::string shown;
  for (const char c : body.substr(0, 60)) shown += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  return "'" + shown + (body.size() > 60 ? "…'" : "'");
}

std::string status_of(const HttpResponse& response) {
  return response.status == 0 ? "no answer (" + response.error + ")" : "status " + std::to_string(response.status);
}

// Where two pages part: the first bytes of two error pages or templates often look alike.
std::string difference(const std::string& expected, const std::string& seen) {
  const auto at = static_cast<std::size_t>(std::mismatch(expected.begin(), expected.end(), seen.begin(), seen.end()).first -
                                           expected.begin());
  return "expected " + std::to_string(expected.size()) + " bytes, saw " + std::to_string(seen.size()) + ", different from byte " +
         std::to_string(at) + ": expected " + glimpse(expected.substr(at)) + ", saw " + glimpse(seen.substr(at));
}

class Probe : public simmer::HealthProbe {
 public:
  explicit Probe(Host& host) : host_(host) {}

  Health probe() override {
    const auto response = get(host_, "/");
    if (response.status != 200) return {HealthState::unhealthy, "GET / : expected status 200, saw " + status_of(response)};
    std::string own;
    try {
      own = host_.read_volume_file(volume, "index.html");
    } catch (const simmer::Error& error) {
      if (error.kind() == simmer::ErrorKind::interrupted) throw;
      return {HealthState::unhealthy, "GET / answers, but there is no page to compare it with: " + error.message()};
    }
    if (response.body != own)
      return {HealthState::unhealthy, "GET / is not the volume's index.html: " + difference(own, response.body)};
    return {HealthState::healthy, "GET / is the volume's own index.html"};
  }

 private:
  Host& host_;
};

// The pages of one nonce. Two folders deep, and one of them empty: what a copy by file name or by
// content alone loses.
std::vector<std::pair<std::string, std::string>> pages_of(const std::string& nonce) {
  const auto page = [&nonce](const std::string& title) {
    return "<!doctype html><title>" + title + "</title><p>A page that a user would miss: " + nonce + "</p>\n";
  };
  return {{"simmer-" + nonce + ".html", page("top")},
          {"simmer-" + nonce + "/page.html", page("below")},
          {"simmer-" + nonce + "/deeper/page.html", page("deeper")},
          {"simmer-" + nonce + "/empty.html", ""}};
}

// Which nonces lie in the volume: one a line in simmer-index.txt. wipe() runs in another process than
// seed() and is not told the nonce, and a volume cannot be listed.
class Pages : public simmer::DataContract {
 public:
  explicit Pages(Host& host) : host_(host) {}

  void seed(const std::string& nonce) override {
    require_nonce(nonce);
    // The index first: what a kill leaves behind halfway can then be found by wipe().
    auto nonces = seeded();
    if (std::find(nonces.begin(), nonces.end(), nonce) == nonces.end()) {
      nonces.push_back(nonce);
      host_.write_volume_file(volume, index_, index_of(nonces));
    }
    for (const auto& [path, bytes] : pages_of(nonce))
      if (!host_.volume_file_exists(volume, path) || host_.read_volume_file(volume, path) != bytes)
        host_.write_volume_file(volume, path, bytes);
  }

  CheckResult verify(const std::string& nonce) override {
    require_nonce(nonce);
    const auto nonces = seeded();
    if (std::find(nonces.begin(), nonces.end(), nonce) == nonces.end())
      return {Outcome::fail, "volume " + volume + ": " + index_ + " does not name " + nonce};
    if (const auto kept = host_.read_volume_file(volume, index_); kept != index_of(nonces))
      return {Outcome::fail, "volume " + volume + ": " + index_ + ": " + difference(index_of(nonces), kept)};
    for (const auto& [path, bytes] : pages_of(nonce)) {
      if (!host_.volume_file_exists(volume, path)) return {Outcome::fail, "volume " + volume + ": " + path + " is gone"};
      const auto kept = host_.read_volume_file(volume, path);
      if (kept != bytes) return {Outcome::fail, "volume " + volume + ": " + path + ": " + difference(bytes, kept)};
      const auto response = get(host_, "/" + path);
      if (response.status != 200) return {Outcome::fail, "GET /" + path + ": expected status 200, saw " + status_of(response)};
      if (response.body != bytes) return {Outcome::fail, "GET /" + path + ": " + difference(bytes, response.body)};
    }
    return {Outcome::pass, "the pages of " + nonce + " are in the volume and served"};
  }

  void wipe() override {
    for (const auto& nonce : seeded())
      for (const auto& [path, bytes] : pages_of(nonce))
        if (host_.volume_file_exists(volume, path)) host_.remove_volume_file(volume, path);
    if (host_.volume_file_exists(volume, index_)) host_.remove_volume_file(volume, index_);
  }

 private:
  static bool is_nonce(const std::string& text) {
    return !text.empty() && text.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz") == std::string::npos;
  }
  static void require_nonce(const std::string& nonce) {
    if (!is_nonce(nonce)) throw simmer::Error(simmer::ErrorKind::plugin, "'" + nonce + "' is no nonce: expected [0-9a-z]");
  }

  static std::string index_of(const std::vector<std::string>& nonces) {
    std::string lines;
    for (const auto& nonce : nonces) lines += nonce + "\n";
    return lines;
  }

  // The file belongs to the app under test: a line that is no nonce is not ours, and no path is made of it.
  std::vector<std::string> seeded() {
    std::vector<std::string> nonces;
    if (!host_.volume_file_exists(volume, index_)) return nonces;
    std::istringstream lines(host_.read_volume_file(volume, index_));
    for (std::string line; std::getline(lines, line);)
      if (is_nonce(line)) nonces.push_back(line);
    return nonces;
  }

  const std::string index_ = "simmer-index.txt";
  Host& host_;
};

class PageCheck : public simmer::Check {
 public:
  PageCheck(std::string name, bool required, std::function<CheckResult()> body)
      : name_(std::move(name)), required_(required), body_(std::move(body)) {}
  std::string name() const override { return name_; }
  bool required() const override { return required_; }
  CheckResult run() override { return body_(); }

 private:
  std::string name_;
  bool required_;
  std::function<CheckResult()> body_;
};

std::string header(const HttpResponse& response, const std::string& name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return {};
}

CheckResult missing_page_is_404(Host& host) {
  // A name that cannot have been cached or made by anybody.
  const auto path = "/simmer-no-such-page-" + std::to_string(host.now().time_since_epoch().count());
  const auto response = get(host, path);
  if (response.status == 404) return {Outcome::pass, ""};
  return {Outcome::fail, "GET " + path + ": expected status 404, saw " + status_of(response) + " " + glimpse(response.body)};
}

CheckResult serves_html(Host& host) {
  const auto response = get(host, "/");
  const auto type = header(response, "content-type");
  if (response.status == 200 && type.starts_with("text/html")) return {Outcome::pass, ""};
  return {Outcome::fail, "GET / : expected content type text/html, saw '" + type + "', " + status_of(response)};
}

CheckResult sends_last_modified(Host& host) {
  const auto response = get(host, "/");
  if (response.status == 200 && !header(response, "last-modified").empty()) return {Outcome::pass, ""};
  return {Outcome::fail, "GET / : no Last-Modified header, so browsers cannot cache it; " + status_of(response)};
}

}  // namespace

simmer::RecipeTraits CustomHtml::traits(const simmer::RecipeFacts& facts) {
  simmer::RecipeTraits traits;
  traits.kind = simmer::RecipeKind::stateful;
  traits.default_role = "canonical";
  traits.needs = facts.simmer_yml.needs;
  traits.not_applicable = facts.simmer_yml.not_applicable;
  if (const auto start = facts.simmer_yml.timeouts.find("start"); start != facts.simmer_yml.timeouts.end())
    traits.start_timeout = start->second;
  return traits;
}

std::unique_ptr<simmer::HealthProbe> CustomHtml::health_probe(const simmer::RecipeFacts&, Host& host) {
  return std::make_unique<Probe>(host);
}

std::unique_ptr<simmer::DataContract> CustomHtml::data_contract(const simmer::RecipeFacts&, Host& host) {
  return std::make_unique<Pages>(host);
}

std::unique_ptr<simmer::SnapshotStrategy> CustomHtml::snapshot_strategy(const simmer::RecipeFacts&,
                                                                        simmer::ReadyStrategies& ready) {
  return ready.raw_volumes({});
}

std::unique_ptr<simmer::UpgradeGate> CustomHtml::upgrade_gate(const simmer::RecipeFacts&) { return nullptr; }

std::vector<std::unique_ptr<simmer::Check>> CustomHtml::checks(simmer::Tier tier, const simmer::RecipeFacts&, Host& host) {
  std::vector<std::unique_ptr<simmer::Check>> all;
  if (tier != simmer::Tier::custom) return all;
  all.push_back(std::make_unique<PageCheck>("missing-page-is-404", true, [&host] { return missing_page_is_404(host); }));
  all.push_back(std::make_unique<PageCheck>("serves-html", true, [&host] { return serves_html(host); }));
  all.push_back(std::make_unique<PageCheck>("sends-last-modified", false, [&host] { return sends_last_modified(host); }));
  return all;
}

}  // namespace custom_html
