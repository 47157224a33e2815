// The configuration: every documented key is known, no other one is, and what is wrong is said with file, line and the
// nearest known word.
#include <gmock/gmock.h>
#include <config/config.hpp>

#include <simmer/error.hpp>
#include <unit/base/scratch_folder.hpp>

namespace simmer {
namespace {

using namespace test;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

// Every key of design.md section 8, as it stands there, and the options that have a key of their own.
constexpr const char* documented = R"(base_domain: ci.example.org
engine: abra
abra: {bin: abra, dir: /root/.abra, server: default}
docker: {host: unix:///var/run/docker.sock, bin: /usr/local/bin/docker}
proxy: {network: proxy-net, address: 127.0.0.1:443, tls: wildcard}
recipes_dir: /var/lib/simmer-recipes
apps:
  traefik:  {role: live, domain: traefik.ci.example.org}
  keycloak: {role: live, domain: warm-keycloak.ci.example.org, update: minor, source: https://git.example.org/r/keycloak.git, intermediate: true,
             min_age: 1d, window: "02:00-04:00", on_fail: freeze, rehearse: true}
  custom-html: {role: canonical, env: {LANG: en, N: 7}, source: https://git.example.org/r/custom-html.git}
  docs: {recipe: lasuite-docs, role: test, needs: [keycloak], allow: [host-ports, foreign-volumes], trusted: true, sweep: false}
state: /var/lib/simmer
plugin_path: [/usr/lib/simmer/plugins, /more]
fork: reflink
hold: {markers: [manual migration, manual step]}
health: {window: 3s, live_window: 90s}
deadlines: {start: 200s, plugin: 50s, teardown: 40s, wait: 5s}
sweep:  {max_tests: 2, time_limit: 4h, host_update: [nixos-rebuild, switch]}
alerts: {command: [/usr/local/bin/page-me], webhook: {kind: ntfy, url: https://ntfy.example.org/ops}}
disk:   {high: 80, low: 70}
runs:   {limits: {pids: 512, memory: 2g, cpus: 1.5}, egress: deny}
serve:  {listen: 127.0.0.1:8420, public_url: https://simmer.example.org, forges: [{kind: forgejo, url: https://git.example.org,
         token_file: /etc/simmer/forge.token, hook_secret_file: /etc/simmer/hook.secret, repos: {me/custom-html: custom-html}}]}
offline: true
log_level: debug
)";

class ConfigFile : public ::testing::Test {
 protected:
  Config read(const std::string& text) {
    write_file_beside(file, text);
    return read_config(file);
  }
  // Read and checked, as the runner does it.
  void check(const std::string& text) { check_config(read(text)); }
  // The message that reading and checking `text` ends with; empty when it is accepted.
  std::string refusal(const std::string& text) {
    try {
      check(text);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::config) << error.what();
      EXPECT_THAT(error.message(), HasSubstr(file.string()));
      EXPECT_EQ(error.message().find('\n'), std::string::npos) << error.message();
      return error.message();
    }
    return "";
  }
  ScratchFolder scratch;
  fs::path file = scratch / "config.yml";
};

TEST_F(ConfigFile, TakesEveryDocumentedKey) {
  const Config config = read(documented);
  check_config(config);
  EXPECT_EQ(config.engines.docker_program, "/usr/local/bin/docker");
  EXPECT_EQ(config.file, file);
  EXPECT_EQ(config.base_domain, "ci.example.org");
  EXPECT_EQ(config.engine, "abra");
  EXPECT_EQ(config.proxy_network, "proxy-net");
  EXPECT_EQ(config.recipes(), "/var/lib/simmer-recipes");
  EXPECT_EQ(config.state, "/var/lib/simmer");
  EXPECT_THAT(config.plugin_path, ElementsAre("/usr/lib/simmer/plugins", "/more"));
  EXPECT_EQ(config.fork, "reflink");
  EXPECT_THAT(config.hold_markers, ElementsAre("manual migration", "manual step"));
  EXPECT_EQ(config.health.window, std::chrono::seconds(3));
  EXPECT_EQ(config.health.live_window, std::chrono::seconds(90));
  EXPECT_EQ(config.start_deadline(), std::chrono::seconds(200));
  EXPECT_EQ(config.deadlines.plugin, std::chrono::seconds(50));
  EXPECT_EQ(config.deadlines.teardown, std::chrono::seconds(40));
  EXPECT_EQ(config.deadlines.wait, std::chrono::seconds(5));
  EXPECT_EQ(config.disk.high, 80);
  EXPECT_EQ(config.disk.low, 70);
  EXPECT_EQ(config.runs.limits, (ServiceLimits{512, std::int64_t{2} << 30, 1.5}));
  EXPECT_TRUE(config.runs.deny_egress);
  EXPECT_TRUE(config.offline);
  ASSERT_EQ(config.apps.size(), 4u);
  const auto docs = config.app("docs");
  EXPECT_EQ(docs.name + " " + docs.recipe + " " + docs.role, "docs lasuite-docs test");
  EXPECT_THAT(docs.needs, ElementsAre("keycloak"));
  EXPECT_THAT(docs.allow, ElementsAre("host-ports", "foreign-volumes"));
  EXPECT_TRUE(docs.trusted);
  EXPECT_FALSE(docs.sweep);
  const auto html = config.app("custom-html");
  EXPECT_THAT(html.env, ElementsAre(Pair("LANG", "en"), Pair("N", "7")));
  EXPECT_EQ(html.source, "https://git.example.org/r/custom-html.git");
  EXPECT_FALSE(html.trusted);
  EXPECT_TRUE(html.sweep);
  EXPECT_EQ(config.app("keycloak").update, "minor");
  EXPECT_EQ(config.domain_of(config.app("traefik")), "traefik.ci.example.org");
  EXPECT_EQ(config.domain_of(html), "warm-custom-html.ci.example.org");
}

TEST_F(ConfigFile, ThatIsEmptyOrSaysNothingIsTheDefaults) {
  for (const std::string text : {"", "# nothing\n", "---\n", "apps:\ndeadlines:\nhealth:\nplugin_path:\n"}) {
    const Config config = read(text);
    check_config(config);
    EXPECT_EQ(config.base_domain, "simmer.localhost");
    EXPECT_EQ(config.engine, "local");
    EXPECT_EQ(config.fork, "auto");
    EXPECT_EQ(config.start_deadline(), std::chrono::seconds(30));
    EXPECT_EQ(config.deadlines.wait, milliseconds(0));
    EXPECT_EQ(config.runs.limits, (ServiceLimits{4096, std::int64_t{4} << 30, 0})) << "no recipe runs without";
    EXPECT_FALSE(config.runs.deny_egress);
    EXPECT_THAT(config.apps, IsEmpty());
  }
  EXPECT_EQ(read("engine: swarm\n").start_deadline(), std::chrono::seconds(300));
  EXPECT_EQ(read("state: /s\n").recipes(), "/s/recipes");
  const auto unknown = Config().app("plain");
  EXPECT_EQ(unknown.name + " " + unknown.recipe + " " + unknown.role + " " + unknown.update, "plain plain  latest");
}

struct Mistake {
  std::string name, text;
  int line;
  std::string said;
};
std::ostream& operator<<(std::ostream& out, const Mistake& mistake) { return out << mistake.text; }

class ConfigMistake : public ConfigFile, public ::testing::WithParamInterface<Mistake> {};

TEST_P(ConfigMistake, IsRefusedWithItsLine) {
  const auto said = refusal(GetParam().text);
  EXPECT_THAT(said, HasSubstr(GetParam().said));
  EXPECT_THAT(said, HasSubstr(file.string() + ":" + std::to_string(GetParam().line) + ": "));
}

std::string named(const ::testing::TestParamInfo<Mistake>& info) { return info.param.name; }

// An unknown key, at every level, names the nearest known one.
const Mistake unknown_keys[] = {
    {"top", "\nbase_domian: x\n", 2, "did you mean 'base_domain'"},
    {"abra", "abra:\n  bim: x\n", 2, "'abra.bim', did you mean 'bin'"},
    {"docker", "docker:\n  hots: x\n", 2, "did you mean 'host'"},
    {"proxy", "proxy: {netwrok: p}\n", 1, "'proxy.netwrok', did you mean 'network'"},
    {"app", "apps:\n  one:\n    rol: live\n", 3, "'apps.one.rol', did you mean 'role'"},
    {"second_app", "apps:\n  one: {role: live}\n  two: {domian: x}\n", 3, "'apps.two.domian', did you mean 'domain'"},
    {"hold", "hold: {marker: [x]}\n", 1, "did you mean 'markers'"},
    {"health", "health:\n  window: 2s\n  live_windows: 2s\n", 3, "did you mean 'live_window'"},
    {"deadlines", "deadlines:\n\n  tear_down: 2s\n", 3, "did you mean 'teardown'"},
    {"sweep", "sweep: {max_test: 2}\n", 1, "did you mean 'max_tests'"},
    {"alerts", "alerts: {comand: [x]}\n", 1, "did you mean 'command'"},
    {"webhook", "alerts:\n  webhook: {kind: ntfy, ulr: x}\n", 2, "did you mean 'url'"},
    {"disk", "disk: {hihg: 80}\n", 1, "did you mean 'high'"},
    {"runs", "runs: {limit: {pids: 1}}\n", 1, "'runs.limit', did you mean 'limits'"},
    {"limits", "runs:\n  limits: {memroy: 1g}\n", 2, "'runs.limits.memroy', did you mean 'memory'"},
    {"serve", "serve: {listn: x}\n", 1, "did you mean 'listen'"},
    {"forge", "serve:\n  forges:\n    - {knd: forgejo, token_file: x}\n", 3, "did you mean 'kind'"},
    {"permission", "apps:\n  one:\n    allow: [host-ports, host-port]\n", 3, "did you mean 'host-ports'"},
};
INSTANTIATE_TEST_SUITE_P(UnknownKey, ConfigMistake, ::testing::ValuesIn(unknown_keys), named);

const Mistake twice[] = {
    {"top", "engine: local\nfork: auto\nengine: swarm\n", 3, "'engine' is given twice"},
    {"section", "deadlines:\n  start: 1s\n  start: 2s\n", 3, "'start' is given twice"},
    {"app", "apps:\n  one: {role: live}\n  one: {role: test}\n", 3, "'one' is given twice"},
    {"in_an_app", "apps:\n  one:\n    role: live\n    role: test\n", 4, "'role' is given twice"},
    {"env", "apps:\n  one:\n    env:\n      LANG: en\n      LANG: de\n", 5, "twice"},
};
INSTANTIATE_TEST_SUITE_P(Twice, ConfigMistake, ::testing::ValuesIn(twice), named);

const Mistake wrong_values[] = {
    {"engine", "engine: docker\n", 1, "must be one of: local, swarm, abra"},
    {"fork", "fork: copy\n", 1, "auto, reflink, overlay, restore"},
    {"role", "apps:\n  one: {role: warm}\n", 2, "live, canonical, test"},
    {"update", "apps:\n  one: {update: never}\n", 2, "latest, minor, patch, off"},
    {"log_level", "log_level: loud\n", 1, "log_level"},
    {"duration", "\n\ndeadlines: {start: soon}\n", 3, "deadlines.start must be a duration"},
    {"negative_duration", "health: {window: -2s}\n", 1, "must be a duration"},
    {"percent", "disk: {high: 120}\n", 1, "percentage"},
    {"pids", "runs: {limits: {pids: many}}\n", 1, "runs.limits.pids must be a number"},
    {"pids_below_nothing", "runs: {limits: {pids: -1}}\n", 1, "runs.limits.pids must be a number"},
    {"memory", "runs:\n  limits:\n    memory: 4 gigs\n", 3, "runs.limits.memory must be a size such as 512m or 4g"},
    {"memory_that_starts_nothing", "runs: {limits: {memory: 4}}\n", 1, "less than 6m"},
    {"memory_of_no_machine", "runs: {limits: {memory: 999999999999g}}\n", 1, "more than any machine has"},
    {"cpus", "runs: {limits: {cpus: all}}\n", 1, "runs.limits.cpus must be a number of processors"},
    {"cpus_that_start_nothing", "runs: {limits: {cpus: 0.001}}\n", 1, "less than 0.01"},
    {"egress", "runs: {egress: no}\n", 1, "runs.egress is 'no', must be one of: allow, deny"},
    {"percent_sign", "disk: {high: 80%}\n", 1, "percentage"},
    {"yes", "offline: maybe\n", 1, "true or false"},
    {"map_for_a_value", "base_domain: {a: b}\n", 1, "single value"},
    {"value_for_a_map", "deadlines: 5s\n", 1, "map"},
    {"list_at_the_top", "- a\n", 1, "map"},
    {"list_for_apps", "apps: [one]\n", 1, "map"},
    {"map_for_a_list", "plugin_path: {a: b}\n", 1, "list"},
    {"list_in_a_list", "plugin_path: [[a]]\n", 1, "single value"},
    {"app_name", "apps:\n  'a/../b': {}\n", 2, "app name"},
    {"app_name_that_is_a_folder", "apps:\n  ..: {}\n", 2, "app name"},
    {"no_yaml", "engine: local\nfork: [\n", 3, "not valid YAML"},
    {"tab", "apps:\n\tone: {}\n", 2, "not valid YAML"},
};
INSTANTIATE_TEST_SUITE_P(Value, ConfigMistake, ::testing::ValuesIn(wrong_values), named);

TEST_F(ConfigFile, ReadsSizesAsDockerWritesThem) {
  const auto memory = [&](const std::string& word) { return read("runs: {limits: {memory: " + word + "}}\n").runs.limits.memory_bytes; };
  EXPECT_EQ(memory("0"), 0) << "no limit";
  EXPECT_EQ(memory("512m"), std::int64_t{512} << 20);
  EXPECT_EQ(memory("512MiB"), std::int64_t{512} << 20);
  EXPECT_EQ(memory("3gb"), std::int64_t{3} << 30);
  EXPECT_EQ(memory("20000k"), 20000 * 1024);
  EXPECT_EQ(memory("10000000"), 10000000);
  EXPECT_EQ(read("runs: {limits: {pids: 0}}\n").runs.limits, (ServiceLimits{0, std::int64_t{4} << 30, 0})) << "one does not change the others";
}

TEST_F(ConfigFile, ThatIsNotThereOrNoFileSaysSo) {
  EXPECT_THROW(read_config(scratch / "none.yml"), Error);
  try {
    read_config(scratch / "none.yml");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::config);
    EXPECT_THAT(error.message(), HasSubstr("none.yml"));
  }
  EXPECT_THROW(read_config(scratch.path()), Error);
}

TEST_F(ConfigFile, TakesValuesFromFiles) {
  write_file_beside(scratch / "domain", "ci.example.org\n");
  write_file_beside(scratch / "start", "45s\r\n");
  const auto config = read("base_domain_file: " + (scratch / "domain").string() +
                           "\ndeadlines: {start_file: " + (scratch / "start").string() + "}\n");
  EXPECT_EQ(config.base_domain, "ci.example.org");
  EXPECT_EQ(config.start_deadline(), std::chrono::seconds(45));
}

TEST_F(ConfigFile, SaysWhichValueFileIsWrongAndNeverWhatItHolds) {
  EXPECT_THAT(refusal("\nbase_domain_file: /no/such/file\n"), AllOf(HasSubstr(":2: "), HasSubstr("/no/such/file")));
  EXPECT_THAT(refusal("base_domian_file: x\n"), HasSubstr("unknown key 'base_domian_file'"));
  write_file_beside(scratch / "value", "s3cret");
  EXPECT_THAT(refusal("deadlines: {start_file: " + (scratch / "value").string() + "}\n"),
              AllOf(Not(IsEmpty()), Not(HasSubstr("s3cret"))));
}

TEST_F(ConfigFile, ThatGivesAValueAndItsFileSaysSo) {
  write_file_beside(scratch / "domain", "other.example.org\n");
  EXPECT_THAT(refusal("base_domain: ci.example.org\nbase_domain_file: " + (scratch / "domain").string() + "\n"), Not(IsEmpty()));
}

TEST_F(ConfigFile, RefusesTwoAppsWithOneDomain) {
  EXPECT_THAT(refusal("apps: {a: {role: live, domain: x.org}, b: {role: live, domain: x.org}}\n"),
              AllOf(HasSubstr("apps.a"), HasSubstr("apps.b"), HasSubstr("x.org")));
  // The lesson: the shared Keycloak at the name that the canonical has by default.
  EXPECT_THAT(refusal("apps: {sso: {role: live, domain: warm-keycloak.simmer.localhost}, keycloak: {role: canonical}}\n"),
              HasSubstr("same domain"));
  EXPECT_THAT(refusal("apps: {a: {role: live, domain: x.org}, b: {role: test, domain: x.org}}\n"), HasSubstr("same domain"));
  EXPECT_THAT(refusal("apps: {a: {role: live, domain: x.org}, b: {role: live, domain: X.org}}\n"), HasSubstr("same domain"))
      << "names know no case";
  EXPECT_EQ(refusal("apps: {a: {role: live, domain: x.org}, b: {role: live, domain: y.org}, c: {role: test}}\n"), "");
}

TEST_F(ConfigFile, RefusesADomainThatAColdRunCouldTake) {
  for (const std::string domain : {"cust-abc123.simmer.localhost", "a-000000.simmer.localhost", "wrm0-abcdef.simmer.localhost",
                                   "CUST-ABC123.simmer.localhost"})
    EXPECT_THAT(refusal("apps: {a: {role: live, domain: " + domain + "}}\n"), HasSubstr("cold run")) << domain;
  for (const std::string domain : {"custom-abc123.simmer.localhost", "cust-abc12.simmer.localhost", "cust-abc123.example.org",
                                   "cust-xyz123.simmer.localhost", "sub.cust-abc123.simmer.localhost", "simmer.localhost"})
    EXPECT_EQ(refusal("apps: {a: {role: live, domain: " + domain + "}}\n"), "") << domain;
}

// No cold run is ever called warm-…: that is what wrm0 is for. So an app may be called what it likes.
TEST_F(ConfigFile, TakesACanonicalWhoseNameHappensToBeHex) { EXPECT_EQ(refusal("apps: {facade: {role: canonical}}\n"), ""); }

TEST_F(ConfigFile, RefusesWhatIsNoDomainAndMarksThatAreReversed) {
  for (const std::string domain : {"'ci example'", "Example.org", "-x.org", "x.org/", "''"})
    EXPECT_THAT(refusal("base_domain: " + domain + "\n"), HasSubstr("base_domain")) << domain;
  EXPECT_THAT(refusal("base_domain:\nfork: auto\n"), HasSubstr("single value"));
  EXPECT_THAT(refusal("disk: {high: 60}\n"), HasSubstr("disk.low"));
}

}  // namespace
}  // namespace simmer
