#include <recipes/engine_limits.hpp>

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include <recipes/docker_words.hpp>
#include <recipes/image_reference.hpp>
#include <recipes/interpolation.hpp>

namespace simmer {
namespace {

using Words = std::set<std::string>;

constexpr std::int64_t mebibyte = 1 << 20;

bool is_alnum(char c) { return static_cast<unsigned char>(c) < 0x80 && std::isalnum(static_cast<unsigned char>(c)) != 0; }
bool all_of(const std::string& text, const std::string& others) {
  return std::all_of(text.begin(), text.end(), [&](char c) { return is_alnum(c) || others.find(c) != std::string::npos; });
}
bool is_number(const std::string& text) { return !text.empty() && text.size() < 19 && text.find_first_not_of("0123456789") == std::string::npos; }

// What a message can show of a text that may be a megabyte long.
std::string quoted(const std::string& text) { return "'" + text.substr(0, 100) + (text.size() > 100 ? "…" : "") + "'"; }

// The value at the end of `path`; nullptr where the file says nothing, or something empty.
const YamlValue* at(const YamlValue& map, std::initializer_list<const char*> path) {
  const YamlValue* place = &map;
  for (const char* key : path)
    if ((place = place->find(key)) == nullptr) return nullptr;
  return place->is_scalar() && place->text.empty() ? nullptr : place;
}

std::string text_at(const YamlValue& map, const char* key) {
  const YamlValue* value = map.find(key);
  return value == nullptr ? "" : value->text;
}

void check_word(const YamlValue& map, std::initializer_list<const char*> path, const Words& words) {
  const YamlValue* place = at(map, path);
  if (place == nullptr || words.contains(place->text)) return;
  std::string known;
  for (const auto& each : words) known += (known.empty() ? "" : ", ") + each;
  place->refuse(std::string("deploy.") + *path.begin() + ": " + quoted(place->text) + " is none of " + known);
}

// --- deploy ---

void check_memory(const YamlValue& deploy, const char* part, std::int64_t least) {
  const YamlValue* memory = at(deploy, {"resources", part, "memory"});
  if (memory == nullptr) return;
  const auto bytes = parse_bytes(memory->text).value_or(0);
  if (bytes > 0 && bytes < least * mebibyte) memory->refuse("deploy.resources." + std::string(part) + ".memory: Docker takes " + std::to_string(least) + "m or more, not " + quoted(memory->text));
}

void check_cpus(const YamlValue& deploy, const char* part, double least) {
  const YamlValue* cpus = at(deploy, {"resources", part, "cpus"});
  if (cpus == nullptr) return;
  const std::string name = "deploy.resources." + std::string(part) + ".cpus: ";
  if (cpus->text.find_first_not_of("0123456789.") != std::string::npos || std::count(cpus->text.begin(), cpus->text.end(), '.') > 1 || cpus->text == ".") cpus->refuse(name + quoted(cpus->text) + " is no number of CPUs (like \"0.5\")");
  const auto dot = cpus->text.find('.');
  const auto last = cpus->text.find_last_not_of('0');
  if (dot != std::string::npos && last != std::string::npos && last > dot + 9) cpus->refuse(name + "Docker takes nine digits behind the point");
  const double value = std::strtod(cpus->text.c_str(), nullptr);
  if (value > 0 && value < least) cpus->refuse(name + "Docker takes " + (least < 0.01 ? "0.001" : "0.01") + " or more, not " + quoted(cpus->text));
}

void check_not_negative(const YamlValue& deploy, const char* part, std::initializer_list<const char*> keys) {
  for (const char* key : keys)
    if (const YamlValue* duration = at(deploy, {part, key}); duration != nullptr && parse_go_duration(duration->text).value_or(std::chrono::nanoseconds(0)).count() < 0)
      duration->refuse(std::string("deploy.") + part + "." + key + " is negative: " + quoted(duration->text) + "; write 0s or more");
}

// swarmkit's own: a name, an operator, and a value of few characters; blanks around them do not count.
void check_constraint(const YamlValue& constraint) {
  const std::string& text = constraint.text;
  auto operation = text.find("==");
  if (operation == std::string::npos) operation = text.find("!=");
  if (operation == std::string::npos) constraint.refuse("the constraint " + quoted(text) + " compares nothing: write == or !=");
  const auto trimmed = [](std::string part) {
    const auto first = part.find_first_not_of(" \t\n\v\f\r");
    return first == std::string::npos ? std::string() : part.substr(first, part.find_last_not_of(" \t\n\v\f\r") - first + 1);
  };
  const std::string name = trimmed(text.substr(0, operation)), value = trimmed(text.substr(operation + 2));
  if (name.size() < 2 || !all_of(name, "-_.") || name.front() == '-' || name.front() == '.' || (name.front() >= '0' && name.front() <= '9'))
    constraint.refuse("the constraint " + quoted(text) + ": " + quoted(name) + " is nothing that a node has; write node.labels.NAME, node.role, node.hostname, … and then == or !=");
  if (value.empty() || !all_of(value, ":-_ \t\n\f\r.*()?+[]\\^$|/")) constraint.refuse("the constraint " + quoted(text) + ": " + quoted(value) + " is no value that Docker can compare; it takes no quotes, commas or equals signs");
}

void check_deploy(const YamlValue& deploy) {
  check_word(deploy, {"restart_policy", "condition"}, {"none", "on-failure", "any"});
  check_word(deploy, {"endpoint_mode"}, {"vip", "dnsrr"});
  check_word(deploy, {"update_config", "failure_action"}, {"pause", "continue", "rollback"});
  check_word(deploy, {"rollback_config", "failure_action"}, {"pause", "continue"});
  for (const char* config : {"update_config", "rollback_config"})
    if (const YamlValue* ratio = at(deploy, {config, "max_failure_ratio"}); ratio != nullptr)
      if (const double value = std::strtod(ratio->text.c_str(), nullptr); value > 1 || value < 0) ratio->refuse(std::string("deploy.") + config + ".max_failure_ratio is " + (value > 1 ? "more than 1" : "less than 0") + ": write a number from 0 to 1");
  check_not_negative(deploy, "update_config", {"delay", "monitor"});
  check_not_negative(deploy, "restart_policy", {"delay", "window"});
  check_memory(deploy, "limits", 6);
  check_memory(deploy, "reservations", 4);
  check_cpus(deploy, "limits", 0.01);
  check_cpus(deploy, "reservations", 0.001);
  if (const YamlValue* constraints = at(deploy, {"placement", "constraints"}))
    for (const auto& each : constraints->items) check_constraint(each);
}

// --- what a container is told ---

void check_healthcheck(const YamlValue& check) {
  for (const char* key : {"interval", "timeout", "start_period", "start_interval"})
    if (const YamlValue* duration = at(check, {key}))
      if (const auto span = parse_go_duration(duration->text).value_or(std::chrono::nanoseconds(0)); span.count() != 0 && span < std::chrono::milliseconds(1))
        duration->refuse("healthcheck." + std::string(key) + ": Docker takes 1ms or more, or 0s, not " + quoted(duration->text));
}

void check_signal(const YamlValue& signal) {
  static const Words known = {"ABRT", "ALRM", "BUS",  "CHLD", "CLD",  "CONT",   "FPE",  "HUP", "ILL",  "INT",  "IO",   "IOT", "KILL", "PIPE", "POLL",   "PROF",  "PWR",  "QUIT", "SEGV",
                              "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX"};
  std::string name = signal.text;
  if (is_number(name) && std::stoll(name) > 0) return;
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
  if (name.starts_with("SIG")) name.erase(0, 3);
  const std::string offset = name.substr(std::min<std::size_t>(6, name.size()));
  const bool real_time = (name.starts_with("RTMIN+") || name.starts_with("RTMAX-")) && is_number(offset) && std::stoll(offset) >= 1 && std::stoll(offset) <= (name[3] == 'I' ? 15 : 14);
  if (!real_time && !known.contains(name)) signal.refuse("stop_signal: " + quoted(signal.text) + " is no signal (like SIGTERM)");
}

void check_capabilities(const YamlValue& service) {
  static const Words known = {"ALL", "AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL",
                              "LEASE", "LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_RAW", "PERFMON", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYSLOG",
                              "SYS_ADMIN", "SYS_BOOT", "SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "WAKE_ALARM"};
  for (const char* list : {"cap_add", "cap_drop"})
    if (const YamlValue* all = service.find(list))
      for (const auto& each : all->items) {
        std::string name = each.text;
        std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
        if (name.starts_with("CAP_")) name.erase(0, 4);
        if (!known.contains(name)) each.refuse(std::string(list) + ": " + quoted(each.text) + " is no capability (like NET_ADMIN)");
      }
}

void check_ulimits(const YamlValue& limits) {
  static const Words known = {"as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack"};
  for (const auto& limit : limits.entries) {
    if (!known.contains(limit.key)) limit.value.refuse("ulimits: " + quoted(limit.key) + " is no limit (like nofile)");
    const auto number = [&](const char* key) { return std::strtoll(text_at(limit.value, key).c_str(), nullptr, 10); };
    if (limit.value.is_map() && number("hard") >= 0 && (number("soft") > number("hard") || number("soft") < 0)) limit.value.refuse("ulimits." + limit.key + ": soft is more than hard: write one that is not");
  }
}

// Those that a container has for itself.
void check_sysctls(const YamlValue& sysctls) {
  static const Words own = {"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced", "kernel.domainname"};
  for (const auto& sysctl : sysctls.entries)
    if (!sysctl.key.starts_with("net") && !sysctl.key.starts_with("fs.mqueue.") && !sysctl.key.starts_with("fs/mqueue/") && !own.contains(sysctl.key) && sysctl.key.find('/') == std::string::npos)
      sysctl.value.refuse("sysctls: " + quoted(sysctl.key) + " is the whole machine's, and Docker starts no container that sets it: leave it out");
}

void check_logging(const YamlValue& logging) {
  if (text_at(logging, "driver") != "json-file") return;
  const YamlValue* options = logging.find("options");
  if (options == nullptr) return;
  static const Words known = {"max-size", "max-file", "compress", "labels", "labels-regex", "env", "env-regex", "tag", "mode", "max-buffer-size", "cache-disabled", "cache-max-size", "cache-max-file", "cache-compress"};
  for (const auto& option : options->entries) {
    if (!known.contains(option.key)) option.value.refuse("logging.options: json-file knows no " + quoted(option.key) + ": leave it out");
    if (option.key == "max-size" && option.value.text != "-1" && !parse_bytes(option.value.text)) option.value.refuse("logging.options.max-size: " + quoted(option.value.text) + " is no size (like 10m)");
    if (option.key == "max-file" && (!is_number(option.value.text) || std::stoll(option.value.text) < 1)) option.value.refuse("logging.options.max-file must be 1 or more, not " + quoted(option.value.text));
  }
}

void check_hosts(const YamlValue& hosts) {
  for (const auto& host : hosts.items) {
    const std::string address = host.text.substr(std::min(host.text.find(':'), host.text.size() - 1) + 1);
    std::array<unsigned char, 16> bytes{};
    const bool is_address = ::inet_pton(AF_INET, address.c_str(), bytes.data()) == 1 || ::inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1;
    if (!is_address && !address.empty() && address != "host-gateway") host.refuse("extra_hosts: " + quoted(address) + " is no address (like 10.0.0.1)");
  }
}

void check_user(const YamlValue& user) {
  constexpr std::int64_t most = 2147483647;
  std::string part = user.text.substr(0, user.text.find(':'));
  for (int i = 0; i < 2; ++i) {
    const bool negative = part.starts_with('-') && is_number(part.substr(1));
    if (negative || (is_number(part) && std::stoll(part) > most)) user.refuse("user: " + quoted(user.text) + ": ids go from 0 to " + std::to_string(most));
    const auto colon = user.text.find(':');
    part = colon == std::string::npos ? "" : user.text.substr(colon + 1);
  }
}

void check_container(const YamlValue& service) {
  constexpr std::size_t longest_hostname = 64;
  if (const YamlValue* image = at(service, {"image"}))
    if (const auto fault = fault_of_image(image->text); !fault.empty()) image->refuse(quoted(image->text) + " is no image's name: " + fault + about_nested_default(image->text));
  if (const YamlValue* check = service.find("healthcheck")) check_healthcheck(*check);
  if (const YamlValue* signal = at(service, {"stop_signal"})) check_signal(*signal);
  if (const YamlValue* folder = at(service, {"working_dir"}); folder != nullptr && folder->text.front() != '/') folder->refuse("working_dir: " + quoted(folder->text) + " must begin with a slash");
  if (const YamlValue* name = at(service, {"hostname"}); name != nullptr && name->text.size() > longest_hostname && name->text.find("{{") == std::string::npos)
    name->refuse("hostname has " + std::to_string(name->text.size()) + " characters, and the kernel takes " + std::to_string(longest_hostname) + ": write a shorter one");
  check_capabilities(service);
  if (const YamlValue* limits = service.find("ulimits")) check_ulimits(*limits);
  if (const YamlValue* sysctls = service.find("sysctls")) check_sysctls(*sysctls);
  if (const YamlValue* logging = service.find("logging")) check_logging(*logging);
  if (const YamlValue* hosts = service.find("extra_hosts")) check_hosts(*hosts);
  if (const YamlValue* user = at(service, {"user"})) check_user(*user);
  if (const YamlValue* isolation = at(service, {"isolation"}); isolation != nullptr && (isolation->text == "hyperv" || isolation->text == "process")) isolation->refuse("isolation: " + quoted(isolation->text) + " is of Windows: leave it out");
  if (const YamlValue* credential = service.find("credential_spec"); credential != nullptr && !credential->entries.empty()) credential->refuse("credential_spec is of Windows: leave it out");
}

// --- places in a container ---

// "/a/b" of "/a/./b/".
std::string clean_path(const std::string& path) {
  std::string clean = std::filesystem::path(path).lexically_normal().string();
  while (clean.size() > 1 && clean.back() == '/') clean.pop_back();
  return clean;
}

void check_places(const YamlValue& service) {
  Words places;
  if (const YamlValue* mounts = service.find("volumes"))
    for (const auto& mount : mounts->items) {
      const std::string target = text_at(mount, "target");
      if (target.empty() || target.front() != '/') mount.refuse("a mount's path in the container must begin with a slash, not " + quoted(target) + " (a single letter before a colon is a drive to Docker)");
      if (clean_path(target) == "/") mount.refuse("nothing can be mounted at '/': name a folder below it");
      if (!places.insert(clean_path(target)).second) mount.refuse("two mounts at " + quoted(target) + ": leave one of them out");
      static const Words propagations = {"rprivate", "private", "rshared", "shared", "rslave", "slave"};
      if (const YamlValue* propagation = at(mount, {"bind", "propagation"}); propagation != nullptr && !propagations.contains(propagation->text)) propagation->refuse("bind.propagation: " + quoted(propagation->text) + " is none of private, rprivate, shared, rshared, slave, rslave");
    }
  for (const char* section : {"secrets", "configs"}) {
    const YamlValue* uses = service.find(section);
    if (uses == nullptr) continue;
    Words targets;
    const bool are_configs = std::string(section) == "configs";
    for (const auto& use : uses->items) {
      const std::string given = text_at(use, "target"), target = given.empty() ? text_at(use, "source") : given;
      if (!targets.insert(target).second) use.refuse(std::string(section) + ": two of them at " + quoted(target) + ": give one of them another target");
      for (const char* id : {"uid", "gid"})
        if (const YamlValue* number = at(use, {id}); number != nullptr && !is_number(number->text)) number->refuse(std::string(section) + ": " + id + " must be a number, not " + quoted(number->text));
      if (clean_path("/" + target) == "/") use.refuse(std::string(section) + ": " + quoted(target) + " is no file's name: write one");
      if (are_configs && places.contains(clean_path("/" + target))) use.refuse("configs: " + quoted(target) + " is where a volume is mounted: give it another target");
    }
  }
}

// --- ports ---

struct PublishedPorts {
  Words by_all;  // those of the ingress network: a stack has each of them once
};

void check_ports(const YamlValue& service, PublishedPorts& published) {
  const YamlValue* ports = service.find("ports");
  if (ports == nullptr) return;
  const bool is_dnsrr = at(service, {"deploy", "endpoint_mode"}) != nullptr && at(service, {"deploy", "endpoint_mode"})->text == "dnsrr";
  Words own;
  for (const auto& port : ports->items) {
    for (const char* key : {"target", "published"})
      if (const YamlValue* number = port.find(key); number != nullptr && std::strtoll(number->text.c_str(), nullptr, 10) > 65535) number->refuse("ports." + std::string(key) + ": " + quoted(number->text) + " is no port: they end at 65535");
    const bool by_ingress = text_at(port, "mode") != "host";
    if (by_ingress && is_dnsrr) port.refuse("a port in mode ingress does not go with endpoint_mode: dnsrr; write it as {target: …, published: …, mode: host}");
    const std::string number = text_at(port, "published"), protocol = text_at(port, "protocol");
    std::string key = "/" + (protocol.empty() ? "tcp" : protocol);
    std::transform(key.begin(), key.end(), key.begin(), [](unsigned char c) { return std::tolower(c); });
    if (number.empty() || number == "0") {
      // Two of them are two ports of Docker's choice, and one in the long form, which takes nothing twice.
      key = text_at(port, "target") + key;
      if (!own.insert((by_ingress ? "ingress " : "host ") + key).second) port.refuse("ports: " + key + " stands twice: leave one of them out");
      continue;
    }
    key = number + key;
    if (!own.insert(key).second) port.refuse("ports: " + key + " is published twice: leave one of them out");
    if (by_ingress && !published.by_all.insert(key).second) port.refuse("ports: " + key + " is published by another service as well: publish another port");
  }
}

// --- volumes, networks, secrets and configs ---

// A name that lacks its stack's name begins with the '_' behind it, one that lacks its version ends with the '_' before it: lint
// has better words for that.
bool may_bound(char c) { return is_alnum(c) || c == '_'; }

bool is_external(const YamlValue& resource) { return resource.find("external") != nullptr; }

void check_volume(const YamlEntry& volume) {
  constexpr std::size_t longest = 255;  // a folder's name
  const std::string driver = text_at(volume.value, "driver");
  if (is_external(volume.value) || !(driver.empty() || driver == "local")) return;
  if (const YamlValue* name = at(volume.value, {"name"}); name != nullptr && (name->text.size() < 2 || name->text.size() > longest || !may_bound(name->text.front()) || !all_of(name->text, "_.-")))
    name->refuse("volume " + volume.key + ": " + quoted(name->text) + " is no volume's name: two or more letters, digits, '_', '.' and '-', the first a letter or digit");
  const YamlValue* options = volume.value.find("driver_opts");
  if (options == nullptr) return;
  static const std::map<std::string, std::vector<const char*>> known = {{"type", {"device"}}, {"device", {"type"}}, {"o", {"device", "type"}}, {"size", {}}};
  for (const auto& option : options->entries) {
    const auto with = known.find(option.key);
    if (with == known.end()) option.value.refuse("volume " + volume.key + ": the driver 'local' knows no option " + quoted(option.key) + "; it takes type, device, o and size");
    for (const char* other : with->second)
      if (std::none_of(options->entries.begin(), options->entries.end(), [&](const YamlEntry& each) { return each.key == other; })) option.value.refuse("volume " + volume.key + ": the option '" + option.key + "' needs '" + other + "' beside it");
  }
}

struct Subnet {
  std::uint32_t first = 0, last = 0;
};

// Go's ParseCIDR for IPv4. Nothing: one of IPv6.
std::optional<Subnet> subnet_from(const YamlValue& value, const std::string& network) {
  const auto slash = value.text.find('/');
  const std::string address = value.text.substr(0, slash), bits = slash == std::string::npos ? "" : value.text.substr(slash + 1);
  in_addr four{};
  in6_addr six{};
  if (is_number(bits) && std::stoll(bits) <= 128 && ::inet_pton(AF_INET6, address.c_str(), &six) == 1) return std::nullopt;
  if (!is_number(bits) || std::stoll(bits) > 32 || ::inet_pton(AF_INET, address.c_str(), &four) != 1) value.refuse("network " + network + ": " + quoted(value.text) + " is no subnet (like 10.20.30.0/24)");
  const auto length = std::stoll(bits);
  if (length > 29) value.refuse("network " + network + ": the subnet " + quoted(value.text) + " has no address left for a container: /29 or larger");
  const std::uint32_t mask = length == 0 ? 0 : ~std::uint32_t{0} << (32 - length), start = ntohl(four.s_addr) & mask;
  return Subnet{start, start | ~mask};
}

struct NetworksSoFar {
  std::vector<std::pair<Subnet, std::string>> subnets;
  std::map<std::string, std::string> vxlan_ids;
};

void check_subnets(const YamlEntry& network, NetworksSoFar& before) {
  const YamlValue* configs = at(network.value, {"ipam", "config"});
  if (configs == nullptr) return;
  bool any = false, has_four = false;
  for (const auto& config : configs->items) {
    const YamlValue* text = at(config, {"subnet"});
    if (text == nullptr) continue;
    any = true;
    const auto subnet = subnet_from(*text, network.key);
    if (!subnet) continue;
    has_four = true;
    for (const auto& [other, of] : before.subnets)
      if (subnet->first <= other.last && other.first <= subnet->last) text->refuse("network " + network.key + ": the subnet " + quoted(text->text) + " overlaps another one of network " + of + ": choose another, or leave it out, and Docker chooses one");
    before.subnets.emplace_back(*subnet, network.key);
  }
  if (any && !has_four) configs->refuse("network " + network.key + ": a stack's network needs an IPv4 subnet: add one, or leave all of them out");
}

void check_network_options(const YamlEntry& network, NetworksSoFar& before) {
  constexpr std::int64_t most_vxlan = (1 << 24) - 1, least_mtu = 68;
  const YamlValue* options = network.value.find("driver_opts");
  if (options == nullptr) return;
  for (const auto& option : options->entries) {
    if (option.key == "com.docker.network.driver.mtu" && !(is_number(option.value.text) && (std::stoll(option.value.text) == 0 || std::stoll(option.value.text) >= least_mtu)))
      option.value.refuse("network " + network.key + ": the mtu must be 68 or more, not " + quoted(option.value.text));
    if (option.key != "com.docker.network.driver.overlay.vxlanid_list") continue;
    std::string rest = option.value.text + ",";
    for (auto comma = rest.find(','); comma != std::string::npos; comma = rest.find(',')) {
      const std::string id = rest.substr(0, comma);
      rest.erase(0, comma + 1);
      if (!is_number(id) || std::stoll(id) > most_vxlan) option.value.refuse("network " + network.key + ": " + quoted(id) + " is no vxlan id: leave the option out, and Docker chooses one");
      const auto [other, is_new] = before.vxlan_ids.emplace(std::to_string(std::stoll(id)), network.key);
      if (!is_new) option.value.refuse("network " + network.key + ": the vxlan id " + id + " is given to network " + other->second + " as well: leave the option out, and Docker chooses one");
    }
  }
}

void check_network(const YamlEntry& network, NetworksSoFar& before) {
  constexpr std::size_t longest = 63;
  if (is_external(network.value)) return;
  const YamlValue* given = at(network.value, {"name"});
  // Without a name of its own it is called by the stack's name, '_' and this one.
  const std::string& name = given != nullptr ? given->text : network.key;
  const bool is_label = !name.empty() && name.size() <= longest && all_of(name, "-_") && is_alnum(name.back()) && (given == nullptr || may_bound(name.front()));
  if (!is_label) (given != nullptr ? *given : network.value).refuse("network " + network.key + ": Docker takes no such name for a network: " + quoted(name) + "; up to 63 letters, digits, '-' and '_', the first and the last a letter or digit");
  if (const std::string driver = text_at(network.value, "driver"); driver == "bridge" || driver == "host") network.value.find("driver")->refuse("network " + network.key + ": a service cannot use a network of this node alone (driver " + driver + "): leave the driver out, or name overlay");
  check_subnets(network, before);
  check_network_options(network, before);
}

// Docker makes those networks alone that a service uses.
Words networks_in_use(const YamlValue& services) {
  Words used;
  for (const auto& service : services.entries) {
    const YamlValue* networks = service.value.find("networks");
    if (networks == nullptr || networks->entries.empty()) used.insert("default");
    else
      for (const auto& network : networks->entries) used.insert(network.key);
  }
  return used;
}

Words volumes_in_use(const YamlValue& services) {
  Words used;
  for (const auto& service : services.entries)
    if (const YamlValue* mounts = service.value.find("volumes"))
      for (const auto& mount : mounts->items)
        if (text_at(mount, "type") == "volume") used.insert(text_at(mount, "source"));
  return used;
}

void check_object(const YamlEntry& object, const std::string& kind) {
  const YamlValue* given = at(object.value, {"name"});
  const std::string& name = given != nullptr ? given->text : object.key;
  // How long it may be depends on the stack's name in it: the engine looks at that.
  if (name.empty() || !all_of(name, "-_.") || !may_bound(name.back()) || (given != nullptr && !may_bound(name.front())))
    (given != nullptr ? *given : object.value).refuse(kind + " " + object.key + ": Docker takes no such name: " + quoted(name) + "; letters, digits, '-', '_' and '.', the first and the last a letter or digit");
}

}  // namespace

void check_engine_limits(const YamlValue& compose) {
  PublishedPorts published;
  static const YamlValue nothing;
  const YamlValue* found = compose.find("services");
  const YamlValue& services = found != nullptr ? *found : nothing;
  for (const auto& service : services.entries) {
    check_container(service.value);
    check_places(service.value);
    check_ports(service.value, published);
    if (const YamlValue* deploy = service.value.find("deploy")) check_deploy(*deploy);
  }
  const auto volumes = volumes_in_use(services), networks = networks_in_use(services);
  NetworksSoFar before;
  if (const YamlValue* all = compose.find("volumes"))
    for (const auto& each : all->entries)
      if (volumes.contains(each.key)) check_volume(each);
  if (const YamlValue* all = compose.find("networks"))
    for (const auto& each : all->entries)
      if (networks.contains(each.key)) check_network(each, before);
  for (const auto& [section, kind] : {std::pair("secrets", "secret"), std::pair("configs", "config")})
    if (const YamlValue* all = compose.find(section))
      for (const auto& each : all->entries) check_object(each, kind);
}

}  // namespace simmer
