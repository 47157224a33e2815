// `recipe show` tells before a run what the run would say, and more.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <base/files.hpp>
#include <e2e/simmer_world.hpp>

namespace simmer::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const char* const compose =
    "version: '3.8'\n"
    "services:\n"
    "  app:\n"
    "    image: nginx:1.22.1\n"
    "    healthcheck: {test: [CMD, 'true']}\n"
    "    volumes: ['data:/data', '/etc:/host']\n"
    "    ports: ['8080:80']\n"
    "    secrets: [key]\n"
    "    deploy:\n"
    "      labels:\n"
    "        - \"traefik.http.routers.${STACK_NAME}.rule=Host(`${DOMAIN}`) || Host(`${EXTRA}`)\"\n"
    "        - coop-cloud.${STACK_NAME}.version=1.0.0+1.22.1\n"
    "volumes: {data: }\n"
    "secrets: {key: {external: true, name: '${STACK_NAME}_key_${SECRET_KEY_VERSION}'}}\n";

class RecipeShow : public ::testing::Test {
 protected:
  RecipeShow() {
    make_folders(folder() / "release");
    write_file_beside(folder() / "compose.yml", compose);
    write_file_beside(folder() / "compose.smtp.yml", "services: {app: {environment: [SMTP=1]}}\n");
    write_file_beside(folder() / ".env.sample", "EXTRA=www.example.com\nSECRET_KEY_VERSION=v2 # length=48 charset=hex\n");
    write_file_beside(folder() / "release/1.0.0+1.22.1", "By hand:\nlint  nothing to see\n");
    write_file_beside(folder() / "release/0.9.0+1.22.1", "older\n");
  }
  fs::path folder() const { return world_.root() / "docs"; }
  Ran show(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"recipe", "show", folder().string()});
    return world_.simmer(more);
  }
  World world_;
};

TEST_F(RecipeShow, TellsWhatARunWillRefuseAndTheWordForIt) {
  const auto before = show();
  EXPECT_EQ(before.code, 1) << before.all();
  EXPECT_THAT(before.out, HasSubstr("refused: compose.yml:6:29: service app mounts /etc (bind-mounts)"));
  EXPECT_THAT(before.out, HasSubstr("(foreign-hosts)"));
  EXPECT_THAT(before.out, HasSubstr("apps: {docs: {allow: [bind-mounts, host-ports, foreign-hosts]}}"));
  // The app's configuration counts: a host below the run's domain needs no exception.
  world_.write_config("apps:\n  docs: {allow: [bind-mounts], env: {EXTRA: 'www.$DOMAIN', PASSWORD: hunter2}}\n");
  const auto after = show();
  EXPECT_THAT(after.out, HasSubstr("allowed: compose.yml:6:29: service app mounts /etc (bind-mounts)"));
  EXPECT_THAT(after.out, HasSubstr("apps: {docs: {allow: [host-ports]}}"));
  EXPECT_EQ(after.code, 1) << "one is left";
  EXPECT_THAT(after.out, AllOf(HasSubstr("app env   EXTRA, PASSWORD"), Not(HasSubstr("hunter2"))));
  EXPECT_THAT(after.out, HasSubstr("(hosts: docs-0a1b2c.simmer.localhost, www.docs-0a1b2c.simmer.localhost)"));
}

// The configuration cannot make it run: to name a word for it would send somebody in circles.
TEST_F(RecipeShow, NamesNoWordForWhatNoWordAllows) {
  write_file_beside(folder() / "compose.yml", "services: {app: {image: nginx:1.22.1, env_file: [in.env, ../out.env]}}\nsecrets: {s: {file: ../../../../etc/shadow}}\n");
  write_file_beside(folder() / "in.env", "A=b\n");
  world_.write_config("apps:\n  docs: {allow: [bind-mounts, foreign-secrets]}\n");
  const auto shown = show();
  EXPECT_EQ(shown.code, 1) << shown.all();
  EXPECT_THAT(shown.out, HasSubstr("refused: compose.yml:1:58: service app reads env_file ../out.env, outside of the recipe: nothing there is read, whatever is allowed"));
  EXPECT_THAT(shown.out, HasSubstr("refused: compose.yml:2:14: secret s is read from ../../../../etc/shadow, outside of the recipe"));
  EXPECT_THAT(shown.out, AllOf(HasSubstr("a run is red, and no word of allow changes that"), Not(HasSubstr("allowed: ")), Not(HasSubstr("unless the configuration says")), Not(HasSubstr("(bind-mounts)"))));
  EXPECT_THAT(shown.out, AllOf(HasSubstr("not read  ../../../../etc/shadow: secret s, outside of the recipe"), HasSubstr("read      in.env: the env_file of service app"), HasSubstr("not read  ../out.env: the env_file of service app, outside of the recipe")));
  const auto json = show({"--json"}).result;
  for (const auto& each : json["policy"]) {
    EXPECT_TRUE(each["allow"].is_null()) << each;
    EXPECT_FALSE(each["allowed"].get<bool>()) << each;
  }
  for (const auto& file : json["files"]) {
    const auto name = file["name"].get<std::string>();
    const bool is_named = name.ends_with(".env") || name.starts_with("../");
    EXPECT_TRUE(!is_named || file["read"].get<bool>() == (name == "in.env")) << file;
  }
}

