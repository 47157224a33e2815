#include <local/local_engine.hpp>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include <local/blueprint.hpp>
#include <local/channel.hpp>
#include <local/control_group.hpp>
#include <local/launch.hpp>
#include <local/ports.hpp>
#include <local/process_tree.hpp>
#include <local/supervisor.hpp>
#include <local/wire.hpp>
#include <nlohmann/json.hpp>

namespace simmer {

namespace {

using namespace local;
using nlohmann::json;

StackFolder folder_of(const LocalEngineOptions& options, const std::string& stack) {
  if (stack.empty() || stack[0] == '.' || stack.find('/') != std::string::npos)
    throw Error(ErrorKind::usage, "\"" + stack + "\" cannot name a stack");
  return StackFolder(options.state_dir / stack);
}

json ask(Channel& channel, const json& question, const Limit& limit) {
  channel.send(dump_line(question), limit);
  const auto line = channel.receive(limit);
  if (!line) throw Error(ErrorKind::unavailable, "the supervisor ended before it answered; see its supervisor.log");
  auto answer = json::parse(*line, nullptr, false);
  if (answer.is_discarded()) throw Error(ErrorKind::internal, "a supervisor answered with something that is not JSON");
  throw_if_failure(answer);
  return answer;
}

// Nothing when no supervisor answers.
std::optional<json> status_of(const StackFolder& folder, const Limit& limit) {
  auto channel = Channel::connect(folder);
  if (!channel) return std::nullopt;
  channel->send(R"({"op":"status"})", limit);
  const auto line = channel->receive(limit);
  if (!line) return std::nullopt;
  return json::parse(*line);
}

// To connect proves nothing: the socket of a process that was just killed still takes connections.
bool answers(const StackFolder& folder, const Limit& limit) {
  try {
    return status_of(folder, limit).has_value();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unavailable) throw;
    return false;
  }
}

Channel reach(const StackFolder& folder) {
  auto channel = Channel::connect(folder);
  if (!channel) throw Error(ErrorKind::unavailable, folder.stack() + " is not deployed on the local engine");
  return std::move(*channel);
}

Convergence convergence_from(const json& status) {
  Convergence result;
  result.state = static_cast<Convergence::State>(status.at("state").get<int>());
  status.at("service").get_to(result.service);
  status.at("reason").get_to(result.reason);
  status.at("log_tail").get_to(result.log_tail);
  status.at("deaths").get_to(result.deaths);
  status.at("generation").get_to(result.generation);
  return result;
}

// A deployment whose supervisor did not end it: killed, or taken by a power cut.
Convergence died(const RunningRecord& record) {
  Convergence result;
  result.state = Convergence::State::failed;
  const bool rebooted = record.supervisor.boot_id != this_boot_id();
  result.reason = rebooted ? "the machine was restarted and it was not started again: deploy it again"
                           : "its supervisor died, and its processes with it: deploy it again";
  return result;
}

Convergence gone(const std::string& stack) {
  Convergence result;
  result.state = Convergence::State::gone;
  result.reason = "nothing is deployed under the name " + stack;
  return result;
}

// With the claim held: ends what a dead supervisor left. The lock keeps one that is about to begin, started
// by somebody who was killed, from doing so.
class Cleared {
 public:
  Cleared(const StackFolder& folder, const Limit& limit) {
    if (!folder.exists()) {
      ControlGroups(folder).remove(limit);
      return;
    }
    lock_ = Fd(::open(folder.lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock_) throw_errno("cannot open " + folder.lock().string(), errno);
    while (!try_lock(lock_)) {
      // It has said goodbye and has microseconds to live.
      if (limit.passed()) throw Error(ErrorKind::needs_operator, "the supervisor of " + folder.stack() + " does not end");
      wait_for(milliseconds(1), {}, "waiting for a supervisor's end");
    }
    const auto record = folder.running();
    ControlGroups(folder).remove(limit);
    end_leftovers(folder, record.value_or(RunningRecord{}), limit);
    // Taking a port and giving it back removes its lock file; one that somebody else has by now stays.
    for (const int port : record.value_or(RunningRecord{}).ports) PortLease::take(port);
    folder.forget_running();
    ::unlink(folder.socket().c_str());
  }

 private:
  Fd lock_;
};

// What of the folder belongs to one deployment and not to the next: all but the volumes.
void remove_all_but_volumes(const StackFolder& folder) {
  for (const char* part : {"run", "secrets", "logs", "spec.json", "supervisor.log"}) remove_tree(folder.path() / part);
  std::error_code missing;
  if (!fs::is_empty(folder.volumes(), missing) && !missing) return;
  remove_tree(folder.path());
}

// Ends a deployment, by its supervisor's hand or, where that hangs or is dead, by ours. With the claim held.
std::vector<std::string> end_deployment(const StackFolder& folder, const Limit& limit) {
  std::vector<std::string> killed;
  // What is left when the services have had their time is for killing, and for noticing a supervisor that hangs.
  const milliseconds within = limit.remaining() * 2 / 3;
  const Limit patience = limit.at_most(limit.remaining() * 5 / 6);
  while (folder.is_supervised()) {
    const auto record = folder.running();
    try {
      if (auto channel = Channel::connect(folder)) {
        ask(*channel, {{"op", "end"}, {"within_ms", within.count()}}, patience).at("killed").get_to(killed);
        if (record) wait_until_gone(record->supervisor, patience);
        return killed;
      }
      // It has taken its lock and does not listen yet (its deployer was killed), or does not listen any more.
      if (!patience.passed()) wait_for(milliseconds(5), limit.stop(), "waiting for the supervisor of " + folder.stack());
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::unavailable) throw;
    }
    if (!patience.passed()) continue;
    if (!record)
      throw Error(ErrorKind::needs_operator, "the supervisor of " + folder.stack() +
                                                 " hangs and cannot be told: end the process that holds " +
                                                 folder.lock().string());
    if (is_alive(record->supervisor)) ::kill(record->supervisor.pid, SIGKILL);
    wait_until_gone(record->supervisor, limit);
    return killed;
  }
  return killed;
}

void write_deployment(const StackFolder& folder, const Blueprint& blueprint, const std::map<std::string, std::string>& secrets) {
  make_folders(folder.path().parent_path());
  make_folders(folder.path(), 0711);
  const Fd lock = open_file(folder.lock(), O_RDWR | O_CREAT, 0600);
  make_folders(folder.secrets(), 0700);
  for (const auto& [name, value] : secrets) write_file_durably(folder.secret(name), value, 0600);
  write_file_durably(folder.spec(), to_text(blueprint), 0600);
}

}  // namespace

