#include <recipes/docker_schema.hpp>

#include <algorithm>
#include <map>
#include <set>

#include <config/config.hpp>
#include <recipes/docker_words.hpp>
#include <recipes/yaml_scalar.hpp>

namespace simmer {
namespace {

struct Shape;

struct Field {
  std::string name;
  const Shape* shape;
  int since = 0;
};

struct Shape {
  enum class Kind { text, duration, bytes, boolean, integer, natural, number, text_or_number, text_number_or_null, null, list, map, object, choice };
  Kind kind = Kind::text;
  std::string shown;                  // "a string", for people
  const Shape* of = nullptr;          // of a list's items, of a map's values
  bool unique = false;                // no item of the list twice
  bool extensible = false;            // takes x-… keys, from 3.7 on
  int open_since = 99;                // takes any keys, which Docker ignores, from 3.<this> on
  std::vector<Field> fields;          // of an object: nothing else is in it
  std::vector<std::string> required;
  std::vector<std::string> words;     // the only texts
  std::vector<const Shape*> choices;
};

using Kind = Shape::Kind;

Shape list_of(const Shape& item, std::string shown, bool unique = true) { return {Kind::list, std::move(shown), &item, unique, false, 99, {}, {}, {}, {}}; }
Shape map_of(const Shape& value, std::string shown) { return {Kind::map, std::move(shown), &value, false, false, 99, {}, {}, {}, {}}; }
Shape object_of(std::vector<Field> fields, bool extensible = false) { return {Kind::object, "a mapping", nullptr, false, extensible, 99, std::move(fields), {}, {}, {}}; }
Shape one_of(std::vector<const Shape*> choices, std::string shown) { return {Kind::choice, std::move(shown), nullptr, false, false, 99, {}, {}, {}, std::move(choices)}; }
Shape plain(Kind kind, std::string shown) { return {kind, std::move(shown), nullptr, false, false, 99, {}, {}, {}, {}}; }

// The table. Shapes refer to one another, so they live as long as the program.
struct Tables {
  Shape text = plain(Kind::text, "a string (put it in quotes)"), duration = plain(Kind::duration, "a duration (like 1m30s)"), bytes = plain(Kind::bytes, "a size (like \"512m\")"),
        boolean = plain(Kind::boolean, "true or false"), integer = plain(Kind::integer, "an integer"), natural = plain(Kind::natural, "an integer from 0 on"), number = plain(Kind::number, "a number"),
        text_or_number = plain(Kind::text_or_number, "a string or a number"), value = plain(Kind::text_number_or_null, "a string, a number or nothing (put it in quotes)"), nothing = plain(Kind::null, "nothing");
  Shape texts = list_of(text, "a list of strings, none of them twice"), any_texts = list_of(text, "a list of strings", false), text_or_texts = one_of({&text, &texts}, "a string or a list of strings, none of them twice"),
        command = one_of({&text, &any_texts}, "a string or a list of strings"), values = map_of(value, "a mapping of strings"), pairs = one_of({&values, &texts}, "a mapping, or a list of NAME=value"),
        options = map_of(text_or_number, "a mapping of strings"), text_or_nothing = one_of({&text, &nothing}, "a string");

