#include <swarm/swarm_engine.hpp>

#include <strings.h>

#include <ctime>

#include <base/process.hpp>
#include <engine/router_label.hpp>
#include <simmer/error.hpp>
#include <swarm/stack_file.hpp>

namespace simmer {

using namespace swarm;

namespace {

std::string text_of(const nlohmann::json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

std::map<std::string, std::string> labels_of(const nlohmann::json& json) {
  std::map<std::string, std::string> labels;
  if (json.is_object())
    for (const auto& [key, value] : json.items())
      if (value.is_string()) labels[key] = value.get<std::string>();
  return labels;
}

Filters of_stack(const std::string& stack) { return {{"label", {std::string(docker_stack_label) + "=" + stack}}}; }

// Frames of 8 bytes header and text: what a container without a terminal has said.
std::string demultiplexed(const std::string& bytes) {
  std::string text;
  for (std::size_t at = 0; at + 8 <= bytes.size();) {
    const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(bytes[at + i])); };
    const std::size_t length = byte(4) << 24 | byte(5) << 16 | byte(6) << 8 | byte(7);
    text += bytes.substr(at + 8, length);
    at += 8 + length;
  }
  return text;
}

// "host:5000/web" of "host:5000/web:1" and of "host:5000/web:1@sha256:…".
std::string repository_of(const std::string& image) {
  const auto name = image.substr(0, image.find('@'));
  const auto colon = name.rfind(':');
  return colon == std::string::npos || name.find('/', colon) != std::string::npos ? name : name.substr(0, colon);
}

constexpr milliseconds look_again{100};  // Docker has no events for tasks

}  // namespace

void check_stack_name(const std::string& stack) {
  const auto plain = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-'; };
  if (stack.empty() || !std::all_of(stack.begin(), stack.end(), plain)) throw Error(ErrorKind::usage, "\"" + stack + "\" cannot name a stack");
}

SwarmEngine::SwarmEngine(SwarmEngineOptions options)
    : api_(options.docker), instance_(std::move(options.instance)), docker_(docker_program(options.docker_program)), driver_(std::move(options.driver)) {
  if (!driver_) driver_ = std::make_unique<DockerCli>(api_.address(), docker_);
}

std::string SwarmEngine::identity(const Limit& limit) {
  if (!identity_.empty()) return identity_;
  const auto id = text_of(api_.get("/info", limit), "ID");
  if (id.empty()) throw Error(ErrorKind::unavailable, "Docker at " + api_.host() + " does not say its ID");
  return identity_ = "Docker " + id + driver_->identity();
}

void SwarmEngine::check(const Limit& limit) {
  const auto info = api_.get("/info", limit);
  const auto& swarm = info.value("Swarm", Json::object());
  if (text_of(swarm, "LocalNodeState") != "active")
    throw Error(ErrorKind::unavailable, "Docker at " + api_.host() + " is in no swarm (" + text_of(swarm, "LocalNodeState") + "): docker swarm init");
  if (!swarm.value("ControlAvailable", false))
    throw Error(ErrorKind::unavailable, "Docker at " + api_.host() + " is a worker of its swarm, no manager: run Simmer on a manager");
  client_version(docker_, limit);
  driver_->check(limit);
}

std::map<std::string, std::string> SwarmEngine::tools(const Limit& limit) {
  const auto version = api_.get("/version", limit);
  std::map<std::string, std::string> all = {{"docker", text_of(version, "Version")}, {"docker-api", text_of(version, "ApiVersion")}, {"linux", text_of(version, "KernelVersion")}, {"docker-cli", client_version(docker_, limit)}};
  all.merge(driver_->tools(limit));
  return all;
}

std::string SwarmEngine::this_node(const Limit& limit) {
  if (node_.empty()) node_ = api_.get("/info", limit)["Swarm"].value("NodeID", "");
  return node_;
}

SwarmEngine::Json SwarmEngine::services_of(const std::string& stack, const Limit& limit) { return api_.list("/services", of_stack(stack), limit); }

