// Networks that a stack joins and does not own, and what doctor looks at.
#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <sstream>

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

// First and last address of an IPv4 subnet; nothing for one of IPv6.
std::optional<std::pair<std::uint32_t, std::uint32_t>> span_of(const std::string& subnet) {
  const auto slash = subnet.find('/');
  in_addr address{};
  if (slash == std::string::npos || ::inet_pton(AF_INET, subnet.substr(0, slash).c_str(), &address) != 1) return std::nullopt;
  const int bits = std::clamp(std::atoi(subnet.c_str() + slash + 1), 0, 32);
  const std::uint32_t mask = bits == 0 ? 0 : ~std::uint32_t{0} << (32 - bits), first = ntohl(address.s_addr) & mask;
  return std::pair(first, first | ~mask);
}

// Subnets or vxlan ids of a network: of a compose file's, or of one that Docker has.
std::vector<std::string> subnets_of(const Json& network, const char* ipam, const char* config, const char* subnet) {
  std::vector<std::string> all;
  const auto configs = network.value(Json::json_pointer(std::string("/") + ipam + "/" + config), Json());
  if (configs.is_array())
    for (const auto& each : configs)
      if (each.is_object()) all.push_back(each.value(subnet, ""));
  return all;
}
std::set<int> vxlan_ids_of(const Json& network, const char* options) {
  std::set<int> ids;
  const auto list = network.value(Json::json_pointer(std::string("/") + options + "/com.docker.network.driver.overlay.vxlanid_list"), Json());
  std::istringstream parts(list.is_string() ? list.get<std::string>() : "");
  for (std::string id; std::getline(parts, id, ',');)
    if (const int number = std::atoi(id.c_str()); number > 0) ids.insert(number);
  return ids;
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

// What the recipe asks for and another network has. Of that Docker says nothing: the network is made, and its tasks wait for ever.
void SwarmEngine::refuse_taken_networks(const DeploySpec& spec, const Limit& limit) {
  const auto compose = Json::parse(spec.compose);
  const auto wanted = compose.value("networks", Json::object());
  if (wanted.empty()) return;
  const auto there = api_.list("/networks", {}, limit);
  for (const auto& [key, network] : wanted.items()) {
    if (!network.is_object() || network.contains("external")) continue;
    const bool is_used = std::any_of(spec.facts.services.begin(), spec.facts.services.end(), [&, name = key](const ServiceFacts& service) {
      return service.networks.empty() ? name == "default" : std::find(service.networks.begin(), service.networks.end(), name) != service.networks.end();
    });
    if (!is_used) continue;  // Docker does not make it
    const std::string own_name = network.value("name", ""), name = own_name.empty() ? spec.stack + "_" + key : own_name;
    const auto refuse = [&, key = key](const std::string& what) { throw Error(ErrorKind::recipe, "network " + key + ": " + what); };
    for (const auto& other : there) {
      const std::string others_name = other.value("Name", "");
      const auto labels = other.value("Labels", Json());
      const bool is_own = labels.is_object() && labels.value(docker_stack_label, "") == spec.stack;
      if (others_name == name && !is_own) refuse("Docker has a network " + name + " that is not this stack's: leave the name out, or begin it with ${STACK_NAME}");
      if (others_name == name || other.value("Scope", "") != "swarm") continue;
      for (const auto& subnet : subnets_of(network, "ipam", "config", "subnet"))
        for (const auto& taken : subnets_of(other, "IPAM", "Config", "Subnet")) {
          const auto ours = span_of(subnet), theirs = span_of(taken);
          if (ours && theirs && ours->first <= theirs->second && theirs->first <= ours->second)
            refuse("the subnet " + subnet + " overlaps " + taken + " of Docker's network " + others_name + ": leave ipam out, and Docker chooses one that is free");
        }
      const auto taken = vxlan_ids_of(other, "Options");
      for (const int id : vxlan_ids_of(network, "driver_opts"))
        if (taken.contains(id)) refuse("the vxlan id " + std::to_string(id) + " is that of Docker's network " + others_name + ": leave the option out, and Docker chooses one that is free");
    }
  }
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
  refuse_taken_networks(spec, limit);
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
  const auto version = client_version(docker_, limit);
  findings.push_back({"docker CLI", Finding::Level::good, version + " at " + docker_ + (name() != "swarm" || knows_jobs(version) ? "" : "; mode: replicated-job and global-job need a later one, named by docker.bin"), ""});
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
