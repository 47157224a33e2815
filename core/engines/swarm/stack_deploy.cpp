// What changes a stack: deploy, upgrade, stop, start, undeploy, remove.
#include <ctime>

#include <simmer/error.hpp>
#include <swarm/stack_file.hpp>
#include <swarm/swarm_engine.hpp>

namespace simmer {

using namespace swarm;

namespace {

using Json = nlohmann::json;

Filters of_stack(const std::string& stack) { return {{"label", {std::string(docker_stack_label) + "=" + stack}}}; }

std::string base64(const std::string& bytes) {
  static constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t block = 0;
    for (std::size_t i = 0; i < 3; ++i) block = block << 8 | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i) out += at + i > bytes.size() ? '=' : letters[block >> (18 - 6 * i) & 63];
  }
  return out;
}

void check_names(const DeploySpec& spec) {
  check_stack_name(spec.stack);
  if (const auto name = overlong_name(spec); !name.empty())
    throw Error(ErrorKind::infrastructure, "the name " + name + " has " + std::to_string(name.size()) + " characters, and Docker takes 64 (63 of a service or network): choose a shorter base_domain");
}

}  // namespace

void SwarmEngine::make_given_volumes(const DeploySpec& spec, const Limit& limit) {
  for (const auto& [volume, source] : spec.volumes) {
    if (source.kind == VolumeSource::Kind::fresh) continue;
    if (!fs::is_directory(source.path)) throw Error(ErrorKind::infrastructure, "volume " + volume + ": there is no folder " + source.path.string());
    const auto declared = std::find_if(spec.facts.volumes.begin(), spec.facts.volumes.end(), [&](const ResourceFacts& each) { return each.name == volume; });
    const std::string name = declared == spec.facts.volumes.end() ? spec.stack + "_" + volume : name_in_docker(*declared, spec.stack), device = fs::canonical(source.path).string();
    const auto stale = api_.get_if_there("/volumes/" + url_encoded(name), limit);
    // Docker keeps a volume of that name silently, whatever is asked for.
    if (stale.is_object() && stale.value("Options", Json::object()).is_object() && stale["Options"].value("device", "") == device) continue;
    if (!stale.is_null()) {
      if (!stale.value("Labels", Json::object()).is_object() || !stale["Labels"].contains(given_label))
        throw Error(ErrorKind::infrastructure, "Docker has a volume " + name + " of its own where " + device + " is to be used; remove it, if nothing needs it: docker volume rm " + name);
      api_.remove("/volumes/" + url_encoded(name), limit);
    }
    auto labels = marks_of(spec, instance_);
    labels.update({{docker_stack_label, spec.stack}, {volume_label, volume}, {given_label, "folder"}});
    api_.post("/volumes/create", {{"Name", name}, {"Driver", "local"}, {"DriverOpts", {{"type", "none"}, {"o", "bind"}, {"device", device}}}, {"Labels", labels}}, limit);
    const auto made = api_.get("/volumes/" + url_encoded(name), limit);
    if (made["Options"].value("device", "") != device)
      throw Error(ErrorKind::infrastructure, "Docker's volume " + name + " is " + made["Options"].value("device", "elsewhere") + ", not " + device);
  }
}

// The values go by the API's body: never in argv, never in a file of the recipe.
void SwarmEngine::make_secrets(const DeploySpec& spec, const Limit& limit) {
  for (const auto& secret : spec.facts.secrets) {
    const auto value = spec.secrets.find(secret.name);
    if (value == spec.secrets.end() || !secret.external) continue;
    const std::string name = name_in_docker(secret, spec.stack);
    const auto named_alike = api_.list("/secrets", {{"name", {name}}}, limit);  // and those that only begin with it
    if (std::any_of(named_alike.begin(), named_alike.end(), [&](const Json& found) { return found["Spec"].value("Name", "") == name; })) continue;  // of what runs already
    // Whoever else it belongs to knows its value.
    if (!name.starts_with(spec.stack + "_"))
      throw Error(ErrorKind::infrastructure, "there is no secret " + name + ", which the recipe expects and which is not its own: docker secret create " + name + " FILE");
    auto labels = marks_of(spec, instance_);
    labels[docker_stack_label] = spec.stack;
    api_.create("/secrets/create", {{"Name", name}, {"Data", base64(value->second)}, {"Labels", labels}}, limit);
  }
}

