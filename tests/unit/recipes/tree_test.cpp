// Recipes in the shapes that are published, read as a whole; and what a bad one says.
#include <gmock/gmock.h>

#include "recipe_folder.hpp"

namespace simmer {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;
using testing_recipes::error_of;
using testing_recipes::read_fixture;
using testing_recipes::RecipeFolder;

const ServiceFacts& service(const RecipeTree& tree, const std::string& name) {
  for (const auto& one : tree.facts.services)
    if (one.name == name) return one;
  throw std::runtime_error("no service " + name);
}

std::vector<std::string> mounts_of(const ServiceFacts& facts) {
  std::vector<std::string> mounts;
  for (const auto& mount : facts.mounts)
    mounts.push_back(mount.type + " " + mount.source + " " + mount.target + (mount.read_only ? " ro" : ""));
  return mounts;
}

TEST(RecipeTreeProxy, MergesTheFilesThatEnvSampleNames) {
  const RecipeTree tree = read_fixture("proxy");
  EXPECT_THAT(tree.compose_files, ElementsAre("compose.yml", "compose.host.yml"));
  const ServiceFacts& app = service(tree, "app");
  EXPECT_THAT(mounts_of(app),
              ElementsAre("volume letsencrypt /etc/letsencrypt", "volume file-providers /etc/traefik/file-providers",
                          "bind /var/run/docker.sock /var/run/docker.sock ro"));
  ASSERT_EQ(app.ports.size(), 3u);
  EXPECT_EQ(app.ports[0].mode, "host");
  EXPECT_EQ(app.ports[2].published, "8082");
  EXPECT_EQ(app.labels.at("traefik.http.routers.traefik.rule"), "Host(`app.example.org`)");
  EXPECT_EQ(tree.version_label, "2.1.0+v3.1.4");
  EXPECT_EQ(tree.facts.timeout, std::chrono::seconds(300));
  EXPECT_EQ(app.stop_grace, std::chrono::seconds(90));
  EXPECT_THAT(app.command, ElementsAre("traefik", "--configfile", "/etc/traefik/traefik.yml"));
  EXPECT_THAT(app.environment, UnorderedElementsAre(Pair("LOG_LEVEL", "WARN"))) << "DASHBOARD_ENABLED is set nowhere";
  EXPECT_EQ(tree.facts.configs.at(0).resolved_name, "stack_traefik_yml_v23") << "abra.sh says the version";
  EXPECT_THAT(tree.facts.abra_exports,
              UnorderedElementsAre(Pair("TRAEFIK_YML_VERSION", "v23"), Pair("FILE_PROVIDER_YML_VERSION", "v10")));
  EXPECT_TRUE(app.has_healthcheck);
  EXPECT_THAT(tree.warnings, IsEmpty());
  EXPECT_FALSE(fs::exists("/tmp/simmer-abra-sh-was-run"));
}

TEST(RecipeTreeProxy, TheCallersComposeFileWinsAndMergesByDockersRules) {
  const RecipeTree tree = read_fixture(
      "proxy",
      {{"COMPOSE_FILE", "compose.yml:compose.wildcard.yml"}, {"SECRET_SSL_KEY_VERSION", "v1"}, {"DASHBOARD_ENABLED", "1"}});
  const ServiceFacts& app = service(tree, "app");
  EXPECT_THAT(mounts_of(app), ElementsAre("volume letsencrypt /etc/letsencrypt", "volume file-providers /etc/traefik/file-providers",
                                          "volume certificates /etc/certificates"));
  EXPECT_THAT(app.command, ElementsAre("traefik", "--configfile", "/etc/traefik/traefik.yml"));
  EXPECT_THAT(app.environment, UnorderedElementsAre(Pair("LOG_LEVEL", "DEBUG"), Pair("LETS_ENCRYPT_ENV", "staging"),
                                                    Pair("DASHBOARD_ENABLED", "1")))
      << "list and mapping are two spellings of one thing";
  EXPECT_THAT(app.configs, ElementsAre("traefik_yml"));
  EXPECT_THAT(app.secrets, ElementsAre("ssl_key"));
  EXPECT_EQ(app.labels.size(), 9u);
  EXPECT_EQ(tree.facts.secrets.at(0).resolved_name, "stack_ssl_key_v1");
  EXPECT_TRUE(tree.facts.secrets.at(0).external);
}

TEST(RecipeTreeIdentity, SecretsConfigsAndServices) {
  const RecipeTree tree = read_fixture("identity");
  EXPECT_EQ(tree.facts.services.size(), 2u);
  const ServiceFacts& app = service(tree, "app");
  EXPECT_EQ(app.environment.at("KEYCLOAK_ADMIN"), "admin");
  EXPECT_EQ(app.environment.at("KEYCLOAK_WELCOME_THEME"), "${THEME-keycloak}") << "a default is not filled in again, and ends at its first brace";
  EXPECT_EQ(app.environment.at("KC_HOSTNAME"), "https://app.example.org");
  EXPECT_THAT(app.healthcheck, ElementsAre("CMD-SHELL", "curl -f http://localhost:8080/ || exit 1"));
  EXPECT_THAT(app.networks, ElementsAre("proxy", "internal"));
  const ServiceFacts& db = service(tree, "db");
  EXPECT_THAT(db.secrets, ElementsAre("db_password"));
  EXPECT_THAT(db.networks, ElementsAre("internal"));
  EXPECT_EQ(db.restart_condition, "on-failure");
  EXPECT_EQ(db.replicas, 1) << "what is not said";
  EXPECT_THAT(mounts_of(db), ElementsAre("volume mariadb /var/lib/mysql"));
  EXPECT_THAT(db.healthcheck, ElementsAre("CMD-SHELL", "mysqladmin -p\"$(cat /run/secrets/db_root_password)\" ping"));
  EXPECT_EQ(db.labels.at("backupbot.backup"), "true");
  ASSERT_EQ(tree.secret_rules.size(), 2u);
  EXPECT_EQ(tree.secret_rules[0].length, 24u);
  EXPECT_EQ(tree.facts.secrets.at(1).resolved_name, "stack_db_password_v1");
  EXPECT_EQ(tree.facts.configs.at(0).options.at("template_driver"), "golang");
  EXPECT_EQ(tree.facts.configs.at(0).resolved_name, "stack_entrypoint_v9");
  EXPECT_EQ(tree.facts.env_sample.at("MAIL_FROM"), "noreply@$DOMAIN") << "as written";
  EXPECT_THAT(tree.warnings, ElementsAre(HasSubstr("the default of WELCOME_THEME holds '${THEME-keycloak'"), HasSubstr("EXTRA_DOMAINS is not set")));
}

TEST(RecipeTreeFiles, AnchorsAndMergeLists) {
  const RecipeTree tree = read_fixture("files");
  const ServiceFacts& app = service(tree, "app");
  EXPECT_THAT(app.environment,
              UnorderedElementsAre(Pair("MYSQL_HOST", "db"), Pair("MYSQL_USER", "own"), Pair("OVERWRITEPROTOCOL", "https"),
                                   Pair("REDIS_HOST", "cache"), Pair("PHP_MEMORY_LIMIT", "1G"), Pair("QUOTED", "1.10")));
  EXPECT_EQ(service(tree, "cron").environment.at("MYSQL_USER"), "nextcloud");
  for (const char* name : {"web", "app", "cron"})
    EXPECT_THAT(mounts_of(service(tree, name)),
                ElementsAre("volume nextcloud /var/www/html/", "volume nextapps /var/www/html/custom_apps",
                            "volume nextdata /var/www/html/data ro"));
  EXPECT_FALSE(service(tree, "web").has_healthcheck);
  EXPECT_THAT(service(tree, "web").healthcheck, ElementsAre("NONE"));
  EXPECT_THAT(service(tree, "app").healthcheck, ElementsAre("NONE"));
  EXPECT_THAT(service(tree, "cron").healthcheck, IsEmpty());
  EXPECT_EQ(tree.facts.volumes.size(), 3u);
}

TEST(RecipeTreePage, LocalSectionStaysAsWritten) {
  const RecipeTree tree = read_fixture("page");
  ASSERT_TRUE(service(tree, "app").local);
  const LocalFacts& local = *service(tree, "app").local;
  EXPECT_THAT(local.command, ElementsAre("nginx", "-p", "${RUN_DIR}", "-c", "${RUN_DIR}/nginx.conf", "-g", "daemon off;"));
  EXPECT_EQ(local.environment.at("ROOT"), "${VOLUME_content}");
  EXPECT_EQ(local.files.at("nginx.conf"), "local/nginx.conf.in");
  EXPECT_EQ(local.working_dir, "${RECIPE_DIR}");
  EXPECT_THAT(tree.warnings, IsEmpty()) << "its names are the engine's, not unset variables";
}

TEST(RecipeTreePage, SimmerYml) {
  using namespace std::chrono_literals;
  const SimmerYml yml = read_fixture("page").facts.simmer_yml;
  EXPECT_TRUE(yml.present);
  EXPECT_EQ(yml.health_path, "/index.html");
  EXPECT_EQ(yml.health_expect, "It works");
  EXPECT_THAT(yml.needs, ElementsAre("keycloak"));
  EXPECT_EQ(yml.timeouts.at("start"), 90s);
  EXPECT_EQ(yml.timeouts.at("plugin"), 5min);
  EXPECT_EQ(yml.timeouts.at("teardown"), 30s);
  EXPECT_EQ(yml.not_applicable.at(Tier::backup), "it keeps no data");
  EXPECT_THAT(yml.volumes_without_value, ElementsAre("cache"));
  EXPECT_THAT(yml.seed->argv, ElementsAre("sh", "-c", "echo $1 > /data/marker", "sh", "${NONCE}"));
  EXPECT_EQ(yml.wipe->service, "app");
}

TEST(RecipeTreeOdd, LegalIsNeverRejected) {
  const RecipeTree tree = read_fixture("odd");
  EXPECT_THAT(tree.compose_files, ElementsAre("docker-compose.yaml"));
  const ServiceFacts& app = service(tree, "app");
  EXPECT_THAT(app.command, ElementsAre("sh", "-c", "echo \"two words\" \\$HOME", "--flag=a b", ""));
  EXPECT_THAT(app.environment, UnorderedElementsAre(Pair("EMPTY", ""), Pair("EQUALS", "a=b=c"), Pair("DOLLAR", "$5"), Pair("NUMBER", "1")));
  EXPECT_EQ(tree.version_label, "0.1.0+latest");
  EXPECT_EQ(app.ports.size(), 8u);
  EXPECT_EQ(app.ports[3].published, "8083");
  EXPECT_EQ(app.ports[5].published, "9001") << "a range is its ports";
  EXPECT_THAT(mounts_of(app),
              ElementsAre("volume  /anonymous", "volume named /named", "tmpfs  /scratch", "volume other /other ro"));
  EXPECT_THAT(app.networks, ElementsAre("default", "back"));
  EXPECT_EQ(app.stop_grace, std::chrono::milliseconds(90500));
  EXPECT_EQ(app.restart_condition, "none");
  EXPECT_EQ(app.replicas, 2);
  EXPECT_THAT(app.secrets, ElementsAre("token"));
  EXPECT_NE(tree.compose.find("services")->find("app")->find("ulimits"), nullptr);
}

TEST(RecipeTree, CanBeShownWithoutAnEnvironment) {
  for (const char* name : {"proxy", "identity", "files", "page", "odd"}) {
    const RecipeTree tree = read_recipe_tree(fs::path(SIMMER_RECIPE_FIXTURES) / name, name, {});
    EXPECT_FALSE(tree.version_label.empty()) << name;
  }
}

TEST(RecipeTree, AVersionLabelInAMappingsKeyIsFound) {
  EXPECT_EQ(
      RecipeFolder("services: {app: {deploy: {labels: {'coop-cloud.${STACK_NAME}.version': 1.0.0+2}}}}").read().version_label,
      "1.0.0+2");
  EXPECT_EQ(RecipeFolder("services: {app: {labels: ['coop-cloud.${STACK_NAME}.version=1.0.0+2']}}").read().version_label,
            "1.0.0+2");
}

// The recipe does not choose its stack or domain, whatever its files export.
TEST(RecipeTree, TheRunsOwnNamesWin) {
  RecipeFolder folder("services: {app: {image: a, labels: {s: '${STACK_NAME}', d: '${DOMAIN}', c: '${CONF}'}}}");
  folder.write(".env.sample", "STACK_NAME=other\nDOMAIN=other.example.org\nCONF=v1\n")
      .write("abra.sh", "export STACK_NAME=other\nexport DOMAIN=x\nexport CONF=v2\n");
  const auto labels = folder.read().facts.services[0].labels;
  EXPECT_THAT(labels,
              UnorderedElementsAre(Pair("s", "cust-abc123_example_org"), Pair("d", "cust-abc123.example.org"), Pair("c", "v2")));
}

TEST(RecipeTree, ValuesOfEnvSampleMayReferToOthers) {
  RecipeFolder folder("services: {app: {image: a, environment: ['MAIL=${MAIL}', 'RAW=${RAW}', 'UNKNOWN=${UNKNOWN}']}}");
  folder.write(".env.sample", "DOMAIN=sample\nMAIL=me@${DOMAIN}\nRAW='me@$DOMAIN'\nUNKNOWN=pa$word\n");
  EXPECT_THAT(
      folder.read().facts.services[0].environment,
      UnorderedElementsAre(Pair("MAIL", "me@cust-abc123.example.org"), Pair("RAW", "me@$DOMAIN"), Pair("UNKNOWN", "pa$word")));
}

// What a variable brings is text: it can never add structure to the file.
TEST(RecipeTree, AVariableBringsTextAndNoStructure) {
  RecipeFolder folder("services: {app: {image: a, environment: {A: $A, B: $B}}}");
  const RecipeTree tree = folder.read({{"B", "x\n  privileged: true"}, {"A", "[1, 2]"}});
  EXPECT_EQ(tree.facts.services[0].environment.at("B"), "x\n  privileged: true");
  EXPECT_EQ(tree.facts.services[0].environment.at("A"), "[1, 2]");
  EXPECT_THAT(judge_policy(tree, "cust-abc123_example_org", "cust-abc123.example.org", {}, "proxy"), IsEmpty());
}

TEST(RecipeTree, ReadsEnvFilesOfItsOwn) {
  RecipeFolder folder("services: {app: {image: a, env_file: [app.env], environment: {B: own}}}");
  folder.write("app.env", "A=file\nB=file\n");
  EXPECT_THAT(folder.read().facts.services[0].environment, UnorderedElementsAre(Pair("A", "file"), Pair("B", "own")));
}

TEST(RecipeTree, SimmerYmlOfAnotherFolderCounts) {
  RecipeFolder folder("services: {app: {image: a}}"), trusted;
  folder.write("simmer.yml", "health: {path: /mine}\n");
  EXPECT_FALSE(read_recipe_tree(folder.path(), "r", {}, trusted.path()).facts.simmer_yml.present);
  trusted.write("simmer.yml", "health: {path: /theirs}\n");
  EXPECT_EQ(read_recipe_tree(folder.path(), "r", {}, trusted.path()).facts.simmer_yml.health_path, "/theirs");
}

TEST(RecipeTree, MergesServicesNamedLikeKeys) {
  RecipeFolder folder("services: {command: {image: a, environment: [A=1]}, networks: {image: b}}\n");
  folder.write("compose.two.yml", "services: {command: {environment: {B: '2'}}, networks: {command: [x]}, new: {image: c}}\n");
  const RecipeTree tree = folder.read({{"COMPOSE_FILE", "compose.yml:compose.two.yml"}});
  EXPECT_EQ(tree.facts.services.size(), 3u);
  EXPECT_EQ(tree.facts.services[0].image, "a");
  EXPECT_THAT(tree.facts.services[0].environment, UnorderedElementsAre(Pair("A", "1"), Pair("B", "2")));
  EXPECT_EQ(tree.facts.services[1].image, "b");
}

// --- what is wrong is said in one line, with its place ---

std::string error_in(const std::string& compose) {
  return error_of([&] { RecipeFolder(compose).read(); });
}

TEST(RecipeTreeErrors, NameThePlace) {
  EXPECT_THAT(error_in("services:\n  app: [\n"), StartsWith("compose.yml:3:1: "));
  EXPECT_THAT(error_in("services:\n  app:\n    image: ${BROKEN\n"), StartsWith("compose.yml:3:12: '${BROKEN' must be followed by }"));
  EXPECT_THAT(error_in("services:\n  app:\n    image: a\n    image: b\n"), StartsWith("compose.yml:4:5: 'image' stands twice"));
  EXPECT_THAT(error_in("services: [app]\n"), HasSubstr("services must be a mapping"));
  EXPECT_THAT(error_in("services: {app: text}\n"), HasSubstr("services.app must be a mapping"));
  EXPECT_THAT(error_in("services: {}\n"), HasSubstr("no services"));
  EXPECT_THAT(error_in("volumes: {a: }\n"), HasSubstr("no services"));
  EXPECT_THAT(error_in(""), HasSubstr("a compose file must be a mapping"));
  EXPECT_THAT(error_in("services: {app: {stop_grace_period: soon}}\n"), HasSubstr("must be a duration (like 1m30s), not 'soon'"));
  EXPECT_THAT(error_in("services: {app: {command: \"sh -c 'open\"}}\n"), HasSubstr("quote"));
  EXPECT_THAT(error_in("services: {app: {volumes: {a: b}}}\n"), HasSubstr("volumes must be a list"));
  EXPECT_THAT(error_in("services: {'../up': {image: a}}\n"), HasSubstr("a name consists of"));
  EXPECT_THAT(error_in("services: {app: {image: a}}\nvolumes: {'..': }\n"), HasSubstr("a name consists of"));
  EXPECT_THAT(error_in("services: {app: {extends: app}}\n"), HasSubstr("'extends' is no key that Docker knows"));
}

TEST(RecipeTreeErrors, LocalSection) {
  EXPECT_THAT(error_in("services: {app: {x-simmer-local: {comand: [a]}}}"),
              HasSubstr("unknown key 'comand' in x-simmer-local of service app, did you mean 'command'?"));
  EXPECT_THAT(error_in("services: {app: {x-simmer-local: {environment: {A: b}}}}"), HasSubstr("has no command"));
  EXPECT_THAT(error_in("version: '3.6'\nservices: {app: {x-simmer-local: {command: a}}}"),
              HasSubstr("needs compose version \"3.7\""));
  EXPECT_EQ(RecipeFolder("version: '3'\nservices: {app: {x-simmer-local: {command: a}}}").read().facts.services.size(), 1u) << "the newest";
  EXPECT_THAT(RecipeFolder("version: '3.10'\nservices: {app: {x-simmer-local: {command: \"sh -c 'a b'\"}}}")
                  .read()
                  .facts.services[0]
                  .local->command,
              ElementsAre("sh", "-c", "a b"));
  EXPECT_EQ(RecipeFolder("version: '3.6'\nservices: {app: {image: a}}").read().facts.services.size(), 1u)
      << "without the section any version will do";
}

TEST(RecipeTreeErrors, SimmerYml) {
  const auto error_in_yml = [](const std::string& text) {
    return error_of([&] { RecipeFolder("services: {app: {image: a}}").write("simmer.yml", text).read(); });
  };
  EXPECT_THAT(error_in_yml("helth: {}\n"), AllOf(StartsWith("simmer.yml:1:8: "), HasSubstr("did you mean 'health'?")));
  EXPECT_THAT(error_in_yml("health: {pth: /}\n"), HasSubstr("did you mean 'path'?"));
  EXPECT_THAT(error_in_yml("health: {path: index.html}\n"), HasSubstr("begin with '/'"));
  EXPECT_THAT(error_in_yml("timeouts: {strat: 5s}\n"), HasSubstr("did you mean 'start'?"));
  EXPECT_THAT(error_in_yml("timeouts: {start: soon}\n"), HasSubstr("no duration"));
  EXPECT_THAT(error_in_yml("timeouts: {start: 0s}\n"), HasSubstr("no duration"));
  EXPECT_THAT(error_in_yml("not_applicable: {bakup: why}\n"), HasSubstr("did you mean 'backup'?"));
  EXPECT_THAT(error_in_yml("not_applicable: {backup: }\n"), HasSubstr("needs a reason"));
  EXPECT_THAT(error_in_yml("commands: {seed: {service: app}}\n"), HasSubstr("both service and argv"));
  EXPECT_THAT(error_in_yml("commands: {seed: {service: app, argv: sh -c x}}\n"), HasSubstr("must be a list"));
  EXPECT_THAT(error_in_yml("commands: {sed: {service: app, argv: [a]}}\n"), HasSubstr("did you mean 'seed'?"));
  EXPECT_THAT(error_in_yml("needs: keycloak\n"), HasSubstr("must be a list"));
}

TEST(RecipeTreeErrors, ComposeFile) {
  RecipeFolder folder("services: {app: {image: a}}");
  EXPECT_THAT(error_of([&] { folder.read({{"COMPOSE_FILE", "compose.yml:compose.x.yml"}}); }), HasSubstr("COMPOSE_FILE names 'compose.x.yml', and there is no such file"));
  EXPECT_THAT(error_of([&] { folder.read({{"COMPOSE_FILE", "../compose.yml"}}); }), HasSubstr("leaves the recipe's folder"));
  EXPECT_THAT(error_of([&] { folder.read({{"COMPOSE_FILE", "/etc/passwd"}}); }), HasSubstr("leaves the recipe's folder"));
  fs::create_symlink("/etc/passwd", folder.path() / "compose.link.yml");
  EXPECT_THAT(error_of([&] { folder.read({{"COMPOSE_FILE", "compose.link.yml"}}); }), HasSubstr("leaves the recipe's folder"));
  fs::create_symlink("loop", folder.path() / "loop");
  EXPECT_FALSE(error_of([&] { folder.read({{"COMPOSE_FILE", "loop"}}); }).empty());
  fs::create_directory(folder.path() / "dir");
  EXPECT_FALSE(error_of([&] { folder.read({{"COMPOSE_FILE", "dir"}}); }).empty());
  EXPECT_THAT(error_of([&] { RecipeFolder().read(); }), HasSubstr("no compose.yml"));
}

// abra obeys ABRA_…. Every other name is the recipe's own, for its containers: what it reads is what it set, never this machine's value.
TEST(RecipeTreeTools, NamesThatAbraObeysAreNotSet) {
  const std::string compose = "services: {app: {image: 'nginx:1'}}\n";
  const auto refused = [&](const std::string& file, const std::string& text) { return error_of([&] { RecipeFolder(compose).write(file, text).read(); }); };
  EXPECT_THAT(refused(".env.sample", "A=1\nABRA_DIR=./evil\n"), HasSubstr(".env.sample:2: sets ABRA_DIR"));
  EXPECT_THAT(refused("abra.sh", "export ABRA_SERVER=evil\n"), HasSubstr("abra.sh:1: sets ABRA_SERVER"));
  EXPECT_THAT(refused("abra.sh", "export COMPOSE_FILE=compose.yml\n"), HasSubstr("abra.sh:1: sets COMPOSE_FILE"));
  EXPECT_THAT(error_of([&] { RecipeFolder(compose).read({{"ABRA_DIR", "x"}}); }), HasSubstr("the app's env: sets ABRA_DIR"));
}

TEST(RecipeTreeTools, ARecipeHasAHomeAndADockerHostOfItsOwn) {
  ASSERT_NE(std::getenv("PATH"), nullptr);
  RecipeFolder folder("services: {app: {image: 'nginx:1', environment: {HOME: '${HOME}', DOCKER_HOST: $DOCKER_HOST, PATHS: 'x$PATH'}, command: [sh, -c, 'echo $$HOME']}}\n");
  folder.write(".env.sample", "HOME=/data\n").write("abra.sh", "export DOCKER_HOST=tcp://proxy:2375\n");
  const RecipeTree tree = folder.read();
  EXPECT_THAT(service(tree, "app").environment, UnorderedElementsAre(Pair("HOME", "/data"), Pair("DOCKER_HOST", "tcp://proxy:2375"), Pair("PATHS", "x")));
  EXPECT_THAT(tree.warnings, ElementsAre(HasSubstr("PATH is not set"))) << "this machine's is not read";
  EXPECT_THAT(service(tree, "app").command, ElementsAre("sh", "-c", "echo $HOME")) << "the container's own";
}

// What was judged is what is deployed: with the same environment, references filled in, abra.sh's word last.
TEST(RecipeTreeEnvironment, IsTheOneToDeployWith) {
  RecipeFolder folder("services: {app: {image: 'nginx:$TAG'}}\n");
  folder.write(".env.sample", "TAG=1\nMAIL=noreply@$DOMAIN\nLITERAL='$DOMAIN'\n").write("abra.sh", "export TAG=2\nexport STACK_NAME=other\nexport LETS_ENCRYPT_ENV=production\n");
  const RecipeTree tree = folder.read({{"DOMAIN", "a.example.org"}, {"STACK_NAME", "stack"}, {"LETS_ENCRYPT_ENV", ""}});
  EXPECT_THAT(tree.environment, UnorderedElementsAre(Pair("TAG", "2"), Pair("MAIL", "noreply@a.example.org"), Pair("LITERAL", "$DOMAIN"), Pair("DOMAIN", "a.example.org"),
                                                     Pair("STACK_NAME", "stack"), Pair("LETS_ENCRYPT_ENV", "")));
  EXPECT_EQ(service(tree, "app").image, "nginx:2");
}

// Docker would let a recipe take what Simmer finds its things by: the engines leave it out.
TEST(RecipeTreeLabels, ThoseThatAreSimmersOwnAreSaidToBeLeftOut) {
  const RecipeFolder folder(R"(services:
  web:
    image: a
    labels:
      own: kept
      simmer.run: forged
    volumes: ["data:/d"]
    deploy:
      labels: ["simmer.stack\x1b=z"]
volumes:
  data:
    labels: {simmer.given: folder}
)");
  EXPECT_THAT(folder.read().warnings, ElementsAre(HasSubstr("compose.yml:6:19: the label simmer.run of service web is left out"), HasSubstr("the label simmer.stack\\x1b of service web"),
                                                  HasSubstr("the label simmer.given of volume data is left out: labels that begin with simmer. are Simmer's own")));
}

}  // namespace
}  // namespace simmer
