#include <config/config.hpp>

#include <yaml-cpp/yaml.h>

#include <functional>
#include <regex>

#include <base/files.hpp>
#include <base/lower.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {

// Reads one file, remembering where it is for messages.
class Reader {
 public:
  explicit Reader(fs::path file) : file_(std::move(file)) {}

  [[noreturn]] void refuse(const YAML::Node& node, const std::string& what) const {
    const auto mark = node.Mark();
    const std::string line = mark.is_null() ? "" : ":" + std::to_string(mark.line + 1);
    throw Error(ErrorKind::config, file_.string() + line + ": " + what);
  }

  std::string text(const YAML::Node& node, const std::string& key) const {
    if (!node.IsScalar()) refuse(node, key + " must be a single value");
    return node.Scalar();
  }
  bool yes(const YAML::Node& node, const std::string& key) const {
    const std::string word = text(node, key);
    if (word == "true" || word == "yes" || word == "on") return true;
    if (word == "false" || word == "no" || word == "off") return false;
    refuse(node, key + " must be true or false, not '" + word + "'");
  }
  milliseconds duration(const YAML::Node& node, const std::string& key) const {
    const auto value = parse_duration(text(node, key));
    if (!value) refuse(node, key + " must be a duration such as 2s or 5m, not '" + node.Scalar() + "'");
    return *value;
  }
  int percent(const YAML::Node& node, const std::string& key) const {
    const std::string word = text(node, key);
    if (!std::regex_match(word, std::regex("[0-9]{1,3}")) || std::stoi(word) > 100)
      refuse(node, key + " must be a percentage from 0 to 100, not '" + word + "'");
    return std::stoi(word);
  }
  // An IP address or a name, and a port.
  std::string address(const YAML::Node& node, const std::string& key) const {
    const std::string word = text(node, key);
    if (!std::regex_match(word, std::regex("[A-Za-z0-9.-]+:[0-9]{1,5}"))) refuse(node, key + " must be an address and a port such as 127.0.0.1:443, not '" + word + "'");
    return word;
  }
  // "4g", "512m", bytes alone; 0: no limit. Docker takes no less than 6 MiB.
  std::int64_t size(const YAML::Node& node, const std::string& key) const {
    const std::string word = text(node, key);
    std::smatch parts;
    if (!std::regex_match(word, parts, std::regex("([0-9]{1,12})([kmg]?)i?b?", std::regex::icase)))
      refuse(node, key + " must be a size such as 512m or 4g, or 0 for no limit, not '" + word + "'");
    const std::string unit = parts[2].str();
    const int shift = unit.empty() ? 0 : unit == "k" || unit == "K" ? 10 : unit == "m" || unit == "M" ? 20 : 30;
    const auto number = std::stoll(parts[1].str());
    if (number > (std::int64_t{1} << (62 - shift))) refuse(node, key + ": '" + word + "' is more than any machine has");
    const std::int64_t bytes = number << shift;
    if (bytes != 0 && bytes < (std::int64_t{6} << 20)) refuse(node, key + ": '" + word + "' is less than 6m, with which nothing starts; 0 is no limit");
    return bytes;
  }
  std::int64_t count(const YAML::Node& node, const std::string& key) const {
    const std::string word = text(node, key);
    if (!std::regex_match(word, std::regex("[0-9]{1,7}"))) refuse(node, key + " must be a number, or 0 for no limit, not '" + word + "'");
    return std::stoll(word);
  }
  double cpus(const YAML::Node& node, const std::string& key) const {
    const std::string word = text(node, key);
    if (!std::regex_match(word, std::regex("[0-9]{1,4}(\\.[0-9]{1,3})?"))) refuse(node, key + " must be a number of processors such as 2 or 0.5, or 0 for no limit, not '" + word + "'");
    const double number = std::stod(word);
    if (number != 0 && number < 0.01) refuse(node, key + ": '" + word + "' is less than 0.01, with which nothing starts; 0 is no limit");
    return number;
  }
  std::vector<std::string> list(const YAML::Node& node, const std::string& key) const {
    std::vector<std::string> words;
    if (node.IsNull()) return words;
    if (node.IsScalar()) return {node.Scalar()};
    if (!node.IsSequence()) refuse(node, key + " must be a list");
    for (const auto& item : node) words.push_back(text(item, key));
    return words;
  }
  std::string one_of(const YAML::Node& node, const std::string& key, const std::vector<std::string>& words) const {
    const std::string word = text(node, key);
    if (std::find(words.begin(), words.end(), word) != words.end()) return word;
    std::string known;
    for (const auto& candidate : words) known += (known.empty() ? "" : ", ") + candidate;
    refuse(node, key + " is '" + word + "', must be one of: " + known);
  }

