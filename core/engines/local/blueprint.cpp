#include <local/blueprint.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include <base/json_text.hpp>
#include <engine/router_label.hpp>
#include <local/expansion.hpp>
#include <local/process_tree.hpp>

namespace simmer::local {

using nlohmann::json;

namespace {

// PATH differs between a login shell, a timer's unit and an ordinary user (who has no sbin): the
// standard folders are always searched, after the caller's.
std::string service_search_path() {
  const char* ours = std::getenv("PATH");
  std::string path = ours == nullptr ? "" : ours;
  for (const std::string folder : {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"})
    if ((":" + path + ":").find(":" + folder + ":") == std::string::npos) path += (path.empty() ? "" : ":") + folder;
  return path;
}

bool is_inside(const fs::path& path, const fs::path& folder) {
  const auto relative = path.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != "..";
}

// Looks a built-in name up, then the app's environment.
Lookup names_of(const Blueprint& blueprint, const ServiceBlueprint& service, const StackFolder& folder,
                const std::function<std::string(const std::string& service)>& port_of, const std::string& recipe_dir) {
  return [&blueprint, &service, &folder, port_of, recipe_dir](const std::string& name) -> std::optional<std::string> {
    if (name == "PORT") return port_of(service.name);
    if (name == "RUN_DIR") return folder.run(service.name).string();
    if (name == "RECIPE_DIR") return recipe_dir;
    if (name == "DOMAIN") return blueprint.domain;
    if (name == "STACK_NAME") return blueprint.stack;
    if (name.starts_with("PORT_") && blueprint.find(name.substr(5)) != nullptr) return port_of(name.substr(5));
    if (name.starts_with("VOLUME_")) {
      const auto volume = blueprint.volumes.find(name.substr(7));
      if (volume != blueprint.volumes.end()) return volume->second.string();
    }
    if (name.starts_with("SECRET_") && name.ends_with("_FILE") && name.size() > 12) {
      const std::string secret = name.substr(7, name.size() - 12);
      if (blueprint.secrets.contains(secret)) return folder.secret(secret).string();
    }
    const auto value = blueprint.env.find(name);
    if (value == blueprint.env.end()) return std::nullopt;
    return value->second;
  };
}

ExpandedService expand_with(const Blueprint& blueprint, const ServiceBlueprint& service, const StackFolder& folder,
                            const Lookup& lookup) {
  const std::string where = "service " + service.name;
  ExpandedService result;
  for (const auto& word : service.command) result.argv.push_back(expand(word, lookup, where + ", command"));
  result.env = service.environment;
  for (const auto& [key, value] : service.local_environment)
    result.env[key] = expand(value, lookup, where + ", environment " + key);
  result.env.emplace("PATH", blueprint.search_path);
  result.env.emplace("HOME", folder.run(service.name).string());
  result.env.emplace("LANG", "C.UTF-8");
  for (const std::string& mark : {"SIMMER_STACK=" + blueprint.stack, deployment_mark(folder.path()), service_mark(service.name)})
    result.env[mark.substr(0, mark.find('='))] = mark.substr(mark.find('=') + 1);
  result.working_dir = service.working_dir.empty() ? folder.run(service.name).string()
                                                   : expand(service.working_dir, lookup, where + ", working_dir");
  if (result.working_dir.empty() || result.working_dir[0] != '/')
    throw Error(ErrorKind::recipe, where + ", working_dir: \"" + result.working_dir +
                                       "\" is not absolute; begin it with ${RUN_DIR} or ${RECIPE_DIR}");
  for (const auto& [name, file] : service.files)
    result.files[name] = {expand(file.text, lookup, where + ", file " + name), file.executable};
  return result;
}

std::map<std::string, TemplateFile> read_templates(const ServiceFacts& service, const fs::path& recipe_dir) {
  std::map<std::string, TemplateFile> files;
  for (const auto& [name, source] : service.local->files) {
    const std::string where = "service " + service.name + ", file " + name;
    const fs::path target = fs::path(name).lexically_normal();
    if (name.empty() || target.is_absolute() || *target.begin() == ".." || !target.has_filename())
      throw Error(ErrorKind::recipe, where + ": the name must be a path inside RUN_DIR");
    std::error_code missing;
    const fs::path path = fs::canonical(recipe_dir / source, missing);
    if (missing || !fs::is_regular_file(path, missing))
      throw Error(ErrorKind::recipe, where + ": no such template in the recipe: " + source);
    if (!is_inside(path, recipe_dir))
      throw Error(ErrorKind::recipe, where + ": the template leaves the recipe's folder: " + source);
    files[target.string()] = {read_file(path), ::access(path.c_str(), X_OK) == 0};
  }
  return files;
}

// Of everything in the checkout, wherever it lies.
std::string digest_of_tree(const fs::path& root) {
  std::map<std::string, std::string> entries;
  for (auto at = fs::recursive_directory_iterator(root); at != fs::recursive_directory_iterator(); ++at) {
    const std::string name = at->path().lexically_relative(root).string();
    if (name == ".git") at.disable_recursion_pending();
    if (at->is_symlink())
      entries[name] = "link " + fs::read_symlink(at->path()).string();
    else if (at->is_regular_file() && name != ".git")
      entries[name] = digest_of_file(at->path()) + (::access(at->path().c_str(), X_OK) == 0 ? " x" : "");
  }
  return digest_of_bytes(json(entries).dump());
}

// The program that argv[0] names, and the recipe's own script among its arguments, if any.
std::string digest_of_program(const Blueprint& blueprint, const ServiceBlueprint& service, const StackFolder& folder,
                              const ExpandedService& expanded) {
  const std::string& program = expanded.argv[0];
  const fs::path named = (fs::path(expanded.working_dir) / program).lexically_normal();
  if (program.find('/') != std::string::npos && is_inside(named, folder.run(service.name))) {
    const auto file = expanded.files.find(named.lexically_relative(folder.run(service.name)).string());
    if (file == expanded.files.end() || !file->second.executable)
      throw Error(ErrorKind::recipe, "service " + service.name + ": " + program + " is no executable file of its `files`");
    return digest_of_bytes(service.files.at(file->first).text);
  }
  const auto found = find_program(program, blueprint.search_path, expanded.working_dir);
  if (!found && program.find('/') != std::string::npos && is_inside(named, blueprint.recipe_dir))
    throw Error(ErrorKind::recipe, "service " + service.name + ": the recipe has no executable " +
                                       named.lexically_relative(blueprint.recipe_dir).string());
  if (!found)
    throw Error(ErrorKind::infrastructure, program + ": not installed on this machine (service " + service.name + " starts it)");
  std::string digest = digest_of_file(*found);
  for (const auto& word : expanded.argv) {
    std::error_code missing;
    if (word.starts_with('/') && is_inside(fs::path(word).lexically_normal(), blueprint.recipe_dir) &&
        fs::is_regular_file(word, missing) && word != found->string())
      digest = digest_of_bytes(digest + digest_of_file(word));
  }
  return digest;
}

Blueprint frame_of(const DeploySpec& spec) {
  if (spec.stack.empty() || spec.stack.size() > 200 ||
      spec.stack.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != std::string::npos)
    throw Error(ErrorKind::usage, "\"" + spec.stack + "\" cannot name a stack: letters, digits, _ and - only");
  Blueprint blueprint;
  blueprint.stack = spec.stack;
  blueprint.domain = spec.domain;
  blueprint.run_id = spec.run_id;
  blueprint.version = spec.facts.version;
  blueprint.commit = spec.facts.commit;
  blueprint.kept = spec.kept;
  std::error_code missing;
  blueprint.recipe_dir = fs::canonical(spec.recipe_dir, missing);
  if (missing) throw Error(ErrorKind::infrastructure, "the recipe's checkout is not there: " + spec.recipe_dir.string());
  blueprint.search_path = service_search_path();
  blueprint.env = spec.env;
  return blueprint;
}

void add_volumes(Blueprint& blueprint, const DeploySpec& spec, const StackFolder& folder, const Blueprint* current) {
  std::set<std::string> names;
  for (const auto& volume : spec.facts.volumes) names.insert(volume.name);
  for (const auto& [name, source] : spec.volumes) names.insert(name);
  for (const auto& name : names) {
    if (!is_plain_name(name)) throw Error(ErrorKind::recipe, "\"" + name + "\" cannot name a volume");
    const auto given = spec.volumes.find(name);
    const bool fresh = given == spec.volumes.end() || given->second.kind == VolumeSource::Kind::fresh;
    fs::path place = fresh ? folder.volumes() / name : given->second.path;
    if (!fresh) {
      std::error_code missing;
      place = fs::canonical(given->second.path, missing);
      if (missing || !fs::is_directory(place))
        throw Error(ErrorKind::infrastructure, "the folder of volume " + name + " is not there: " + given->second.path.string());
    }
    const auto before = current == nullptr ? std::map<std::string, fs::path>::const_iterator{} : current->volumes.find(name);
    if (current != nullptr && before != current->volumes.end()) {
      if (!fresh && before->second != place)
        throw Error(ErrorKind::usage,
                    "an upgrade cannot move volume " + name + " from " + before->second.string() + " to " + place.string());
      blueprint.volumes[name] = before->second;
      if (current->fresh_volumes.contains(name)) blueprint.fresh_volumes.insert(name);
      continue;
    }
    blueprint.volumes[name] = place;
    if (fresh) blueprint.fresh_volumes.insert(name);
  }
  if (current == nullptr) return;
  for (const auto* earlier : {&current->volumes, &current->former_volumes})
    for (const auto& [name, place] : *earlier)
      if (!blueprint.volumes.contains(name)) blueprint.former_volumes[name] = place;
}

void add_services(Blueprint& blueprint, const DeploySpec& spec) {
  for (const auto& facts : spec.facts.services) {
    if (!facts.local) continue;
    if (!is_plain_name(facts.name)) throw Error(ErrorKind::recipe, "\"" + facts.name + "\" cannot name a service");
    if (facts.local->command.empty()) throw Error(ErrorKind::recipe, "service " + facts.name + ": x-simmer-local has no command");
    ServiceBlueprint service;
    service.name = facts.name;
    service.command = facts.local->command;
    service.environment = facts.environment;
    service.local_environment = facts.local->environment;
    service.files = read_templates(facts, blueprint.recipe_dir);
    service.working_dir = facts.local->working_dir;
    service.grace = std::max(facts.stop_grace.value_or(milliseconds(10000)), milliseconds(0));
    if (spec.longest_grace) service.grace = std::min(service.grace, *spec.longest_grace);
    service.restart = facts.restart_condition;
    service.is_reached = !facts.ports.empty() || has_router(facts);
    service.is_server = facts.has_healthcheck || service.is_reached;
    service.at_rest = facts.replicas == 0;
    const auto asked = spec.asked_limits.find(facts.name);
    service.limits = asked == spec.asked_limits.end() ? spec.limits : tighter(spec.limits, asked->second);
    const auto* app = blueprint.find(blueprint.app_service);
    if (app == nullptr || (app->at_rest && !service.at_rest)) blueprint.app_service = facts.name;
    blueprint.services.push_back(std::move(service));
  }
  if (blueprint.services.empty())
    throw Error(ErrorKind::recipe, "nothing in it can run on the local engine: no service has an x-simmer-local section; --engine swarm runs it on Docker");
  for (const auto& facts : spec.facts.services)
    if (facts.local && facts.replicas != 0 && has_router(facts)) {
      blueprint.app_service = facts.name;
      break;
    }
}

// Digest of what a running service consists of. Ports stay what they are for life and the checkout's place
// says nothing about its content: both are left symbolic, and the content counts instead.
void define(Blueprint& blueprint, ServiceBlueprint& service, const DeploySpec& spec, const StackFolder& folder,
            std::set<std::string>& with_port, std::optional<std::string>& tree_digest) {
  bool uses_tree = false;
  std::set<std::string> secrets;
  const auto port = [&](const std::string& name) {
    with_port.insert(name);
    return "${PORT_" + name + "}";
  };
  const auto names = names_of(blueprint, service, folder, port, "${RECIPE_DIR}");
  const Lookup recording = [&](const std::string& name) {
    uses_tree = uses_tree || name == "RECIPE_DIR";
    if (name.starts_with("SECRET_") && name.size() > 12) secrets.insert(name.substr(7, name.size() - 12));
    return names(name);
  };
  ServiceBlueprint symbolic = service;
  if (symbolic.working_dir.starts_with("${RECIPE_DIR}")) symbolic.working_dir = "/" + symbolic.working_dir;  // stays absolute
  auto expanded = expand_with(blueprint, symbolic, folder, recording);
  // Ours depends on who deploys, a shell or a timer; the program that it finds counts by its content.
  if (!service.environment.contains("PATH") && !service.local_environment.contains("PATH")) expanded.env.erase("PATH");
  if (uses_tree && !tree_digest) tree_digest = digest_of_tree(blueprint.recipe_dir);

  json all{{"argv", expanded.argv}, {"env", expanded.env}, {"cwd", expanded.working_dir}, {"program", service.digest}};
  for (const auto& facts : spec.facts.services)
    if (facts.name == service.name) all["image"] = facts.image;
  for (const auto& [name, file] : expanded.files) all["files"][name] = {file.text, file.executable};
  for (const auto& name : secrets) {
    const auto value = spec.secrets.find(name);
    if (value != spec.secrets.end())
      all["secrets"][name] = digest_of_bytes(value->second);
    else if (const auto there = read_file_if_there(folder.secret(name)))
      all["secrets"][name] = digest_of_bytes(*there);
  }
  if (uses_tree) all["tree"] = *tree_digest;
  if (service.at_rest) all["at_rest"] = true;
  service.definition = digest_of_bytes(json_line(all));
}

}  // namespace

bool operator==(const ExpandedService& left, const ExpandedService& right) {
  const auto same_file = [](const auto& one, const auto& other) {
    return one.first == other.first && one.second.text == other.second.text && one.second.executable == other.second.executable;
  };
  return left.argv == right.argv && left.env == right.env && left.working_dir == right.working_dir &&
         std::equal(left.files.begin(), left.files.end(), right.files.begin(), right.files.end(), same_file);
}

const ServiceBlueprint* Blueprint::find(const std::string& service) const {
  for (const auto& candidate : services)
    if (candidate.name == service) return &candidate;
  return nullptr;
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && name.size() <= 200 && name[0] != '.' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == std::string::npos;
}

std::optional<fs::path> find_program(const std::string& name, const std::string& search_path, const fs::path& working_dir) {
  const auto is_program = [](const fs::path& path) {
    std::error_code missing;
    return fs::is_regular_file(path, missing) && ::access(path.c_str(), X_OK) == 0;
  };
  if (name.empty()) return std::nullopt;
  if (name.find('/') != std::string::npos) {
    const fs::path path = working_dir / name;
    return is_program(path) ? std::optional(path) : std::nullopt;
  }
  std::istringstream folders(search_path);
  for (std::string folder; std::getline(folders, folder, ':');)
    if (folder.starts_with('/') && is_program(fs::path(folder) / name)) return fs::path(folder) / name;
  return std::nullopt;
}

Blueprint make_blueprint(const DeploySpec& spec, const StackFolder& folder, const Blueprint* current) {
  Blueprint blueprint = frame_of(spec);
  add_volumes(blueprint, spec, folder, current);
  for (const auto& [name, value] : spec.secrets) {
    if (!is_plain_name(name)) throw Error(ErrorKind::recipe, "\"" + name + "\" cannot name a secret");
    blueprint.secrets.insert(name);
  }
  if (current != nullptr) {
    blueprint.kept = blueprint.kept || current->kept;
    for (const auto& secret : spec.facts.secrets)
      if (current->secrets.contains(secret.name)) blueprint.secrets.insert(secret.name);
  }
  add_services(blueprint, spec);

  std::map<std::string, int> no_ports;
  for (const auto& service : blueprint.services) no_ports[service.name] = 0;
  for (auto& service : blueprint.services)
    service.digest = digest_of_program(blueprint, service, folder, expand_service(blueprint, service, folder, no_ports));
  std::set<std::string> with_port;
  std::optional<std::string> tree_digest;
  for (auto& service : blueprint.services) define(blueprint, service, spec, folder, with_port, tree_digest);
  for (auto& service : blueprint.services) service.has_port = with_port.contains(service.name);
  return blueprint;
}

ExpandedService expand_service(const Blueprint& blueprint, const ServiceBlueprint& service, const StackFolder& folder,
                               const std::map<std::string, int>& ports) {
  const auto port = [&](const std::string& name) { return std::to_string(ports.at(name)); };
  return expand_with(blueprint, service, folder, names_of(blueprint, service, folder, port, blueprint.recipe_dir.string()));
}

std::string to_text(const Blueprint& blueprint) {
  json services = json::array();
  for (const auto& service : blueprint.services) {
    json files = json::object();
    for (const auto& [name, file] : service.files) files[name] = {{"text", file.text}, {"executable", file.executable}};
    services.push_back({{"name", service.name},
                        {"definition", service.definition},
                        {"digest", service.digest},
                        {"command", service.command},
                        {"environment", service.environment},
                        {"local_environment", service.local_environment},
                        {"files", files},
                        {"working_dir", service.working_dir},
                        {"grace_ms", service.grace.count()},
                        {"restart", service.restart},
                        {"has_port", service.has_port},
                        {"is_server", service.is_server},
                        {"is_reached", service.is_reached},
                        {"at_rest", service.at_rest},
                        {"limits", {{"pids", service.limits.pids}, {"memory_bytes", service.limits.memory_bytes}, {"cpus", service.limits.cpus}}}});
  }
  json volumes = json::object();
  for (const auto& [name, path] : blueprint.volumes) volumes[name] = path.string();
  json former = json::object();
  for (const auto& [name, path] : blueprint.former_volumes) former[name] = path.string();
  const json all{
      {"schema", 1},
      {"stack", blueprint.stack},
      {"domain", blueprint.domain},
      {"run_id", blueprint.run_id},
      {"version", blueprint.version},
      {"commit", blueprint.commit},
      {"kept", blueprint.kept},
      {"recipe_dir", blueprint.recipe_dir.string()},
      {"search_path", blueprint.search_path},
      {"app_service", blueprint.app_service},
      {"services", services},
      {"env", blueprint.env},
      {"secrets", blueprint.secrets},
      {"volumes", volumes},
      {"former_volumes", former},
      {"fresh_volumes", blueprint.fresh_volumes}};
  try {
    return all.dump();
  } catch (const json::exception&) {
    throw Error(ErrorKind::recipe, "a template, an environment value or a command is not UTF-8 text");
  }
}

Blueprint blueprint_from(const std::string& text) {
  try {
    const auto all = json::parse(text);
    Blueprint blueprint;
    const auto take = [&all](const char* key, auto& into) { all.at(key).get_to(into); };
    take("stack", blueprint.stack);
    take("domain", blueprint.domain);
    take("run_id", blueprint.run_id);
    take("version", blueprint.version);
    take("commit", blueprint.commit);
    take("kept", blueprint.kept);
    take("search_path", blueprint.search_path);
    take("app_service", blueprint.app_service);
    take("env", blueprint.env);
    take("secrets", blueprint.secrets);
    take("fresh_volumes", blueprint.fresh_volumes);
    blueprint.recipe_dir = all.at("recipe_dir").get<std::string>();
    for (const auto& [name, path] : all.at("volumes").items()) blueprint.volumes[name] = path.get<std::string>();
    if (const auto former = all.find("former_volumes"); former != all.end())
      for (const auto& [name, path] : former->items()) blueprint.former_volumes[name] = path.get<std::string>();
    for (const auto& value : all.at("services")) {
      ServiceBlueprint service;
      value.at("name").get_to(service.name);
      value.at("definition").get_to(service.definition);
      value.at("digest").get_to(service.digest);
      value.at("command").get_to(service.command);
      value.at("environment").get_to(service.environment);
      value.at("local_environment").get_to(service.local_environment);
      value.at("working_dir").get_to(service.working_dir);
      value.at("restart").get_to(service.restart);
      value.at("has_port").get_to(service.has_port);
      service.is_reached = value.value("is_reached", false);
      service.is_server = value.value("is_server", false);  // not in what an older Simmer deployed
      service.at_rest = value.value("at_rest", false);
      if (const auto limits = value.find("limits"); limits != value.end())
        service.limits = {limits->at("pids").get<std::int64_t>(), limits->at("memory_bytes").get<std::int64_t>(), limits->at("cpus").get<double>()};
      service.grace = milliseconds(value.at("grace_ms").get<std::int64_t>());
      for (const auto& [name, file] : value.at("files").items())
        service.files[name] = {file.at("text").get<std::string>(), file.at("executable").get<bool>()};
      blueprint.services.push_back(std::move(service));
    }
    return blueprint;
  } catch (const json::exception& damage) {
    throw Error(ErrorKind::needs_operator, std::string("the blueprint of a deployment is damaged: ") + damage.what());
  }
}

std::optional<Blueprint> read_blueprint(const StackFolder& folder) {
  const auto text = read_file_if_there(folder.spec());
  if (!text) return std::nullopt;
  return while_doing("reading " + folder.spec().string(), [&] { return blueprint_from(*text); });
}

}  // namespace simmer::local