// What a recipe brings as files: read by its reader, made here, so that Docker's client never opens a path of a recipe. One that
// is there stays: Docker changes no content, and what runs uses it.
void SwarmEngine::make_objects(const DeploySpec& spec, const Limit& limit) {
  for (const auto& object : spec.objects) {
    const std::string path = object.is_secret ? "/secrets" : "/configs", name = name_of(spec, object);
    Json labels = Json::object();
    for (const auto& [label, value] : object.labels)
      if (!label.starts_with("simmer.")) labels[label] = value;
    labels.update(marks_of(spec, instance_));
    labels[docker_stack_label] = spec.stack;
    const auto named_alike = api_.list(path, {{"name", {name}}}, limit);  // and those that only begin with it
    const auto there = std::find_if(named_alike.begin(), named_alike.end(), [&](const Json& found) { return found["Spec"].value("Name", "") == name; });
    if (there != named_alike.end()) {
      const auto& standing = (*there)["Spec"];
      if (!standing.value("Labels", Json::object()).is_object() || standing["Labels"].value(docker_stack_label, "") != spec.stack)
        throw Error(ErrorKind::infrastructure, "there is a " + path.substr(1, path.size() - 2) + " " + name + " in Docker that is not of this stack: docker " + path.substr(1, path.size() - 2) + " rm " + name + ", if nothing needs it");
      // Docker gives no secret's content back.
      if (!object.is_secret && standing.value("Data", "") != base64(object.content))
        throw Error(ErrorKind::recipe, "config " + object.key + " has another content under the name " + name + ", which is in use: a changed config needs a new name, by its version in abra.sh");
      continue;
    }
    Json made = {{"Name", name}, {"Data", base64(object.content)}, {"Labels", labels}};
    if (!object.template_driver.empty()) made["Templating"] = {{"Name", object.template_driver}};
    api_.create(path + "/create", made, limit);
  }
}

void SwarmEngine::stack_deploy(const DeploySpec& spec, const Limit& limit) {
  auto resolved = spec;
  resolved.images = images_to_run(spec, limit);
  driver_->deploy(resolved, stack_file(resolved, this_node(limit), instance_), limit);
}

void SwarmEngine::deploy(const DeploySpec& spec, const Limit& limit) {
  check_names(spec);
  limit.check_stop("deploying " + spec.stack);
  if (!services_of(spec.stack, limit).empty()) throw Error(ErrorKind::busy, "a stack " + spec.stack + " is deployed already");
  driver_->refuse_unjudged(spec);
  driver_->refuse_unknown(spec, limit);
  check_networks(spec, limit);
  memory_.erase(spec.stack);
  const auto before = inventory(spec.stack, limit);
  try {
    make_given_volumes(spec, limit);
    make_secrets(spec, limit);
    make_objects(spec, limit);
    stack_deploy(spec, limit);
  } catch (const Error&) {
    // Nothing runs yet: what was made for it goes, what was there before stays.
    if (services_of(spec.stack, limit.unstoppable()).empty() && before.empty()) remove(spec.stack, Limit::in(milliseconds(60000)));
    throw;
  }
}

// The data of a kept app is on this node; a task elsewhere works on other data.
void SwarmEngine::refuse_elsewhere(const std::string& stack, const Limit& limit) {
  const auto here = this_node(limit);
  for (const auto& task : api_.list("/tasks", {{"label", {std::string(docker_stack_label) + "=" + stack}}, {"desired-state", {"running"}}}, limit))
    if (const auto node = task.value("NodeID", ""); !node.empty() && node != here)
      throw Error(ErrorKind::infrastructure, "a task of " + stack + " runs on node " + node + ", and the app's data is kept on this one: undeploy it first");
}

void SwarmEngine::upgrade(const DeploySpec& spec, const Limit& limit) {
  check_names(spec);
  if (services_of(spec.stack, limit).empty()) throw Error(ErrorKind::unavailable, "there is no stack " + spec.stack + " to upgrade");
  if (spec.kept) refuse_elsewhere(spec.stack, limit);
  driver_->refuse_unjudged(spec);
  driver_->refuse_unknown(spec, limit);
  check_networks(spec, limit);
  make_given_volumes(spec, limit);
  make_secrets(spec, limit);
  make_objects(spec, limit);
  stack_deploy(spec, limit);
  memory_[spec.stack].stack = {};
}

void SwarmEngine::scale(const std::string& stack, bool down, const Limit& limit) {
  const auto services = services_of(stack, limit);
  if (services.empty()) throw Error(ErrorKind::unavailable, "there is no stack " + stack);
  for (const auto& service : services) {
    Json spec = service["Spec"];
    if (!spec["Mode"].contains("Replicated")) continue;
    auto& replicas = spec["Mode"]["Replicated"]["Replicas"];
    if (down) {
      if (!spec["Labels"].contains(replicas_label)) spec["Labels"][replicas_label] = std::to_string(replicas.get<int>());
      replicas = 0;
    } else {
      replicas = std::stoi(spec["Labels"].value(replicas_label, "1"));
      spec["Labels"].erase(replicas_label);
    }
    api_.post("/services/" + service["ID"].get<std::string>() + "/update?version=" + std::to_string(service["Version"]["Index"].get<std::int64_t>()), spec, limit);
  }
}

