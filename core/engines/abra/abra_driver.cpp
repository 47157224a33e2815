#include <abra/abra_driver.hpp>

#include <set>
#include <sstream>

#include <abra/abra_words.hpp>
#include <abra/recipe_checkout.hpp>
#include <base/process.hpp>
#include <simmer/error.hpp>
#include <swarm/blame.hpp>
#include <swarm/docker_api.hpp>
#include <swarm/stack_file.hpp>

namespace simmer {

namespace {

// The first that writes TYPE=<recipe>:<version>, which the engine relies on.
constexpr const char* oldest_abra = "0.10.0";
constexpr const char* file_name = "compose.simmer.yml";
constexpr const char* stack_file = "simmer-stack";  // beside what is abra's: domain, recipe and run, a line each

std::vector<std::string> lines_of(const fs::path& file) {
  std::vector<std::string> lines;
  std::istringstream text(read_file_if_there(file).value_or(""));
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

}  // namespace

AbraDriver::AbraDriver(AbraOptions options) : options_(std::move(options)), docker_(swarm::docker_program(options_.docker_program)) {}

// Both streams are terminals, as abra insists; both are kept.
AbraDriver::Said AbraDriver::run(const fs_path& abra_dir, std::vector<std::string> arguments, const std::map<std::string, std::string>& secrets, const std::string& run_id, const Limit& limit) {
  std::string typed = "abra";
  for (const auto& word : arguments) typed += " " + word;
  arguments.insert(arguments.begin(), options_.program);
  Command command;
  command.argv = arguments;
  // Nothing more of ours: what abra fills compose files in from is its business.
  command.clean_env = true;
  for (const auto& variable : environment_with({})) {
    static const std::set<std::string> own = {"PATH", "HOME", "USER", "LOGNAME", "LANG", "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR"};
    const auto name = variable.substr(0, variable.find('='));
    if (own.contains(name) || name.starts_with("ABRA_")) command.env[name] = variable.substr(name.size() + 1);
  }
  command.env.merge(options_.docker.environment());
  command.env["ABRA_DIR"] = abra_dir.string();
  command.env.insert({{"NO_COLOR", "1"}, {"TERM", "dumb"}});
  command.terminal = true;
  CommandResult done;
  try {
    done = run_command(command, limit);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unavailable) throw;
    throw Error(ErrorKind::unavailable, typed.substr(0, 80) + ": " + error.message() + (error.message().find("timed out") == std::string::npos ? ": is abra installed? abra.bin says where" : ""));
  }
  if (done.exit_code == 127 && done.out.empty() && done.err.empty())
    throw Error(ErrorKind::unavailable, "there is no program " + options_.program + ": install abra, or say with abra.bin where it is");
  const Said said{done.exit_code, abra::shown(done.out, secrets), abra::shown(done.err, secrets)};
  if (!run_id.empty() && fs::is_directory(options_.runs / run_id)) {
    const fs::path log = options_.runs / run_id / "abra.log";
    write_file_beside(log, read_file_if_there(log).value_or("") + "$ " + typed + "  (exit " + std::to_string(said.exit_code) + ")\n" + said.out + (said.err.empty() ? "" : "--- standard error\n" + said.err), 0600);
  }
  return said;
}

std::string AbraDriver::version(const Limit& limit) {
  const auto said = run(options_.folder, {"--version"}, {}, "", limit);
  const auto version = abra::version_in(said.out + said.err);
  if (said.exit_code != 0 || !version) throw Error(ErrorKind::unavailable, options_.program + " does not say its version: " + abra::complaint_in(said.out, said.err));
  return *version;
}

void AbraDriver::check(const Limit& limit) {
  if (const auto found = version(limit); abra::is_older(found, oldest_abra))
    throw Error(ErrorKind::unavailable, options_.program + " is " + found + ", and " + oldest_abra + " or later is needed: abra upgrade");
}

std::map<std::string, std::string> AbraDriver::tools(const Limit& limit) { return {{"abra", version(limit)}}; }

// What abra.sh sets, abra lays over the .env, COMPOSE_FILE too; Simmer reads only what a shell would surely set.
void AbraDriver::refuse_unjudged(const DeploySpec& spec) {
  const auto obeyed = abra::obeyed_export_in(read_file_if_there(spec.recipe_dir / "abra.sh").value_or(""));
  if (!obeyed.empty()) throw Error(ErrorKind::recipe, obeyed + ", which abra would obey and nobody has judged: take it out");
}

void AbraDriver::deploy(const DeploySpec& spec, const std::string& file, const Limit& limit) {
  if (abra::stack_of(spec.domain) != spec.stack) throw Error(ErrorKind::infrastructure, "abra would call the stack of " + spec.domain + " " + abra::stack_of(spec.domain) + ", not " + spec.stack);
  const fs::path dir = options_.folder / spec.stack;
  const bool is_there = fs::exists(dir / stack_file);
  for (const char* folder : {"servers", "recipes", "vendor"}) make_folders(dir / folder);
  make_folders(dir / "servers" / options_.server);
  if (const auto catalogue = options_.dir / "catalogue"; !fs::exists(dir / "catalogue")) {
    if (!options_.dir.empty() && fs::is_directory(catalogue)) fs::create_directory_symlink(catalogue, dir / "catalogue");
    else make_folders(dir / "catalogue");
  }
  write_file_beside(dir / stack_file, spec.domain + "\n" + spec.facts.recipe + "\n" + spec.run_id + "\n", 0600);
  const bool is_release = abra::check_out_recipe(spec, dir / "recipes" / spec.facts.recipe, limit);
  write_file_beside(dir / file_name, file, 0600);
  // Not the recipe's variables: the one file has none, and what abra is told it may hand to a container.
  std::map<std::string, std::string> values = {{"DOMAIN", spec.domain}, {"STACK_NAME", spec.stack}, {"COMPOSE_FILE", std::string("../../") + file_name}};
  if (spec.facts.timeout) values["TIMEOUT"] = std::to_string(std::chrono::ceil<std::chrono::seconds>(*spec.facts.timeout).count());
  const fs::path env = dir / "servers" / options_.server / (spec.domain + ".env");
  write_file_beside(env, abra::env_text({spec.facts.recipe, is_release ? spec.facts.version : ""}, values), 0600);

  std::vector<std::string> arguments = {"app", "deploy", spec.domain};
  if (is_release) arguments.push_back(spec.facts.version);
  else arguments.push_back("-C");
  if (is_there) arguments.push_back("-f");  // abra refuses to deploy what is deployed
  arguments.insert(arguments.end(), {"-n", "-o", "-c"});
  const auto said = run(dir, arguments, spec.secrets, spec.run_id, limit);
  if (said.exit_code != 0) {
    const std::string complaint = abra::complaint_in(said.out, said.err);
    const bool ours = swarm::is_machines_fault(said.out + said.err) || complaint.find("inappropriate ioctl") != std::string::npos;
    throw Error(ours ? ErrorKind::infrastructure : ErrorKind::recipe, "abra app deploy refuses: " + swarm::one_line(complaint));
  }
  const auto type = abra::type_in_env(read_file(env));
  if (is_release && (!type || type->recipe != spec.facts.recipe || type->version != spec.facts.version))
    throw Error(ErrorKind::unavailable, "abra was asked for " + spec.facts.recipe + ":" + spec.facts.version + " and noted " + (type ? type->recipe + ":" + type->version : "nothing") + " in its .env");
  if (is_release) require_label(spec, limit);
}

// Our own labels say what we asked for; this one says what abra made of it.
void AbraDriver::require_label(const DeploySpec& spec, const Limit& limit) {
  swarm::DockerApi api(options_.docker);
  const std::string key = "coop-cloud." + spec.stack + ".version";
  std::string seen;
  for (const auto& service : api.list("/services", {{"label", {std::string(swarm::docker_stack_label) + "=" + spec.stack}}}, limit))
    if (const auto& labels = service["Spec"]["Labels"]; labels.is_object() && labels.contains(key)) seen = labels[key].get<std::string>();
  if (seen != spec.facts.version) throw Error(ErrorKind::unavailable, "abra was asked for " + spec.facts.version + " and deployed " + (seen.empty() ? "no version at all" : seen));
}

void AbraDriver::remove(const std::string& stack, const Limit& limit) {
  const auto about = lines_of(options_.folder / stack / stack_file);
  std::string why = "there is no entry of it for abra";
  if (about.size() >= 3) {
    try {
      const auto said = run(options_.folder / stack, {"app", "undeploy", about[0], "-n", "-o"}, {}, about[2], limit.at_most(limit.remaining() / 2));
      if (said.exit_code == 0) return;
      why = abra::complaint_in(said.out, said.err);
    } catch (const Error& error) {
      limit.check_stop("undeploying " + stack);
      why = error.message();
    }
  }
  // A teardown does not wait for a tool to be mended: its own way is Docker's as well.
  const auto done = run_command({{docker_, "stack", "rm", stack}, options_.docker.environment(), false, {}, ""}, limit);
  if (done.exit_code != 0) throw Error(ErrorKind::unavailable, "abra app undeploy failed (" + why + "), and so did docker stack rm " + stack + ": " + swarm::one_line(done.err));
}

std::vector<EngineObject> AbraDriver::objects(const std::string& stack) {
  const auto about = lines_of(options_.folder / stack / stack_file);
  if (!fs::exists(options_.folder / stack)) return {};
  return {{"app-entry", (options_.folder / stack).string(), about.empty() ? stack : about[0], {{"run_id", about.size() >= 3 ? about[2] : ""}}}};
}

std::vector<std::string> AbraDriver::stacks() {
  std::vector<std::string> found;
  std::error_code failed;
  for (fs::directory_iterator entry(options_.folder, failed), end; !failed && entry != end; entry.increment(failed)) found.push_back(entry->path().filename());
  return found;
}

void AbraDriver::forget(const std::string& stack) { remove_tree(options_.folder / stack); }

std::optional<std::vector<LintFinding>> AbraDriver::lint(const DeploySpec& spec, const Limit& limit) {
  const fs::path dir = spec.recipe_dir.parent_path() / ".abra-lint";
  for (const char* folder : {"servers", "recipes", "vendor", "catalogue"}) make_folders(dir / folder);
  abra::check_out_recipe(spec, dir / "recipes" / spec.facts.recipe, limit);
  const auto said = run(dir, {"recipe", "lint", spec.facts.recipe, "-C", "-n", "-o"}, spec.secrets, spec.run_id, limit);
  remove_tree(dir);
  auto findings = abra::lint_table(said.out + "\n" + said.err);
  if (!findings) throw Error(ErrorKind::unavailable, "abra recipe lint printed no table of rules: " + abra::complaint_in(said.out, said.err));
  return findings;
}

}  // namespace simmer
