#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include <base/process.hpp>
#include <simmer/error.hpp>
#include <swarm/compose_overlay.hpp>
#include <swarm/stack_driver.hpp>

namespace simmer::swarm {

namespace {

// A file of its own for one call of the CLI.
class OverlayFile {
 public:
  explicit OverlayFile(const std::string& text) {
    std::string pattern = (fs::temp_directory_path() / "simmer-overlay-XXXXXX").string();
    const Fd fd(::mkstemp(pattern.data()));
    if (!fd) throw_errno("cannot make a temporary file", errno);
    path_ = pattern;
    write_file_beside(path_, text, 0600);
  }
  ~OverlayFile() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  OverlayFile(const OverlayFile&) = delete;
  OverlayFile& operator=(const OverlayFile&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace

std::string docker_program() { return ::access("/usr/bin/docker", X_OK) == 0 ? "/usr/bin/docker" : "docker"; }

bool is_machines_fault(const std::string& said) {
  const auto is_in = [&](const char* words) { return said.find(words) != std::string::npos; };
  return is_in("could not be found. You need to create a") || is_in("declared as external, but") || is_in("no space left") || is_in("Pool overlaps") || is_in("non-overlapping") ||
         is_in("Cannot connect to the Docker daemon");
}

std::string one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text.substr(0, 600);
}

DockerCli::DockerCli(DockerAddress address) : address_(std::move(address)), docker_(docker_program()) {}

void DockerCli::check(const Limit& limit) {
  if (run_command({{docker_, "--version"}, {}, false, {}, ""}, limit).exit_code != 0) throw Error(ErrorKind::unavailable, "the program " + docker_ + " does not work; Debian: apt-get install docker.io");
}

void DockerCli::deploy(const DeploySpec& spec, const std::string& overlay, const Limit& limit) {
  const OverlayFile file(overlay);
  Command command;
  command.argv = {docker_, "stack", "deploy", "--prune", "--resolve-image", "never"};
  for (const auto& each : compose_files_of(spec)) command.argv.insert(command.argv.end(), {"-c", each});
  command.argv.insert(command.argv.end(), {"-c", file.path().string(), spec.stack});
  command.working_dir = spec.recipe_dir;
  command.clean_env = true;
  command.env = spec.env;
  for (const auto& [key, value] : spec.facts.abra_exports) command.env[key] = value;
  for (const char* own : {"PATH", "HOME"})
    if (const char* value = std::getenv(own)) command.env[own] = value;
  command.env["STACK_NAME"] = spec.stack;
  command.env["DOMAIN"] = spec.domain;
  for (const auto& [key, value] : address_.environment()) command.env[key] = value;
  const auto done = run_command(command, limit);
  if (done.exit_code == 0) return;
  const std::string said = one_line(done.err.empty() ? done.out : done.err);
  throw Error(is_machines_fault(said) ? ErrorKind::infrastructure : ErrorKind::recipe, "docker stack deploy refuses: " + said);
}

void DockerCli::remove(const std::string& stack, const Limit& limit) {
  const auto done = run_command({{docker_, "stack", "rm", stack}, address_.environment(), false, {}, ""}, limit);
  if (done.exit_code != 0) throw Error(ErrorKind::unavailable, "docker stack rm " + stack + " failed: " + one_line(done.err));
}

}  // namespace simmer::swarm
