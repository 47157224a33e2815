#include <recipes/proxy_labels.hpp>

#include <algorithm>
#include <cctype>
#include <sstream>

#include <base/lower.hpp>
#include <recipes/router_rule.hpp>

namespace simmer {
namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string shortened(const std::string& value) { return value.substr(0, 200); }

std::vector<std::string> names_in(const std::string& value) {
  std::vector<std::string> names;
  std::istringstream list(value);
  for (std::string name; std::getline(list, name, ',');) {
    name.erase(std::remove_if(name.begin(), name.end(), [](unsigned char c) { return std::isspace(c) != 0; }), name.end());
    if (!name.empty()) names.push_back(name);
  }
  return names;
}

// Calls `each(entry)` for the labels of a service and of its containers.
template <typename Each>
void for_each_label(const YamlValue& compose, const Each& each) {
  const YamlValue* services = compose.find("services");
  if (services == nullptr) return;
  for (const auto& service : services->entries) {
    const YamlValue* deploy = service.value.find("deploy");
    for (const YamlValue* labels : {service.value.find("labels"), deploy != nullptr ? deploy->find("labels") : nullptr})
      if (labels != nullptr)
        for (const auto& entry : labels->entries) each(service.key, entry);
  }
}

bool is_definition(const std::string& section) {
  return section.ends_with(".routers") || section.ends_with(".services") || section.ends_with(".middlewares") || section.ends_with(".serverstransports");
}

}  // namespace

std::optional<ProxyLabel> read_proxy_label(const std::string& label) {
  std::vector<std::string> parts;
  std::istringstream text(label);
  for (std::string part; parts.size() < 4 && std::getline(text, part, '.');) parts.push_back(part);
  if (parts.size() < 4 || lower(parts[0]) != "traefik") return std::nullopt;
  std::string option;
  std::getline(text, option, '\0');
  return ProxyLabel{lower(parts[1] + "." + parts[2]), parts[3], lower(option)};
}

bool is_named_after(const std::string& name, const std::string& stack) {
  if (stack.empty() || lower(name).rfind(lower(stack), 0) != 0) return false;
  return name.size() == stack.size() || name[stack.size()] == '_' || name[stack.size()] == '-';
}

std::vector<ProxyName> names_not_after(const YamlValue& compose, const std::string& stack) {
  std::set<ProxyName> names;
  for_each_label(compose, [&](const std::string& service, const YamlEntry& entry) {
    const auto label = read_proxy_label(entry.key);
    if (label && is_definition(label->section) && !is_named_after(label->name, stack)) names.insert({label->section, lower(label->name), &entry.value, service});
  });
  return {names.begin(), names.end()};
}

bool defines(const std::string& label, const ProxyName& name) {
  const auto read = read_proxy_label(label);
  return read && read->section == name.section && lower(read->name) == name.name;
}

ProxyLabels::ProxyLabels(const YamlValue& compose, std::string stack, std::string domain, bool holds_docker)
    : stack_(std::move(stack)), domain_(lower(std::move(domain))), holds_docker_(holds_docker) {
  if (const YamlValue* services = compose.find("services"))
    for (const auto& service : services->entries) services_.insert(lower(service.key));
  for_each_label(compose, [&](const std::string&, const YamlEntry& entry) {
    const auto label = read_proxy_label(entry.key);
    if (!label) return;
    defined_.insert(label->section + " " + lower(label->name));
    if (label->option == "loadbalancer.healthcheck.followredirects" && entry.value.text == "false") stays_put_.insert(label->section + " " + lower(label->name));
  });
}

bool ProxyLabels::is_own_name(const std::string& name) const { return is_named_after(name, stack_); }

bool ProxyLabels::follows_redirects(const std::string& section, const std::string& name) const { return stays_put_.count(section + " " + lower(name)) == 0; }

bool ProxyLabels::is_own_host(const std::string& host) const {
  const std::string name = lower(host);
  return is_own_name(name) || (!domain_.empty() && (name == domain_ || name.ends_with("." + domain_)));
}

bool ProxyLabels::is_service(const std::string& name) const { return services_.count(lower(name)) != 0; }

namespace {

// Where the first four parts of a label end.
std::size_t end_of_name(const std::string& label) {
  std::size_t at = 0;
  for (int part = 0; part < 4 && at != std::string::npos; ++part) at = label.find('.', part == 0 ? 0 : at + 1);
  return at == std::string::npos ? label.size() : at;
}

}  // namespace

