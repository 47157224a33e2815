// Promise P16: a recipe under test cannot reach out of its run. Its compose file is code; this judges
// the one file that Docker gets, construct by construct, before anything of it is deployed. Keys that Docker
// does not know are not in it: reading refuses them. What lies outside of the recipe and would have to be read is refused here, by one
// rule for runs and for `recipe show`, and one_file() would hand over nothing of it. docs/recipe-policy.md is the table of it.
#include <algorithm>
#include <cctype>
#include <optional>
#include <set>

#include <base/lower.hpp>
#include <recipes/compose.hpp>
#include <recipes/inside.hpp>
#include <recipes/recipe_tree.hpp>
#include <recipes/proxy_labels.hpp>
#include <simmer/error.hpp>

namespace simmer {
namespace {

bool begins_with(const std::string& text, const std::string& prefix) { return text.rfind(prefix, 0) == 0; }
bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

bool is_false(const YamlValue& value) {
  static const std::set<std::string> words = {"false", "no", "off", "n", "0"};
  return value.is_scalar() && words.count(lower(value.text)) != 0;
}

std::string shown(const YamlValue& value) {
  if (value.is_scalar()) return value.text.substr(0, 200);
  if (value.is_list() && !value.items.empty()) return shown(value.items.front()) + (value.items.size() > 1 ? ", …" : "");
  return value.is_map() && !value.entries.empty() ? value.entries.front().key + "…" : "";
}

class PolicyJudge {
 public:
  PolicyJudge(const RecipeTree& tree, std::string stack, const std::string& domain, const std::string& proxy_network)
      : tree_(tree), stack_(std::move(stack)), domain_(domain), proxy_network_(proxy_network) {}

  std::vector<PolicyViolation> judge() {
    const YamlValue& compose = tree_.compose;
    for (const char* name : {"STACK_NAME", "DOMAIN"})
      if (const auto line = tree_.abra_lines.find(name); line != tree_.abra_lines.end())
        add("foreign-hosts", "abra.sh:" + std::to_string(line->second) + ": sets " + name + ", which is the run's own: leave the line out");
    if (const YamlValue* services = compose.find("services"))
      for (const auto& entry : services->entries) {
        service_ = entry.key;
        judge_service(entry.value);
      }
    proxy_.emplace(compose, stack_, domain_, holds_docker());
    if (const YamlValue* services = compose.find("services"))
      for (const auto& entry : services->entries) {
        service_ = entry.key;
        judge_proxy(entry.value);
      }
    service_.clear();
    judge_resources(compose, "volumes");
    judge_resources(compose, "secrets");
    judge_resources(compose, "configs");
    judge_resources(compose, "networks");
    for (const auto& service : tree_.facts.services) judge_local(service);
    return std::move(violations_);
  }

 private:
  // Where it stands, what it is.
  void add(const std::string& permission, const std::string& what) {
    const std::string place = here_ != nullptr ? here_->place() + ": " : "";
    violations_.push_back({permission, service_, one_line(place + (service_.empty() ? "" : "service " + service_ + " ") + what)});
  }

  // Docker is given contents, not paths, and Simmer reads nothing out there for anybody.
  void add_unreadable(const std::string& permission, const std::string& what) {
    add(permission, what + ", outside of the recipe: nothing there is read, whatever is allowed; put the file into the recipe");
    violations_.back().in_any_case = true;
  }

  // Present, and not empty: `devices: []` asks for nothing. What is judged from here on stands there.
  const YamlValue* asked_for(const YamlValue& map, const std::string& key) {
    const YamlValue* value = map.find(key);
    if (value == nullptr || (value->is_scalar() && value->text.empty())) return nullptr;
    if ((value->is_list() && value->items.empty()) || (value->is_map() && value->entries.empty())) return nullptr;
    here_ = value;
    return value;
  }

  void judge_service(const YamlValue& service) {
    judge_mounts(service);
    judge_devices(service);
    judge_privileges(service);
    judge_namespaces(service);
    judge_files(service);
    if (const YamlValue* ports = asked_for(service, "ports"))
      for (const auto& port : ports->items) {
        here_ = &port;
        const PortFacts facts = read_port(port);
        add("host-ports",
            "publishes port " + facts.target + (facts.published.empty() ? "" : " as " + facts.published) + " of the host");
      }
  }