  // Every key of a map goes to its handler; `<key>_file` is read from that file first; one that has
  // no handler is refused. A handler of nullptr: a key that later parts use, accepted as it is.
  using Handlers = std::map<std::string, std::function<void(const YAML::Node&)>>;
  void map(const YAML::Node& node, const std::string& where, const Handlers& handlers) const {
    if (node.IsNull()) return;
    if (!node.IsMap()) refuse(node, (where.empty() ? "the configuration" : where) + " must be a map of keys");
    std::vector<std::string> known;
    for (const auto& [key, handler] : handlers) known.push_back(key);
    std::vector<std::string> seen;
    for (const auto& entry : node) {
      std::string key = entry.first.Scalar();
      YAML::Node value = entry.second;
      if (std::find(seen.begin(), seen.end(), key) != seen.end()) refuse(entry.first, "key '" + key + "' is given twice");
      seen.push_back(key);
      auto handler = handlers.find(key);
      const std::string full = (where.empty() ? "" : where + ".") + key;
      if (handler == handlers.end() && key.ends_with("_file")) {
        handler = handlers.find(key.substr(0, key.size() - 5));
        if (handler != handlers.end() && handler->second) {
          take_from_file(entry, key, handler->first, handler->second, seen);
          continue;
        }
      }
      if (handler == handlers.end()) refuse(entry.first, "unknown key '" + full + "'" + did_you_mean(key, known));
      if (std::find(seen.begin(), seen.end(), key + "_file") != seen.end()) refuse(entry.first, "'" + key + "' and '" + key + "_file' are both given");
      if (handler->second) handler->second(value);
      else unused_.push_back(full);
    }
  }

  // Keys whose handler is nullptr, as they were met.
  const std::vector<std::string>& unused() const { return unused_; }

 private:
  // What the file holds may be a secret: no message quotes it.
  template <class Entry>
  void take_from_file(const Entry& entry, const std::string& key_of_file, const std::string& key, const std::function<void(const YAML::Node&)>& handler,
                      const std::vector<std::string>& seen) const {
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) refuse(entry.first, "'" + key + "' and '" + key_of_file + "' are both given");
    const YAML::Node value(from_file(entry.second, key_of_file));
    try {
      handler(value);
    } catch (const Error&) {
      refuse(entry.second, key_of_file + ": " + entry.second.Scalar() + " does not hold a valid value of '" + key + "'");
    }
  }

  std::string from_file(const YAML::Node& node, const std::string& key) const {
    try {
      std::string content = read_file(text(node, key));
      while (!content.empty() && (content.back() == '\n' || content.back() == '\r')) content.pop_back();
      return content;
    } catch (const Error& error) {
      refuse(node, key + ": " + error.message());
    }
  }

  fs::path file_;
  mutable std::vector<std::string> unused_;
};

AppConfig read_app(const Reader& reader, const std::string& name, const YAML::Node& node) {
  AppConfig app;
  app.name = name;
  app.recipe = name;
  const std::string at = "apps." + name;
  const auto into = [&](std::string& target, const std::string& key) {
    return [&reader, &target, key](const YAML::Node& value) { target = reader.text(value, key); };
  };
  reader.map(node, at,
             {{"recipe", into(app.recipe, at + ".recipe")},
              {"role", [&](const YAML::Node& value) { app.role = reader.one_of(value, at + ".role", {"live", "canonical", "test"}); }},
              {"domain", into(app.domain, at + ".domain")},
              {"source", into(app.source, at + ".source")},
              {"update", [&](const YAML::Node& value) { app.update = reader.one_of(value, at + ".update", {"latest", "minor", "patch", "off"}); }},
              {"env",
               [&](const YAML::Node& value) {
                 if (!value.IsMap()) reader.refuse(value, at + ".env must be a map of names and values");
                 for (const auto& entry : value) {
                   const std::string key = entry.first.Scalar();
                   if (!app.env.emplace(key, reader.text(entry.second, at + ".env." + key)).second) reader.refuse(entry.first, "key '" + key + "' is given twice");
                 }
               }},
              {"needs", [&](const YAML::Node& value) { app.needs = reader.list(value, at + ".needs"); }},
              {"allow",
               [&](const YAML::Node& value) {
                 static const std::vector<std::string> words = {
                     "bind-mounts",      "docker-socket",   "devices",         "privileged",       "capabilities",  "host-namespaces", "host-ports",
                     "foreign-volumes", "foreign-secrets", "foreign-configs", "foreign-networks", "foreign-hosts"};
                 app.allow = reader.list(value, at + ".allow");
                 for (const auto& word : app.allow)
                   if (std::find(words.begin(), words.end(), word) == words.end())
                     reader.refuse(value, at + ".allow: unknown permission '" + word + "'" + did_you_mean(word, words));
               }},
              {"turns_over", [&](const YAML::Node& value) { app.turns_over = reader.list(value, at + ".turns_over"); }},
              {"drops",
               [&](const YAML::Node& value) {
                 if (!value.IsMap()) reader.refuse(value, at + ".drops must be a map of versions and lists of volumes");
                 for (const auto& entry : value) app.drops[entry.first.Scalar()] = reader.list(entry.second, at + ".drops." + entry.first.Scalar());
               }},
              {"trusted", [&](const YAML::Node& value) { app.trusted = reader.yes(value, at + ".trusted"); }},
              {"sweep", [&](const YAML::Node& value) { app.sweep = reader.yes(value, at + ".sweep"); }},
              {"intermediate", nullptr},
              {"min_age", nullptr},
              {"window", nullptr},
              {"on_fail", nullptr},
              {"rehearse", nullptr}});
  return app;
}