LocalEngine::LocalEngine(LocalEngineOptions options) : options_(std::move(options)) {
  // One spelling only: processes are recognised by the folder they belong to.
  options_.state_dir = fs::weakly_canonical(fs::absolute(options_.state_dir));
}

void LocalEngine::check(const Limit&) {
  try {
    make_folders(options_.state_dir);
  } catch (const Error& error) {
    throw Error(ErrorKind::unavailable, std::string(error.what()) + ": set --state to a folder you may write");
  }
  if (::access(options_.state_dir.c_str(), W_OK | X_OK) != 0)
    throw Error(ErrorKind::unavailable,
                options_.state_dir.string() + " is not writable for you: run this as its owner, or set --state");
  if (::access("/proc/self/stat", R_OK) != 0)
    throw Error(ErrorKind::unavailable, "/proc is not mounted: the local engine needs it");
  if (!find_program(options_.supervisor_argv.at(0), "", "/"))
    throw Error(ErrorKind::unavailable, options_.supervisor_argv.at(0) + " cannot be started: it supervises what is deployed");
  ports_folder();
}

std::vector<std::string> LocalEngine::unenforced(const DeploySpec& spec) {
  auto all = limits_not_held(spec.limits);
  if (spec.internal_networks)
    all.push_back("runs.egress: deny is without effect on the local engine: its services are processes of this machine");
  return all;
}

void LocalEngine::make_images_present(const DeploySpec& spec, const Limit&) {
  const auto folder = folder_of(options_, spec.stack);
  const auto current = folder.is_supervised() ? read_blueprint(folder) : std::nullopt;
  make_blueprint(spec, folder, current ? &*current : nullptr);
}

std::vector<std::string> LocalEngine::missing_images(const DeploySpec& spec, const Limit& limit) {
  try {
    make_images_present(spec, limit);
    return {};
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::infrastructure) throw;
    return {error.what()};
  }
}