SwarmEngine::Json SwarmEngine::service_named(const std::string& stack, const std::string& service, const Limit& limit) {
  Json first;
  for (const auto& each : services_of(stack, limit)) {
    if (!service.empty() && short_name(each, stack) == service) return each;
    const auto labels = labels_of(each["Spec"].value("Labels", Json()));
    const bool routed = std::any_of(labels.begin(), labels.end(), [](const auto& label) { return is_router_label(label.first); });
    if (service.empty() && (first.is_null() || (is_at_rest(first) && !is_at_rest(each)))) first = each;
    if (service.empty() && routed) return each;
  }
  if (first.is_null()) throw Error(ErrorKind::unavailable, "there is no service " + (service.empty() ? "" : service + " ") + "in stack " + stack);
  return first;
}

SwarmEngine::Json SwarmEngine::containers_of(const std::string& stack, const Limit& limit) { return api_.list("/containers/json?all=1", of_stack(stack), limit); }

// What a registry knows the image by that `name` names ("nginx@sha256:…"), else its id here ("sha256:…"); empty: it is not here. `image`: its
// id, or that name.
std::string SwarmEngine::digest_of(const std::string& image, const std::string& name, const Limit& limit) {
  const auto found = api_.get_if_there("/images/" + url_encoded(image) + "/json", limit);
  if (!found.is_object()) return image.starts_with("sha256:") ? image : "";
  const auto repository = repository_of(name);
  for (const auto& known : found.value("RepoDigests", Json::array()))
    if (known.is_string() && known.get<std::string>().starts_with(repository + "@")) return known.get<std::string>();
  return text_of(found, "Id");
}

// Of a service of which nothing runs (a job that is done, one at rest): by the last container that was made of its image's name, else by
// what that name means here.
void SwarmEngine::add_digests_of_what_rests(const std::string& stack, const Json& services, const Json& containers, std::map<std::string, std::string>& digests, const Limit& limit) {
  std::map<std::string, std::string> ids;  // of containers; what one calls its image changes when the tag moves
  for (const auto& container : containers) ids[text_of(container, "Id")] = text_of(container, "ImageID");
  const auto tasks = api_.list("/tasks", of_stack(stack), limit);
  for (const auto& service : services) {
    const auto name = short_name(service, stack);
    if (digests.contains(name)) continue;
    const auto image = service.value(Json::json_pointer("/Spec/TaskTemplate/ContainerSpec/Image"), std::string());
    std::string id = image, made;
    for (const auto& task : tasks) {
      const auto container = ids.find(task.value(Json::json_pointer("/Status/ContainerStatus/ContainerID"), std::string()));
      if (text_of(task, "ServiceID") != text_of(service, "ID") || container == ids.end() || text_of(task, "CreatedAt") < made) continue;
      if (task.value(Json::json_pointer("/Spec/ContainerSpec/Image"), std::string()) != image) continue;
      made = text_of(task, "CreatedAt");
      id = container->second;
    }
    if (const auto digest = digest_of(id, image, limit); !digest.empty()) digests[name] = digest;
  }
}

