#include <wiring.hpp>

#include <abra/abra_driver.hpp>
#include <base/process.hpp>
#include <loader/loaded_plugin.hpp>
#include <loader/plugin_registry.hpp>
#include <local/local_engine.hpp>
#include <simmer/error.hpp>
#include <state/state_folder.hpp>
#include <swarm/swarm_engine.hpp>

namespace simmer {

using namespace swarm;

std::unique_ptr<Engine> make_engine(const std::string& name, const fs::path& state, const EngineOptions& options) {
  const StateFolder folders(state);
  if (name == "local") return std::make_unique<LocalEngine>(LocalEngineOptions{folders.engine("local"), {this_program().string(), "--local-supervisor"}});
  const auto docker = docker_address(options.docker_host, options.docker_tls);
  std::unique_ptr<StackDriver> driver;
  if (name == "abra") driver = std::make_unique<AbraDriver>(AbraOptions{options.abra_program, options.abra_dir, options.abra_server, folders.engine("abra"), folders.runs(), docker, options.docker_program});
  else if (name != "swarm") throw Error(ErrorKind::unavailable, "the engine " + name + " is not built into this simmer; use --engine local, swarm or abra");
  const auto instance = digest_of_bytes(fs::absolute(state).lexically_normal().string()).substr(0, 12);
  return std::make_unique<SwarmEngine>(SwarmEngineOptions{docker, instance, std::move(driver), options.docker_program});
}

ChildAdapters child_adapters() {
  ChildAdapters adapters;
  adapters.make_engine = [](const RunSpec& spec) { return make_engine(spec.engine, spec.state, spec.engines); };
  adapters.load_plugin = [](const RunSpec& spec, const std::function<void(const std::string&)>& found) {
    const auto registry = PluginRegistry::scan(spec.plugin_path);
    const auto& file = registry.plugin_for(spec.recipe);
    found(file.tag->name);
    auto recipe = load_plugin(file).create_recipe();
    return ChildPlugin{file.tag->name, file.tag->version, file.path.string(), std::move(recipe)};
  };
  return adapters;
}

}  // namespace simmer