void LocalEngine::deploy(const DeploySpec& spec, const Limit& limit) {
  const auto folder = folder_of(options_, spec.stack);
  const auto claim = StackClaim::wait(options_.state_dir, spec.stack, limit);
  // One that does not answer is just dying, by SIGKILL for instance: its lock goes in a moment.
  const Limit moment = limit.at_most(milliseconds(1000));
  while (folder.is_supervised() && !answers(folder, moment) && !moment.passed())
    wait_for(milliseconds(5), limit.stop(), "deploying " + spec.stack);
  if (folder.is_supervised())
    throw Error(ErrorKind::busy, spec.stack + " is deployed already on the local engine: undeploy it first, or upgrade it");
  const auto blueprint = make_blueprint(spec, folder, nullptr);
  limit.check_stop("deploying " + spec.stack);
  {
    const Cleared cleared(folder, limit);
    remove_all_but_volumes(folder);
  }
  std::set<std::string> volumes_before;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(folder.volumes(), missing)) volumes_before.insert(entry.path().filename());
  try {
    write_deployment(folder, blueprint, spec.secrets);
    start_supervisor(folder, options_.supervisor_argv, limit);
  } catch (...) {
    // Whatever it was, an interruption too: a deployment that was not accepted leaves nothing.
    const Limit teardown = Limit::in(milliseconds(10000));
    end_deployment(folder, teardown);
    const Cleared cleared(folder, teardown);
    for (const auto& name : blueprint.fresh_volumes)
      if (!volumes_before.contains(name)) remove_tree(folder.volumes() / name);
    remove_all_but_volumes(folder);
    throw;
  }
}

void LocalEngine::upgrade(const DeploySpec& spec, const Limit& limit) {
  const auto folder = folder_of(options_, spec.stack);
  const auto claim = StackClaim::wait(options_.state_dir, spec.stack, limit);
  auto channel = reach(folder);
  const auto current = read_blueprint(folder);
  if (!current)
    throw Error(ErrorKind::needs_operator,
                folder.spec().string() + " is missing: undeploy " + spec.stack + " and deploy it again");
  const auto next = make_blueprint(spec, folder, &*current);
  ask(channel, {{"op", "apply"}, {"blueprint", to_text(next)}, {"secrets", spec.secrets}}, limit);
}

void LocalEngine::stop(const std::string& stack, const Limit& limit) {
  const auto folder = folder_of(options_, stack);
  const auto claim = StackClaim::wait(options_.state_dir, stack, limit);
  auto channel = reach(folder);
  ask(channel, {{"op", "stop"}, {"within_ms", (limit.remaining() * 2 / 3).count()}}, limit);
}

void LocalEngine::start(const std::string& stack, const Limit& limit) {
  const auto folder = folder_of(options_, stack);
  const auto claim = StackClaim::wait(options_.state_dir, stack, limit);
  auto channel = reach(folder);
  ask(channel, {{"op", "start"}}, limit);
}

std::vector<std::string> LocalEngine::undeploy(const std::string& stack, const Limit& limit) {
  const auto folder = folder_of(options_, stack);
  if (!folder.exists()) return {};
  const auto claim = StackClaim::wait(options_.state_dir, stack, limit);
  auto killed = end_deployment(folder, limit);
  const Cleared cleared(folder, limit);
  if (folder.exists()) {
    remove_tree(folder.path() / "run");
    remove_tree(folder.secrets());
    std::error_code missing;
    if (fs::is_empty(folder.volumes(), missing) || missing) remove_tree(folder.path());
  }
  return killed;
}

std::vector<std::string> LocalEngine::remove(const std::string& stack, const Limit& limit) {
  const auto folder = folder_of(options_, stack);
  const auto claim = StackClaim::wait(options_.state_dir, stack, limit);
  auto killed = end_deployment(folder, limit);
  const Cleared cleared(folder, limit);
  remove_tree(folder.path());
  return killed;
}

