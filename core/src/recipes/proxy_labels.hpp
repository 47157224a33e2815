// What a service's labels ask of the proxy (Traefik v2 and v3): every label that a router is made of lies in one namespace with those of
// all other stacks, so each can reach for what is another's. Judged here, label by label, for the policy (promise P16).
// Source of the format: Traefik's routing configuration by labels; names of providers behind an `@`.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <recipes/yaml_value.hpp>

namespace simmer {

// traefik.<protocol>.<section>.<name>.<option>; `section` with its protocol, lower case: "http.routers".
struct ProxyLabel {
  std::string section, name, option;
};

// Nothing: a label of another shape. Traefik does not tell the case of labels apart: `section` and `option` are lower case.
std::optional<ProxyLabel> read_proxy_label(const std::string& label);

class ProxyLabels {
 public:
  // `compose`: the one file, which says what names it defines itself. `holds_docker`: the recipe was given Docker's own socket: it
  // sees more by that than the proxy's dashboard shows.
  ProxyLabels(const YamlValue& compose, std::string stack, std::string domain, bool holds_docker);

  // Empty: asks for the run's own alone; else what it does, for people ("has the router rule …, which …").
  std::string foreign_in(const std::string& label, const std::string& value) const;

  // Is it a host of the run, wherever it is asked for: its domain or below it, or a name that begins with the stack's? The name of a service alone is no
  // such host: other stacks have an `app` too.
  bool is_own_host(const std::string& host) const;
  bool is_service(const std::string& name) const;

 private:
  bool is_own_name(const std::string& name) const;
  bool follows_redirects(const std::string& section, const std::string& name) const;
  std::string foreign_reference(const std::string& section, const std::string& label, const std::string& value) const;
  std::string foreign_certificate(const std::string& label, const std::string& value) const;
  std::string foreign_address(const std::string& label, const std::string& value) const;

  std::string stack_, domain_;
  bool holds_docker_;
  std::set<std::string> services_;  // as the file calls them
  std::set<std::string> defined_;   // "http.services x"
  std::set<std::string> stays_put_;  // the services whose health check follows no redirect
};

// A name of the proxy's that some labels define, and where that is said.
struct ProxyName {
  std::string section, name;
  const YamlValue* at = nullptr;
  std::string service;
  bool operator<(const ProxyName& other) const { return std::tie(section, name) < std::tie(other.section, other.name); }
};

// Is `name` `stack`'s by its own: the stack's name, alone or with '_' or '-' and more behind it?
bool is_named_after(const std::string& name, const std::string& stack);

// The routers, services, middlewares and transports that `compose` defines and that are not named after `stack`: they are the run's as long as
// nobody else has them. Each once, in order.
std::vector<ProxyName> names_not_after(const YamlValue& compose, const std::string& stack);

// Does this label define that name?
bool defines(const std::string& label, const ProxyName& name);

}  // namespace simmer
