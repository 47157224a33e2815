#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include <base/printable.hpp>
#include <base/process.hpp>
#include <simmer/error.hpp>
#include <swarm/blame.hpp>
#include <swarm/stack_driver.hpp>

namespace simmer::swarm {

namespace {

constexpr const char* debians = "/usr/bin/docker";
constexpr int first_with_jobs = 23;

}  // namespace

std::string docker_program(const std::string& configured) {
  if (configured.empty() && ::access(debians, X_OK) == 0) return debians;
  const std::string name = configured.empty() ? "docker" : configured;
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');)
    if (const auto found = folder + "/" + name; !folder.empty() && ::access(found.c_str(), X_OK) == 0) return found;
  return name;
}

std::string client_version(const std::string& docker, const Limit& limit) {
  std::string said;
  try {
    const auto done = run_command({{docker, "--version"}, {}, false, {}, ""}, limit);
    if (done.exit_code == 0) said = one_line(done.out);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unavailable) throw;
  }
  const std::string before = "version ";
  const auto found = said.find(before);
  if (found == std::string::npos) throw Error(ErrorKind::unavailable, "the docker CLI " + docker + " does not work; Debian: apt-get install docker.io; docker.bin names another");
  return said.substr(found + before.size(), said.find(',', found) - found - before.size());
}

bool knows_jobs(const std::string& client_version) { return std::atoi(client_version.c_str()) >= first_with_jobs; }

std::string one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return printable(std::string_view(text).substr(0, 600));
}

DockerCli::DockerCli(DockerAddress address, std::string program) : address_(std::move(address)), docker_(std::move(program)) {}

void DockerCli::refuse_unknown(const DeploySpec& spec, const Limit& limit) {
  const auto services = Json::parse(spec.compose).value("services", Json::object());
  for (const auto& [service, said] : services.items()) {
    const std::string mode = said.value(Json::json_pointer("/deploy/mode"), "");
    if (mode != "replicated-job" && mode != "global-job") continue;
    if (const auto version = client_version(docker_, limit); !knows_jobs(version))
      throw Error(ErrorKind::recipe, "service " + service + ": the docker CLI " + version + " at " + docker_ + " knows no mode " + mode + " in a stack: " + std::to_string(first_with_jobs) +
                                         " or later does, and docker.bin says where it is; restart_policy.condition: none is a job to all of them");
  }
}

void DockerCli::deploy(const DeploySpec& spec, const std::string& file, const Limit& limit) {
  Command command;
  command.argv = address_.command(docker_);
  command.argv.insert(command.argv.end(), {"stack", "deploy", "--prune", "--resolve-image", "never", "-c", "-", spec.stack});
  command.input = file;  // no file that a killed run could leave
  // Nothing is left to fill in; of what is empty in a service's environment, the CLI would ask its own.
  command.clean_env = true;
  const auto done = run_command(command, limit);
  if (done.exit_code == 0) return;
  std::string text = done.err.empty() ? done.out : done.err;
  if (text.starts_with("Since --detach=false was not specified")) text.erase(0, text.find('\n') + 1);  // later clients say so first, always
  const std::string said = one_line(text);
  throw Error(is_machines_fault(said) ? ErrorKind::infrastructure : ErrorKind::recipe, "docker stack deploy refuses: " + said);
}

void DockerCli::remove(const std::string& stack, const Limit& limit) {
  const auto done = run_command({{docker_, "stack", "rm", stack}, address_.environment(), false, {}, ""}, limit);
  // Its services go first; a network in which a job's task has not ended yet stays for whoever waits for the end.
  if (done.exit_code != 0 && done.err.find("is in use by task") == std::string::npos) throw Error(ErrorKind::unavailable, "docker stack rm " + stack + " failed: " + one_line(done.err));
}

}  // namespace simmer::swarm
