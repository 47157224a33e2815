// What a maintainer is told when a recipe is refused: where it stands, what stands there, what to write instead. One case for each
// refusal that once left one of them out.
#include <gmock/gmock.h>

#include <recipes/recipe_repository.hpp>

#include "recipe_folder.hpp"

namespace simmer {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing_recipes::error_of;
using testing_recipes::RecipeFolder;

const std::string plain = "services:\n  app:\n    image: a\n";

std::string refusal(const std::string& file, const std::string& text) {
  RecipeFolder folder(plain);
  folder.write(file, text);
  return error_of([&] { folder.read(); });
}

std::string refusal_of(const std::string& compose) { return refusal("compose.yml", compose); }
std::string refusal_in_service(const std::string& more) { return refusal_of(plain + "    " + more + "\n"); }

TEST(Refusal, ByteThatIsNoTextIsShownWithItsPlace) {
  EXPECT_EQ(refusal_of("services:\n  app: {image: a\xff}\n"), "compose.yml:2:17: the byte 0xff is no text in UTF-8: save the file as UTF-8");
  EXPECT_THAT(refusal(".env.sample", "A=b\nX=a\xff\n"), AllOf(HasSubstr(".env.sample:2: "), HasSubstr("the byte 0xff in the value of X"), HasSubstr("save the file as UTF-8")));
  RecipeFolder folder(plain + "    env_file: a.env\n");
  folder.write("a.env", "A=b\nX=a\xff\n");
  EXPECT_THAT(error_of([&] { folder.read(); }), AllOf(HasSubstr("a.env:2: the byte 0xff"), HasSubstr("save the file as UTF-8")));
}

TEST(Refusal, ControlCharacterIsNamed) {
  EXPECT_EQ(refusal_of("services:\n  app: {image: a\x07}\n"), "compose.yml:2:17: the control character U+0007: leave it out");
  EXPECT_THAT(refusal_of("services:\n  app: {image: a} # \xE2\x80\xA8 b: c\n"), AllOf(HasSubstr("compose.yml:2:21: "), HasSubstr("U+2028"), HasSubstr("ends the line for Docker")));
  EXPECT_THAT(refusal_of("services:\r  app: {image: a}\n"), AllOf(HasSubstr("compose.yml:1:10: "), HasSubstr("carriage return"), HasSubstr("line feed")));
  EXPECT_THAT(refusal(".env.sample", "A=b\nX=a\x07\n"), HasSubstr(".env.sample:2: the control character U+0007 in the value of X: leave it out"));
  EXPECT_THAT(refusal(".env.sample", "A=b\nX=a\xC2\x85\n"), HasSubstr("U+0085"));
}

TEST(Refusal, KeySaysWhatIsWrongWithIt) {
  EXPECT_EQ(refusal_of("services:\n  \"\": {image: a}\n"), "compose.yml:2:3: an empty key: write a name before the ':'");
  EXPECT_EQ(refusal_of("services:\n  \"a\\x1b[2Kb\": {image: a}\n"), "compose.yml:2:3: the key 'a\\x1b[2Kb' holds a control character: leave it out");
  EXPECT_THAT(refusal_of("services:\n  " + std::string(1001, 'x') + ": {image: a}\n"), AllOf(HasSubstr("compose.yml:2:3: the key 'xxx"), HasSubstr("has 1001 characters, and 1000 are the most")));
}

TEST(Refusal, VariableOfSomebodyElseIsNamedWithItsLine) {
  EXPECT_THAT(refusal("abra.sh", "#!/bin/sh\nexport A=1 COMPOSE_FILE=x\n"), HasSubstr("abra.sh:2: sets COMPOSE_FILE"));
  EXPECT_THAT(refusal("abra.sh", "export A=1\nexport ABRA_SERVER=x\n"), HasSubstr("abra.sh:2: sets ABRA_SERVER"));
  EXPECT_THAT(refusal(".env.sample", "A=1\nABRA_DIR=x\n"), HasSubstr(".env.sample:2: sets ABRA_DIR"));
  RecipeFolder folder(plain);
  const auto tree = folder.write("abra.sh", "export A=1\nexport STACK_NAME=x\n").read();
  const auto violations = judge_policy(tree, "cust-abc123_example_org", "cust-abc123.example.org", {}, "proxy");
  ASSERT_EQ(violations.size(), 1U);
  EXPECT_EQ(violations[0].what, "abra.sh:2: sets STACK_NAME, which is the run's own: leave the line out");
}

TEST(Refusal, FileThatComposeFileNamesIsNamedWithTheLineThatNamesIt) {
  EXPECT_EQ(refusal(".env.sample", "A=b\nCOMPOSE_FILE=compose.yml:../../etc/passwd\n"),
            ".env.sample:2: COMPOSE_FILE names '../../etc/passwd', which leaves the recipe's folder: name files of the recipe");
  EXPECT_EQ(refusal(".env.sample", "COMPOSE_FILE=\"compose.yml\"\nCOMPOSE_FILE=\"$COMPOSE_FILE:compose.ymi\"\n"),
            ".env.sample:2: COMPOSE_FILE names 'compose.ymi', and there is no such file in the recipe, did you mean 'compose.yml'?");
  EXPECT_THAT(error_of([&] { RecipeFolder(plain).read({{"COMPOSE_FILE", "/etc/passwd"}}); }), HasSubstr("the app's env: COMPOSE_FILE names '/etc/passwd', which leaves the recipe's folder"));
}

TEST(Refusal, WhatIsNoYamlIsShownWithItsLikelyCause) {
  EXPECT_EQ(refusal_of("services:\n  app: *x\n"), "compose.yml:2:8: the anchor 'x' is not defined: write &x before what it shall stand for, above");
  EXPECT_EQ(refusal_of("services:\n  app:\n    image: a\n   ports: []\n"),
            "compose.yml:4:4: end of map not found, at '   ports: []': its indentation is that of no line above it");
  EXPECT_THAT(refusal_of("services:\n  app:\n\timage: a\n"), AllOf(HasSubstr("compose.yml:3:2: "), HasSubstr("at '\\timage: a'"), HasSubstr("a tab indents nothing: use blanks")));
  EXPECT_THAT(refusal_of("services:\n  app: {image: a\n"), AllOf(HasSubstr("compose.yml:3:1: "), HasSubstr("at '  app: {image: a'"), HasSubstr("a '{' or '[' is not closed")));
  EXPECT_THAT(refusal_of("services:\n  app: {image: a: b}\n"), AllOf(HasSubstr("compose.yml:2:17: "), HasSubstr("a comma is missing")));
  EXPECT_THAT(refusal_of("services:\n  app:\n    image: a: b\n"), AllOf(HasSubstr("compose.yml:3:13: "), HasSubstr("at '    image: a: b'"), HasSubstr("in quotes")));
  EXPECT_THAT(refusal_of("services:\n  app:\n    image: @a\n"), AllOf(HasSubstr("compose.yml:3:12: "), HasSubstr("in quotes")));
  EXPECT_THAT(refusal_of("services: {app: {image: a}}}\n"), HasSubstr("a '}' or ']' that nothing above has opened"));
}

TEST(Refusal, KeyOfDockerComposeSaysWhatAStackHasInItsPlace) {
  for (const auto& [key, instead] : std::map<std::string, std::string>{{"mem_limit: 1g", "deploy.resources.limits.memory"},
                                                                       {"memswap_limit: 1g", "deploy.resources.limits.memory"},
                                                                       {"cpus: 1", "deploy.resources.limits.cpus"},
                                                                       {"mem_reservation: 1g", "deploy.resources.reservations.memory"},
                                                                       {"pids_limit: 10", "deploy.resources.limits.pids"},
                                                                       {"scale: 2", "deploy.replicas"},
                                                                       {"extends: {service: a}", "a YAML anchor, or a second file in COMPOSE_FILE"},
                                                                       {"profiles: [a]", "a file of its own that COMPOSE_FILE names"},
                                                                       {"gpus: all", "deploy.resources.reservations.generic_resources"},
                                                                       {"platform: linux/amd64", "deploy.placement.constraints"},
                                                                       {"pull_policy: always", "leave it out"},
                                                                       {"group_add: [a]", "user: \"uid:gid\""},
                                                                       {"volumes_from: [a]", "a volume that both services mount"},
                                                                       {"deploy: {restart: always}", "deploy.restart_policy"}})
    EXPECT_THAT(refusal_in_service(key), AllOf(HasSubstr("is no key that Docker knows here"), HasSubstr(instead))) << key;
  EXPECT_THAT(refusal_of("include: [a.yml]\n" + plain), HasSubstr("COMPOSE_FILE in .env.sample, with ':' between the files"));
  EXPECT_THAT(refusal_of("name: a\n" + plain), AllOf(HasSubstr("compose.yml:1:7: "), HasSubstr("leave it out: the deployment gives the name")));
}

TEST(Refusal, DefaultInADefaultSaysThatTheyDoNotNest) {
  EXPECT_THAT(refusal_in_service("volumes: ['${N:-${M:-data}}:/data']"), AllOf(HasSubstr("the volume '${M' is declared nowhere"), HasSubstr("defaults do not nest")));
  EXPECT_THAT(refusal_of("services:\n  app:\n    image: ${A:-${B:-nginx}}\n"), HasSubstr("defaults do not nest"));
  EXPECT_THAT(RecipeFolder(plain + "    labels: {a: '${N:-${M:-data}}'}\n").read().warnings, ElementsAre(AllOf(HasSubstr("compose.yml:4:17: the default of N holds '${M:-data'"), HasSubstr("defaults do not nest"))));
}

TEST(Refusal, LetterBeyondAsciiIsShownWithItsCodePoint) {
  EXPECT_THAT(refusal_in_service("hostname: '$A\xC5\xBF'"), AllOf(HasSubstr("the letter '\xC5\xBF' (U+017F)"), HasSubstr("write ${A}")));
  const auto in_braces = refusal_in_service("hostname: '${A\xC5\xBF}'");
  EXPECT_THAT(in_braces, AllOf(HasSubstr("beyond ASCII behind '$A'"), HasSubstr("(U+017F)"), HasSubstr("call the variable something else"), Not(HasSubstr("write ${"))));
  EXPECT_THAT(refusal_in_service("hostname: '${\xE2\x84\xAA}'"), HasSubstr("(U+212A)"));
}

TEST(Refusal, TwoFilesThatExcludeEachOtherAreBothNamed) {
  RecipeFolder folder(plain + "    healthcheck: {test: [CMD, 'true']}\n");
  folder.write("two.yml", "services: {app: {healthcheck: {disable: true}}}\n");
  EXPECT_THAT(error_of([&] { folder.read({{"COMPOSE_FILE", "compose.yml:two.yml"}}); }), AllOf(HasSubstr("compose.yml:4:25"), HasSubstr("two.yml:1:41")));
}

TEST(Refusal, LinkOutOfTheRecipeSaysWhatToDo) {
  RecipeFolder folder(plain);
  fs::create_symlink("/etc/shadow", folder.path() / "l");
  RecipeFolder out;
  EXPECT_THAT(error_of([&] { take_working_tree(folder.path(), out.path() / "copy", Limit::in(std::chrono::seconds(10))); }),
              HasSubstr("the link l leaves the recipe (it points to /etc/shadow): put the file itself there, or link to one of the recipe's"));
}

TEST(Refusal, HasNoContextTwice) {
  RecipeFolder folder("services: 1\n");
  try {
    folder.read();
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), Not(HasSubstr("reading recipe"))) << "whoever reads it says so, with the version";
  }
}