std::vector<EngineObject> LocalEngine::inventory(const std::string& stack, const Limit& limit) {
  std::vector<EngineObject> objects;
  std::vector<StackFolder> folders;
  std::error_code missing;
  if (!stack.empty()) {
    folders.push_back(folder_of(options_, stack));
  } else {
    for (const auto& entry : fs::directory_iterator(options_.state_dir, missing))
      if (entry.is_directory() && !entry.path().filename().string().starts_with(".")) folders.emplace_back(entry.path());
  }
  for (const auto& folder : folders) {
    const auto groups = ControlGroups(folder).existing();
    if (!folder.exists() && groups.empty()) continue;
    std::optional<Blueprint> blueprint;
    try {
      blueprint = read_blueprint(folder);
    } catch (const Error&) {
      // A damaged one is listed as what it is: a folder without services.
    }
    const std::map<std::string, std::string> labels{{"stack", folder.stack()}, {"run_id", blueprint ? blueprint->run_id : ""}};
    const auto add = [&](const std::string& kind, const std::string& id, const std::string& name) {
      objects.push_back({kind, id, name, labels});
    };
    for (const auto& group : groups) add("control-group", group.string(), folder.stack());
    if (!folder.exists()) continue;
    add("folder", folder.path().string(), folder.stack());
    for (const auto& entry : fs::directory_iterator(folder.volumes(), missing))
      add("volume", entry.path().string(), entry.path().filename());
    for (const auto& entry : fs::directory_iterator(folder.secrets(), missing))
      add("secret", entry.path().string(), entry.path().filename());
    const auto record = folder.running();
    const auto status = folder.is_supervised() ? status_of(folder, limit) : std::nullopt;
    if (record && is_alive(record->supervisor)) add("process", std::to_string(record->supervisor.pid), "supervisor");
    if (status) {
      for (const auto& [service, port] : status->at("ports").items()) add("port", std::to_string(port.get<int>()), service);
      for (const auto& [service, leader] : status->at("leaders").items()) {
        add("service", folder.stack() + "/" + service, service);
        if (leader.get<pid_t>() != 0) add("process", std::to_string(leader.get<pid_t>()), service);
      }
    } else {
      for (const auto& process : leftovers(folder, record.value_or(RunningRecord{})))
        add("process", std::to_string(process.pid), "left over");
    }
  }
  std::sort(objects.begin(), objects.end());
  return objects;
}

std::optional<Deployed> LocalEngine::deployed(const std::string& stack, const Limit& limit) {
  const auto folder = folder_of(options_, stack);
  const auto blueprint = read_blueprint(folder);
  if (!blueprint) return std::nullopt;
  Deployed result{blueprint->version, blueprint->commit, blueprint->run_id, blueprint->domain, false, {}};
  const auto status = status_of(folder, limit);
  result.running = status && !status->at("stopped").get<bool>();
  for (const auto& service : blueprint->services) result.digests[service.name] = service.digest;
  return result;
}

Convergence LocalEngine::state(const std::string& stack, const Limit& limit) {
  const auto folder = folder_of(options_, stack);
  while (true) {
    if (const auto status = status_of(folder, limit)) return convergence_from(*status);
    if (!folder.exists()) return gone(stack);
    const auto claim = StackClaim::attempt(options_.state_dir, stack);
    if (!claim) {
      Convergence changing;
      changing.reason = "another process is deploying or ending it";
      return changing;
    }
    if (folder.is_supervised()) {  // it began, or is just ending
      if (limit.passed()) throw Error(ErrorKind::unavailable, "the supervisor of " + stack + " does not answer");
      wait_for(milliseconds(5), limit.stop(), "asking how " + stack + " stands");
      continue;
    }
    const auto record = folder.running();
    if (!record) return gone(stack);
    ControlGroups(folder).remove(limit);
    end_leftovers(folder, *record, limit);
    return died(*record);
  }
}

Convergence LocalEngine::wait_converged(const std::string& stack, const Limit& limit) {
  const auto folder = folder_of(options_, stack);
  auto channel = Channel::connect(folder);
  if (channel) channel->send(R"({"op":"watch"})", limit);
  std::optional<Convergence> last;
  try {
    while (channel) {
      const auto line = channel->receive(limit);
      if (!line) break;
      last = convergence_from(json::parse(*line));
      if (last->state != Convergence::State::converging) return *last;
    }
  } catch (const Error& error) {
    // A limit that has passed ends the wait; how it stands is still worth telling, even if nothing was heard before.
    if (error.kind() != ErrorKind::unavailable || !limit.passed()) throw;
    if (last) return *last;
  }
  return state(stack, Limit::in(milliseconds(2000), limit.stop()));
}