std::vector<EngineObject> SwarmEngine::inventory(const std::string& stack, const Limit& limit) {
  std::vector<EngineObject> objects;
  if (stack.empty()) {
    // By our own mark: what others made is none of our business.
    for (const auto& own : our_stacks(limit))
      for (auto& object : inventory(own, limit)) objects.push_back(std::move(object));
    std::sort(objects.begin(), objects.end());
    return objects;
  }
  const auto filters = of_stack(stack);
  std::string run_id;
  const auto add = [&](const std::string& kind, const std::string& id, const std::string& full_name, const Json& labels) {
    const std::string name = full_name.starts_with(stack + "_") ? full_name.substr(stack.size() + 1) : full_name;
    if (const auto marks = labels_of(labels); marks.contains(run_label)) run_id = marks.at(run_label);
    objects.push_back({kind, id, name, {}});
  };
  for (const auto& service : api_.list("/services", filters, limit)) add("service", text_of(service, "ID"), text_of(service["Spec"], "Name"), service["Spec"].value("Labels", Json()));
  for (const auto& container : containers_of(stack, limit)) {
    const auto labels = container.value("Labels", Json());
    // Swarm keeps those of former tasks for a while.
    add(has_ended(container) ? "ended-container" : "container", text_of(container, "Id"), text_of(labels, "com.docker.swarm.service.name"), labels);
  }
  // Those on other nodes cannot be seen from here; their tasks can.
  for (const auto& task : tasks_elsewhere(stack, limit)) add(task.runs ? "container" : "ended-container", task.container, stack + "_" + task.service, Json());
  for (const auto& volume : volumes_of(filters, limit)) add("volume", text_of(volume, "Name"), text_of(volume, "Name"), volume.value("Labels", Json()));
  for (const auto& [kind, path] : {std::pair("secret", "/secrets"), std::pair("config", "/configs")})
    for (const auto& object : api_.list(path, filters, limit)) add(kind, text_of(object, "ID"), text_of(object["Spec"], "Name"), object["Spec"].value("Labels", Json()));
  for (const auto& network : api_.list("/networks", filters, limit)) add("network", text_of(network, "Id"), text_of(network, "Name"), network.value("Labels", Json()));
  for (auto& object : driver_->objects(stack)) {
    if (run_id.empty()) run_id = object.labels["run_id"];
    objects.push_back(std::move(object));
  }
  // Docker does not let us mark all of them; what is of one stack is of one run.
  for (auto& object : objects) object.labels = {{"stack", stack}, {"run_id", run_id}};
  std::sort(objects.begin(), objects.end());
  return objects;
}

// Null instead of an empty list is Docker's way.
SwarmEngine::Json SwarmEngine::volumes_of(const swarm::Filters& filters, const Limit& limit) {
  const auto found = api_.list("/volumes", filters, limit);
  return found.is_object() && found["Volumes"].is_array() ? found["Volumes"] : Json::array();
}

std::vector<std::string> SwarmEngine::unmarked_stacks(const Limit& limit) {
  std::map<std::string, bool> marked;
  const auto note = [&](const Json& json) {
    const auto labels = labels_of(json);
    if (const auto stack = labels.find(docker_stack_label); stack != labels.end()) marked[stack->second] |= labels.contains(instance_label);
  };
  const Filters any = {{"label", {docker_stack_label}}};
  for (const char* path : {"/services", "/secrets", "/configs"})
    for (const auto& object : api_.list(path, any, limit)) note(object["Spec"].value("Labels", Json()));
  for (const auto& network : api_.list("/networks", any, limit)) note(network.value("Labels", Json()));
  for (const auto& volume : volumes_of(any, limit)) note(volume.value("Labels", Json()));
  for (const auto& container : api_.list("/containers/json?all=1", any, limit)) note(container.value("Labels", Json()));
  std::vector<std::string> found;
  for (const auto& [stack, is_marked] : marked)
    if (!is_marked) found.push_back(stack);
  return found;
}

std::vector<LabelsOfStack> SwarmEngine::proxy_labels(const Limit& limit) {
  std::vector<LabelsOfStack> all;
  const auto note = [&](const Json& json) {
    LabelsOfStack one;
    for (const auto& [name, value] : labels_of(json)) {
      if (name == docker_stack_label) one.stack = value;
      if (name.size() > 8 && ::strncasecmp(name.c_str(), "traefik.", 8) == 0) one.names.insert(name);
    }
    // Those of runs are gone in a while, and take their chance with one another.
    if (!one.names.empty() && text_of(json, run_label).empty()) all.push_back(std::move(one));
  };
  for (const auto& service : api_.list("/services", {}, limit)) note(service["Spec"].value("Labels", Json()));
  for (const auto& container : api_.list("/containers/json?all=1", {}, limit)) note(container.value("Labels", Json()));
  return all;
}