// <first 4 of a recipe>-<6 hex>.<base domain> is for cold runs alone; one of a recipe called warm… is wrm0-….
bool looks_cold(const std::string& domain, const std::string& base_domain) {
  if (!domain.ends_with("." + base_domain)) return false;
  const std::string label = domain.substr(0, domain.size() - base_domain.size() - 1);
  return !label.starts_with("warm-") && std::regex_match(label, std::regex("[^.]{1,4}-[0-9a-f]{6}"));
}

}  // namespace

AppConfig Config::app(const std::string& name) const {
  const auto found = apps.find(name);
  if (found != apps.end()) return found->second;
  AppConfig app;
  app.name = name;
  app.recipe = name;
  return app;
}

std::string Config::domain_of(const AppConfig& app) const {
  return app.domain.empty() ? "warm-" + app.name + "." + base_domain : app.domain;
}

Config read_config(const std::filesystem::path& file) {
  Config config;
  config.file = file;
  YAML::Node root;
  try {
    root = YAML::Load(read_file(file));
  } catch (const YAML::Exception& error) {
    throw Error(ErrorKind::config, file.string() + ":" + std::to_string(error.mark.line + 1) + ": not valid YAML: " + error.msg);
  } catch (const Error& error) {
    throw Error(ErrorKind::config, "the configuration cannot be read: " + error.message());
  }
  const Reader reader(file);
  const auto into_text = [&](std::string& target, const std::string& key) {
    return [&reader, &target, key](const YAML::Node& node) { target = reader.text(node, key); };
  };
  const auto into_duration = [&](milliseconds& target, const std::string& key) {
    return [&reader, &target, key](const YAML::Node& node) { target = reader.duration(node, key); };
  };
  // A section of parts that are not built yet: its keys are checked, its values are theirs.
  const auto later = [&](const std::string& where, const std::vector<std::string>& keys) {
    return [&reader, where, keys](const YAML::Node& node) {
      Reader::Handlers handlers;
      for (const auto& key : keys) handlers[key] = nullptr;
      reader.map(node, where, handlers);
    };
  };
  const auto forges = [&](const YAML::Node& node) {
    if (!node.IsSequence()) reader.refuse(node, "serve.forges must be a list");
    for (const auto& forge : node) later("serve.forges", {"kind", "url", "token", "hook_secret", "repos"})(forge);
  };
  reader.map(
      root, "",
      {{"base_domain", into_text(config.base_domain, "base_domain")},
       {"engine", [&](const YAML::Node& node) { config.engine = reader.one_of(node, "engine", {"local", "swarm", "abra"}); }},
       {"abra",
        [&](const YAML::Node& node) {
          reader.map(node, "abra", {{"bin", into_text(config.engines.abra_program, "abra.bin")}, {"dir", into_text(config.engines.abra_dir, "abra.dir")}, {"server", into_text(config.engines.abra_server, "abra.server")}});
        }},
       {"docker", [&](const YAML::Node& node) { reader.map(node, "docker", {{"host", into_text(config.engines.docker_host, "docker.host")}, {"tls", into_text(config.engines.docker_tls, "docker.tls")}, {"bin", into_text(config.engines.docker_program, "docker.bin")}}); }},
       {"proxy",
        [&](const YAML::Node& node) {
          reader.map(node, "proxy", {{"network", into_text(config.proxy_network, "proxy.network")}, {"address", [&](const YAML::Node& value) { config.proxy_address = reader.address(value, "proxy.address"); }},
                                      {"tls", [&](const YAML::Node& value) { config.proxy_tls = reader.one_of(value, "proxy.tls", {"wildcard", "none"}); }}});
        }},
       {"recipes_dir", [&](const YAML::Node& node) { config.recipes_dir = reader.text(node, "recipes_dir"); }},
       {"state", [&](const YAML::Node& node) { config.state = reader.text(node, "state"); }},
       {"plugin_path",
        [&](const YAML::Node& node) {
          for (const auto& word : reader.list(node, "plugin_path")) config.plugin_path.emplace_back(word);
        }},
       {"fork", [&](const YAML::Node& node) { config.fork = reader.one_of(node, "fork", {"auto", "reflink", "overlay", "restore"}); }},
       {"offline", [&](const YAML::Node& node) { config.offline = reader.yes(node, "offline"); }},
       {"log_level", [&](const YAML::Node& node) { config.log_level = reader.one_of(node, "log_level", {"debug", "info", "warning", "error"}); }},
       {"apps",
        [&](const YAML::Node& node) {
          if (node.IsNull()) return;
          if (!node.IsMap()) reader.refuse(node, "apps must be a map of app names");
          for (const auto& entry : node) {
            const std::string name = entry.first.Scalar();
            if (!std::regex_match(name, std::regex("[A-Za-z0-9][A-Za-z0-9_.-]*")))
              reader.refuse(entry.first, "app name '" + name + "' may hold letters, digits, '-', '_' and '.' only");
            if (config.apps.contains(name)) reader.refuse(entry.first, "app '" + name + "' is given twice");
            config.apps[name] = read_app(reader, name, entry.second);
          }
        }},
       {"hold",
        [&](const YAML::Node& node) {
          reader.map(node, "hold", {{"markers", [&](const YAML::Node& list) { config.hold_markers = reader.list(list, "hold.markers"); }}});
        }},
       {"health",
        [&](const YAML::Node& node) {
          reader.map(node, "health", {{"window", into_duration(config.health.window, "health.window")},
                                      {"live_window", into_duration(config.health.live_window, "health.live_window")}});
        }},
       {"deadlines",
        [&](const YAML::Node& node) {
          reader.map(node, "deadlines",
                     {{"start", [&](const YAML::Node& value) { config.deadlines.start = reader.duration(value, "deadlines.start"); }},
                      {"plugin", into_duration(config.deadlines.plugin, "deadlines.plugin")},
                      {"teardown", into_duration(config.deadlines.teardown, "deadlines.teardown")},
                      {"wait", into_duration(config.deadlines.wait, "deadlines.wait")}});
        }},
       {"runs",
        [&](const YAML::Node& node) {
          auto& limits = config.runs.limits;
          const auto of_limits = [&](const YAML::Node& map) {
            reader.map(map, "runs.limits",
                       {{"pids", [&](const YAML::Node& value) { limits.pids = reader.count(value, "runs.limits.pids"); }},
                        {"memory", [&](const YAML::Node& value) { limits.memory_bytes = reader.size(value, "runs.limits.memory"); }},
                        {"cpus", [&](const YAML::Node& value) { limits.cpus = reader.cpus(value, "runs.limits.cpus"); }}});
          };
          reader.map(node, "runs", {{"limits", of_limits}, {"egress", [&](const YAML::Node& value) { config.runs.deny_egress = reader.one_of(value, "runs.egress", {"allow", "deny"}) == "deny"; }}});
        }},
       {"disk",
        [&](const YAML::Node& node) {
          reader.map(node, "disk", {{"high", [&](const YAML::Node& value) { config.disk.high = reader.percent(value, "disk.high"); }},
                                    {"low", [&](const YAML::Node& value) { config.disk.low = reader.percent(value, "disk.low"); }}});
        }},
       {"sweep", later("sweep", {"max_tests", "time_limit", "host_update"})},
       {"alerts",
        [&](const YAML::Node& node) { reader.map(node, "alerts", {{"command", nullptr}, {"webhook", later("alerts.webhook", {"kind", "url"})}}); }},
       {"serve", [&](const YAML::Node& node) { reader.map(node, "serve", {{"listen", nullptr}, {"public_url", nullptr}, {"forges", forges}}); }}});
  config.without_effect = reader.unused();
  return config;
}

void check_config(const Config& config) {
  const auto refuse = [&](const std::string& what) {
    throw Error(ErrorKind::config, (config.file.empty() ? std::string("configuration") : config.file.string()) + ": " + what);
  };
  if (!std::regex_match(config.base_domain, std::regex("[a-z0-9]([a-z0-9.-]*[a-z0-9])?")))
    refuse("base_domain '" + config.base_domain + "' is no domain name (lower case letters, digits, '-' and '.')");
  if (config.disk.low > config.disk.high) refuse("disk.low is above disk.high");
  std::map<std::string, std::string> owner;
  for (const auto& [name, app] : config.apps) {
    const std::string domain = lower(config.domain_of(app));
    if (looks_cold(domain, config.base_domain))
      refuse("apps." + name + ".domain " + domain + " could be a cold run's; choose another");
    if (app.role == "test" && app.domain.empty()) continue;
    const auto [other, is_new] = owner.emplace(domain, name);
    if (!is_new) refuse("apps." + other->second + " and apps." + name + " have the same domain, " + domain);
  }
}

}  // namespace simmer