  void judge_proxy(const YamlValue& service) {
    judge_network_names(service);
    judge_labels(service.find("labels"));
    if (const YamlValue* deploy = service.find("deploy")) judge_labels(deploy->find("labels"));
  }

  bool holds_docker() const {
    return std::any_of(violations_.begin(), violations_.end(), [](const PolicyViolation& violation) { return violation.permission == "docker-socket"; });
  }

  // --- mounts ---

  void judge_host_path(const std::string& path, const std::string& how) {
    std::string plain = std::filesystem::path(path).lexically_normal().string();
    while (plain.size() > 1 && plain.back() == '/') plain.pop_back();
    static const std::set<std::string> holds_sockets = {"/", "/run", "/var", "/var/run"};
    const std::string name = lower(plain);
    const bool socket = contains(name, "docker.sock") || contains(name, "containerd") || contains(name, "podman.sock") ||
                        contains(name, "docker_engine");
    if (socket || holds_sockets.count(plain) != 0) add("docker-socket", how + " " + path + " (the Docker socket)");
    if (!socket) add("bind-mounts", how + " " + path);
  }

  void judge_mounts(const YamlValue& service) {
    if (const YamlValue* mounts = asked_for(service, "volumes"))
      for (const auto& item : mounts->items) {
        here_ = &item;
        const MountFacts mount = read_mount(item);
        if (mount.type == "volume" || mount.type == "tmpfs") {
          if (contains(mount.source, "/")) add("foreign-volumes", "mounts the volume " + mount.source);
        } else if (mount.type == "cluster") {
          add("foreign-volumes", "mounts the cluster volume " + mount.source);
        } else if (mount.type == "bind" || mount.type == "npipe") {
          judge_host_path(mount.source, "mounts");
        } else {
          add("bind-mounts", "mounts " + mount.source + " as '" + mount.type + "'");
        }
      }
  }

  // --- what a container may do to its host ---

  void judge_devices(const YamlValue& service) {
    if (const YamlValue* value = asked_for(service, "devices")) add("devices", "asks for devices: " + shown(*value));
  }

  void judge_privileges(const YamlValue& service) {
    if (const YamlValue* value = asked_for(service, "privileged"); value != nullptr && !is_false(*value))
      add("privileged", "is privileged");
    for (const char* key : {"cap_add", "sysctls", "credential_spec"})
      if (const YamlValue* value = asked_for(service, key))
        add("capabilities", std::string("asks for ") + key + ": " + shown(*value));
    if (const YamlValue* score = asked_for(service, "oom_score_adj"); score != nullptr && contains(shown(*score), "-"))
      add("capabilities", "lowers its oom_score_adj below others");
    if (const YamlValue* options = asked_for(service, "security_opt")) {
      const std::vector<YamlValue> one = {*options};
      for (const auto& option : options->is_list() ? options->items : one) {
        const std::string text = lower(shown(option));
        if (text != "no-new-privileges" && text != "no-new-privileges:true" && text != "no-new-privileges=true")
          add("capabilities", "sets security_opt " + shown(option));
      }
    }
  }

  void judge_namespaces(const YamlValue& service) {
    for (const char* key : {"pid", "ipc", "userns_mode", "cgroupns_mode"}) {
      const YamlValue* value = asked_for(service, key);
      if (value == nullptr) continue;
      const std::string text = lower(shown(*value));
      const bool own = text == "private" || text == "none" || text == "shareable" || begins_with(text, "service:");
      if (!own) add("host-namespaces", std::string("sets ") + key + ": " + shown(*value));
    }
    if (const YamlValue* parent = asked_for(service, "cgroup_parent"))
      add("host-namespaces", "sets cgroup_parent: " + shown(*parent));
    if (const YamlValue* mode = asked_for(service, "network_mode")) {
      const std::string text = lower(shown(*mode));
      if (text == "host" || begins_with(text, "container:"))
        add("host-namespaces", "sets network_mode: " + shown(*mode));
      else if (text != "none" && text != "bridge" && text != "default" && !begins_with(text, "service:"))
        add("foreign-networks", "joins the network " + shown(*mode));
    }
    // The others are run by Docker's daemon, on the host: they send to its sockets, its loopback and beyond, whatever the run's networks are.
    static const std::set<std::string> harmless = {"json-file", "local", "none"};
    if (const YamlValue* logging = asked_for(service, "logging"))
      if (const YamlValue* driver = asked_for(*logging, "driver"); driver != nullptr && harmless.count(driver->text) == 0)
        add("host-namespaces", "logs by the driver " + driver->text + ", which runs on the host");
    if (const YamlValue* links = asked_for(service, "external_links")) add("foreign-networks", "has external_links: " + shown(*links));
  }