std::set<std::string> SwarmEngine::our_stacks(const Limit& limit) {
  const Filters ours = {{"label", {stack_label, std::string(instance_label) + "=" + instance_}}};
  std::set<std::string> stacks;
  const auto note = [&](const Json& labels) { stacks.insert(labels_of(labels)[stack_label]); };
  for (const auto& service : api_.list("/services", ours, limit)) note(service["Spec"]["Labels"]);
  for (const char* path : {"/secrets", "/configs"})
    for (const auto& object : api_.list(path, ours, limit)) note(object["Spec"]["Labels"]);
  for (const auto& container : api_.list("/containers/json?all=1", ours, limit)) note(container["Labels"]);
  for (const auto& network : api_.list("/networks", ours, limit)) note(network["Labels"]);
  for (const auto& volume : volumes_of(ours, limit)) note(volume["Labels"]);
  for (const auto& stack : driver_->stacks()) stacks.insert(stack);
  return stacks;
}

std::optional<Deployed> SwarmEngine::deployed(const std::string& stack, const Limit& limit) {
  const auto services = services_of(stack, limit);
  if (services.empty()) return std::nullopt;
  Deployed found;
  for (const auto& service : services) {
    auto labels = labels_of(service["Spec"].value("Labels", Json()));
    found.version = labels[version_label];
    found.commit = labels[commit_label];
    found.run_id = labels[run_label];
    found.domain = labels[domain_label];
  }
  const auto containers = containers_of(stack, limit);
  for (const auto& container : containers) {
    if (text_of(container, "State") != "running") continue;
    found.running = true;
    auto labels = labels_of(container.value("Labels", Json()));
    const auto name = labels["com.docker.swarm.service.name"];
    found.digests[name.starts_with(stack + "_") ? name.substr(stack.size() + 1) : name] = digest_of(text_of(container, "ImageID"), text_of(container, "Image"), limit);
  }
  // Which image another node found under this name, only that node knows.
  for (const auto& task : tasks_elsewhere(stack, limit)) {
    if (!task.runs) continue;
    found.running = true;
    found.digests[task.service] = task.image;
  }
  add_digests_of_what_rests(stack, services, containers, found.digests, limit);
  // Jobs that are done and services without replicas are as they should be, and nothing of them runs.
  found.running = found.running || state(stack, limit).state == Convergence::State::converged;
  return found;
}

std::vector<SwarmEngine::TaskElsewhere> SwarmEngine::tasks_elsewhere(const std::string& stack, const Limit& limit) {
  std::vector<TaskElsewhere> found;
  const auto here = this_node(limit);
  std::map<std::string, std::string> names;
  for (const auto& service : services_of(stack, limit)) names[text_of(service, "ID")] = short_name(service, stack);
  for (const auto& task : api_.list("/tasks", of_stack(stack), limit)) {
    const auto& status = task.value("Status", Json::object());
    const auto container = text_of(status.value("ContainerStatus", Json::object()), "ContainerID");
    if (text_of(task, "NodeID").empty() || text_of(task, "NodeID") == here || container.empty()) continue;
    if (is_mere_record(task) && !names.contains(text_of(task, "ServiceID"))) continue;
    const auto state = text_of(status, "State");
    found.push_back({names[text_of(task, "ServiceID")], container, text_of(task["Spec"]["ContainerSpec"], "Image"), state == "running" || state == "starting"});
  }
  return found;
}

