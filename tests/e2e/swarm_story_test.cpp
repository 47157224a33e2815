// The stories of the local engine, on a real Docker Swarm with a real Traefik in front: cold, data-warm, good and bad changes, a
// promotion, a database, nothing left. ./test.sh swarm brings up what it needs, and tells it in parts at the same time. With
// SIMMER_STORY_ENGINE=abra: through abra, or rather its stand-in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <base/files.hpp>
#include <e2e/swarm_world.hpp>
#include <unit/snapshots/test_tree.hpp>

namespace simmer::e2e {

namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SwarmStory : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    before_ = everything();
    config_ = engine_config() + "base_domain: " + base_domain() + "\nproxy: {address: \"127.0.0.1:18443\"}\nhealth: {window: 500ms}\ndeadlines: {start: 120s, plugin: 30s, teardown: 60s}\napps:\n  notes: {role: canonical}\n";
    world_ = new World(config_);
    const auto seeded = simmer({"canonical", "seed", "custom-html"});
    ASSERT_EQ(seeded.code, 0) << seeded.all();
    seeded_ = seeded.result;
  }
  static void TearDownTestSuite() { delete world_; }
  static Ran simmer(std::vector<std::string> arguments, const World& world = *world_) {
    const char* certificate = std::getenv("SIMMER_TEST_CA");
    arguments.push_back("--json");
    return world.simmer(std::move(arguments), {{"SSL_CERT_FILE", certificate == nullptr ? "" : certificate}}, std::chrono::seconds(400));
  }
  static Ran quick(const std::string& ref) { return simmer({"run", "custom-html", "--quick", "--ref", ref}); }
  static void expect_nothing_left() {
    EXPECT_EQ(everything(), before_);
    EXPECT_THAT(world_->left_behind(), IsEmpty());
    EXPECT_FALSE(fs::exists(world_->state() / "engines/abra") && !fs::is_empty(world_->state() / "engines/abra"));
  }

  static inline World* world_ = nullptr;
  static inline Json seeded_;
  static inline std::string before_, config_;
};

TEST_F(SwarmStory, ColdIsGreenAndLeavesNothing) {
  EXPECT_EQ(seeded_["engine"], std::getenv("SIMMER_STORY_ENGINE") == nullptr ? "swarm" : std::getenv("SIMMER_STORY_ENGINE"));
  EXPECT_EQ(seeded_["level"], 5) << seeded_["rungs"].dump(2);
  EXPECT_EQ(seeded_["canonical"]["outcome"], "seeded");
  EXPECT_EQ(seeded_["deploy_count"], 2);
  EXPECT_THAT(seeded_["digests"]["app"].get<std::string>(), HasSubstr("sha256:"));
  EXPECT_THAT(seeded_["tools"]["docker"].get<std::string>(), HasSubstr("."));
  EXPECT_TRUE(seeded_["teardown"]["after"].empty());
  expect_nothing_left();
}

TEST_F(SwarmStory, QuickPassesAGoodChangeAndFailsABadOneWithoutMovingAByte) {
  const auto known_good = world_->known_good("custom-html");
  const auto good = quick("good");
  EXPECT_EQ(good.code, 0) << good.all();
  EXPECT_FALSE(good.result["authoritative"].get<bool>());
  expect_nothing_left();
  const auto bad = quick("bad/loses-data");
  EXPECT_EQ(bad.code, 1) << bad.all();
  EXPECT_THAT(bad.reason(), HasSubstr("marker-is-intact"));
  expect_nothing_left();
  EXPECT_EQ(world_->known_good("custom-html"), known_good);
  EXPECT_EQ(simmer({"canonical", "verify", "custom-html"}).code, 0);
}

struct BadChange {
  std::string branch, says;
};

class SwarmBadHeads : public SwarmStory, public ::testing::WithParamInterface<BadChange> {};