  // --- files that Docker would read on the host's side ---

  void judge_files(const YamlValue& service) {
    const auto inside = [&](const YamlValue& value, const std::string& what) {
      here_ = &value;
      if (!value.is_scalar() || !stays_inside(tree_.dir, value.text))
        add("bind-mounts", what + " " + shown(value) + ", outside of the recipe");
    };
    if (const YamlValue* files = asked_for(service, "env_file"))
      for (const auto& file : files->items) {
        here_ = &file;
        if (!stays_inside(tree_.dir, file.text)) add_unreadable("bind-mounts", "reads env_file " + shown(file));
      }
    const YamlValue* build = asked_for(service, "build");
    if (build == nullptr) return;
    if (build->is_scalar()) return inside(*build, "builds from");
    const YamlValue* context = build->find("context");
    if (context != nullptr) inside(*context, "builds from");
    if (const YamlValue* file = build->find("dockerfile")) inside(*file, "builds with");
    if (const YamlValue* network = asked_for(*build, "network"); network != nullptr && lower(shown(*network)) != "none")
      add("host-namespaces", "builds in the network " + shown(*network));
  }

  // --- the proxy ---

  void judge_labels(const YamlValue* labels) {
    if (labels == nullptr) return;
    for (const auto& entry : labels->entries) {
      here_ = &entry.value;
      if (const std::string foreign = proxy_->foreign_in(entry.key, entry.value.text); !foreign.empty()) add("foreign-hosts", foreign);
    }
  }

  // On the proxy's network stand all other apps: there a name that could be theirs would be answered by the run.
  void judge_network_names(const YamlValue& service) {
    const YamlValue* networks = service.find("networks");
    if (service.find("network_mode") != nullptr) return;
    static const YamlValue nothing;
    if (networks == nullptr || networks->entries.empty()) return judge_names_on("default", service, nothing);
    for (const auto& joined : networks->entries) judge_names_on(joined.key, service, joined.value);
  }

  void judge_names_on(const std::string& network, const YamlValue& service, const YamlValue& joined) {
    const auto facts = std::find_if(tree_.facts.networks.begin(), tree_.facts.networks.end(), [&](const ResourceFacts& each) { return each.name == network; });
    if (facts == tree_.facts.networks.end() || !facts->external) return;
    here_ = &service;
    if (could_be_anothers(service_)) add("foreign-networks", "has a name on the network " + facts->resolved_name + " that could be another app's; call it by one word");
    // Newer Dockers resolve host names too.
    if (const YamlValue* host = asked_for(service, "hostname"); host != nullptr && is_foreign_hostname(host->text)) add("foreign-networks", "has the hostname " + shown(*host) + " on the network " + facts->resolved_name);
    const YamlValue* aliases = asked_for(joined, "aliases");
    if (aliases == nullptr) return;
    for (const auto& alias : aliases->items) {
      here_ = &alias;
      if (!proxy_->is_own_host(alias.text) && !proxy_->is_service(alias.text)) add("foreign-networks", "takes the name " + shown(alias) + " on the network " + facts->resolved_name);
    }
  }

  // A template of Docker's can only make names of nodes, services and tasks, if it brings no text of its own.
  bool is_foreign_hostname(const std::string& name) const {
    if (contains(name, "{{")) return name.find_first_of("\"`") != std::string::npos;
    return !proxy_->is_own_host(name) && (contains(name, ".") || could_be_anothers(name));
  }

  // Services of other stacks are <domain with '_'>_<service>.
  bool could_be_anothers(const std::string& name) const { return std::count(name.begin(), name.end(), '_') > 1 && !is_named_after(name, stack_); }