Convergence SwarmEngine::state(const std::string& stack, const Limit& limit) {
  StackView view;
  view.services = services_of(stack, limit);
  if (!view.services.empty()) view.tasks = api_.list("/tasks", of_stack(stack), limit);
  view.here = this_node(limit);
  for (const auto& container : containers_of(stack, limit))
    if (has_ended(container)) view.ended_containers.insert(text_of(container, "Id"));
  for (const auto& id : ask_health_of(view)) {
    const auto container = api_.get_if_there("/containers/" + id + "/json", limit);
    if (container.is_object() && container["State"].contains("Health") && text_of(container["State"]["Health"], "Status") == "unhealthy") view.unhealthy_containers.insert(id);
  }
  auto& memory = memory_[stack];
  auto found = judge_stack(view, memory.stack, stack, std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count());
  if (auto now = fingerprint_of(view); now != memory.fingerprint || memory.generation == 0) {
    memory.fingerprint = std::move(now);
    ++memory.generation;
  }
  found.generation = memory.generation;
  return found;
}

std::string SwarmEngine::last_words(const std::string& stack, const std::string& service, const Limit& limit) {
  try {
    // Of the task that died last: a service's log mixes all of them.
    const auto found = service_named(stack, service, limit);
    std::string died_at, task;
    for (const auto& each : api_.list("/tasks", {{"service", {text_of(found, "ID")}}}, limit)) {
      const auto& status = each["Status"];
      if (text_of(status, "State") != "failed" || text_of(status, "Timestamp") < died_at) continue;
      died_at = text_of(status, "Timestamp");
      task = text_of(each, "ID");
    }
    if (task.empty()) return logs(stack, service, 5, limit);
    return demultiplexed(api_.get_bytes("/tasks/" + task + "/logs?stdout=1&stderr=1&tail=5", limit));
  } catch (const Error&) {
    return "";  // it explains a failure, it must not hide it
  }
}

Convergence SwarmEngine::wait_converged(const std::string& stack, const Limit& limit) {
  EventBell bell(api_.address());
  while (true) {
    limit.check_stop("waiting for " + stack);
    auto found = state(stack, limit.unstoppable());
    if (found.state != Convergence::State::converging || limit.passed()) {
      if (found.state != Convergence::State::converged && !found.service.empty()) found.log_tail = last_words(stack, found.service, limit.unstoppable());
      return found;
    }
    bell.wait(std::min(look_again, limit.remaining() + milliseconds(1)));
  }
}

Convergence SwarmEngine::wait_for_change(const std::string& stack, std::uint64_t seen, const Limit& limit) {
  EventBell bell(api_.address());
  while (true) {
    limit.check_stop("waiting for a change of " + stack);
    auto found = state(stack, limit.unstoppable());
    if (found.generation != seen || limit.passed()) return found;
    bell.wait(std::min(look_again, limit.remaining() + milliseconds(1)));
  }
}

std::string SwarmEngine::running_container(const std::string& stack, const std::string& service, const Limit& limit) {
  const auto found = service_named(stack, service, limit);
  const Filters filters = {{"service", {text_of(found, "ID")}}, {"desired-state", {"running"}}};
  for (const auto& task : api_.list("/tasks", filters, limit)) {
    const auto& status = task.value("Status", Json::object());
    if (text_of(status, "State") != "running") continue;
    const auto container = text_of(status.value("ContainerStatus", Json::object()), "ContainerID");
    if (!container.empty() && !api_.get_if_there("/containers/" + container + "/json", limit).is_null()) return container;
  }
  return "";
}

std::string SwarmEngine::endpoint(const std::string& stack, const std::string& service, const Limit& limit) {
  const auto found = service_named(stack, service, limit);
  const std::string container = running_container(stack, short_name(found, stack), limit);
  if (container.empty()) return "";
  std::string port = "80";
  for (const auto& [key, value] : labels_of(found["Spec"].value("Labels", Json())))
    if (key.starts_with("traefik.http.services.") && key.ends_with(".loadbalancer.server.port")) port = value;
  // Overlay networks cannot be reached from the host; the bridge that leads out of them can.
  const auto bridge = api_.get_if_there("/networks/docker_gwbridge", limit);
  const auto members = bridge.is_object() ? bridge.value("Containers", Json::object()) : Json::object();
  std::string address;
  if (members.contains(container)) address = text_of(members[container], "IPv4Address");
  if (address.empty()) {
    const auto inspected = api_.get("/containers/" + container + "/json", limit);
    for (const auto& [name, network] : inspected["NetworkSettings"]["Networks"].items())
      if (address.empty()) address = text_of(network, "IPAddress");
  }
  if (address.empty()) return "";
  return "http://" + address.substr(0, address.find('/')) + ":" + port;
}

