#include <runs/doctor.hpp>

#include <netdb.h>
#include <unistd.h>

#include <fstream>

#include <base/files.hpp>
#include <runs/run_target.hpp>
#include <simmer/error.hpp>
#include <snapshots/fork.hpp>

namespace simmer {

namespace {

using Grade = Finding::Level;

constexpr long little_memory = 512;  // MiB

// Of MemAvailable, in MiB; negative: not said.
long memory_available() {
  std::ifstream lines("/proc/meminfo");
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("MemAvailable:")) return std::atol(line.c_str() + 13) / 1024;
  return -1;
}

// Runs `look`; what it cannot find out is a finding as well.
Finding finding_of(const std::string& what, const std::string& remedy, const std::function<Finding()>& look) {
  try {
    return look();
  } catch (const Error& error) {
    return {what, Grade::failure, error.message(), remedy};
  }
}

Finding state_folder(const Session& session) {
  session.state.prepare();
  const auto choice = choose_fork_way({}, session.state.forks(), true);
  const std::string root = session.state.root().string();
  if (choice.way == ForkWay::reflink) return {"state folder", Grade::good, root + ", on a file system with reflink", ""};
  return {"state folder", Grade::warning, root + ", forks by " + std::string(to_string(choice.way)) + ": " + choice.reason, "XFS or btrfs make forks of large data cheap"};
}

Finding disk(const Session& session) {
  const int used = percent_used(session.state.root()), high = session.config.disk.high;
  const std::string said = std::to_string(used) + " % full, runs are refused from " + std::to_string(high) + " % (disk.high)";
  return {"disk", used >= high ? Grade::failure : used >= session.config.disk.low ? Grade::warning : Grade::good, said, used >= session.config.disk.low ? "make room; simmer gc removes what no run owns" : ""};
}

Finding memory() {
  const long available = memory_available();
  return {"memory", available >= 0 && available < little_memory ? Grade::warning : Grade::good, std::to_string(available) + " MiB available", available < little_memory ? "a deployment may be killed for want of memory" : ""};
}

Finding recipes(const Config& config) {
  const auto known = known_recipes(config);
  if (known.empty()) return {"recipes", Grade::failure, "none in " + config.recipes().string(), "simmer recipe add NAME URL, or --recipes DIR"};
  return {"recipes", Grade::good, std::to_string(known.size()) + " in " + config.recipes().string(), ""};
}

// "<4>-<6 hex>" and the base domain are in each of a cold stack's names, and Docker takes 63 characters of a service's.
Finding names(const Config& config) {
  const auto left = 63 - static_cast<long>(std::string("abcd-012345.").size() + config.base_domain.size() + 1);
  return {"names", left < 24 ? (left < 8 ? Grade::failure : Grade::warning) : Grade::good, std::to_string(left) + " characters are left for the names of services", left < 24 ? "choose a shorter base_domain" : ""};
}

Finding dns(const Config& config) {
  const std::string name = "simmer-doctor." + config.base_domain;
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  const int failed = ::getaddrinfo(name.c_str(), nullptr, &hints, &found);
  if (failed != 0) return {"DNS", Grade::warning, name + ": " + gai_strerror(failed), "a wildcard record *." + config.base_domain + " to this machine; runs do without if proxy.address is set"};
  char address[NI_MAXHOST] = "";
  ::getnameinfo(found->ai_addr, found->ai_addrlen, address, sizeof address, nullptr, 0, NI_NUMERICHOST);
  ::freeaddrinfo(found);
  return {"DNS", Grade::good, name + " is " + address, ""};
}

Finding proxy(const Config& config, const AskProxy& ask) {
  if (config.proxy_address.empty()) return {"proxy", Grade::warning, "proxy.address is not set: health is asked beside the proxy", "proxy: {address: 127.0.0.1:443}"};
  const bool tls = config.proxy_tls != "none";
  const auto error = ask((tls ? "https://" : "http://") + ("simmer-doctor." + config.base_domain) + "/", config.proxy_address);
  if (error.empty()) return {"proxy", Grade::good, config.proxy_address + (tls ? " has a good certificate for *." : " answers for *.") + config.base_domain, ""};
  return {"proxy", Grade::failure, config.proxy_address + ": " + error, "a wildcard certificate for *." + config.base_domain + " that this machine trusts; proxy.address says where the proxy is"};
}

}  // namespace

std::string_view to_string(Finding::Level level) {
  switch (level) {
    case Grade::good: return "ok";
    case Grade::warning: return "warning";
    case Grade::failure: return "FAILED";
  }
  return "?";
}

std::vector<Finding> examine_machine(Session& session, const AskProxy& ask_proxy) {
  const auto& config = session.config;
  std::vector<Finding> findings;
  const auto look = [&](const std::string& what, const std::string& remedy, const std::function<Finding()>& at) { findings.push_back(finding_of(what, remedy, at)); };
  look("state folder", "--state names another; it has to be ours to write", [&] { return state_folder(session); });
  if (findings.back().level != Grade::failure) look("disk", "", [&] { return disk(session); });
  look("memory", "", memory);
  look("recipes", "", [&] { return recipes(config); });
  if (::geteuid() != 0) findings.push_back({"rights", Grade::warning, "not root", "without root there is no overlay, and files of other owners cannot be kept"});
  const Limit limit = Limit::in(config.deadlines.teardown, session.interruption->token());
  std::unique_ptr<Engine> engine;
  look("engine " + config.engine, "", [&] {
    engine = session.make_engine();
    engine->check(limit);
    std::string versions;
    for (const auto& [tool, version] : engine->tools(limit)) versions += (versions.empty() ? "" : ", ") + tool + " " + version;
    return Finding{"engine " + config.engine, Grade::good, versions.empty() ? "answers" : versions, ""};
  });
  if (findings.back().level == Grade::failure) return findings;
  DeploySpec of_a_run;
  of_a_run.limits = config.runs.limits;
  of_a_run.internal_networks = config.runs.deny_egress;
  for (const auto& what : engine->unenforced(of_a_run)) findings.push_back({"limits", Grade::warning, what, "see runs.limits and runs.egress"});
  if (config.engine == "local") return findings;
  look("names", "", [&] { return names(config); });
  try {
    for (auto& finding : engine->examine(config.proxy_network, limit)) findings.push_back(std::move(finding));
  } catch (const Error& error) {
    findings.push_back({"engine " + config.engine, Grade::failure, error.message(), ""});
  }
  look("DNS", "", [&] { return dns(config); });
  look("proxy", "", [&] { return proxy(config, ask_proxy); });
  return findings;
}

}  // namespace simmer