std::string ProxyLabels::foreign_in(const std::string& label, const std::string& value) const {
  const std::string plain = lower(label);
  // Traefik compares names as Unicode folds their case (U+017F is an s to it, U+212A a k), and nobody else's labels need such letters.
  if (std::any_of(label.begin(), label.end(), [](unsigned char c) { return c >= 0x80; })) return "has the label " + label + ", whose name holds a letter beyond ASCII, which Traefik may take for another";
  if (!plain.starts_with("traefik.")) return "";
  // routers[0] is the router "[0]" to it.
  if (plain.find('[') < end_of_name(plain)) return "has the label " + label + ", with a bracket in front of its option: Traefik reads a name of its own out of it";
  if (contains(plain, "frontend.rule") || plain.starts_with("traefik.tls.")) return "has the label " + label + ", which reaches beyond its own routers";
  const auto read = read_proxy_label(label);
  if (!read) return "";
  const auto& [section, name, option] = *read;
  const std::string protocol = section.substr(0, section.find('.'));
  if (section == "udp.routers") return "has the udp router " + label + ": it has no host and takes a whole entry point";
  if (section.ends_with(".routers")) {
    if (option == "rule") {
      const std::string foreign = foreign_host_in_rule(value, domain_);
      return foreign.empty() ? "" : "has the router rule " + shortened(value) + ", which " + foreign;
    }
    if (option.starts_with("tls.domains")) return foreign_certificate(label, value);
    // Simmer leaves LETS_ENCRYPT_ENV empty in a run: a new host each time would use up what an authority grants the whole domain.
    if (option == "tls.certresolver" && !value.empty()) return "orders certificates by " + label + "=" + shortened(value) + " (a recipe takes the resolver from ${LETS_ENCRYPT_ENV}, which is empty in a run)";
    if (option == "service") return foreign_reference(protocol + ".services", label, value);
    if (option.starts_with("middlewares")) return foreign_reference(protocol + ".middlewares", label, value);
  }
  if (section.ends_with(".middlewares")) {
    if (option.starts_with("chain.middlewares")) return foreign_reference(section, label, value);
    if (option == "errors.service") return foreign_reference(protocol + ".services", label, value);
    if (option == "forwardauth.address") return foreign_address(label, value);
  }
  if (section.ends_with(".services")) {
    // It follows where the app redirects it to, from where it stands.
    if (option == "loadbalancer.healthcheck.path" && follows_redirects(section, name)) return "has the proxy check its health by " + label + ", which follows redirects to anywhere without loadbalancer.healthcheck.followredirects=false";
    if (option == "loadbalancer.serverstransport") return foreign_reference(protocol + ".serverstransports", label, value);
    if (option.starts_with("loadbalancer.server") && (option.ends_with(".url") || option.ends_with(".address"))) return foreign_address(label, value);
    if (!option.empty() && !option.starts_with("loadbalancer")) return "has the label " + label + ", which leads to services by name";
  }
  return "";
}

// Names of what the proxy knows: the run's own, what this very file defines, and of the operator's file what guards a router.
std::string ProxyLabels::foreign_reference(const std::string& section, const std::string& label, const std::string& value) const {
  for (const auto& name : names_in(value)) {
    const auto at = name.find('@');
    const std::string plain = name.substr(0, at), provider = at == std::string::npos ? "" : lower(name.substr(at + 1));
    const bool of_labels = provider.empty() || provider == "docker" || provider == "swarm";
    if (of_labels && (is_own_name(plain) || defined_.count(section + " " + lower(plain)) != 0)) continue;
    const bool is_service = section.ends_with(".services");
    if (!is_service && provider == "file") continue;
    if (is_service && provider == "internal" && (holds_docker_ || lower(plain) == "noop")) continue;
    return "leads by " + label + " to " + shortened(name) + ", which is none of its own (" + stack_ + "…)";
  }
  return "";
}

// tls.domains[n].main and .sans: names a certificate is ordered for.
std::string ProxyLabels::foreign_certificate(const std::string& label, const std::string& value) const {
  for (const auto& name : names_in(value))
    if (!foreign_host_in_rule("Host(`" + name + "`)", domain_).empty()) return "asks by " + label + " for a certificate of " + name;
  return "";
}

// The proxy itself goes there, from where it stands.
std::string ProxyLabels::foreign_address(const std::string& label, const std::string& value) const {
  const auto scheme = value.find("://");
  std::string host = scheme == std::string::npos ? value : value.substr(scheme + 3);
  host = host.substr(0, host.find_first_of("/?#\\"));
  const auto port = host.rfind(':');
  if (port != std::string::npos && host.find_first_not_of("0123456789", port + 1) == std::string::npos) host.resize(port);
  if (host.find('@') == std::string::npos && is_own_host(host)) return "";
  return "sends the proxy by " + label + " to " + shortened(value) + ", which is neither " + stack_ + "_… nor below " + domain_;
}

}  // namespace simmer