TEST_P(SwarmBadHeads, AreRedAndLoseNothing) {
  // What stays ill is waited for until the deadline.
  world_->write_config(config_.substr(0, config_.find("health:")) + "health: {window: 1500ms}\ndeadlines: {start: 15s, plugin: 30s, teardown: 60s}\n");
  const auto known_good = world_->known_good("custom-html");
  const auto ran = quick(GetParam().branch);
  world_->write_config(config_);
  if (GetParam().says.empty()) {
    EXPECT_EQ(ran.code, 0) << ran.all();
    EXPECT_THAT(ran.result["warnings"].dump(), HasSubstr("did not end on SIGTERM"));
  } else {
    EXPECT_EQ(ran.code, 1) << ran.all();
    EXPECT_EQ(ran.verdict(), "fail");
    EXPECT_THAT(ran.reason(), HasSubstr(GetParam().says));
  }
  expect_nothing_left();
  EXPECT_EQ(world_->known_good("custom-html"), known_good);
}

INSTANTIATE_TEST_SUITE_P(CustomHtml, SwarmBadHeads,
                         ::testing::Values(BadChange{"bad/does-not-parse", "compose.yml"}, BadChange{"bad/does-not-start", "paused by Swarm"},
                                           BadChange{"bad/crash-loops", "its last words: start.sh: nginx ended before its time"}, BadChange{"bad/hangs-while-starting", "not up within"},
                                           BadChange{"bad/serves-500", "healthy-and-steady"}, BadChange{"bad/wrong-page", "index.html"}, BadChange{"bad/turns-unhealthy", "healthy-and-steady"},
                                           BadChange{"bad/fails-custom-check", "missing-page-is-404"}, BadChange{"bad/ignores-sigterm", ""},
                                           BadChange{"bad/policy-docker-socket", "docker-socket"}, BadChange{"bad/policy-host-ports", "host-ports"},
                                           BadChange{"bad/policy-foreign-networks", "foreign-networks"}, BadChange{"bad/policy-foreign-hosts", "foreign-hosts"}),
                         [](const auto& info) {
                           std::string name = info.param.branch.substr(4);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// The same in a cold run: before anything is deployed.
TEST_F(SwarmStory, WhatReachesOutOfItsRunIsRefusedBeforeAnythingIsDeployed) {
  for (const std::string what : {"docker-socket", "host-ports", "foreign-networks", "foreign-hosts"}) {
    const auto ran = simmer({"run", "custom-html", "--ref", "bad/policy-" + what});
    EXPECT_EQ(ran.code, 1) << ran.all();
    EXPECT_THAT(ran.reason(), AllOf(HasSubstr("refused before the deploy"), HasSubstr("(" + what + ")")));
    EXPECT_EQ(ran.result["deploy_count"], 0);
    expect_nothing_left();
  }
}

// The proxy's certificate is for the name and from an authority that this machine trusts, or the app is not healthy.
TEST_F(SwarmStory, AProxyWhoseCertificateIsNotGoodIsSaidToBeSo) {
  world_->write_config(config_.substr(0, config_.find("deadlines:")) + "deadlines: {start: 8s, plugin: 30s, teardown: 60s}\n");
  const auto ran = world_->run({"run", "custom-html", "--quick", "--ref", "good"}, {{"SSL_CERT_FILE", "/nowhere"}});
  world_->write_config(config_);
  EXPECT_NE(ran.code, 0) << ran.all();
  EXPECT_THAT(ran.all(), HasSubstr("is not good for warm-custom-html." + base_domain()));
  expect_nothing_left();
}

TEST_F(SwarmStory, ADatabaseKeepsItsRows) {
  const auto seeded = simmer({"canonical", "seed", "notes"});
  ASSERT_EQ(seeded.code, 0) << seeded.all();
  EXPECT_EQ(seeded.tier("restore")["outcome"], "pass");
  EXPECT_EQ(seeded.tier("upgrade")["outcome"], "pass");
  const auto known_good = world_->known_good("notes");
  const auto good = simmer({"run", "notes", "--quick", "--ref", "good"});
  EXPECT_EQ(good.code, 0) << good.all();
  const auto bad = simmer({"run", "notes", "--quick", "--ref", "bad/drops-table"});
  EXPECT_EQ(bad.code, 1) << bad.all();
  EXPECT_THAT(bad.reason(), HasSubstr("marker-is-intact"));
  EXPECT_EQ(world_->known_good("notes"), known_good);
  expect_nothing_left();
  // The password is nowhere but where it belongs.
  const auto meta = Json::parse(read_file(world_->state() / "canonical/notes/snapshot/meta.json"));
  const auto secrets = Json::parse(read_file(world_->state() / "canonical/notes/snapshot" / meta["secrets_file"].get<std::string>()));
  ASSERT_FALSE(secrets.empty());
  for (const auto& run : fs::recursive_directory_iterator(world_->state() / "runs")) {
    if (!run.is_regular_file()) continue;
    for (const auto& [name, value] : secrets.items()) EXPECT_THAT(read_file(run.path()), ::testing::Not(HasSubstr(value.get<std::string>()))) << run.path();
  }
}

// Restore-on-failure: the retained folder itself is what runs, and is put back.
TEST_F(SwarmStory, WithoutAForkTheRetainedDataIsPutBack) {
  world_->write_config("fork: restore\n" + config_);
  const auto known_good = world_->known_good("custom-html");
  const auto bad = quick("bad/loses-data");
  EXPECT_EQ(bad.code, 1) << bad.all();
  EXPECT_THAT(bad.reason(), HasSubstr("marker-is-intact"));
  const auto good = quick("good");
  EXPECT_EQ(good.code, 0) << good.all();
  EXPECT_EQ(good.result["fork"], "restore");
  world_->write_config(config_);
  EXPECT_EQ(world_->known_good("custom-html"), known_good);
  expect_nothing_left();
}

// Where the file system can: the fork shares its blocks with the retained data, and Docker gets the fork.
TEST_F(SwarmStory, AForkByReflinkLeavesTheKnownGoodAlone) {
  test::Scratch disk;
  if (const std::string why = test::mount_filesystem("xfs", disk / "xfs", "1G"); !why.empty()) GTEST_SKIP() << why;
  const World world(config_, disk / "xfs");
  const auto seeded = simmer({"canonical", "seed", "custom-html"}, world);
  ASSERT_EQ(seeded.code, 0) << seeded.all();
  const auto known_good = world.known_good("custom-html");
  const auto good = simmer({"run", "custom-html", "--quick", "--ref", "good"}, world);
  EXPECT_EQ(good.code, 0) << good.all();
  EXPECT_EQ(good.result["fork"], "reflink");
  const auto bad = simmer({"run", "custom-html", "--quick", "--ref", "bad/loses-data"}, world);
  EXPECT_EQ(bad.code, 1) << bad.all();
  EXPECT_EQ(world.known_good("custom-html"), known_good);
  EXPECT_EQ(simmer({"canonical", "verify", "custom-html"}, world).code, 0);
  EXPECT_THAT(world.left_behind(), IsEmpty());
  expect_nothing_left();
}

TEST_F(SwarmStory, WhatAKilledRunLeftIsCleanedUpByTheNextCommand) {
  const auto ran = world_->simmer({"run", "custom-html", "--tiers", "install", "--json"}, {{"SIMMER_CRASH_COUNT", (world_->root() / "points").string()}, {"SIMMER_CRASH_AT", "7"}});
  EXPECT_EQ(ran.code, 137) << ran.all();
  const auto recovered = world_->simmer({"recover"});
  EXPECT_EQ(recovered.code, 0) << recovered.all();
  expect_nothing_left();
}

// A branch of custom-html that `script` (sed and the like, in the recipe's folder) makes of the newest release.
void make_branch(const World& world, const std::string& name, const std::string& script) {
  const auto done = run_command({{"sh", "-euc", "cd " + (world.recipes() / "custom-html").string() + " && git checkout -q -b " + name + " main && " + script +
                                                    " && git -c user.name=a -c user.email=a@b commit -qam " + name + " && git checkout -q main"},
                                 {}, false, {}, ""},
                                Limit::in(std::chrono::seconds(30)));
  ASSERT_EQ(done.exit_code, 0) << done.err;
}

// Without a health check of its own, Swarm watches a new task for five seconds and calls the update completed.
TEST_F(SwarmStory, WhatSwarmCallsCompletedAndDiesLaterIsAFailedUpgrade) {
  make_branch(*world_, "dies-late", "sed -i 's/START_SH_VERSION=.*/START_SH_VERSION=v80/' abra.sh && sed -i '/^    healthcheck:/,/^    deploy:/{/^    deploy:/!d}' compose.yml && "
                                    "sed -i 's/^exec nginx/echo migrating; sleep 15; echo cannot migrate >\\&2; exit 3\\nexec nginx/' start.sh");
  world_->write_config(config_.substr(0, config_.find("deadlines:")) + "deadlines: {start: 40s, plugin: 30s, teardown: 60s}\n");
  const auto ran = quick("dies-late");
  world_->write_config(config_);
  EXPECT_EQ(ran.code, 1) << ran.all();
  EXPECT_EQ(ran.tier("upgrade")["outcome"], "fail");
  EXPECT_THAT(ran.reason(), HasSubstr("healthy-and-steady"));
  expect_nothing_left();
  // One that serves until then needs a window that is as long.
  make_branch(*world_, "serves-15-seconds", "sed -i 's/START_SH_VERSION=.*/START_SH_VERSION=v81/' abra.sh && sed -i 's/^exec nginx/exec timeout 15 nginx/' start.sh");
  world_->write_config(config_.substr(0, config_.find("health:")) + "health: {window: 16s}\ndeadlines: {start: 60s, plugin: 30s, teardown: 60s}\n");
  const auto served = quick("serves-15-seconds");
  world_->write_config(config_);
  EXPECT_EQ(served.code, 1) << served.all();
  EXPECT_THAT(served.reason(), HasSubstr("healthy-and-steady"));
  expect_nothing_left();
}

// Swarm puts the old version back behind healthy numbers.
TEST_F(SwarmStory, WhatSwarmRollsBackIsAFailedUpgradeWithTheReason) {
  make_branch(*world_, "rolled-back", "sed -i 's/START_SH_VERSION=.*/START_SH_VERSION=v82/' abra.sh && sed -i 's/^    deploy:/&\\n      update_config: {failure_action: rollback, monitor: 5s}/' compose.yml && "
                                      "sed -i 's/^exec nginx/echo cannot start >\\&2; exit 3\\nexec nginx/' start.sh");
  const auto ran = quick("rolled-back");
  EXPECT_EQ(ran.code, 1) << ran.all();
  EXPECT_THAT(ran.reason(), HasSubstr("rolled back by Swarm"));
  expect_nothing_left();
}

struct Trouble {
  std::string name, script, config, says;
  std::vector<std::string> arguments;
};

// The machine's trouble, not the recipe's: exit 7, one line, and nothing is left.
TEST_F(SwarmStory, WhatTheMachineCannotDoIsSaidInOneLineAndLeavesNothing) {
  const std::vector<Trouble> troubles = {
      {"no-image", "sed -i 's|image: nginx.*|image: localhost:1/none:1.0|' compose.yml", "", "the image localhost:1/none:1.0 of service app is not here and cannot be pulled", {}},
      {"no-network", "sed -i 's/proxy/nowhere/' compose.yml", "proxy: {network: nowhere}\n", "there is no network nowhere", {}},
      {"no-port", "sed -i 's/^    entrypoint:.*/&\\n    ports: [{target: 80, published: 18443, mode: host}]/' compose.yml", "apps: {custom-html: {allow: [host-ports]}}\n", "already in use", {}},
      {"no-secret", "sed -i 's/^    entrypoint:.*/&\\n    secrets: [theirs]/' compose.yml && echo 'secrets: {theirs: {external: true, name: somebody_elses_key}}' >> compose.yml", "apps: {custom-html: {allow: [foreign-secrets]}}\n",
       "there is no secret somebody_elses_key", {}},
      {"long-name", "true; git commit -q --allow-empty -m x; echo '# x' >> abra.sh", "", "choose a shorter base_domain", {"--base-domain", "a-rather-long-name-for-a-server.of-somebody-else.example.org"}},
  };
  const std::string plain = engine_config() + "base_domain: " + base_domain() + "\nhealth: {window: 200ms}\ndeadlines: {start: 60s, plugin: 30s, teardown: 60s}\n";
  for (const auto& trouble : troubles) {
    make_branch(*world_, trouble.name, trouble.script);
    world_->write_config(plain + trouble.config);
    auto arguments = trouble.arguments;
    arguments.insert(arguments.end(), {"run", "custom-html", "--ref", trouble.name, "--tiers", "install"});
    const auto ran = simmer(arguments);
    EXPECT_EQ(ran.code, 7) << trouble.name << ": " << ran.all();
    EXPECT_EQ(ran.verdict(), "error") << trouble.name;
    EXPECT_THAT(ran.reason(), HasSubstr(trouble.says)) << trouble.name;
    EXPECT_THAT(ran.reason(), ::testing::Not(HasSubstr("\n")));
    expect_nothing_left();
  }
  world_->write_config(config_);
}

TEST_F(SwarmStory, ADockerThatMayNotBeUsedIsSaidInOneLine) {
  const fs::path state = world_->root() / "nobody";
  make_folders(state);
  ASSERT_EQ(::chown(state.c_str(), 65534, 65534), 0);
  fs::permissions(world_->root(), fs::perms::others_exec | fs::perms::others_read, fs::perm_options::add);
  const auto ran = run_command({{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", SIMMER_PROGRAM, "--engine", "swarm", "--state", state.string(), "recover"}, {}, false, {}, ""}, Limit::in(std::chrono::seconds(30)));
  EXPECT_EQ(ran.exit_code, 7) << ran.out << ran.err;
  EXPECT_THAT(ran.err, AllOf(HasSubstr("you may not use Docker's socket"), ::testing::Not(HasSubstr("\n\n"))));
  remove_tree(state);
}

// What of a cold deployment no label names any more, by its name; not a neighbour of nearly that name.
TEST_F(SwarmStory, TheJanitorFindsWhatIsLeftByItsName) {
  const auto leave = [](const std::string& stack) {
    docker({"volume", "create", "--label", "com.docker.stack.namespace=" + stack, stack + "_content"});
    docker({"network", "create", "-d", "overlay", "--label", "com.docker.stack.namespace=" + stack, stack + "_default"});
  };
  const std::string orphan = "cust-0a1b2c" + stack_suffix();
  const std::vector<std::string> neighbours = {"warm-0a1b2c" + stack_suffix(), "cust-0a1b2c" + stack_suffix() + "_not"};
  leave(orphan);
  for (const auto& neighbour : neighbours) leave(neighbour);
  const auto shown = world_->simmer({"gc", "--dry-run"});
  EXPECT_THAT(shown.out, HasSubstr(orphan + "\n"));
  const auto ran = world_->simmer({"gc"});
  EXPECT_EQ(ran.code, 0) << ran.all();
  const auto now = everything();
  EXPECT_THAT(now, ::testing::Not(HasSubstr(orphan + "_content")));
  EXPECT_THAT(now, ::testing::Not(HasSubstr(orphan + "_default")));
  for (const auto& neighbour : neighbours) {
    EXPECT_THAT(now, AllOf(HasSubstr(neighbour + "_content"), HasSubstr(neighbour + "_default")));
    docker({"volume", "rm", neighbour + "_content"});
    docker({"network", "rm", neighbour + "_default"});
  }
  expect_nothing_left();
}

TEST_F(SwarmStory, ZTheNewestReleaseIsPromotedFromTheKnownGoodsOwnData) {
  const auto published = run_command({{SIMMER_PUBLISH_SCRIPT, (world_->recipes() / "custom-html").string(), "good", "1.4.0+1.22.1"}, {}, false, {}, ""}, Limit::in(std::chrono::seconds(30)));
  ASSERT_EQ(published.exit_code, 0) << published.err;
  const auto ran = simmer({"run", "custom-html"});
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_EQ(ran.result["canonical"]["outcome"], "promoted") << ran.result["canonical"].dump(2);
  EXPECT_EQ(simmer({"canonical", "verify", "custom-html"}).code, 0);
  const auto good = quick("good-next");  // its base is older than the known-good now
  EXPECT_EQ(good.result["mode"], "cold");
  EXPECT_THAT(good.result["mode_reason"].get<std::string>(), HasSubstr("not reachable")) << good.result.dump(2);
  expect_nothing_left();
}

}  // namespace

}  // namespace simmer::e2e
