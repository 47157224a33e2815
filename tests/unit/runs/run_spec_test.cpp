// The child reads no configuration of its own: what the parent decided must come over whole.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <runs/run_spec.hpp>
#include <simmer/error.hpp>

namespace simmer {
namespace {

using nlohmann::json;

// How many fields an aggregate has: as many as it can be initialised with.
struct Anything {
  template <class T>
  operator T() const;
};
template <class T, class... Fields>
constexpr std::size_t fields_of() {
  if constexpr (requires { T{Fields{}..., Anything{}}; })
    return fields_of<T, Fields..., Anything>();
  else
    return sizeof...(Fields);
}

// Every field differs from its default.
RunSpec a_spec() {
  RunSpec spec;
  spec.mode = RunMode::quick;
  spec.run_id = "20261123T231500Z-custom-html-abc123";
  spec.hex = "abc123";
  spec.app = "site";
  spec.recipe = "custom-html";
  spec.stack = "warm-site";
  spec.domain = "warm-site.ci.example.org";
  spec.attempt = 2;
  spec.repository = "/recipes/with space/custom-html";
  spec.head = {"main", "c0ffee", "1.2.0+3.4", true, true, true};
  spec.head_is_taken = true;
  spec.base_commit = "deadbeef";
  spec.base_version = "1.1.0+3.4";
  spec.no_base = "no older release";
  spec.base_unknown = "a shallow clone";
  spec.tiers = {Tier::custom, Tier::install};
  spec.env = {{"LANG", "en"}, {"QUOTE", "\"\\\n\t ä"}};
  spec.needs = {"keycloak"};
  spec.allow = {"host-ports", "bind-mounts"};
  spec.turns_over = {"sessions"};
  spec.drops = {{"2.0.0+2", {"old"}}};
  spec.proxy_network = "proxy-net";
  spec.proxy_address = "127.0.0.1:443";
  spec.proxy_tls = false;
  spec.fork = "overlay";
  spec.limits = {32, 64 << 20, 0.5};
  spec.deny_egress = true;
  spec.state = "/var/lib/simmer";
  spec.engine = "swarm";
  spec.engine_id = "Docker ABCD";
  spec.engines = {"tcp://127.0.0.1:2376", "/etc/simmer/tls", "/usr/local/bin/docker", "/opt/abra", "/root/.abra", "example.org"};
  spec.plugin_path = {"/a", "/b"};
  spec.window = milliseconds(1);
  spec.start = milliseconds(2);
  spec.plugin = milliseconds(3);
  spec.teardown = milliseconds(4'000'000'000'000);
  spec.keep = milliseconds(5);
  return spec;
}

// Leaves of a document, by path.
std::map<std::string, std::string> leaves(const json& document) {
  std::map<std::string, std::string> found;
  const json flat = document.flatten();
  for (const auto& [path, value] : flat.items()) found[path] = value.dump();
  return found;
}

TEST(RunSpecs, ComeOverWholeThroughText) {
  const RunSpec sent = a_spec(), got = run_spec_from(json::parse(to_json(sent).dump()));
  EXPECT_EQ(got.mode, sent.mode);
  EXPECT_EQ(got.run_id, sent.run_id);
  EXPECT_EQ(got.hex, sent.hex);
  EXPECT_EQ(got.app, sent.app);
  EXPECT_EQ(got.recipe, sent.recipe);
  EXPECT_EQ(got.stack, sent.stack);
  EXPECT_EQ(got.domain, sent.domain);
  EXPECT_EQ(got.attempt, sent.attempt);
  EXPECT_EQ(got.repository, sent.repository);
  EXPECT_EQ(got.head.asked, sent.head.asked);
  EXPECT_EQ(got.head.commit, sent.head.commit);
  EXPECT_EQ(got.head.version, sent.head.version);
  EXPECT_EQ(got.head.is_release, sent.head.is_release);
  EXPECT_EQ(got.head.is_newest_release, sent.head.is_newest_release);
  EXPECT_EQ(got.head.is_working_tree, sent.head.is_working_tree);
  EXPECT_EQ(got.head_is_taken, sent.head_is_taken);
  EXPECT_EQ(got.base_commit, sent.base_commit);
  EXPECT_EQ(got.base_version, sent.base_version);
  EXPECT_EQ(got.no_base, sent.no_base);
  EXPECT_EQ(got.base_unknown, sent.base_unknown);
  EXPECT_EQ(got.tiers, sent.tiers);
  EXPECT_EQ(got.env, sent.env);
  EXPECT_EQ(got.needs, sent.needs);
  EXPECT_EQ(got.allow, sent.allow);
  EXPECT_EQ(got.proxy_network, sent.proxy_network);
  EXPECT_EQ(got.proxy_address, sent.proxy_address);
  EXPECT_EQ(got.proxy_tls, sent.proxy_tls);
  EXPECT_EQ(got.fork, sent.fork);
  EXPECT_EQ(got.limits, sent.limits);
  EXPECT_EQ(got.deny_egress, sent.deny_egress);
  EXPECT_EQ(got.state, sent.state);
  EXPECT_EQ(got.engine, sent.engine);
  EXPECT_EQ(got.engine_id, sent.engine_id);
  EXPECT_EQ(got.engines.docker_host, sent.engines.docker_host);
  EXPECT_EQ(got.engines.docker_tls, sent.engines.docker_tls);
  EXPECT_EQ(got.engines.docker_program, sent.engines.docker_program);
  EXPECT_EQ(got.engines.abra_program, sent.engines.abra_program);
  EXPECT_EQ(got.engines.abra_dir, sent.engines.abra_dir);
  EXPECT_EQ(got.engines.abra_server, sent.engines.abra_server);
  EXPECT_EQ(got.plugin_path, sent.plugin_path);
  EXPECT_EQ(got.window, sent.window);
  EXPECT_EQ(got.start, sent.start);
  EXPECT_EQ(got.plugin, sent.plugin);
  EXPECT_EQ(got.teardown, sent.teardown);
  EXPECT_EQ(got.keep, sent.keep);
}

// So that a field which is added and forgotten on the way does not pass unnoticed.
TEST(RunSpecs, HaveNoFieldThatStaysBehind) {
  const auto document = to_json(a_spec());
  EXPECT_EQ(document.size(), fields_of<RunSpec>()) << "a field of RunSpec is not in its document";
  EXPECT_EQ(document.at("head").size(), fields_of<ResolvedRef>()) << "a field of ResolvedRef is not in the document";
  EXPECT_EQ(document.at("limits").size(), fields_of<ServiceLimits>()) << "a field of ServiceLimits is not in the document";
  const auto defaults = leaves(to_json(RunSpec()));
  for (const auto& [path, value] : leaves(document))
    if (defaults.contains(path)) {
      EXPECT_NE(value, defaults.at(path)) << path << ": this test sends the default, and would not see it lost";
    }
}

TEST(RunSpecs, ComeOverInEveryMode) {
  for (const RunMode mode : {RunMode::cold, RunMode::quick, RunMode::promote, RunMode::seed, RunMode::deploy}) {
    auto spec = a_spec();
    spec.mode = mode;
    EXPECT_EQ(run_spec_from(to_json(spec)).mode, mode);
  }
}

TEST(RunSpecs, ThatAreNotUnderstoodAreRefused) {
  for (const std::string key : {"mode", "run_id", "head", "tiers", "state", "plugin_ms", "teardown_ms"}) {
    auto document = to_json(a_spec());
    document.erase(key);
    EXPECT_ANY_THROW(run_spec_from(document)) << key;
  }
  auto document = to_json(a_spec());
  document["mode"] = "warm";
  EXPECT_THROW(run_spec_from(document), Error);
  document = to_json(a_spec());
  document["tiers"] = {"install", "upgrad"};
  EXPECT_ANY_THROW(run_spec_from(document)) << "a tier that is asked for must not be dropped in silence";
}

}  // namespace
}  // namespace simmer
