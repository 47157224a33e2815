#include <wiring.hpp>

#include <base/process.hpp>
#include <loader/loaded_plugin.hpp>
#include <loader/plugin_registry.hpp>
#include <local/local_engine.hpp>
#include <simmer/error.hpp>
#include <state/state_folder.hpp>
#include <swarm/swarm_engine.hpp>

namespace simmer {

std::unique_ptr<Engine> make_engine(const std::string& name, const fs::path& state, const std::string& docker_host) {
  if (name == "swarm") return std::make_unique<SwarmEngine>(SwarmEngineOptions{docker_host, digest_of_bytes(fs::absolute(state).lexically_normal().string()).substr(0, 12), ""});
  if (name != "local") throw Error(ErrorKind::unavailable, "the engine " + name + " is not built into this simmer; use --engine local or swarm");
  return std::make_unique<LocalEngine>(LocalEngineOptions{StateFolder(state).engine("local"), {this_program().string(), "--local-supervisor"}});
}

ChildAdapters child_adapters() {
  ChildAdapters adapters;
  adapters.make_engine = [](const RunSpec& spec) { return make_engine(spec.engine, spec.state, spec.docker_host); };
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
