// Each rule finds what it is for, and leaves a clean recipe alone.
#include <gmock/gmock.h>

#include "recipe_folder.hpp"

namespace simmer {
namespace {

using ::testing::Contains;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing_recipes::read_fixture;
using testing_recipes::RecipeFolder;

std::vector<std::string> rules(const RecipeTree& tree) {
  std::vector<std::string> rules;
  for (const auto& finding : lint(tree)) rules.push_back(finding.rule + (finding.error ? "!" : ""));
  return rules;
}

const char* const clean =
    "version: '3.8'\nservices:\n  app:\n    image: nginx:1.27\n    healthcheck: {test: [CMD, 'true']}\n"
    "    deploy: {labels: ['coop-cloud.${STACK_NAME}.version=1.0.0+1.27']}\n";

std::vector<std::string> rules_with(const std::string& from, const std::string& to) {
  std::string text = clean;
  text.replace(text.find(from), from.size(), to);
  return rules(RecipeFolder(text).write(".env.sample", "A=b\n").write("c", "x").read());
}

TEST(Lint, CleanIsEmpty) {
  EXPECT_THAT(rules_with("nginx", "nginx"), IsEmpty());
  EXPECT_THAT(rules(read_fixture("page")), IsEmpty());
  EXPECT_THAT(rules(read_fixture("proxy")), ElementsAre("S010")) << "as it is published";
  EXPECT_THAT(rules(read_fixture("identity")), IsEmpty());
}

TEST(Lint, EachRule) {
  EXPECT_THAT(rules_with("version: '3.8'", "x-note: x"), ElementsAre("R001"));
  EXPECT_THAT(rules_with("healthcheck: {test: [CMD, 'true']}", "init: true"), ElementsAre("R002"));
  EXPECT_THAT(rules_with("healthcheck: {test: [CMD, 'true']}", "healthcheck: {disable: true}"), IsEmpty());
  EXPECT_THAT(rules_with("nginx:1.27", "registry.example.org:5000/nginx"), ElementsAre("R003!"));
  EXPECT_THAT(rules_with("nginx:1.27", "nginx@sha256:0000000000000000000000000000000000000000000000000000000000000000"), IsEmpty());
  EXPECT_THAT(rules_with("nginx:1.27", "nginx:latest"), ElementsAre("R004!"));
  EXPECT_THAT(rules_with("nginx:1.27", "nginx:alpine"), ElementsAre("R005"));
  EXPECT_THAT(rules(RecipeFolder(clean).read()), ElementsAre("R008!"));
  EXPECT_THAT(rules_with("image:", "environment: {A: 1.10}\n    image:"), ElementsAre("R009"));
  EXPECT_THAT(rules_with("image:", "environment: {A: 'true', B: '1'}\n    image:"), IsEmpty());
  EXPECT_THAT(rules_with("image:", "environment: [A=true]\n    image:"), IsEmpty());
  EXPECT_THAT(rules_with("image: nginx:1.27", "user: x"), ElementsAre("R011!"));
  EXPECT_THAT(rules_with("1.0.0+1.27", "1.0"), ElementsAre("S001!"));
  EXPECT_THAT(rules_with("coop-cloud.", "cop-cloud."), ElementsAre("S001!"));
  EXPECT_THAT(rules_with("services:", "configs: {c: {name: '${STACK_NAME}_c_${C_VERSION}', file: c}}\nservices:"),
              ElementsAre("S002!"));
  EXPECT_THAT(rules_with("services:", "secrets: {s: {name: '${STACK_NAME}_s_${SECRET_S_VERSION}', external: true}}\nservices:"),
              ElementsAre("S003!"));
  EXPECT_THAT(rules_with("app:", "web:"), ElementsAre("S004"));
  EXPECT_THAT(rules_with("labels: [", "labels: ['traefik.http.routers.x.rule=Host(`${DOMAIN}`)', 'traefik.http.routers.x.tls=true', "), ElementsAre("S010"));
  EXPECT_THAT(rules_with("labels: [", "labels: ['traefik.http.routers.${STACK_NAME}_x.rule=Host(`${DOMAIN}`)', "), IsEmpty());
}

std::vector<std::string> messages(const RecipeTree& tree) {
  std::vector<std::string> messages;
  for (const auto& finding : lint(tree)) messages.push_back(finding.rule + ": " + finding.message);
  return messages;
}

std::string with(const std::string& from, const std::string& to) {
  std::string text = clean;
  return text.replace(text.find(from), from.size(), to);
}

TEST(Lint, AMissingVersionNamesItsVariable) {
  const std::string secret = with("services:", "secrets: {s-x: {name: '${STACK_NAME}_s_${SECRET_S_X_VERSION}', external: true}}\nservices:");
  EXPECT_THAT(messages(RecipeFolder(secret).write(".env.sample", "A=b\n").read()), ElementsAre(HasSubstr("S003: secret s-x has no version in its name 'cust-abc123_example_org_s_': set SECRET_S_X_VERSION in .env.sample")));
  RecipeFolder config(with("services:", "configs: {c: {name: '${STACK_NAME}_c_${C_VERSION}', file: c}}\nservices:"));
  config.write("c", "x").write(".env.sample", "A=b\n");
  EXPECT_THAT(messages(config.read()), ElementsAre(HasSubstr("S002: config c has no version in its name 'cust-abc123_example_org_c_': C_VERSION is not set; export it in abra.sh")));
  config.write("abra.sh", "export A=b\nexport C_VERSION=v$A\n");
  EXPECT_THAT(messages(config.read()), ElementsAre(HasSubstr("C_VERSION is not set (abra.sh:2 is not read: only a shell could work it out; write a constant)")));
}

TEST(Lint, NoHealthcheckIsAskedOfWhatDoesNotRunAllTheTime) {
  const auto unchecked = [](const std::string& deploy) { return rules_with("healthcheck: {test: [CMD, 'true']}\n    deploy: {", "deploy: {" + deploy + ", "); };
  EXPECT_THAT(unchecked("replicas: 0"), IsEmpty());
  EXPECT_THAT(unchecked("mode: replicated-job"), IsEmpty());
  EXPECT_THAT(unchecked("mode: global-job"), IsEmpty());
  EXPECT_THAT(unchecked("mode: global"), ElementsAre("R002"));
}

TEST(Lint, SecretsAndTheirVersionsBelongTogether) {
  const std::string compose = with("services:", "secrets: {s-x: {name: '${STACK_NAME}_s_v1', external: true}, f: {file: f}}\nservices:");
  const auto found = [&](const std::string& sample) { return messages(RecipeFolder(compose).write("f", "x").write(".env.sample", sample).read()); };
  EXPECT_THAT(found("SECRET_S_X_VERSION=v1\n"), IsEmpty());
  EXPECT_THAT(found("A=b\n"), ElementsAre(HasSubstr("S006: secret s-x: .env.sample has no SECRET_S_X_VERSION")));
  EXPECT_THAT(found("SECRET_S_X_VERSION=v1\nSECRET_OLD_VERSION=v1\n#SECRET_OLDER_VERSION=v1\n"), ElementsAre(HasSubstr("S005: .env.sample sets SECRET_OLD_VERSION")));
  RecipeFolder overlay(compose);
  overlay.write("f", "x").write(".env.sample", "SECRET_S_X_VERSION=v1\nSECRET_SMTP_VERSION=v1\n").write("compose.smtp.yml", "secrets: {smtp: {external: true, name: '${STACK_NAME}_smtp_${SECRET_SMTP_VERSION}'}}\n");
  EXPECT_THAT(messages(overlay.read()), IsEmpty()) << "of an overlay that may be chosen";
}

TEST(Lint, BackupLabelsAreThoseThatABackupKnows) {
  const auto found = [&](const std::string& label) {
    return messages(RecipeFolder(with("labels: [", "labels: ['" + label + "=x', ") + "volumes: {data: }\n").write(".env.sample", "A=b\n").read());
  };
  for (const std::string known : {"backup", "backup.volumes.data", "backup.volumes.data.path", "backup.path", "backup.pre-hook", "backup.post-hook", "restore", "restore.pre-hook", "restore.post-hook"})
    EXPECT_THAT(found("backupbot." + known), IsEmpty()) << known;
  EXPECT_THAT(found("backupbot.backup.pre-hok"), ElementsAre(AllOf(HasSubstr("S007: service app: "), HasSubstr("did you mean 'backupbot.backup.pre-hook'?"))));
  EXPECT_THAT(found("backupbot.backup.volumes.dta"), ElementsAre(AllOf(HasSubstr("names the volume dta"), HasSubstr("did you mean 'data'?"))));
  EXPECT_THAT(found("backupbot.backup.volumes.path"), ElementsAre(HasSubstr("names the volume path")));
  EXPECT_THAT(found("backupbot.backup.volumes."), ElementsAre(HasSubstr("no backup knows")));
}

TEST(Lint, TagAndLabelAgree) {
  RecipeFolder folder(clean);
  RecipeTree tree = folder.write(".env.sample", "A=b\n").read();
  EXPECT_THAT(messages(tree), IsEmpty());
  tree.facts.version = "1.0.1+1.27";
  EXPECT_THAT(messages(tree), ElementsAre("S008: the release is tagged 1.0.1+1.27, and the version label says 1.0.0+1.27"));
  EXPECT_THAT(rules(tree), ElementsAre("S008!"));
}

TEST(Lint, AHashThatBecomesAValueIsSaid) {
  const auto found = [&](const std::string& sample) { return messages(RecipeFolder(clean).write(".env.sample", sample).read()); };
  EXPECT_THAT(found("A=x # y\nB=\"x # y\" # z\nC='#'\nD=#\n"), ElementsAre(HasSubstr("S009: .env.sample:4: D: ")));
  EXPECT_THAT(found("A= # x\nB=x # y # hunter2\n"), ElementsAre(HasSubstr(".env.sample:1: A: "), AllOf(HasSubstr(".env.sample:2: B: "), Not(HasSubstr("hunter2")))));
}

}  // namespace
}  // namespace simmer