TEST(Refusal, SaysWhatToWriteInstead) {
  for (const auto& [more, instead] : std::map<std::string, std::string>{
           {"secrets: [{target: x}]", "write source: and the name of one under secrets"},
           {"volumes: [{type: bind, target: /x}]", "write source: and a path"},
           {"volumes: [{type: tmpfs, source: a, target: /x}]", "leave it out"},
           {"command: \"sh -c 'x\"", "close it"},
           {"volumes: ['']", "write source:target"},
           {"ports: ['x:80']", "write a number up to 65535, or two with '-' between"},
           {"dns: [a, a]", "leave one of them out"},
           {"sysctls: {kernel.panic: '1'}", "leave it out"},
           {"deploy: {mode: global, replicas: 2}", "leave them out"},
           {"deploy: {update_config: {delay: -1s}}", "write 0s or more"},
           {"deploy: {update_config: {max_failure_ratio: 2}}", "write a number from 0 to 1"},
           {"ulimits: {nofile: {soft: 3, hard: 2}}", "write one that is not"},
           {"ulimits: {NOFILE: 3}", "like nofile"},
           {"volumes: ['data:/x', 'data:/x/']\nvolumes: {data: {}}", "leave one of them out"},
           {"volumes: ['data:/']\nvolumes: {data: {}}", "name a folder below it"},
           {"extra_hosts: {a: 1}", "put it in quotes"},
           {"hostname: a\nconfigs: {c: {}}", "write file: and a path, or external: true"}})
    EXPECT_THAT(refusal_in_service(more), AllOf(HasSubstr("compose.yml:"), HasSubstr(instead))) << more;
  EXPECT_THAT(refusal_of("version: '3.8'\n"), HasSubstr("no services in it: write services, each with an image"));
  EXPECT_THAT(refusal_of("a: 1\n---\nb: 1\n"), HasSubstr("put all into the first"));
  EXPECT_THAT(refusal_of("? [a]\n: b\n"), HasSubstr("no list or mapping"));
  EXPECT_THAT(refusal_of(std::string((1 << 20) + 1, '#')), HasSubstr("split it into files that COMPOSE_FILE names"));
  RecipeFolder none;
  EXPECT_THAT(error_of([&] { none.read(); }), HasSubstr("there is no compose.yml in it: write one, or name the files in COMPOSE_FILE in .env.sample"));
  RecipeFolder linked(plain);
  fs::create_symlink("/etc/hostname", linked.path() / "abra.sh");
  EXPECT_THAT(error_of([&] { linked.read(); }), HasSubstr("'abra.sh' leaves the recipe's folder: put the file itself there"));
  RecipeFolder folder(plain);
  fs::create_directory(folder.path() / ".env.sample");
  EXPECT_THAT(error_of([&] { folder.read(); }), HasSubstr("'.env.sample' is not a readable file: make it a plain file"));
}