  Shape order = [this] {
    Shape shape = text;
    shape.words = {"start-first", "stop-first"};
    shape.shown = "start-first or stop-first";
    return shape;
  }();
  Shape update = object_of({{"parallelism", &natural}, {"delay", &duration}, {"failure_action", &text}, {"monitor", &duration}, {"max_failure_ratio", &number}, {"order", &order, 4}});
  Shape discrete = object_of({{"kind", &text}, {"value", &natural}}), generic = object_of({{"discrete_resource_spec", &discrete}}), generics = list_of(generic, "a list", false);
  Shape limits = object_of({{"cpus", &text}, {"memory", &bytes}, {"pids", &integer, 9}}), reservations = object_of({{"cpus", &text}, {"memory", &bytes}, {"generic_resources", &generics, 5}});
  Shape resources = object_of({{"limits", &limits}, {"reservations", &reservations}});
  Shape restart = object_of({{"condition", &text}, {"delay", &duration}, {"max_attempts", &natural}, {"window", &duration}});
  Shape preference = object_of({{"spread", &text}}), preferences = list_of(preference, "a list", false);
  Shape placement = object_of({{"constraints", &any_texts}, {"preferences", &preferences, 3}, {"max_replicas_per_node", &natural, 8}});
  Shape deployment = object_of({{"mode", &text}, {"endpoint_mode", &text, 2}, {"replicas", &natural}, {"labels", &pairs}, {"rollback_config", &update, 7}, {"update_config", &update}, {"resources", &resources}, {"restart_policy", &restart}, {"placement", &placement}});
  Shape deploy = one_of({&deployment, &nothing}, "a mapping");
  Shape healthcheck = object_of({{"disable", &boolean}, {"interval", &duration}, {"retries", &natural}, {"test", &command}, {"timeout", &duration}, {"start_period", &duration, 4}, {"start_interval", &duration, 12}});
  Shape file_use = object_of({{"source", &text}, {"target", &text}, {"uid", &text}, {"gid", &text}, {"mode", &natural}}), file_uses_item = one_of({&text, &file_use}, "a name or a mapping"), file_uses = list_of(file_uses_item, "a list", false);
  Shape credential = object_of({{"config", &text, 8}, {"file", &text}, {"registry", &text}});
  Shape log_options = map_of(value, "a mapping of strings"), logging = object_of({{"driver", &text}, {"options", &log_options}});
  Shape membership = object_of({{"aliases", &texts}, {"driver_opts", &options, 13}, {"ipv4_address", &text}, {"ipv6_address", &text}}), network_use = one_of({&membership, &nothing}, "a mapping or nothing"), network_uses = map_of(network_use, "a mapping"),
        networks = one_of({&texts, &network_uses}, "a list of names, or a mapping");
  Shape long_port = object_of({{"mode", &text, 2}, {"target", &natural, 2}, {"published", &natural, 2}, {"protocol", &text, 2}}), port = one_of({&text_or_number, &long_port}, "a port (in quotes) or a mapping"), ports = list_of(port, "a list, no item of it twice");
  Shape mount_bind = object_of({{"propagation", &text}}), mount_volume = object_of({{"nocopy", &boolean}}), mount_tmpfs = object_of({{"size", &natural}});
  Shape long_mount = [this] {
    Shape shape = object_of({{"type", &text, 2}, {"source", &text, 2}, {"target", &text, 2}, {"read_only", &boolean, 2}, {"consistency", &text, 2}, {"bind", &mount_bind, 2}, {"volume", &mount_volume, 2}, {"tmpfs", &mount_tmpfs, 6}});
    shape.required = {"type"};
    return shape;
  }();
  Shape mount = one_of({&text, &long_mount}, "a mount (source:target) or a mapping with type, source and target"), mounts = list_of(mount, "a list, no item of it twice");
  Shape both_limits = [this] {
    Shape shape = object_of({{"hard", &integer}, {"soft", &integer}});
    shape.required = {"soft", "hard"};
    return shape;
  }();
  Shape ulimit = one_of({&integer, &both_limits}, "an integer, or a mapping with soft and hard"), ulimits = map_of(ulimit, "a mapping");
  Shape build_form = [this] {
    Shape shape = object_of({{"context", &text}, {"dockerfile", &text}, {"args", &pairs}, {"labels", &pairs, 3}, {"cache_from", &texts, 2}, {"network", &text, 4}, {"target", &text, 4}, {"shm_size", &text, 5}, {"extra_hosts", &pairs, 9}});
    shape.open_since = 11;
    return shape;
  }();
  Shape build = one_of({&text, &build_form}, "a path or a mapping");
  Shape expose = list_of(text_or_number, "a list, no item of it twice");
  Shape service = object_of({{"deploy", &deploy}, {"build", &build}, {"cap_add", &texts}, {"cap_drop", &texts}, {"cgroupns_mode", &text, 9}, {"cgroup_parent", &text}, {"command", &command}, {"configs", &file_uses, 3}, {"container_name", &text},
                             {"credential_spec", &credential, 3}, {"depends_on", &texts}, {"devices", &texts}, {"dns", &text_or_texts}, {"dns_search", &text_or_texts}, {"domainname", &text}, {"entrypoint", &command}, {"env_file", &text_or_texts},
                             {"environment", &pairs}, {"expose", &expose}, {"external_links", &texts}, {"extra_hosts", &pairs}, {"healthcheck", &healthcheck}, {"hostname", &text}, {"image", &text}, {"init", &boolean, 7}, {"ipc", &text}, {"isolation", &text, 5},
                             {"labels", &pairs}, {"links", &texts}, {"logging", &logging}, {"mac_address", &text}, {"network_mode", &text}, {"networks", &networks}, {"pid", &text_or_nothing}, {"ports", &ports}, {"privileged", &boolean}, {"read_only", &boolean},
                             {"restart", &text}, {"secrets", &file_uses, 1}, {"security_opt", &texts}, {"shm_size", &text}, {"stdin_open", &boolean}, {"stop_grace_period", &duration}, {"stop_signal", &text}, {"sysctls", &pairs}, {"tmpfs", &text_or_texts},
                             {"tty", &boolean}, {"ulimits", &ulimits}, {"oom_score_adj", &integer, 13}, {"user", &text}, {"userns_mode", &text}, {"volumes", &mounts}, {"working_dir", &text}},
                            true);