void SwarmEngine::stop(const std::string& stack, const Limit& limit) {
  scale(stack, true, limit);
  EventBell bell(api_.address());
  while (true) {
    bool runs = false;
    for (const auto& container : containers_of(stack, limit)) runs = runs || container.value("State", "") == "running";
    if (!runs) return;
    if (limit.passed()) throw Error(ErrorKind::unavailable, "the services of " + stack + " did not stop in time");
    limit.check_stop("stopping " + stack);
    bell.wait(milliseconds(100));
  }
}

void SwarmEngine::start(const std::string& stack, const Limit& limit) { scale(stack, false, limit); }

// What has ended lies about for two seconds more, until Swarm's agent comes by, and a network that was still in use when it
// was to go is not tried again.
void SwarmEngine::sweep_up(const std::string& stack, const Limit& limit) {
  const auto try_to_remove = [&](const std::string& path) {
    try {
      api_.remove(path, limit);
    } catch (const Error&) {
      // still in use, or the agent was faster: the next look tells
    }
  };
  for (const auto& container : containers_of(stack, limit))
    if (has_ended(container)) try_to_remove("/containers/" + container["Id"].get<std::string>() + "?v=1");
  for (const auto& network : api_.list("/networks", of_stack(stack), limit)) try_to_remove("/networks/" + network["Id"].get<std::string>());
}

// Whatever its grace says (a day, or no end): nothing outlives the time that is there for a removal. On another node nobody can.
void SwarmEngine::kill_what_runs(const std::string& stack, const Limit& limit) {
  for (const auto& container : containers_of(stack, limit)) {
    if (container.value("State", "") != "running") continue;
    try {
      api_.post("/containers/" + container["Id"].get<std::string>() + "/kill", nullptr, limit);
    } catch (const Error&) {
      // it ended meanwhile: the next look tells
    }
  }
}

// Docker (20.10) forgets the tasks of a job whose service is removed: what runs goes on, and what was to be tried again starts in a network
// that is no more, which stays on its node for ever. A job that wants nothing, nowhere, ends its tasks itself, with their grace.
void SwarmEngine::end_jobs(const std::string& stack, const Limit& limit) {
  bool found = false;
  for (const auto& service : services_of(stack, limit)) {
    Json spec = service["Spec"];
    if (!spec["Mode"].contains("ReplicatedJob") && !spec["Mode"].contains("GlobalJob")) continue;
    found = true;
    if (spec["Mode"].contains("ReplicatedJob")) spec["Mode"]["ReplicatedJob"] = {{"MaxConcurrent", 0}, {"TotalCompletions", 0}};
    spec["TaskTemplate"]["Placement"]["Constraints"] = {"node.id == none"};
    try {
      api_.post("/services/" + service["ID"].get<std::string>() + "/update?version=" + std::to_string(service["Version"]["Index"].get<std::int64_t>()), spec, limit);
    } catch (const Error&) {
      // changed or removed meanwhile: what is left of it is ended below
    }
  }
  EventBell bell(api_.address());
  while (found && !limit.passed()) {
    const auto tasks = api_.list("/tasks", of_stack(stack), limit);
    if (std::none_of(tasks.begin(), tasks.end(), [](const Json& task) { return task.contains("JobIteration") && !is_mere_record(task); })) return;
    limit.check_stop("ending the jobs of " + stack);
    bell.wait(milliseconds(100));
  }
}

// The running tasks of a job whose service was removed: Docker forgets to end them (20.10).
void SwarmEngine::end_orphaned_jobs(const std::string& stack, std::set<std::string>& told, const Limit& limit) {
  for (const auto& task : api_.list("/tasks", of_stack(stack), limit)) {
    const auto status = task.value("Status", Json::object());
    const auto container = status.value("ContainerStatus", Json::object()).value("ContainerID", "");
    if (!task.contains("JobIteration") || status.value("State", "") != "running" || !told.insert(container).second) continue;
    const auto inspected = api_.get_if_there("/containers/" + container + "/json", limit);  // null: on another node
    if (!inspected.is_object()) continue;
    const auto signal = inspected.value(Json::json_pointer("/Config/StopSignal"), std::string());
    try {
      api_.post("/containers/" + container + "/kill?signal=" + (signal.empty() ? "SIGTERM" : url_encoded(signal)), nullptr, limit);
    } catch (const Error&) {
      // it ended meanwhile
    }
  }
}