Convergence LocalEngine::wait_for_change(const std::string& stack, std::uint64_t seen, const Limit& limit) {
  const auto folder = folder_of(options_, stack);
  while (true) {
    if (auto channel = Channel::connect(folder)) {
      channel->send(R"({"op":"watch"})", limit);
      std::optional<Convergence> heard;
      try {
        while (const auto line = channel->receive(limit)) {
          heard = convergence_from(json::parse(*line));
          if (heard->generation != seen) return *heard;
        }
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::unavailable || !limit.passed()) throw;
        if (heard) return *heard;
      }
    }
    const auto last = state(stack, Limit::in(milliseconds(2000), limit.stop()));
    if (last.generation != seen || limit.passed()) return last;
    // Nobody is there who could tell when somebody comes.
    wait_for(std::min(milliseconds(50), limit.remaining()), limit.stop(), "waiting for " + stack);
  }
}

std::string LocalEngine::endpoint(const std::string& stack, const std::string& service, const Limit& limit) {
  const auto folder = folder_of(options_, stack);
  const auto blueprint = read_blueprint(folder);
  const auto status = status_of(folder, limit);
  if (!blueprint || !status) throw Error(ErrorKind::unavailable, stack + " is not deployed on the local engine");
  const std::string wanted = service.empty() ? blueprint->app_service : service;
  const auto& ports = status->at("ports");
  if (!ports.contains(wanted)) {
    if (service.empty()) return "";  // an app that nobody asks by HTTP
    throw Error(ErrorKind::recipe, "service " + wanted + " of " + stack + " has no port: it does not use ${PORT}");
  }
  return "http://127.0.0.1:" + std::to_string(ports.at(wanted).get<int>());
}

ExecResult LocalEngine::exec(const std::string& stack, const ExecRequest& request, const Limit& limit) {
  const auto folder = folder_of(options_, stack);
  auto channel = reach(folder);
  const auto service = ask(channel, {{"op", "service"}, {"name", request.service}}, limit);
  Command command;
  service.at("env").get_to(command.env);
  command.clean_env = true;
  command.working_dir = service.at("working_dir").get<std::string>();
  command.argv = request.argv;
  command.input = request.input;
  if (command.argv.empty()) throw Error(ErrorKind::unavailable, "no command was given to run in service " + request.service);
  const auto program = find_program(command.argv[0], command.env["PATH"], command.working_dir);
  if (!program)
    throw Error(ErrorKind::unavailable,
                command.argv[0] + " cannot be started in service " + request.service + ": no such executable");
  command.argv[0] = program->string();
  command.argv = entering(service.at("entrances"), std::move(command.argv));
  const auto result = while_doing("running " + request.argv[0] + " in service " + request.service + " of " + stack,
                                  [&] { return run_command(command, limit.at_most(request.timeout)); });
  return {result.exit_code, result.out, result.err};
}

std::string LocalEngine::logs(const std::string& stack, const std::string& service, std::size_t max_lines, const Limit&) {
  const auto folder = folder_of(options_, stack);
  const auto blueprint = read_blueprint(folder);
  if (!blueprint || blueprint->find(service) == nullptr)
    throw Error(ErrorKind::unavailable, stack + " has no service " + service + " on the local engine");
  return last_lines(folder.log(service), max_lines);
}

VolumePlace LocalEngine::volume(const std::string& stack, const std::string& volume, const Limit&) {
  const auto blueprint = read_blueprint(folder_of(options_, stack));
  if (blueprint)
    for (const auto* volumes : {&blueprint->volumes, &blueprint->former_volumes})
      if (const auto found = volumes->find(volume); found != volumes->end()) return {"", found->second};
  throw Error(ErrorKind::unavailable, stack + " has no volume " + volume + " on the local engine");
}

void LocalEngine::forget(const std::string& stack) { remove_durably(folder_of(options_, stack).kept_ports()); }

int run_local_supervisor(int argc, char** argv) { return supervise(argv[argc - 1]); }

}  // namespace simmer