  // --- volumes, secrets, configs, networks of the whole file ---

  bool is_own(const std::string& name) const {
    const std::string prefix = stack_ + "_";
    return !stack_.empty() && name.size() > prefix.size() && begins_with(name, prefix) && !contains(name, "/");
  }

  void judge_resources(const YamlValue& compose, const std::string& section) {
    const YamlValue* resources = compose.find(section);
    if (resources == nullptr) return;
    const std::string kind = section.substr(0, section.size() - 1);
    for (const auto& facts : section == "volumes"   ? tree_.facts.volumes
                             : section == "secrets" ? tree_.facts.secrets
                             : section == "configs" ? tree_.facts.configs
                                                    : tree_.facts.networks) {
      const YamlValue* value = resources->find(facts.name);
      here_ = value;
      const bool proxy = section == "networks" && facts.external && facts.resolved_name == proxy_network_;
      // Swarm makes an external volume that is not there, and nobody removes it.
      const bool lasting = section == "volumes" && facts.external;
      if (lasting && is_own(facts.resolved_name)) add("foreign-volumes", kind + " " + facts.name + " is external: it would outlive the run");
      if (!facts.resolved_name.empty() && !is_own(facts.resolved_name) && !proxy)
        add("foreign-" + section, kind + " " + facts.name + " is '" + facts.resolved_name + "', not one of " + stack_ + "_…");
      if (section == "volumes") judge_volume(facts);
      if (section == "networks") judge_network(facts);
      if (section == "secrets" || section == "configs") judge_content(facts, kind, value);
    }
  }

  void judge_volume(const ResourceFacts& volume) {
    const std::string name = "volume " + volume.name;
    const auto option = [&](const char* key) {
      const auto found = volume.options.find(key);
      return found == volume.options.end() ? std::string() : found->second;
    };
    // Docker knows its options by their exact names; one that is alike is there to hide another.
    for (const auto& [option_name, value] : volume.options)
      if (const std::string plain = lower(option_name); plain != option_name && begins_with(plain, "driver_opts.")) add("bind-mounts", name + " has the option " + option_name.substr(12) + ", which hides another");
    const std::string driver = option("driver"), type = lower(option("driver_opts.type")), device = option("driver_opts.device");
    const std::string options = "," + lower(option("driver_opts.o")) + ",";
    if (!driver.empty() && driver != "local") {
      add("foreign-volumes", name + " is made by the driver " + driver);
      if (volume.options.size() > 1)
        add("bind-mounts", name + " gives the driver " + driver + " options, which may name the host's paths");
      return;
    }
    const bool binds = contains(options, "bind");
    if (!binds && (type == "tmpfs" || (type.empty() && device.empty()))) return;
    if (!binds && (begins_with(type, "nfs") || type == "cifs" || type == "smb3"))
      return add("foreign-volumes", name + " is " + type + " of " + device);
    judge_host_path(device, name + " binds");
  }

  void judge_network_named(const std::string& name) {
    if (name == "host") add("host-namespaces", "joins the host's network");
  }

  void judge_network(const ResourceFacts& network) {
    if (lower(network.resolved_name) == "host") judge_network_named("host");
    const auto driver = network.options.find("driver");
    const std::string name = driver != network.options.end() ? lower(driver->second) : "";
    if (name == "host" || name == "macvlan" || name == "ipvlan")
      add("host-namespaces", "network " + network.name + " uses the driver " + name);
    else if (!name.empty() && name != "overlay" && name != "bridge" && name != "none" && name != "null" && name != "default")
      add("foreign-networks", "network " + network.name + " uses the driver " + name);
    for (const char* option : {"driver_opts.parent", "driver_opts.com.docker.network.bridge.name"})
      if (const auto value = network.options.find(option); value != network.options.end())
        add("host-namespaces", "network " + network.name + " takes the host's interface " + value->second);
  }

  void judge_content(const ResourceFacts& resource, const std::string& kind, const YamlValue* value) {
    const std::string name = kind + " " + resource.name;
    if (const auto file = resource.options.find("file"); file != resource.options.end() && !stays_inside(tree_.dir, file->second))
      add_unreadable("foreign-" + kind + "s", name + " is read from " + file->second);
    if (value != nullptr && asked_for(*value, "driver") != nullptr) add("foreign-" + kind + "s", name + " comes from a driver");
    if (const auto driver = resource.options.find("template_driver");
        driver != resource.options.end() && driver->second != "golang")
      add("foreign-" + kind + "s", name + " uses the template driver " + driver->second);
  }