  Shape external_name = object_of({{"name", &text}}), external = one_of({&boolean, &external_name}, "true or false (or a mapping with name)");
  Shape subnet = object_of({{"subnet", &text}}), subnets = list_of(subnet, "a list", false), ipam = object_of({{"driver", &text}, {"config", &subnets}});
  Shape network = object_of({{"name", &text, 5}, {"driver", &text}, {"driver_opts", &options}, {"ipam", &ipam}, {"external", &external}, {"internal", &boolean}, {"attachable", &boolean, 2}, {"labels", &pairs}}, true);
  Shape volume = object_of({{"name", &text, 4}, {"driver", &text}, {"driver_opts", &options}, {"external", &external}, {"labels", &pairs}}, true);
  Shape secret = object_of({{"name", &text, 5}, {"file", &text}, {"external", &external}, {"labels", &pairs}, {"driver", &text, 8}, {"driver_opts", &options, 8}, {"template_driver", &text, 8}}, true);
  Shape config = object_of({{"name", &text, 5}, {"file", &text}, {"external", &external}, {"labels", &pairs}, {"template_driver", &text, 8}}, true);
  Shape network_or_nothing = one_of({&network, &nothing}, "a mapping or nothing"), volume_or_nothing = one_of({&volume, &nothing}, "a mapping or nothing");
  Shape services = map_of(service, "a mapping"), all_networks = map_of(network_or_nothing, "a mapping"), all_volumes = map_of(volume_or_nothing, "a mapping"), secrets = map_of(secret, "a mapping"), configs = map_of(config, "a mapping");
  Shape file = object_of({{"version", &text}, {"services", &services}, {"networks", &all_networks}, {"volumes", &all_volumes}, {"secrets", &secrets, 1}, {"configs", &configs, 3}}, true);
};

const Tables& tables() {
  static const auto* const all = new Tables();
  return *all;
}

// What a stack says in the place of keys that people bring along from `docker compose`; "" for others.
std::string in_place_of(const std::string& key) {
  static const std::map<std::string, const char*> known = {
      {"mem_limit", "write deploy.resources.limits.memory"},
      {"memswap_limit", "leave it out, and write deploy.resources.limits.memory"},
      {"mem_swappiness", "leave it out; a stack has no such setting"},
      {"mem_reservation", "write deploy.resources.reservations.memory"},
      {"cpus", "write deploy.resources.limits.cpus"},
      {"cpu_count", "write deploy.resources.limits.cpus"},
      {"cpu_shares", "write deploy.resources.reservations.cpus"},
      {"cpu_quota", "write deploy.resources.limits.cpus"},
      {"cpuset", "leave it out, and write deploy.resources.limits.cpus"},
      {"pids_limit", "write deploy.resources.limits.pids"},
      {"gpus", "write deploy.resources.reservations.generic_resources"},
      {"runtime", "leave it out; a stack has the runtime of its node"},
      {"scale", "write deploy.replicas"},
      {"platform", "write deploy.placement.constraints: [node.platform.arch == x86_64]"},
      {"pull_policy", "leave it out; a stack pulls what a node does not have"},
      {"extends", "a YAML anchor, or a second file in COMPOSE_FILE, does it"},
      {"profiles", "put the service into a file of its own that COMPOSE_FILE names"},
      {"group_add", "write user: \"uid:gid\""},
      {"volumes_from", "name a volume that both services mount"},
      {"label_file", "write the labels under labels or deploy.labels"},
      {"annotations", "write labels"},
      {"attach", "leave it out"},
      {"develop", "leave it out"},
      {"post_start", "leave it out; the entrypoint of the image, or a service of its own, does it"},
      {"pre_stop", "leave it out; the entrypoint of the image does it, on SIGTERM"},
      {"uts", "leave it out"},
      {"top:include", "write the files into COMPOSE_FILE in .env.sample, with ':' between the files"},
      {"top:name", "leave it out: the deployment gives the name"},
      {"deploy:restart", "write deploy.restart_policy: {condition: any}"},
  };
  const auto found = known.find(key);
  return found == known.end() ? "" : found->second;
}

bool is_name(const std::string& key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) { return c < 0x80 && (std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-'); });
}

// The same text for two values that JSON would call equal.
std::string identity_of(const YamlValue& value) {
  std::string all;
  if (value.is_list()) {
    for (const auto& item : value.items) all += identity_of(item) + '\x1f';
    return "[" + all + "]";
  }
  if (value.is_map()) {
    std::set<std::string> entries;
    for (const auto& entry : value.entries) entries.insert(entry.key + '\x1e' + identity_of(entry.value));
    for (const auto& entry : entries) all += entry + '\x1f';
    return "{" + all + "}";
  }
  const Scalar scalar = scalar_of(value);
  const bool number = scalar.type == ScalarType::integer || scalar.type == ScalarType::real;
  return (number ? "number " : scalar.type == ScalarType::text ? "text " : "word ") + scalar.text;
}

class SchemaCheck {
 public:
  explicit SchemaCheck(int version) : version_(version) {}

  void check(const YamlValue& value, const Shape& shape, const std::string& name) {
    switch (shape.kind) {
      case Kind::list: return check_list(value, shape, name);
      case Kind::map: return check_map(value, shape, name);
      case Kind::object: return check_object(value, shape, name);
      case Kind::choice: return check_choice(value, shape, name);
      default: return check_scalar(value, shape, name);
    }
  }

 private:
  [[noreturn]] static void refuse(const YamlValue& value, const Shape& shape, const std::string& name) {
    const std::string given = value.is_scalar() ? ", not '" + value.text.substr(0, 100) + "'" : value.is_list() ? ", not a list" : value.is_map() ? ", not a mapping" : ", and nothing is given";
    value.refuse(name + " must be " + shape.shown + given);
  }

  static bool fits(const YamlValue& value, const Shape& shape) {
    if (shape.kind == Kind::null) return value.is_null() || (value.is_scalar() && scalar_of(value).type == ScalarType::null);
    if (shape.kind == Kind::list) return value.is_list();
    if (shape.kind == Kind::map || shape.kind == Kind::object) return value.is_map();
    if (shape.kind == Kind::choice) return std::any_of(shape.choices.begin(), shape.choices.end(), [&](const Shape* each) { return fits(value, *each); });
    if (value.is_list() || value.is_map()) return false;
    const Scalar scalar = scalar_of(value);
    const bool number = scalar.type == ScalarType::integer || scalar.type == ScalarType::real;
    switch (shape.kind) {
      case Kind::boolean: return scalar.type == ScalarType::boolean;
      case Kind::integer: return scalar.type == ScalarType::integer;
      case Kind::natural: return scalar.type == ScalarType::integer && !scalar.text.starts_with('-');
      case Kind::number: return number;
      case Kind::text_or_number: return number || scalar.type == ScalarType::text;
      case Kind::text_number_or_null: return number || scalar.type == ScalarType::text || scalar.type == ScalarType::null;
      default: return scalar.type == ScalarType::text;
    }
  }

  static void check_scalar(const YamlValue& value, const Shape& shape, const std::string& name) {
    if (!fits(value, shape)) refuse(value, shape, name);
    if (!shape.words.empty() && std::find(shape.words.begin(), shape.words.end(), value.text) == shape.words.end()) refuse(value, shape, name);
    if (shape.kind == Kind::duration && !parse_go_duration(value.text)) refuse(value, shape, name);
    if (shape.kind == Kind::bytes && !parse_bytes(value.text)) refuse(value, shape, name);
    // Docker's own types end there, with an error of Go's.
    const std::size_t digits = shape.kind == Kind::natural ? 9 : 18;
    if ((shape.kind == Kind::integer || shape.kind == Kind::natural) && scalar_of(value).text.size() > digits) value.refuse(name + ": the number is too large: write a smaller one");
  }

  void check_list(const YamlValue& value, const Shape& shape, const std::string& name) {
    if (!value.is_list()) refuse(value, shape, name);
    for (const auto& item : value.items) check(item, *shape.of, "an item of " + name);
    if (!shape.unique) return;
    std::set<std::string> seen;
    for (const auto& item : value.items)
      if (!seen.insert(identity_of(item)).second) item.refuse(name + " has an item twice" + (item.is_scalar() ? ": '" + item.text.substr(0, 100) + "'" : "") + ": leave one of them out");
  }

  void check_map(const YamlValue& value, const Shape& shape, const std::string& name) {
    if (!value.is_map()) refuse(value, shape, name);
    for (const auto& entry : value.entries) {
      check_key(entry);
      if (&shape != &tables().values && &shape != &tables().options && &shape != &tables().log_options && !is_name(entry.key))
        entry.value.refuse(name + " '" + entry.key + "': a name consists of letters, digits, '.', '_' and '-'");
      if (&shape == &tables().ulimits && entry.key.find_first_not_of("abcdefghijklmnopqrstuvwxyz") != std::string::npos) entry.value.refuse("ulimits: '" + entry.key + "' is no limit (like nofile)");
      check(entry.value, *shape.of, name + "." + entry.key);
    }
  }

  [[noreturn]] static void refuse_unknown(const YamlEntry& entry, const Shape& shape, const std::string& name) {
    std::vector<std::string> known;
    for (const auto& each : shape.fields) known.push_back(each.name);
    const std::string instead = &shape == &tables().service ? in_place_of(entry.key) : &shape == &tables().file ? in_place_of("top:" + entry.key) : &shape == &tables().deployment ? in_place_of("deploy:" + entry.key) : "";
    entry.value.refuse((name.empty() ? "" : name + ": ") + "'" + entry.key + "' is no key that Docker knows here" + (instead.empty() ? did_you_mean(entry.key, known) : ": " + instead));
  }

  void check_object(const YamlValue& value, const Shape& shape, const std::string& name) {
    if (!value.is_map()) refuse(value, shape, name);
    for (const auto& entry : value.entries) {
      check_key(entry);
      if (entry.key.starts_with("x-") && shape.extensible) {
        check_extension(entry, &shape == &tables().file ? 4 : 7);
        continue;
      }
      const auto field = std::find_if(shape.fields.begin(), shape.fields.end(), [&](const Field& each) { return each.name == entry.key; });
      if (field == shape.fields.end() && version_ >= shape.open_since) continue;
      if (field == shape.fields.end()) {
        refuse_unknown(entry, shape, name);
      }
      if (field->since > version_)
        entry.value.refuse((name.empty() ? "" : name + ".") + entry.key + " needs compose version \"3." + std::to_string(field->since) + "\" or later; this file says \"3." + std::to_string(version_) + "\"");
      check(entry.value, *field->shape, name.empty() ? entry.key : name + "." + entry.key);
    }
    for (const auto& needed : shape.required)
      if (std::none_of(value.entries.begin(), value.entries.end(), [&](const YamlEntry& entry) { return entry.key == needed; })) value.refuse(name + " says no " + needed + ": add it");
  }

  void check_extension(const YamlEntry& entry, int since) const {
    if (version_ < since) entry.value.refuse(entry.key + " needs compose version \"3." + std::to_string(since) + "\" or later; this file says \"3." + std::to_string(version_) + "\"");
    std::string lower = entry.key;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    if (lower == "x-cluster-spec") entry.value.refuse("x-cluster-spec is a cluster volume to Docker 28 and nothing to Docker 20.10: leave it out");
  }

  void check_choice(const YamlValue& value, const Shape& shape, const std::string& name) {
    for (const Shape* each : shape.choices)
      if (fits(value, *each)) return check(value, *each, name);
    refuse(value, shape, name);
  }

  static void check_key(const YamlEntry& entry) {
    if (!entry.quoted_key && !is_text_when_plain(entry.key)) entry.value.refuse("the key '" + entry.key + "' is no string to Docker: put it in quotes");
  }

  int version_;
};

}  // namespace

int compose_version(const YamlValue& file) {
  const auto stands = std::find_if(file.entries.begin(), file.entries.end(), [](const YamlEntry& entry) { return entry.key == "version"; });
  if (stands == file.entries.end()) return 13;
  const YamlValue& version = stands->value;
  if (!version.is_scalar() || scalar_of(version).type != ScalarType::text) {
    const bool number = version.is_scalar() && !version.text.empty();
    version.refuse(number ? "version must be a string: write \"" + version.text + "\", in quotes" : "version must be a string, like \"3.8\"");
  }
  if (version.text.empty() || version.text == "3") return 13;
  for (int minor = 0; minor <= 13; ++minor)
    if (version.text == "3." + std::to_string(minor)) return minor;
  version.refuse("'" + version.text + "' is no compose version that Docker knows: \"3.0\" to \"3.13\"");
}

void check_schema(const YamlValue& file, int version) { SchemaCheck(version).check(file, tables().file, ""); }

}  // namespace simmer
