#include <child/run_child.hpp>

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include <base/crash_point.hpp>
#include <base/interruption.hpp>
#include <child/app_host.hpp>
#include <child/event_writer.hpp>
#include <runs/error_kind.hpp>
#include <runs/lifecycles.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {

std::string read_line(int socket) {
  std::string line;
  char byte = 0;
  while (true) {
    const ssize_t got = ::read(socket, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) ::_exit(70);
    if (byte == '\n') return line;
    line += byte;
  }
}

void die_with(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(70);  // it died before we asked
}

void walk(const RunSpec& spec, EventWriter& events, Engine& engine, Recipe& recipe, Journal& journal, std::stop_token stop) {
  const HostFactory make_host = [&](const AppContext& app, const RecipeFacts& facts, const Values& secrets, const Values& env) -> std::unique_ptr<Host> {
    events.mask(secrets);
    std::vector<std::string> volumes;
    for (const auto& volume : facts.volumes) volumes.push_back(volume.name);
    return std::make_unique<AppHost>(app, secrets, env, volumes, engine, events, stop, spec.proxy_address);
  };
  // What an operator sets for an app may be a password, and a recipe can bring any of it into a message. Words like "false" stay.
  Values told;
  for (const auto& [name, value] : spec.env)
    if (value.size() > 5) told[name] = value;
  events.mask(told);
  RunContext run{spec, StateFolder(spec.state), engine, recipe, events, journal, make_host, stop};
  switch (spec.mode) {
    case RunMode::cold: return run_cold(run);
    case RunMode::quick: return run_quick(run);
    case RunMode::promote:
    case RunMode::seed: return run_promote(run);
    case RunMode::deploy: return run_deploy(run);
  }
}

}  // namespace

void run_child(int socket, const ChildAdapters& adapters) {
  Interruption interruption;
  const auto first = nlohmann::json::parse(read_line(socket));
  die_with(first.at("parent").get<pid_t>());
  const RunSpec spec = run_spec_from(first.at("spec"));
  EventWriter events(socket);
  set_crash_companion(::getppid());
  try {
    Journal journal = Journal::resume(StateFolder(spec.state), spec.run_id);
    journal.set_child(this_process());
    const auto engine = adapters.make_engine(spec);
    engine->check(Limit::in(spec.teardown, interruption.token()));
    std::string name = spec.recipe;
    ChildPlugin plugin;
    try {
      plugin = adapters.load_plugin(spec, [&](const std::string& found) {
        name = found;
        events.fact("plugin", found);
        events.call_started("loading");
      });
    } catch (Error& error) {
      error.add_context("loading plugin " + name);
      throw;
    }
    events.call_ended();
    events.fact("plugin_version", plugin.version);
    events.fact("plugin_file", plugin.file);
    const auto recipe = guard_recipe(std::move(plugin.recipe), name, events);
    walk(spec, events, *engine, *recipe, journal, interruption.token());
    events.done();
  } catch (const Error& error) {
    events.failed(to_text(error.kind()), error.what());
  } catch (const std::exception& error) {
    events.failed(to_text(ErrorKind::internal), error.what());
  }
  ::_exit(0);
}

}  // namespace simmer