  // --- x-simmer-local ---

  // Is the path below the recipe's folder, the run's scratch or one of its volumes?
  bool is_local_path(std::string path) const {
    for (const std::string known : {"${RECIPE_DIR}", "${RUN_DIR}"})
      if (begins_with(path, known)) {
        const std::string rest = path.substr(known.size());
        return rest.empty() || (rest.front() == '/' && stays_below(rest.substr(1), known == "${RECIPE_DIR}"));
      }
    if (begins_with(path, "${VOLUME_")) {
      const auto end = path.find('}');
      return end != std::string::npos &&
             (end + 1 == path.size() || (path[end + 1] == '/' && stays_below(path.substr(end + 2), false)));
    }
    return stays_below(path, true);
  }

  bool stays_below(const std::string& path, bool in_recipe) const {
    if (path.empty()) return true;
    return path.find('$') == std::string::npos &&
           stays_inside(in_recipe ? tree_.dir : std::filesystem::path("/nonexistent"), path);
  }

  void judge_local(const ServiceFacts& service) {
    if (!service.local) return;
    service_ = service.name;
    here_ = tree_.compose.find("services")->find(service.name)->find("x-simmer-local");
    for (const auto& [name, source] : service.local->files) {
      if (!is_local_path(source)) add("bind-mounts", "renders " + source + ", outside of the recipe");
      if (!stays_below(name, false)) add("bind-mounts", "writes the file " + name + ", outside of the run's folder");
    }
    if (!service.local->working_dir.empty() && !is_local_path(service.local->working_dir))
      add("bind-mounts", "works in " + service.local->working_dir + ", outside of the recipe and the run");
    service_.clear();
  }

  const RecipeTree& tree_;
  const std::string stack_, domain_, proxy_network_;
  std::string service_;
  const YamlValue* here_ = nullptr;
  std::optional<ProxyLabels> proxy_;
  std::vector<PolicyViolation> violations_;
};

bool is_allowed(const std::vector<std::string>& allowed, const std::string& permission) {
  return std::find(allowed.begin(), allowed.end(), permission) != allowed.end();
}

}  // namespace

const std::vector<std::string>& policy_permissions() {
  static const std::vector<std::string> words = {"bind-mounts",     "docker-socket",   "devices",          "privileged",
                                                 "capabilities",    "host-namespaces", "host-ports",       "foreign-volumes",
                                                 "foreign-secrets", "foreign-configs", "foreign-networks", "foreign-hosts"};
  return words;
}

std::vector<PolicyViolation> judge_policy(const RecipeTree& tree, const std::string& stack, const std::string& domain,
                                          const std::vector<std::string>& allowed, const std::string& proxy_network) {
  std::vector<PolicyViolation> violations = PolicyJudge(tree, stack, domain, proxy_network).judge();
  std::erase_if(violations, [&](const PolicyViolation& violation) { return !violation.in_any_case && is_allowed(allowed, violation.permission); });
  return violations;
}

std::vector<PolicyViolation> judge_taken_names(const RecipeTree& tree, const std::string& stack, const std::vector<std::string>& allowed,
                                               const std::vector<LabelsOfStack>& others) {
  std::vector<PolicyViolation> violations;
  if (is_allowed(allowed, "foreign-hosts")) return violations;
  for (const auto& name : names_not_after(tree.compose, stack))
    for (const auto& other : others)
      if (other.stack != stack && std::any_of(other.names.begin(), other.names.end(), [&](const std::string& label) { return defines(label, name); })) {
        violations.push_back({"foreign-hosts", name.service,
                              one_line(name.at->place() + ": service " + name.service + " defines the proxy's " + name.section + "." + name.name + ", which " +
                                       (other.stack.empty() ? "a container of no stack" : "the stack " + other.stack) + " has already: begin the name with ${STACK_NAME}")});
        break;
      }
  return violations;
}

}  // namespace simmer