ExecResult SwarmEngine::exec(const std::string& stack, const ExecRequest& request, const Limit& limit) {
  const auto container = running_container(stack, request.service, limit);
  if (container.empty()) throw Error(ErrorKind::unavailable, "service " + request.service + " of " + stack + " does not run, or not on this node");
  Command command;
  command.argv = {docker_, "exec", "-i", container};
  command.argv.insert(command.argv.end(), request.argv.begin(), request.argv.end());
  command.env = api_.address().environment();
  command.input = request.input;
  auto result = run_command(command, limit.at_most(request.timeout));
  const bool never_ran = (result.exit_code == 126 || result.exit_code == 127) && (result.out + result.err).find("OCI runtime exec failed") != std::string::npos;
  if (never_ran || (result.exit_code == 1 && result.err.starts_with("Error")) || result.exit_code == 125) {
    std::string why = (result.err.empty() ? result.out : result.err).substr(0, 300);
    std::replace(why.begin(), why.end(), '\n', ' ');
    throw Error(ErrorKind::unavailable, "cannot run " + request.argv.at(0) + " in service " + request.service + ": " + why);
  }
  return {result.exit_code, std::move(result.out), std::move(result.err)};
}

std::string SwarmEngine::logs(const std::string& stack, const std::string& service, std::size_t max_lines, const Limit& limit) {
  if (max_lines == 0) return "";
  const auto found = service_named(stack, service, limit);
  const auto bytes = api_.get_bytes("/services/" + text_of(found, "ID") + "/logs?stdout=1&stderr=1&tail=" + std::to_string(max_lines), limit);
  std::string text = demultiplexed(bytes);
  // `tail` counts per task: what several of them said is cut once more.
  std::size_t at = text.size(), lines = 0;
  while (at > 0 && lines <= max_lines) {
    at = text.rfind('\n', at - 1);
    if (at == std::string::npos) return text;
    if (at + 1 < text.size()) ++lines;
    if (lines == max_lines) return text.substr(at + 1);
  }
  return text;
}

// What the compose file calls `volume`, by the name that Docker has for it: the recipe may give it one of its own, and each version
// another. So what the services mount now comes first, then what was made for it.
std::string SwarmEngine::name_of_volume(const std::string& stack, const std::string& volume, const Limit& limit) {
  for (const auto& service : services_of(stack, limit)) {
    const auto mounts = service.value(Json::json_pointer("/Spec/TaskTemplate/ContainerSpec/Mounts"), Json::array());
    for (const auto& mount : mounts)
      if (labels_of(mount.value(Json::json_pointer("/VolumeOptions/Labels"), Json::object()))[volume_label] == volume) return text_of(mount, "Source");
  }
  const auto made = volumes_of({{"label", {std::string(docker_stack_label) + "=" + stack, std::string(volume_label) + "=" + volume}}}, limit);
  return made.empty() ? stack + "_" + volume : text_of(made.front(), "Name");
}

VolumePlace SwarmEngine::volume(const std::string& stack, const std::string& volume, const Limit& limit) {
  const auto found = api_.get_if_there("/volumes/" + url_encoded(name_of_volume(stack, volume, limit)), limit);
  if (found.is_null()) throw Error(ErrorKind::unavailable, "there is no volume " + volume + " of " + stack + " on this node");
  const auto options = labels_of(found.value("Options", Json()));
  if (const auto device = options.find("device"); device != options.end() && labels_of(found.value("Labels", Json())).contains(given_label)) return {"", device->second};
  return {"", text_of(found, "Mountpoint")};
}

}  // namespace simmer
