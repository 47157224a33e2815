#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <abra/abra_driver.hpp>
#include <abra/abra_words.hpp>
#include <recipes/recipe_tree.hpp>
#include <simmer/error.hpp>

namespace simmer::abra {
namespace {

TEST(AbraWords, TypeIsRecipeAndVersion) {
  EXPECT_EQ(type_in_env("A=1\nTYPE=keycloak:10.7.1+26.6.2\n")->version, "10.7.1+26.6.2");
  EXPECT_EQ(type_in_env("TYPE=keycloak # the recipe\n")->recipe, "keycloak");
  EXPECT_EQ(type_in_env("TYPE=keycloak\n")->version, "");
  EXPECT_EQ(type_in_env("export RECIPE=\"custom-html:1.9.0+v2.9.6\"\n")->version, "1.9.0+v2.9.6");
  EXPECT_EQ(type_in_env("TYPE=old\nRECIPE=new\n")->recipe, "new");
  EXPECT_FALSE(type_in_env("#TYPE=keycloak\nMY_TYPE=x\n"));
}

TEST(AbraWords, AnEnvIsReadAsItWasMeant) {
  const std::map<std::string, std::string> values = {{"COMPOSE_FILE", "../../compose.simmer.yml"}, {"DOMAIN", "notes.example.org:8443"}, {"EMPTY", ""}, {"TIMEOUT", "300"}, {"X", "a%b@c,d=e+f"}};
  const auto text = env_text({"notes", "1.0.0+10.11"}, values);
  EXPECT_EQ(type_in_env(text)->recipe, "notes");
  auto read = parse_env_file(text, ".env");
  EXPECT_EQ(read["TYPE"], "notes:1.0.0+10.11");
  for (const auto& [key, value] : values) EXPECT_EQ(read[key], value) << key << "\n" << text;
}

// Whatever godotenv, abra's fork of it and a shell could read differently.
TEST(AbraWords, AValueThatAnEnvCannotHoldIsRefusedByName) {
  for (const char* value : {"a b\\", "it's \"x\"", "a b", "$X", "#", "a\nTYPE=other", "\xC3\xA4", "`id`", "'", "a\\"}) {
    try {
      env_text({"notes", ""}, {{"ODD", value}});
      ADD_FAILURE() << value;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::infrastructure);
      EXPECT_THAT(error.message(), ::testing::HasSubstr("cannot hold ODD")) << value;
    }
  }
}

TEST(AbraWords, AnExportThatAbraObeysIsFoundHoweverItIsWritten) {
  for (const char* line : {"export COMPOSE_FILE=x;", "export A=b; export COMPOSE_FILE=x", "export COMPOSE_FILE=$(true)", "  export\tCOMPOSE_FILE=\"x", "export A=1 STACK_NAME=other # $X", "export COMPOSE_FILE =x"})
    EXPECT_THAT(obeyed_export_in(std::string("#!/bin/bash\n") + line + "\n"), ::testing::StartsWith("abra.sh:2: sets ")) << line;
  EXPECT_EQ(obeyed_export_in("export A=" + std::string(5000, 'x') + "\n"), "abra.sh:1: has an export of more than 4096 characters");
  EXPECT_EQ(obeyed_export_in("export DB_CONF_VERSION=v1\nexport A=${STACK_NAME}_x\nexport MY_COMPOSE_FILE=x\n# export COMPOSE_FILE=x\nf() { COMPOSE_FILE=x docker ps; }\n"), "");
}

TEST(AbraWords, VersionsAreFoundAndCompared) {
  EXPECT_EQ(version_in("abra version 0.10.0-beta-5a1b2c3\n"), "0.10.0");
  EXPECT_FALSE(version_in("command not found"));
  EXPECT_TRUE(is_older("0.9.2", "0.10.0"));
  EXPECT_FALSE(is_older("0.10.0", "0.10.0"));
  EXPECT_FALSE(is_older("1.0.0", "0.10.0"));
}

TEST(AbraWords, WhatIsFatalIsOnStandardOutputAndColoured) {
  EXPECT_EQ(complaint_in("INFO a\n\x1b[31mFATA\x1b[0m \x1b[1msecret not generated: x\x1b[0m\r\n", "WARN b\n"), "secret not generated: x");
  EXPECT_EQ(complaint_in("FATA[0003] no such app\n", ""), "no such app");
  EXPECT_EQ(complaint_in("one\ntwo\n", ""), "two");
  EXPECT_EQ(complaint_in("", ""), "it said nothing");
}

TEST(AbraWords, SecretsAreNotShown) { EXPECT_EQ(shown("\x1b[1mtoken=hunter2 hunter2\x1b[0m", {{"token", "hunter2"}, {"empty", ""}}), "token=*** ***"); }

TEST(AbraWords, LintIsItsTable) {
  const auto findings = lint_table(
      "┃ REF  ┃ RULE ┃ SEVERITY ┃ SATISFIED ┃ SKIPPED ┃ RESOLVE ┃\n"
      "┃ R001 ┃ compose config has expected version ┃ warn ┃ ✅ ┃ - ┃ say it ┃\n"
      "│ R009 │ environment values are strings │ error │ ❌ │ - │ put them in quotes │\n"
      "| R002 | healthchecks | warn | ❌ | - | wire them up |\n"
      "┃ R014 ┃ annotated tags ┃ error ┃ ❌ ┃ ✅ ┃ ┃\n");
  ASSERT_TRUE(findings);
  ASSERT_EQ(findings->size(), 2U);
  EXPECT_EQ(findings->at(0).rule, "R009");
  EXPECT_TRUE(findings->at(0).error);
  EXPECT_EQ(findings->at(0).message, "environment values are strings: put them in quotes");
  EXPECT_FALSE(findings->at(1).error);
  EXPECT_FALSE(lint_table("FATA no such recipe\n")) << "no table is no clean bill";
}

// What the journals of its deployments say, beside Docker's ID.
TEST(AbraIdentity, IsTheOperatorsFolder) {
  AbraOptions options;
  EXPECT_EQ(AbraDriver(options).identity(), "");
  options.dir = "/root/.abra";
  EXPECT_EQ(AbraDriver(options).identity(), ", abra.dir /root/.abra");
}

}  // namespace
}  // namespace simmer::abra
