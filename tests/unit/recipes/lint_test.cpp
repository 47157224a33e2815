// Each rule finds what it is for, and leaves a clean recipe alone.
#include <gmock/gmock.h>

#include "recipe_folder.hpp"

namespace simmer {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
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
  return rules(RecipeFolder(text).write(".env.sample", "A=b\n").read());
}

TEST(Lint, CleanIsEmpty) {
  EXPECT_THAT(rules_with("nginx", "nginx"), IsEmpty());
  EXPECT_THAT(rules(read_fixture("page")), IsEmpty());
  EXPECT_THAT(rules(read_fixture("proxy")), IsEmpty());
  EXPECT_THAT(rules(read_fixture("identity")), IsEmpty());
}

TEST(Lint, EachRule) {
  EXPECT_THAT(rules_with("version: '3.8'", "name: x"), ElementsAre("R001"));
  EXPECT_THAT(rules_with("healthcheck: {test: [CMD, 'true']}", "init: true"), ElementsAre("R002"));
  EXPECT_THAT(rules_with("healthcheck: {test: [CMD, 'true']}", "healthcheck: {disable: true}"), IsEmpty());
  EXPECT_THAT(rules_with("nginx:1.27", "registry.example.org:5000/nginx"), ElementsAre("R003!"));
  EXPECT_THAT(rules_with("nginx:1.27", "nginx@sha256:0123"), IsEmpty());
  EXPECT_THAT(rules_with("nginx:1.27", "nginx:latest"), ElementsAre("R004!"));
  EXPECT_THAT(rules_with("nginx:1.27", "nginx:alpine"), ElementsAre("R005"));
  EXPECT_THAT(rules(RecipeFolder(clean).read()), ElementsAre("R008!"));
  EXPECT_THAT(rules_with("image:", "environment: {A: true}\n    image:"), ElementsAre("R009!"));
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
}

}  // namespace
}  // namespace simmer