TEST_F(RecipeShow, TellsWhatANetworkIs) {
  write_file_beside(folder() / "compose.yml", "services: {app: {image: nginx:1.22.1, networks: [back, front]}}\nnetworks:\n  back: {internal: true, attachable: true, ipam: {config: [{subnet: 10.77.0.0/24}]}}\n  front: {}\n");
  const auto json = show({"--json"}).result;
  ASSERT_EQ(json["networks"].size(), 2u) << json["networks"];
  EXPECT_EQ(json["networks"][0]["internal"], true);
  EXPECT_EQ(json["networks"][0]["attachable"], true);
  EXPECT_EQ(json["networks"][0]["ipam"], (Json{{"config", Json::array({{{"subnet", "10.77.0.0/24"}}})}}));
  EXPECT_EQ(json["networks"][1]["internal"], false);
  EXPECT_EQ(json["networks"][1]["attachable"], false);
  EXPECT_TRUE(json["networks"][1]["ipam"].is_null());
  EXPECT_THAT(show().out, HasSubstr("network   back: docs-0a1b2c_simmer_localhost_back, internal, attachable, subnet 10.77.0.0/24\n"));
}

TEST_F(RecipeShow, TellsNamesSecretsFilesTagAndLabel) {
  const auto json = show({"--json"}).result;
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["label"], "1.0.0+1.22.1");
  EXPECT_TRUE(json["tag"].is_null());
  EXPECT_EQ(json["stack"], "docs-0a1b2c_simmer_localhost");
  EXPECT_EQ(json["services"][0]["docker_name"], "docs-0a1b2c_simmer_localhost_app");
  EXPECT_EQ(json["volumes"][0]["docker_name"], "docs-0a1b2c_simmer_localhost_data");
  EXPECT_EQ(json["networks"][0]["docker_name"], "docs-0a1b2c_simmer_localhost_default");
  EXPECT_EQ(json["secrets"][0]["docker_name"], "docs-0a1b2c_simmer_localhost_key_v2");
  EXPECT_EQ(json["secrets"][0]["length"], 48);
  EXPECT_EQ(json["secrets"][0]["charset"], "hex");
  EXPECT_EQ(json["routers"][0]["hosts"], (Json{"docs-0a1b2c.simmer.localhost", "www.example.com"}));
  std::map<std::string, std::string> files;
  for (const auto& file : json["files"]) files[file["name"]] = (file["read"].get<bool>() ? "read: " : "not read: ") + file["why"].get<std::string>();
  EXPECT_EQ(files, (std::map<std::string, std::string>{{"compose.yml", "read: the app"},
                                                       {"compose.smtp.yml", "not read: COMPOSE_FILE does not name it"},
                                                       {".env.sample", "read: the default environment"},
                                                       {"abra.sh", "not read: there is none"},
                                                       {"simmer.yml", "not read: there is none"},
                                                       {"release/1.0.0+1.22.1", "read: the notes of this release"},
                                                       {"release/0.9.0+1.22.1", "not read: notes of another release"}}));
  EXPECT_THAT(show().out, HasSubstr("notes     By hand:\n          lint  nothing to see\n")) << "a note stands behind the margin";
}

TEST_F(RecipeShow, ATagThatItsLabelContradictsIsLint) {
  const fs::path recipe = world_.recipes() / "docs";
  fs::copy(folder(), recipe, fs::copy_options::recursive);
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{{"init", "-q"}, {"add", "-A"}, {"-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "x"}, {"tag", "1.0.1+1.22.1"}}) {
    std::vector<std::string> git = {"git", "-C", recipe.string()};
    git.insert(git.end(), words.begin(), words.end());
    ASSERT_EQ(run_command({git, {}, false, {}, ""}, Limit::in(std::chrono::seconds(20))).exit_code, 0);
  }
  world_.write_config("apps:\n  docs: {allow: [bind-mounts, host-ports, foreign-hosts]}\n");
  const auto shown = world_.simmer({"recipe", "show", "docs"});
  EXPECT_EQ(shown.code, 0) << shown.all();
  EXPECT_THAT(shown.out, AllOf(HasSubstr("tag       1.0.1+1.22.1\nlabel     1.0.0+1.22.1\n"), HasSubstr("S008: the release is tagged 1.0.1+1.22.1, and the version label says 1.0.0+1.22.1")));
}

TEST_F(RecipeShow, WhatCannotBeReadIsOneLineAndExitOne) {
  write_file_beside(folder() / "compose.yml", "services:\n  app:\n    image: ${BROKEN\n");
  for (const auto& [file, text, says] : std::vector<std::tuple<std::string, std::string, std::string>>{
           {"compose.yml", "services:\n  app:\n    image: ${BROKEN\n", "compose.yml:3:12: "}, {".env.sample", "A=1\nPASSWORD='hunter2\n", ".env.sample:2: the quote of PASSWORD is not closed"}}) {
    write_file_beside(folder() / file, text);
    const auto shown = show();
    EXPECT_EQ(shown.code, 1) << shown.all();
    EXPECT_EQ(std::count(shown.err.begin(), shown.err.end(), '\n'), 1) << shown.err;
    EXPECT_THAT(shown.err, AllOf(HasSubstr(says), Not(HasSubstr("hunter2"))));
    EXPECT_EQ(shown.out, "");
    EXPECT_THAT(shown.err, HasSubstr("(reading the recipe docs)")) << "once";
  }
}

TEST_F(RecipeShow, WrongUsageIsExitTwo) {
  EXPECT_EQ(world_.simmer({"recipe", "show"}).code, 2);
  EXPECT_EQ(show({"more"}).code, 2);
  EXPECT_EQ(show({"--ref", "main"}).code, 2);
  EXPECT_THAT(show({"--reff", "main"}).err, HasSubstr("unknown option --reff, did you mean '--ref'?"));
  EXPECT_EQ(world_.simmer({"recipe", "show", "./nowhere"}).code, 2);
  EXPECT_EQ(world_.simmer({"recipe", "show", "custom-htm"}).code, 2);
  EXPECT_FALSE(fs::exists(world_.state() / "runs")) << "nothing is kept";
}

}  // namespace
}  // namespace simmer::e2e