// --- abra.sh: what is not read of it ---

TEST(AbraScript, ALineThatIsNotReadIsNamedWhereItsVariableIsAskedFor) {
  RecipeFolder folder(plain + "    hostname: \"h$C_VERSION\"\n");
  folder.write("abra.sh", "export B=1\nexport C_VERSION=\"v$X\"\n").write(".env.sample", "A=b\n");
  EXPECT_THAT(folder.read().warnings, ElementsAre("compose.yml:4:15: C_VERSION is not set, taken as empty (abra.sh:2 is not read: only a shell could work it out; write a constant)"));
  RecipeFolder needed(plain + "    hostname: \"h${C_VERSION:?}\"\n");
  needed.write("abra.sh", "export C_VERSION=\"v$X\"\n");
  EXPECT_THAT(error_of([&] { needed.read(); }), HasSubstr("C_VERSION must be set (abra.sh:1 is not read: only a shell could work it out"));
  RecipeFolder unasked(plain);
  EXPECT_THAT(unasked.write("abra.sh", "export C_VERSION=\"v$X\"\n").read().warnings, IsEmpty()) << "a script may hold anything";
}

TEST(SecretRule, ACharsetThatNobodyKnowsIsAWarning) {
  RecipeFolder folder(plain);
  folder.write(".env.sample", "A=b\nSECRET_X_VERSION=v1 # length=12 charset=hexx\nSECRET_Y_VERSION=v1 # charset=special\n");
  EXPECT_THAT(folder.read().warnings, ElementsAre(".env.sample:2: SECRET_X_VERSION: nobody knows the charset 'hexx', did you mean 'hex'? Taken as default (letters and digits)"));
}

TEST(EnvFiles, AreBoundedInTheirSum) {
  std::string services = "services:\n", text;
  for (int i = 0; i < 1500; ++i) text += "A" + std::to_string(i) + "=b\n";
  for (int i = 0; i < 20; ++i) services += "  s" + std::to_string(i) + ": {image: a, env_file: a.env}\n";
  RecipeFolder folder(services);
  folder.write("a.env", text);
  EXPECT_THAT(error_of([&] { folder.read(); }), AllOf(HasSubstr("compose.yml:"), HasSubstr("'a.env'"), HasSubstr("more than 20000 variables in all env files together")));
  RecipeFolder large("services:\n  a: {image: a, env_file: [a.env, b.env]}\n  b: {image: a, env_file: [a.env, b.env, c.env]}\n");
  std::string megabyte;
  for (int i = 0; i < 18; ++i) megabyte += "A" + std::to_string(i) + "=" + std::string(55000, 'x') + "\n";
  large.write("a.env", megabyte).write("b.env", megabyte).write("c.env", megabyte);
  EXPECT_THAT(error_of([&] { large.read(); }), HasSubstr("more than 4 MiB in all env files together"));
}

}  // namespace
}  // namespace simmer
