// Networks that a stack joins and does not own, and what doctor looks at.
#include <unistd.h>

#include <simmer/error.hpp>
#include <swarm/stack_file.hpp>
#include <swarm/swarm_engine.hpp>

namespace simmer {

using namespace swarm;

namespace {

using Json = nlohmann::json;

constexpr std::int64_t few_addresses = 32;

std::string how_to_make(const std::string& network) { return "docker network create -d overlay --attachable --subnet 10.200.0.0/16 " + network; }

// Addresses of a subnet such as "10.0.1.0/24", without those of the network itself, its gateway and its broadcasts.
std::int64_t size_of(const std::string& subnet) {
  const auto slash = subnet.find('/');
  if (slash == std::string::npos || subnet.find(':') != std::string::npos) return 0;
  return (std::int64_t{1} << (32 - std::min(32, std::atoi(subnet.c_str() + slash + 1)))) - 3;
}

bool is_over(const Json& task) {
  const auto& status = task.value("Status", Json::object());
  const std::string state = status.value("State", "");
  return state == "complete" || state == "failed" || state == "shutdown" || state == "rejected" || state == "orphaned" || state == "remove";
}

// A task on internal networks alone has no leg on the bridge by which this machine reaches it: it would only ever look unhealthy.
void refuse_unreachable(const DeploySpec& spec) {
  if (!spec.internal_networks || spec.run_id.empty() || !spec.asked_directly) return;
  const auto& app = app_of(spec.facts);
  const auto leads_out = [&](const ResourceFacts& network) {
    return network.external && (app.networks.empty() ? network.name == "default" : std::find(app.networks.begin(), app.networks.end(), network.name) != app.networks.end());
  };
  if (std::none_of(spec.facts.networks.begin(), spec.facts.networks.end(), leads_out))
    throw Error(ErrorKind::infrastructure, "with runs.egress: deny, service " + app.name + " cannot be reached from this machine: set proxy.address, so that it is asked through the proxy, or runs.egress: allow");
}

}  // namespace

SwarmEngine::Json SwarmEngine::network_named(const std::string& name, const Limit& limit) {
  for (const auto& network : api_.list("/networks", {{"name", {name}}}, limit))
    if (network.value("Name", "") == name) return network;
  return nullptr;
}

// Docker does not count them. Each task has one, each service with a virtual address one more, each node one. Addresses that
// Docker has leaked cannot be seen: tasks that get none are then found by their waiting in `New`.
std::int64_t SwarmEngine::free_addresses(const Json& network, const Limit& limit) {
  const std::string id = network.value("Id", "");
  std::int64_t free = 0;
  for (const auto& config : network.value("IPAM", Json::object()).value("Config", Json::array())) free += size_of(config.value("Subnet", ""));
  if (free == 0) return few_addresses;  // not said, or IPv6: plenty
  for (const auto& task : api_.list("/tasks", {}, limit)) {
    if (is_over(task)) continue;
    for (const auto& attachment : task.value("NetworksAttachments", Json::array()))
      if (attachment["Network"].value("ID", "") == id) --free;
  }
  for (const auto& service : api_.list("/services", {}, limit)) {
    const auto& endpoint = service.value("Endpoint", Json::object());
    if (!endpoint.contains("VirtualIPs") || !endpoint["VirtualIPs"].is_array()) continue;
    for (const auto& address : endpoint["VirtualIPs"])
      if (address.value("NetworkID", "") == id) --free;
  }
  return free - static_cast<std::int64_t>(api_.list("/nodes", {}, limit).size());
}

// Before anything is made: what cannot get an address would sit in `New` until the deadline.
void SwarmEngine::check_networks(const DeploySpec& spec, const Limit& limit) {
  refuse_unreachable(spec);
  for (const auto& network : spec.facts.networks) {
    if (!network.external) continue;
    const std::string name = name_in_docker(network, spec.stack);
    if (name == "host" || name == "none" || name == "bridge") continue;
    const auto found = network_named(name, limit);
    if (found.is_null()) throw Error(ErrorKind::infrastructure, "there is no network " + name + ", which the recipe expects: " + how_to_make(name));
    if (found.value("Scope", "") != "swarm") throw Error(ErrorKind::infrastructure, "the network " + name + " is of this node alone, and a stack needs one of the swarm: " + how_to_make(name));
    std::int64_t needed = 0;
    for (const auto& service : spec.facts.services)
      if (std::find(service.networks.begin(), service.networks.end(), network.name) != service.networks.end() || (service.networks.empty() && network.name == "default")) needed += 2;
    if (const auto free = free_addresses(found, limit); free < needed)
      throw Error(ErrorKind::infrastructure, "the network " + name + " has " + std::to_string(std::max<std::int64_t>(free, 0)) + " free addresses, and " + std::to_string(needed) +
                                                 " are needed: remove what uses it, or make it anew with a larger --subnet");
  }
}

std::vector<Finding> SwarmEngine::examine(const std::string& proxy_network, const Limit& limit) {
  std::vector<Finding> findings;
  const auto info = api_.get("/info", limit);
  const auto nodes = api_.list("/nodes", {}, limit);
  std::string down;
  for (const auto& node : nodes)
    if (node["Status"].value("State", "") != "ready") down += (down.empty() ? "" : ", ") + node["Description"].value("Hostname", "");
  findings.push_back({"swarm nodes", down.empty() ? Finding::Level::good : Finding::Level::warning, std::to_string(nodes.size()) + (down.empty() ? ", all ready" : ", not ready: " + down),
                      down.empty() ? "" : "docker node ls"});
  const auto network = network_named(proxy_network, limit);
  if (network.is_null()) {
    findings.push_back({"proxy network", Finding::Level::failure, "there is no network " + proxy_network, how_to_make(proxy_network) + "; proxy.network names another"});
  } else if (network.value("Scope", "") != "swarm") {
    findings.push_back({"proxy network", Finding::Level::failure, proxy_network + " is of this node alone", how_to_make(proxy_network)});
  } else {
    const auto free = free_addresses(network, limit);
    const bool enough = free >= few_addresses;
    findings.push_back({"proxy network", enough ? Finding::Level::good : free > 4 ? Finding::Level::warning : Finding::Level::failure, proxy_network + ", " + std::to_string(free) + " free addresses",
                        enough ? "" : "make it anew with a larger --subnet, such as a /16"});
  }
  if (const std::string root = info.value("DockerRootDir", ""); api_.host().starts_with("unix://") && fs::is_directory(root)) {
    const int used = percent_used(root);
    findings.push_back({"Docker's disk", used < 85 ? Finding::Level::good : Finding::Level::warning, root + " is " + std::to_string(used) + " % full", used < 85 ? "" : "docker system df; Simmer never prunes volumes"});
  }
  if (!fs::exists("/proc/net/ip_vs"))
    findings.push_back({"virtual addresses", Finding::Level::warning, "this kernel has no IPVS", "services need endpoint_mode: dnsrr and ports with mode: host"});
  return findings;
}

}  // namespace simmer
