#include <runs/run_spec.hpp>

#include <algorithm>
#include <nlohmann/json.hpp>

#include <simmer/error.hpp>

namespace simmer {

std::string_view to_string(RunMode mode) {
  switch (mode) {
    case RunMode::cold: return "cold";
    case RunMode::quick: return "quick";
    case RunMode::promote: return "promote";
    case RunMode::seed: return "seed";
    case RunMode::deploy: return "deploy";
  }
  return "?";
}

namespace {

RunMode mode_from(const std::string& name) {
  for (const RunMode mode : {RunMode::cold, RunMode::quick, RunMode::promote, RunMode::seed, RunMode::deploy})
    if (to_string(mode) == name) return mode;
  throw Error(ErrorKind::internal, "a run's specification has the unknown mode '" + name + "'");
}

}  // namespace

nlohmann::json to_json(const RunSpec& spec) {
  nlohmann::json tiers = nlohmann::json::array(), plugins = nlohmann::json::array();
  for (const Tier tier : spec.tiers) tiers.push_back(to_string(tier));
  for (const auto& path : spec.plugin_path) plugins.push_back(path.string());
  return {{"mode", to_string(spec.mode)},
          {"run_id", spec.run_id},
          {"hex", spec.hex},
          {"app", spec.app},
          {"recipe", spec.recipe},
          {"stack", spec.stack},
          {"domain", spec.domain},
          {"attempt", spec.attempt},
          {"repository", spec.repository.string()},
          {"head",
           {{"asked", spec.head.asked},
            {"commit", spec.head.commit},
            {"version", spec.head.version},
            {"is_release", spec.head.is_release},
            {"is_newest_release", spec.head.is_newest_release},
            {"is_working_tree", spec.head.is_working_tree}}},
          {"head_is_taken", spec.head_is_taken},
          {"base_commit", spec.base_commit},
          {"base_version", spec.base_version},
          {"no_base", spec.no_base},
          {"base_unknown", spec.base_unknown},
          {"tiers", tiers},
          {"env", spec.env},
          {"needs", spec.needs},
          {"allow", spec.allow},
          {"turns_over", spec.turns_over},
          {"drops", spec.drops},
          {"proxy_network", spec.proxy_network},
          {"proxy_address", spec.proxy_address},
          {"proxy_tls", spec.proxy_tls},
          {"fork", spec.fork},
          {"limits", {{"pids", spec.limits.pids}, {"memory_bytes", spec.limits.memory_bytes}, {"cpus", spec.limits.cpus}}},
          {"deny_egress", spec.deny_egress},
          {"state", spec.state.string()},
          {"engine", spec.engine},
          {"engine_id", spec.engine_id},
          {"engines",
           {{"docker_host", spec.engines.docker_host}, {"docker_tls", spec.engines.docker_tls}, {"docker_program", spec.engines.docker_program}, {"abra_program", spec.engines.abra_program}, {"abra_dir", spec.engines.abra_dir}, {"abra_server", spec.engines.abra_server}}},
          {"plugin_path", plugins},
          {"window_ms", spec.window.count()},
          {"start_ms", spec.start.count()},
          {"plugin_ms", spec.plugin.count()},
          {"teardown_ms", spec.teardown.count()},
          {"keep_ms", spec.keep.count()}};
}

RunSpec run_spec_from(const nlohmann::json& json) {
  RunSpec spec;
  const auto text = [&](const char* key) { return json.at(key).get<std::string>(); };
  const auto duration = [&](const char* key) { return milliseconds(json.at(key).get<std::int64_t>()); };
  spec.mode = mode_from(text("mode"));
  spec.run_id = text("run_id");
  spec.hex = text("hex");
  spec.app = text("app");
  spec.recipe = text("recipe");
  spec.stack = text("stack");
  spec.domain = text("domain");
  json.at("attempt").get_to(spec.attempt);
  spec.repository = text("repository");
  const auto& head = json.at("head");
  head.at("asked").get_to(spec.head.asked);
  head.at("commit").get_to(spec.head.commit);
  head.at("version").get_to(spec.head.version);
  head.at("is_release").get_to(spec.head.is_release);
  head.at("is_newest_release").get_to(spec.head.is_newest_release);
  head.at("is_working_tree").get_to(spec.head.is_working_tree);
  json.at("head_is_taken").get_to(spec.head_is_taken);
  spec.base_commit = text("base_commit");
  spec.base_version = text("base_version");
  spec.no_base = text("no_base");
  spec.base_unknown = text("base_unknown");
  for (const auto& name : json.at("tiers")) {
    const auto tier = tier_from(name.get<std::string>());
    if (!tier) throw Error(ErrorKind::internal, "a run's specification has the unknown tier '" + name.get<std::string>() + "'");
    spec.tiers.push_back(*tier);
  }
  json.at("env").get_to(spec.env);
  json.at("needs").get_to(spec.needs);
  json.at("allow").get_to(spec.allow);
  json.at("turns_over").get_to(spec.turns_over);
  json.at("drops").get_to(spec.drops);
  spec.proxy_network = text("proxy_network");
  spec.proxy_address = text("proxy_address");
  json.at("proxy_tls").get_to(spec.proxy_tls);
  spec.fork = text("fork");
  const auto& limits = json.at("limits");
  limits.at("pids").get_to(spec.limits.pids);
  limits.at("memory_bytes").get_to(spec.limits.memory_bytes);
  limits.at("cpus").get_to(spec.limits.cpus);
  json.at("deny_egress").get_to(spec.deny_egress);
  spec.state = text("state");
  spec.engine = text("engine");
  spec.engine_id = text("engine_id");
  const auto& engines = json.at("engines");
  const auto engine_text = [&](const char* key) { return engines.at(key).get<std::string>(); };
  spec.engines = {engine_text("docker_host"), engine_text("docker_tls"), engine_text("docker_program"), engine_text("abra_program"), engine_text("abra_dir"), engine_text("abra_server")};
  for (const auto& path : json.at("plugin_path")) spec.plugin_path.emplace_back(path.get<std::string>());
  spec.window = duration("window_ms");
  spec.start = duration("start_ms");
  spec.plugin = duration("plugin_ms");
  spec.teardown = duration("teardown_ms");
  spec.keep = duration("keep_ms");
  return spec;
}

std::string cold_label(const std::string& recipe, const std::string& hex) {
  const std::string first = recipe.substr(0, 4);
  return (first == "warm" ? "wrm0" : first) + "-" + hex;
}

std::string stack_of_domain(const std::string& domain) {
  std::string stack = domain;
  std::replace(stack.begin(), stack.end(), '.', '_');
  return stack;
}

}  // namespace simmer
