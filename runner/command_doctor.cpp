#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include <child/http_client.hpp>
#include <commands.hpp>
#include <loader/plugin_registry.hpp>
#include <runs/doctor.hpp>

namespace simmer {

namespace {

std::string ask_proxy(const std::string& url, const std::string& address) {
  HttpRequest request;
  request.url = url;
  request.timeout = std::chrono::seconds(5);
  return fetch(request, "", address).error;
}

Finding plugins(const Config& config) {
  std::size_t loadable = 0;
  std::string refused;
  for (const auto& file : list_plugins(config.plugin_path)) {
    if (file.is_loadable()) ++loadable;
    else if (refused.empty()) refused = file.refusal();
  }
  const bool good = refused.empty() && loadable > 0;
  return {"plugins", good ? Finding::Level::good : loadable == 0 ? Finding::Level::failure : Finding::Level::warning, std::to_string(loadable) + " can be loaded" + (refused.empty() ? "" : "; " + refused), good ? "" : "simmer plugin list"};
}

}  // namespace

int command_doctor(const Invocation& call) {
  call.at_most(1);
  auto findings = examine_machine(call.session, ask_proxy);
  findings.push_back(plugins(call.session.config));
  nlohmann::json all = nlohmann::json::array();
  const bool ready = std::none_of(findings.begin(), findings.end(), [](const Finding& finding) { return finding.level == Finding::Level::failure; });
  for (const auto& finding : findings) {
    all.push_back({{"what", finding.what}, {"level", finding.level == Finding::Level::failure ? "failure" : to_string(finding.level)}, {"said", finding.said}, {"remedy", finding.remedy}});
    if (call.json) continue;
    std::string level(to_string(finding.level));
    level.resize(8, ' ');
    std::cout << level << finding.what << ": " << finding.said << (finding.remedy.empty() ? "" : "\n        -> " + finding.remedy) << "\n";
  }
  if (call.json) print_json({{"ready", ready}, {"findings", all}});
  else std::cout << (ready ? "this machine is ready\n" : "this machine is not ready\n");
  return ready ? 0 : 7;
}

}  // namespace simmer