void SwarmEngine::wait_until_gone(const std::string& stack, const Limit& limit) {
  EventBell bell(api_.address());
  std::set<std::string> told;
  // Docker needs some seconds for what has ended.
  const auto all = limit.remaining(), last_part = std::max(all / 4, std::min(all / 2, milliseconds(5000)));
  while (true) {
    std::string left;
    for (const auto& [kind, path] : {std::pair("service", "/services"), std::pair("task", "/tasks"), std::pair("container", "/containers/json?all=1"), std::pair("network", "/networks")})
      if (const auto all = api_.list(path, of_stack(stack), limit.unstoppable()); left.empty())
        if (const auto found = all.size() - static_cast<std::size_t>(std::count_if(all.begin(), all.end(), is_mere_record)); found > 0) left = std::to_string(found) + " " + kind + (found > 1 ? "s" : "");
    if (left.empty()) return;
    if (limit.passed()) throw Error(ErrorKind::infrastructure, "after its removal, " + left + " of " + stack + " did not go in time");
    limit.check_stop("removing " + stack);
    if (limit.remaining() < last_part) kill_what_runs(stack, limit.unstoppable());
    if (services_of(stack, limit.unstoppable()).empty()) {
      end_orphaned_jobs(stack, told, limit.unstoppable());
      sweep_up(stack, limit.unstoppable());
    }
    bell.wait(milliseconds(100));
  }
}

std::vector<std::string> SwarmEngine::services_killed_since(const std::string& stack, std::int64_t since, const Limit& limit) {
  const Filters filters = {{"type", {"container"}}, {"event", {"die"}}, {"label", {std::string(docker_stack_label) + "=" + stack}}};
  // Up to this moment: Docker waits until it has come.
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::string fraction = std::to_string(1000000000 + now.tv_nsec).substr(1);
  const auto lines = api_.get_bytes("/events?since=" + std::to_string(since) + "&until=" + std::to_string(now.tv_sec) + "." + fraction + "&filters=" + url_encoded(Json(filters).dump()), limit);
  std::set<std::string> killed;
  std::istringstream all(lines);
  for (std::string line; std::getline(all, line);) {
    const auto event = Json::parse(line, nullptr, false);
    if (!event.is_object()) continue;
    const auto& about = event["Actor"]["Attributes"];
    if (about.value("exitCode", "") != "137") continue;
    const auto name = about.value("com.docker.swarm.service.name", "");
    killed.insert(name.starts_with(stack + "_") ? name.substr(stack.size() + 1) : name);
  }
  return {killed.begin(), killed.end()};
}

void SwarmEngine::remove_all(const std::string& path, const std::string& stack, const Limit& limit) {
  for (const auto& object : api_.list(path, of_stack(stack), limit)) api_.remove(path + "/" + object["ID"].get<std::string>(), limit);
}

std::vector<std::string> SwarmEngine::undeploy(const std::string& stack, const Limit& limit) {
  check_stack_name(stack);
  const std::int64_t since = std::time(nullptr);
  const bool ran = !services_of(stack, limit).empty();
  if (ran) {
    end_jobs(stack, limit.at_most(limit.remaining() / 2));
    driver_->remove(stack, limit);
  }
  wait_until_gone(stack, limit);
  remove_all("/secrets", stack, limit);
  remove_all("/configs", stack, limit);
  // The folders behind given volumes are not Docker's: its object must not outlive the deployment.
  for (const auto& volume : volumes_of(of_stack(stack), limit))
    if (volume["Labels"].is_object() && volume["Labels"].contains(given_label)) api_.remove("/volumes/" + url_encoded(volume["Name"].get<std::string>()), limit);
  driver_->forget(stack);
  memory_[stack].stack = {};
  return ran ? services_killed_since(stack, since, limit) : std::vector<std::string>{};
}

std::vector<std::string> SwarmEngine::remove(const std::string& stack, const Limit& limit) {
  check_stack_name(stack);
  // Volumes without a name are known by their containers alone.
  std::set<std::string> anonymous;
  for (const auto& container : containers_of(stack, limit))
    for (const auto& mount : container.value("Mounts", Json::array()))
      if (mount.value("Type", "") == "volume" && mount.value("Name", "").size() == 64) anonymous.insert(mount["Name"].get<std::string>());
  auto killed = undeploy(stack, limit);
  for (const auto& volume : volumes_of(of_stack(stack), limit)) api_.remove("/volumes/" + url_encoded(volume["Name"].get<std::string>()), limit);
  for (const auto& name : anonymous) api_.remove("/volumes/" + name, limit);
  return killed;
}

}  // namespace simmer
