// A recipe's compose files as Docker reads them: one case of each rule, with the value that Docker has. The rules themselves are
// held against docker/cli by tests/differential.
#include <gmock/gmock.h>

#include <recipes/docker_env_file.hpp>
#include <recipes/yaml_scalar.hpp>

#include "recipe_folder.hpp"

namespace simmer {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;
using testing_recipes::error_of;
using testing_recipes::RecipeFolder;

const std::string stack = "cust-abc123_example_org", domain = "cust-abc123.example.org";

// Services of two files, laid over one another; `service` is what stands in `app`, in flow style.
RecipeTree merged(const std::string& first, const std::string& second) {
  RecipeFolder folder("services: {app: {image: a, " + first + "}}\n");
  folder.write("two.yml", "services: {app: {" + second + "}}\n").write("a.env", "A=1\n");
  return folder.read({{"COMPOSE_FILE", "compose.yml:two.yml"}});
}

std::string written(const YamlValue* value) {
  std::string text = value == nullptr ? "nothing" : write_yaml(*value);
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

std::string app_says(const RecipeTree& tree, const std::string& key) { return written(tree.compose.find("services")->find("app")->find(key)); }
std::string merged_says(const std::string& key, const std::string& first, const std::string& second) { return app_says(merged(key + ": " + first, key + ": " + second), key); }
std::string merge_error(const std::string& key, const std::string& first, const std::string& second) {
  return error_of([&] { merged(key + ": " + first, key + ": " + second); });
}

std::string error_in(const std::string& compose) {
  return error_of([&] { RecipeFolder(compose).read(); });
}
std::string error_in_service(const std::string& service) { return error_in("services:\n  app: {image: a, " + service + "}\n"); }

// --- words ---

TEST(DockerScalar, NumbersAreAsGoPrintsThem) {
  const auto printed = [](const std::string& word) { return scalar_of(parse_yaml("a: " + word, "c.yml").entries[0].value).text; };
  for (const auto& [word, text] : std::map<std::string, std::string>{{"0440", "288"},       {"0o17", "15"}, {"0x1F", "31"},   {"0b11", "3"},     {"1_000", "1000"}, {"3.10", "3.1"}, {"1.0", "1"},      {"1e3", "1000"},
                                                                     {"1e21", "1e+21"}, {"1234567.5", "1.2345675e+06"}, {"1000000.0", "1e+06"}, {"999999.5", "999999.5"},     {"-0", "0"},    {"+5", "5"},      {".5", "0.5"},     {"08", "8"},       {"0.00001", "1e-05"}, {"1:30", "1:30"}, {"v1", "v1"},
                                                                     {"12345678901234567890", "12345678901234567890"}, {"True", "true"}, {"'0440'", "0440"}})
    EXPECT_EQ(printed(word), text) << word;
}

TEST(DockerScalar, WhatTheVersionsReadDifferentlyIsRefused) {
  for (const std::string word : {"yes", "No", "on", "OFF", "y", "N", "2024-01-31"}) EXPECT_THAT(error_in_service("hostname: " + word), HasSubstr("Docker 20.10 and another to Docker 28")) << word;
  EXPECT_THAT(error_in_service("labels: {y: '1'}"), HasSubstr("the key 'y' is no string to Docker"));
  EXPECT_THAT(error_in_service("labels: {1: '1'}"), HasSubstr("the key '1'"));
}

// go-yaml takes no tab for an indent; each of these was put to it, in both of its versions.
TEST(DockerYaml, TabsStandWhereDockerReadsThem) {
  const auto labels = [](const std::string& text) { return "services:\n  app:\n    image: a\n    labels:" + text; };
  for (const std::string block : {" |\n        \tone\n        two\n", " >\n        \tone\n", " |\n        \t\n        two\n", " >-\n        \tone\n        \ttwo\n", " >+ # 2\n        \tone\n", " &a |\n        \tone\n", " >\n\n        \tone\n"})
    EXPECT_THAT(error_in(labels("\n      k:" + block)), AllOf(StartsWith("compose.yml:5:"), HasSubstr("the block begins with a tab"))) << block;
  for (const std::string text : {"\n      -\tk=one\n", "\n      - \tk=one\n", "\n      -\t\n        k=one\n", "\n      -\t\"k=one\"\n", "\n      ?\tk\n      : one\n", "\n      ? k\n      :\tone\n", " [\n\tk=one]\n", " {\n\tk: one}\n"})
    EXPECT_THAT(error_in(labels(text)), AllOf(StartsWith("compose.yml:"), HasSubstr("a tab that Docker does not read: indent with blanks"))) << text;
  for (const std::string text : {" |2\n        \tone\n        two\n", " >2\n        \tone\n        two\n", " |\t\n        one\n        \ttwo\n", ":\tone\n", "\t: one\n", ": \t\"one\"\n", ": &a\tone\n", ": one\t\n"}) {
    const bool is_block = text.starts_with(" ");
    EXPECT_EQ(RecipeFolder(labels("\n      k" + std::string(is_block ? ":" : "") + text)).read().facts.services.size(), 1u) << text;
  }
  EXPECT_EQ(app_says(RecipeFolder(labels(" [\tk=one,\tl=m\t]\n")).read(), "labels"), "k: \"one\"\nl: \"m\"");
  EXPECT_EQ(app_says(RecipeFolder(labels("\n      k: >\n        one\n        \ttwo\n        three\n")).read(), "labels"), "k: \"one\\n\\ttwo\\nthree\\n\"");
}

// --- the schema ---

// The shapes that were green on `local` while Docker refuses them. Each is told with its place.
TEST(DockerSchema, RefusesWhatDockerRefuses) {
  for (const auto& [service, said] : std::vector<std::pair<std::string, std::string>>{{"enviroment: {A: b}", "'enviroment' is no key that Docker knows here, did you mean 'environment'?"},
                                                                                      {"depends_on: {db: {condition: service_healthy}}", "services.app.depends_on must be a list of strings"},
                                                                                      {"user: 1000", "services.app.user must be a string (put it in quotes), not '1000'"},
                                                                                      {"deploy: {labels: {a: true}}", "must be a string, a number or nothing (put it in quotes), not 'true'"},
                                                                                      {"environment: {A: true}", "not 'true'"},
                                                                                      {"hostname: '${TAG:?say which}'", "TAG must be set: say which"},
                                                                                      {"command: [1]", "must be a string"},
                                                                                      {"ports: [{target: '80'}]", "services.app.ports.target must be an integer from 0 on"},
                                                                                      {"cap_drop: [A, A]", "has an item twice"},
                                                                                      {"healthcheck: {interval: 5}", "must be a duration (like 1m30s), not '5'"},
                                                                                      {"healthcheck: {intervall: 5s}", "did you mean 'interval'?"},
                                                                                      {"deploy: {replicas: '2'}", "must be an integer from 0 on"},
                                                                                      {"deploy: {replicas: -1}", "must be an integer from 0 on"},
                                                                                      {"deploy: {update_config: {order: sideways}}", "start-first or stop-first"},
                                                                                      {"deploy: {resources: {limits: {cpus: 0.5}}}", "must be a string"},
                                                                                      {"deploy: {resources: {limits: {memory: lots}}}", "must be a size"},
                                                                                      {"ulimits: {nofile: {soft: 1}}", "says no hard"},
                                                                                      {"volumes: [{source: v, target: /x}]", "says no type"},
                                                                                      {"secrets: [{source: s, mode: 4.5}]", "must be an integer"},
                                                                                      {"logging: {level: x}", "'level' is no key"},
                                                                                      {"profiles: [a]", "'profiles' is no key"},
                                                                                      {"init: 'true'", "must be true or false"},
                                                                                      {"mem_limit: 5m", "'mem_limit' is no key"}}) {
    EXPECT_THAT(error_in_service(service), AllOf(StartsWith("compose.yml:2:"), HasSubstr(said))) << service;
  }
}

TEST(DockerSchema, AFileIsHeldToTheVersionThatItNames) {
  EXPECT_THAT(error_in("version: '3.2'\nservices: {app: {image: a}}\nconfigs: {c: {external: true}}\n"), HasSubstr("configs needs compose version \"3.3\" or later; this file says \"3.2\""));
  EXPECT_THAT(error_in("version: '3.8'\nservices: {app: {image: a, deploy: {resources: {limits: {pids: 5}}}}}\n"), HasSubstr("needs compose version \"3.9\""));
  EXPECT_THAT(error_in("version: '2.4'\nservices: {app: {image: a}}\n"), HasSubstr("'2.4' is no compose version"));
  EXPECT_THAT(error_in("version: 3.8\nservices: {app: {image: a}}\n"), HasSubstr("write \"3.8\", in quotes"));
  EXPECT_THAT(error_in("version:\nservices: {app: {image: a}}\n"), HasSubstr("must be a string"));
}

TEST(DockerSchema, EveryWayToWriteTheVersionReads) {
  for (const std::string line : {"", "version: '3'\n", "version: \"3.8\" # of old\n", "\"version\": \"3.8\"\n", "version: ''\n"}) EXPECT_EQ(RecipeFolder(line + "services: {app: {image: a}}\n").read().facts.services.size(), 1u) << line;
  EXPECT_EQ(RecipeFolder("{version: '3.8', services: {app: {image: a}}}\n").read().facts.services.size(), 1u);
  RecipeFolder two("version: '3.8'\nservices: {app: {image: a}}\n");
  two.write("two.yml", "services: {app: {init: true}}\n");
  EXPECT_THAT(error_of([&] { two.read({{"COMPOSE_FILE", "compose.yml:two.yml"}}); }), StartsWith("two.yml:1:1: this file says compose version \"3.13\", the first one \"3.8\""));
}

TEST(DockerReferences, WhatNothingDeclaresIsRefused) {
  EXPECT_THAT(error_in_service("volumes: ['data:/x']"), HasSubstr("the volume 'data' is declared nowhere"));
  EXPECT_THAT(error_in_service("networks: [back]"), HasSubstr("the network 'back' is declared nowhere"));
  EXPECT_THAT(error_in_service("secrets: [s]"), HasSubstr("'s' is declared nowhere: add it to secrets"));
  EXPECT_THAT(error_in("services: {app: {image: a}}\nconfigs: {c: {file: missing}}\n"), HasSubstr("config c: there is no file 'missing'"));
  EXPECT_THAT(error_in("services: {app: {image: a}}\nsecrets: {s: {}}\n"), HasSubstr("names no file and is not external"));
  EXPECT_THAT(error_in_service("env_file: missing.env"), HasSubstr("there is no file 'missing.env'"));
  EXPECT_THAT(error_in_service("healthcheck: {disable: true, test: [CMD, a]}"), HasSubstr("not both"));
  EXPECT_THAT(error_in_service("deploy: {mode: global, replicas: 2}"), HasSubstr("replicas do not go with mode global"));
}

// What Docker's engine refuses when the service is made.
TEST(DockerReferences, WordsOfTheEngineAreChecked) {
  for (const std::string service : {"deploy: {restart_policy: {condition: sometimes}}", "deploy: {endpoint_mode: foo}", "deploy: {update_config: {failure_action: explode}}", "deploy: {update_config: {max_failure_ratio: 2}}", "deploy: {placement: {constraints: ['node.role=manager']}}",
                                    "volumes: ['/x', {type: tmpfs, target: /x}]", "image: 'nginx:1 2'"})
    EXPECT_THAT(error_in("services:\n  app: {" + std::string(service.starts_with("image") ? "" : "image: a, ") + service + "}\n"), StartsWith("compose.yml:2:")) << service;
  for (const std::string name : {"dot.name", "tail-", "-head"}) EXPECT_THAT(error_in("services: {" + name + ": {image: a}}\n"), HasSubstr("no such name for a service")) << name;
  RecipeFolder files("services: {app: {image: a}}\nsecrets: {s: {file: one, name: '${STACK_NAME}_z'}, t: {file: two, name: '${STACK_NAME}_z'}}\n");
  files.write("one", "1").write("two", "2");
  EXPECT_THAT(error_of([&] { files.read(); }), HasSubstr("has the name 'cust-abc123_example_org_z' of another one"));
  EXPECT_THAT(error_of([&] { RecipeFolder("services: {app: {image: a}}\nconfigs: {c: {file: empty}}\n").write("empty", "").read(); }), HasSubstr("has 0 bytes; Docker takes 1 to"));
}

// None of these takes more than a moment, or memory.
TEST(DockerReading, WhatIsMadeToTakeForEverIsRefused) {
  std::string ports = "services: {app: {image: a, ports: [";
  for (int i = 0; i < 400; ++i) ports += "'" + std::to_string(i * 100 + 1) + "-" + std::to_string(i * 100 + 100) + "',";
  EXPECT_THAT(error_in(ports + "]}}\n"), HasSubstr("more than 5000 ports"));
  std::string variables;
  for (int i = 0; i < 3000; ++i) variables += "V" + std::to_string(i) + "=x\n";
  EXPECT_THAT(error_of([&] { RecipeFolder("services: {app: {image: a, env_file: many.env}}\n").write("many.env", variables).read(); }), HasSubstr("many.env:2001: more than 2000 variables"));
}

// --- merging ---

TEST(DockerMerge, ResourcesOfALaterFileReplace) {
  RecipeFolder folder("services: {app: {image: a, volumes: ['data:/x'], networks: [net]}}\nvolumes: {data: {labels: {a: b}, name: '${STACK_NAME}_d'}}\nnetworks: {net: {internal: true}}\n");
  folder.write("two.yml", "volumes: {data: {driver: local}}\nnetworks: {net: {attachable: true}}\n");
  const auto tree = folder.read({{"COMPOSE_FILE", "compose.yml:two.yml"}});
  EXPECT_EQ(written(tree.compose.find("volumes")->find("data")), "driver: \"local\"");
  EXPECT_EQ(written(tree.compose.find("networks")->find("net")), "attachable: true");
}

TEST(DockerMerge, WhatIsZeroDoesNotOverride) {
  EXPECT_EQ(merged_says("command", "[a]", "[]"), "- \"a\"");
  EXPECT_EQ(merged_says("read_only", "true", "false"), "true");
  EXPECT_EQ(merged_says("user", "'5'", "''"), "\"5\"");
  EXPECT_EQ(merged_says("environment", "{A: x, B: z}", "{A: '', B: }"), "A: \"x\"\nB: \"z\"");
  EXPECT_EQ(merged_says("environment", "{A: x}", "{A: 0}"), "A: 0") << "a string to Docker, and not an empty one";
  EXPECT_EQ(merged_says("labels", "{A: x}", "{A: ''}"), "A: \"\"") << "but a label's";
  EXPECT_EQ(merged_says("stop_grace_period", "10s", "0s"), "\"10s\"");
}

TEST(DockerMerge, ListsAreAppended) {
  EXPECT_EQ(merged_says("tmpfs", "/a", "[/b]"), "- \"/a\"\n- \"/b\"");
  EXPECT_EQ(merged_says("dns", "[1.1.1.1]", "9.9.9.9"), "- \"1.1.1.1\"\n- \"9.9.9.9\"");
  EXPECT_EQ(merged_says("extra_hosts", "['a:10.0.0.1']", "{a: 10.0.0.2}"), "- \"a:10.0.0.1\"\n- \"a:10.0.0.2\"");
  EXPECT_EQ(merged_says("healthcheck", "{test: [CMD, a], disable: false}", "{test: [CMD, b], interval: 5s}"), "test:\n  - \"CMD\"\n  - \"a\"\n  - \"CMD\"\n  - \"b\"\ndisable: false\ninterval: \"5s\"");
  EXPECT_EQ(merged_says("healthcheck", "{disable: true}", "{disable: false}"), "disable: true");
}

TEST(DockerMerge, PortsSecretsAndConfigsAreReplacedByWhatTheyAreAbout) {
  EXPECT_EQ(merged_says("ports", "['80:80']", "['80:81']"), "-\n  mode: \"ingress\"\n  target: 81\n  published: 80\n  protocol: \"tcp\"");
  RecipeFolder folder("services: {app: {image: a, secrets: [{source: s, mode: 0440}]}}\nsecrets: {s: {external: true}}\n");
  folder.write("two.yml", "services: {app: {secrets: [{source: s, uid: '5'}]}}\n");
  EXPECT_EQ(app_says(folder.read({{"COMPOSE_FILE", "compose.yml:two.yml"}}), "secrets"), "-\n  source: \"s\"\n  uid: \"5\"");
}

TEST(DockerMerge, LoggingIsMergedForOneDriverAndReplacedForAnother) {
  EXPECT_EQ(merged_says("logging", "{driver: a, options: {x: '1'}}", "{options: {z: '2'}}"), "driver: \"a\"\noptions:\n  x: \"1\"\n  z: \"2\"");
  EXPECT_EQ(merged_says("logging", "{driver: a, options: {x: '1'}}", "{driver: b}"), "driver: \"b\"");
  EXPECT_THAT(merge_error("logging", "{driver: a}", "{options: {z: '2'}}"), HasSubstr("lost by Docker"));
}

TEST(DockerMerge, WhatTheVersionsMergeDifferentlyIsRefused) {
  EXPECT_THAT(merge_error("command", "[a]", "[b]"), AllOf(StartsWith("two.yml:1:"), HasSubstr("'command' here and at compose.yml:1:"), HasSubstr("Docker 20.10 and 28 merge that differently")));
  EXPECT_THAT(merge_error("volumes", "[/x]", "[/x]"), HasSubstr("a mount at '/x'"));
  EXPECT_THAT(merge_error("deploy", "{replicas: 3}", "{replicas: 0}"), HasSubstr("'replicas: 0'"));
}

// --- env files, and the one file ---

TEST(DockerEnvFile, KeepsWhatIsBehindTheFirstEqualsSign) {
  const auto read = [](const std::string& text) { return read_docker_env_file(text, "a.env", {{"KNOWN", "here"}}); };
  EXPECT_THAT(read("A=1\n# no\n  B=\"two\" # kept\nC=a=b\nKNOWN\nUNKNOWN\nD=\r\n"), ElementsAre(Pair("A", "1"), Pair("B", "\"two\" # kept"), Pair("C", "a=b"), Pair("KNOWN", "here"), Pair("D", "")));
  EXPECT_THAT(error_of([&] { read("A=1\nA B=2\n"); }), StartsWith("a.env:2: a blank in the name"));
  EXPECT_THAT(error_of([&] { read("=2\n"); }), HasSubstr("no name"));
  EXPECT_THAT(error_of([&] { read("A=\xff\n"); }), HasSubstr("UTF-8"));
}

TEST(OneFile, RefersToNothingOfTheRecipe) {
  RecipeFolder folder("services: {app: {image: a, env_file: a.env, configs: [c], secrets: [s], privileged: true, build: ., x-simmer-local: {command: [a]}, command: ['$$A', '$A']}}\n"
                      "configs: {c: {file: conf, name: '${STACK_NAME}_c_v1', template_driver: golang, labels: {l: m}}}\nsecrets: {s: {file: conf}}\nx-note: {a: b}\n");
  folder.write("a.env", "A=file\n").write("conf", "content $A\n");
  const auto tree = folder.read({{"A", "value"}});
  EXPECT_EQ(one_file(tree),
            R"({"configs":{"c":{"file":"conf","labels":{"l":"m"},"name":"cust-abc123_example_org_c_v1","template_driver":"golang"}},"secrets":{"s":{"file":"conf"}},"services":{"app":{"command":["$A","value"],"configs":[{"source":"c"}],"environment":{"A":"file"},"image":"a","secrets":[{"source":"s"}]}},"version":"3.9"})");
  ASSERT_EQ(tree.objects.size(), 2u);
  EXPECT_EQ(tree.objects[0].content, "content $A\n") << "a config's content is nobody's to fill in";
  EXPECT_EQ(tree.objects[0].template_driver, "golang");
  EXPECT_TRUE(tree.objects[1].is_secret);
}

// What lies outside of the checkout is not read, even where the operator allows the recipe to name it.
TEST(OneFile, NothingOutsideOfTheCheckoutIsRead) {
  for (const std::string compose : {"services: {app: {image: a, env_file: /etc/hostname}}\n", "services: {app: {image: a}}\nconfigs: {c: {file: ../x}}\n", "services: {app: {image: a}}\nsecrets: {s: {file: link}}\n"}) {
    RecipeFolder folder(compose);
    fs::create_symlink("/etc/hostname", folder.path() / "link");
    const auto tree = folder.read();
    EXPECT_THAT(tree.objects, IsEmpty());
    EXPECT_THAT(judge_policy(tree, stack, domain, {}, "proxy"), Not(IsEmpty()));
    EXPECT_THAT(error_of([&] { one_file(tree); }), HasSubstr("Simmer reads nothing there, whatever is allowed")) << compose;
  }
}

// --- what got through once, as it was found ---

TEST(OneReading, TheAttacksThatPassedAreRefused) {
  const auto judged = [&](const std::string& first, const std::string& second, Environment more = {}) {
    RecipeFolder folder(first);
    if (!second.empty()) {
      folder.write("two.yml", second);
      more["COMPOSE_FILE"] = "compose.yml:two.yml";
    }
    const auto violations = judge_policy(folder.read(more), stack, domain, {}, "proxy");
    return violations.empty() ? std::string("nothing") : violations[0].permission + ": " + violations[0].what;
  };
  const std::string app = "services: {app: {image: a, volumes: ['data:/x']}}\n";
  EXPECT_THAT(judged(app + "volumes: {data: {name: '${STACK_NAME}_data'}}\n", "volumes: {data: {external: true}}\n"), StartsWith("foreign-volumes")) << "merged key by key, the name of the first file hid the second";
  EXPECT_THAT(judged(app + "volumes: {data: }\nsecrets: {s: {external: true, name: '${STACK_NAME}_s'}}\n", "secrets: {s: {external: true}}\n"), StartsWith("foreign-secrets"));
  EXPECT_THAT(judged("services: {app: {image: a, volumes: ['$N-/etc:/x']}}\n", ""), StartsWith("bind-mounts")) << "a default without braces";
  EXPECT_THAT(judged("services: {app: {image: a, volumes: ['${A-${B}/etc:/x']}}\n", "", {{"A", "/"}}), StartsWith("bind-mounts")) << "a default ends at the first brace";
  for (const char* letter : {"\xC5\xBF", "\xE2\x84\xAA"})
    EXPECT_THAT(error_of([&] { judged("services: {app: {image: a, volumes: ['${DATA" + std::string(letter) + "-data}:/x']}}\nvolumes: {data: }\n", ""); }), HasSubstr("beyond ASCII"));
  EXPECT_THAT(error_of([&] { judged("x-b: &b {volumes: ['/etc:/x']}\nservices: {app: {image: a, volumes: ['data:/x'], <<: *b}}\nvolumes: {data: }\n", ""); }), HasSubstr("stands before it"));
}

}  // namespace
}  // namespace simmer
