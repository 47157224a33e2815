#include <unistd.h>

#include <algorithm>

#include <base/printable.hpp>
#include <base/process.hpp>
#include <simmer/error.hpp>
#include <swarm/blame.hpp>
#include <swarm/stack_driver.hpp>

namespace simmer::swarm {

std::string docker_program() { return ::access("/usr/bin/docker", X_OK) == 0 ? "/usr/bin/docker" : "docker"; }

std::string one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return printable(std::string_view(text).substr(0, 600));
}

DockerCli::DockerCli(DockerAddress address) : address_(std::move(address)), docker_(docker_program()) {}

void DockerCli::check(const Limit& limit) {
  if (run_command({{docker_, "--version"}, {}, false, {}, ""}, limit).exit_code != 0) throw Error(ErrorKind::unavailable, "the program " + docker_ + " does not work; Debian: apt-get install docker.io");
}

std::string DockerCli::client_version(const Limit& limit) {
  const auto done = run_command({{docker_, "--version"}, {}, false, {}, ""}, limit);
  const std::string said = one_line(done.out), before = "version ";
  const auto found = said.find(before);
  return found == std::string::npos ? said : said.substr(found + before.size(), said.find(',') - found - before.size());
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
  const std::string said = one_line(done.err.empty() ? done.out : done.err);
  if (const auto mode = unknown_mode_in(said); !mode.empty())
    throw Error(ErrorKind::recipe, "deploy.mode " + mode + ": the docker client here, " + client_version(limit) + ", knows no jobs in a stack (28 does); restart_policy.condition: none is a job to all of them (" + said + ")");
  throw Error(is_machines_fault(said) ? ErrorKind::infrastructure : ErrorKind::recipe, "docker stack deploy refuses: " + said);
}

void DockerCli::remove(const std::string& stack, const Limit& limit) {
  const auto done = run_command({{docker_, "stack", "rm", stack}, address_.environment(), false, {}, ""}, limit);
  if (done.exit_code != 0) throw Error(ErrorKind::unavailable, "docker stack rm " + stack + " failed: " + one_line(done.err));
}

}  // namespace simmer::swarm
