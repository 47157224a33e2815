// The swarm engine against the contract, on a real Docker Swarm, and against what only it must withstand. The image
// (SIMMER_TEST_IMAGE) is busybox: tests/images/build.sh makes it.
#include <fstream>

#include <swarm/docker_api.hpp>

#include "swarm_fixture.hpp"

namespace simmer::contract {
namespace {

using swarm::docker_address;

std::unique_ptr<EngineUnderTest> make_swarm() { return std::make_unique<SwarmUnderTest>(); }
INSTANTIATE_TEST_SUITE_P(Swarm, EngineContract, ::testing::Values(&make_swarm));

// Swarm undoes the update by itself, and the old task serves: numbers are healthy, the change is not there.
TEST_F(SwarmEngineTest, AnUpdateThatSwarmRollsBackHasFailed) {
  const auto service = [](const std::string& script) {
    return one_service("web", script, "    deploy:\n      endpoint_mode: dnsrr\n      restart_policy: {condition: on-failure, delay: 100ms}\n"
                                      "      update_config: {failure_action: rollback, monitor: 3s, delay: 0s}\n");
  };
  engine().deploy(spec("s-rollback", service("trap 'exit 0' TERM; while :; do sleep 0.1; done")), limit());
  ASSERT_EQ(engine().wait_converged("s-rollback", limit()).state, Convergence::State::converged);
  auto bad = spec("s-rollback", service("echo cannot migrate; sleep 0.5; exit 3"));
  bad.facts.commit = "c2";
  engine().upgrade(bad, limit());
  const auto end = engine().wait_converged("s-rollback", limit());
  EXPECT_EQ(end.state, Convergence::State::failed);
  EXPECT_NE(end.reason.find("rolled back by Swarm"), std::string::npos) << end.reason;
}

TEST_F(SwarmEngineTest, AnUpdateOfLabelsAloneAndOneThatChangesNothingEndAtOnce) {
  auto wanted = spec("s-labels", services_of(Sample::web));
  engine().deploy(wanted, limit());
  ASSERT_EQ(engine().wait_converged("s-labels", limit()).state, Convergence::State::converged);
  const auto containers = [&] {
    std::vector<std::string> ids;
    for (const auto& object : engine().inventory("s-labels", limit()))
      if (object.kind == "container") ids.push_back(object.id);
    return ids;
  };
  const auto before = containers();
  for (const std::string commit : {"c2", "c2"}) {
    wanted.facts.commit = commit;
    engine().upgrade(wanted, limit());
    const auto begin = Clock::now();
    EXPECT_EQ(engine().wait_converged("s-labels", limit()).state, Convergence::State::converged);
    EXPECT_LT(Clock::now() - begin, milliseconds(1000));
    EXPECT_EQ(engine().deployed("s-labels", limit())->commit, "c2");
  }
  EXPECT_EQ(containers(), before);
}

// A service that swarm-cronjob starts when its time has come, beside the app.
const std::string cron_service = one_service("cron", "echo cleaned up", "    deploy:\n      mode: replicated\n      replicas: 0\n      endpoint_mode: dnsrr\n      restart_policy: {condition: none}\n"
                                                                        "      labels: [\"swarm.cronjob.enable=true\", \"swarm.cronjob.schedule=0 3 * * *\"]\n");

TEST_F(SwarmEngineTest, AServiceWithoutReplicasHoldsNothingUp) {
  auto wanted = spec("s-cron", cron_service + services_of(Sample::web));
  engine().deploy(wanted, limit());
  const auto up = engine().wait_converged("s-cron", limit());
  ASSERT_EQ(up.state, Convergence::State::converged) << up.reason;
  EXPECT_EQ(http_get(engine().endpoint("s-cron", "", limit()) + "/"), "hello\n");
  EXPECT_EQ(engine().endpoint("s-cron", "cron", limit()), "");
  EXPECT_NE(refusal([&] { engine().exec("s-cron", {"cron", {"true"}, "", milliseconds(5000)}, limit()); }, ErrorKind::unavailable).find("cron"), std::string::npos);
  EXPECT_EQ(engine().deployed("s-cron", limit())->digests.at("cron"), engine().deployed("s-cron", limit())->digests.at("web")) << "what it would run";
  // Another command for it: an update without a task to replace.
  auto changed = spec("s-cron", one_service("cron", "echo cleaned up better", cron_service.substr(cron_service.find("    deploy:"))) + services_of(Sample::web));
  changed.facts.commit = "c2";
  engine().upgrade(changed, limit());
  EXPECT_EQ(engine().wait_converged("s-cron", limit()).state, Convergence::State::converged);
  engine().stop("s-cron", limit());
  EXPECT_EQ(engine().state("s-cron", limit()).state, Convergence::State::converging) << "what was stopped is not at rest";
  EXPECT_FALSE(engine().deployed("s-cron", limit())->running);
  engine().start("s-cron", limit());
  EXPECT_EQ(engine().wait_converged("s-cron", limit()).state, Convergence::State::converged);
  EXPECT_EQ(docker({"service", "inspect", "--format", "{{.Spec.Mode.Replicated.Replicas}}", "s-cron_cron"}), "0\n") << "nothing was started that nobody asked for";
}

TEST_F(SwarmEngineTest, WhatHasNothingToRunIsDeployedAllTheSame) {
  engine().deploy(spec("s-rest", cron_service + one_service("migrate", "exit 0", "    deploy: {endpoint_mode: dnsrr, restart_policy: {condition: none}}\n")), limit());
  const auto done = engine().wait_converged("s-rest", limit());
  ASSERT_EQ(done.state, Convergence::State::converged) << done.reason;
  EXPECT_TRUE(engine().deployed("s-rest", limit())->running) << "all that was asked for is done";
}

// Swarm says "complete" of a job that is done and of a server that obeyed when its health check had failed.
TEST_F(SwarmEngineTest, AServerThatIsNotStartedAgainIsUpUntilItsHealthCheckFails) {
  engine().deploy(spec("s-server", one_service("web", "touch /well; trap 'exit 0' TERM; while :; do sleep 0.1; done",
                                               "    healthcheck: {test: [\"CMD\", \"test\", \"-e\", \"/well\"], interval: 200ms, retries: 2}\n"
                                               "    deploy: {endpoint_mode: dnsrr, restart_policy: {condition: none}}\n")),
                  limit());
  const auto up = engine().wait_converged("s-server", limit());
  ASSERT_EQ(up.state, Convergence::State::converged) << up.reason;
  engine().exec("s-server", {"web", {"rm", "/well"}, "", milliseconds(5000)}, limit());
  const auto wait = limit();
  auto end = engine().state("s-server", wait);
  while (end.state == Convergence::State::converged && !wait.passed()) end = engine().wait_for_change("s-server", end.generation, wait);
  end = engine().wait_converged("s-server", wait);
  EXPECT_EQ(end.state, Convergence::State::failed) << end.reason;
  EXPECT_NE(end.reason.find("health check failed"), std::string::npos) << end.reason;
}

// Docker's 20.10 client does not take these modes in a stack, its daemon does; so they join one by their label.
TEST_F(SwarmEngineTest, JobsOfSwarmHaveConvergedWhenTheyAreDone) {
  stacks_.push_back("s-jobs");
  const auto job = [&](const std::string& name, std::vector<std::string> more, const std::string& script) {
    std::vector<std::string> all = {"service", "create", "-d", "-q", "--no-resolve-image", "--name", "s-jobs_" + name, "-l", "com.docker.stack.namespace=s-jobs", "--container-label", "com.docker.stack.namespace=s-jobs"};
    all.insert(all.end(), more.begin(), more.end());
    for (const auto& word : {image(), std::string("sh"), std::string("-c"), script}) all.push_back(word);
    docker(all);
  };
  job("twice", {"--mode", "replicated-job", "--replicas", "2", "--max-concurrent", "1"}, "sleep 0.3");
  job("everywhere", {"--mode", "global-job"}, "true");
  auto end = engine().wait_converged("s-jobs", limit());
  ASSERT_EQ(end.state, Convergence::State::converged) << end.reason;
  EXPECT_EQ(end.deaths, 0);
  docker({"service", "update", "-d", "-q", "--label-add", "again=1", "s-jobs_twice"});
  EXPECT_EQ(engine().state("s-jobs", limit()).state, Convergence::State::converging) << "it is done anew";
  EXPECT_EQ(engine().wait_converged("s-jobs", limit()).state, Convergence::State::converged);
  job("failing", {"--mode", "replicated-job", "--restart-max-attempts", "1", "--restart-delay", "100ms"}, "echo no luck; exit 7");
  end = engine().wait_converged("s-jobs", limit());
  EXPECT_EQ(end.state, Convergence::State::failed);
  EXPECT_NE(end.reason.find("non-zero exit (7)"), std::string::npos) << end.reason;
  EXPECT_NE(end.log_tail.find("no luck"), std::string::npos) << end.log_tail;
}

// Whatever a killed run leaves is known for its own, each thing by itself.
TEST_F(SwarmEngineTest, EverythingThatDockerLetsUsMarkIsMarked) {
  auto wanted = spec("s-marks", services_of(Sample::web) + one_service("more", "trap 'exit 0' TERM; while :; do sleep 0.1; done", "    configs: [{source: conf, target: /conf}]\n    secrets: [file_secret]\n    deploy: {endpoint_mode: dnsrr}\n") +
                                    "\nconfigs: {conf: {file: ./conf, name: \"${STACK_NAME}_conf_v1\", template_driver: golang}}\n",
                     "file_secret: {file: ./conf}, ", {{"conf", "of {{ env \"TEXT\" }}\n"}});
  engine().deploy(wanted, limit());
  ASSERT_EQ(engine().wait_converged("s-marks", limit()).state, Convergence::State::converged);
  const auto marked = [](const std::vector<std::string>& what, const std::string& filter) {
    auto words = what;
    words.insert(words.end(), {"--filter", "label=" + filter});
    const auto lines = docker(words);
    return std::count(lines.begin(), lines.end(), '\n');
  };
  for (const std::vector<std::string>& what : {std::vector<std::string>{"service", "ls", "-q"}, {"ps", "-aq"}, {"config", "ls", "-q"}, {"secret", "ls", "-q"}, {"network", "ls", "-q"}, {"volume", "ls", "-q"}}) {
    EXPECT_GT(marked(what, "com.docker.stack.namespace=s-marks"), 0) << what[0];
    EXPECT_EQ(marked(what, "simmer.stack=s-marks"), marked(what, "com.docker.stack.namespace=s-marks")) << what[0];
  }
  EXPECT_EQ(marked({"ps", "-aq", "--filter", "label=simmer.run=run-1"}, "simmer.stack=s-marks"), marked({"ps", "-aq"}, "simmer.stack=s-marks"));
  const auto before = engine().inventory("s-marks", limit());
  engine().upgrade(wanted, limit());
  ASSERT_EQ(engine().wait_converged("s-marks", limit()).state, Convergence::State::converged);
  EXPECT_EQ(engine().inventory("s-marks", limit()), before) << "the same again restarts nothing";
  EXPECT_EQ(marked({"config", "ls", "-q", "--filter", "label=simmer.run=run-1"}, "simmer.stack=s-marks"), 1);
}

TEST_F(SwarmEngineTest, AnImageThatCannotBeHadIsTheMachinesFault) {
  auto wanted = spec("s-image", one_service("web", "true", ""));
  wanted.facts.services[0].image = "localhost:1/no/such/image:1";
  const auto said = refusal([&] { engine().make_images_present(wanted, limit()); }, ErrorKind::infrastructure);
  EXPECT_NE(said.find("localhost:1/no/such/image:1"), std::string::npos) << said;
  const auto missing = engine().missing_images(wanted, limit());
  ASSERT_EQ(missing.size(), 1u);
  EXPECT_NE(missing[0].find("localhost:1/no/such/image:1 of service web is not here"), std::string::npos) << missing[0];
  EXPECT_EQ(engine().missing_images(spec("s-image", one_service("web", "true", "")), limit()), std::vector<std::string>{});
}

// A tag may move, and what no tag holds is pruned: a known-good runs what it was proven with, or it says what it lacks.
TEST_F(SwarmEngineTest, AKnownGoodRunsByTheImageThatItWasProvenWith) {
  const std::string tag = "simmer-test/moving:" + std::to_string(::getpid());
  const fs::path context = under_test_.scratch() / "moving";
  make_folders(context);
  const auto build = [&](const std::string& content) {
    std::ofstream(context / "Dockerfile") << "FROM " << image() << "\nLABEL content=" << content << "-of-" << tag << "\n";
    docker({"build", "-q", "-t", tag, context.string()});
    const auto id = docker({"image", "inspect", "--format", "{{.Id}}", tag});
    return id.substr(0, id.find('\n'));
  };
  const auto runs = [&](const DeploySpec& wanted) {
    EXPECT_EQ(engine().wait_converged(wanted.stack, limit()).state, Convergence::State::converged);
    return engine().deployed(wanted.stack, limit())->digests.at("web");
  };
  const auto tags = [&] { return docker({"images", "--format", "{{.Repository}}:{{.Tag}}", "simmer-kept/an-app"}); };
  const std::string first = build("1");
  auto plain = spec("s-proven", "\n  web: {image: \"" + tag + "\", command: [\"sh\", \"-c\", \"trap 'exit 0' TERM; while :; do sleep 0.1; done\"], deploy: {endpoint_mode: dnsrr}}\n");
  auto proven = plain;
  proven.app = "an-app";
  proven.images = {{"web", first}, {"of-another-engine", "0123456789abcdef0123456789abcdef"}};
  engine().keep_images("an-app", proven.images, limit());
  engine().keep_images("an-app", proven.images, limit());
  const std::string kept = "simmer-kept/an-app:" + first.substr(7, 12) + "\n";
  EXPECT_EQ(tags(), kept);

  const std::string second = build("2");
  ASSERT_NE(first, second);
  EXPECT_EQ(engine().missing_images(proven, limit()), std::vector<std::string>{});
  engine().make_images_present(proven, limit());
  engine().deploy(proven, limit());
  EXPECT_EQ(runs(proven), first);
  engine().upgrade(plain, limit());
  EXPECT_EQ(runs(plain), second);
  engine().remove("s-proven", limit());

  // The next known-good holds its own, and the old one's goes when all is settled.
  engine().keep_images("an-app", {{"web", second}}, limit());
  EXPECT_EQ(tags().size(), 2 * kept.size());
  engine().keep_only_images("an-app", {{"web", second}}, limit());
  EXPECT_EQ(tags(), "simmer-kept/an-app:" + second.substr(7, 12) + "\n");
  const auto missing = engine().missing_images(proven, limit());
  ASSERT_EQ(missing.size(), 1u);
  EXPECT_NE(missing[0].find("the image " + first + " of service web, with which it was proven, is not here"), std::string::npos) << missing[0];
  const auto said = refusal([&] { engine().make_images_present(proven, limit()); }, ErrorKind::infrastructure);
  EXPECT_NE(said.find("with which the known-good of an-app was proven, is not here"), std::string::npos) << said;
  refusal([&] { engine().keep_images("an-app", proven.images, limit()); }, ErrorKind::infrastructure);
  engine().keep_only_images("an-app", {}, limit());
  EXPECT_EQ(tags(), "");
  docker({"rmi", tag});
}

// Where the recipe's name still leads to it, that name runs: an upgrade that changes nothing restarts nothing.
TEST_F(SwarmEngineTest, ATagThatDidNotMoveIsDeployedAsTheRecipeNamesIt) {
  auto wanted = spec("s-unmoved", one_service("web", "sleep 1000", ""));
  const auto id = docker({"image", "inspect", "--format", "{{.Id}}", image()});
  wanted.app = "an-app";
  wanted.images = {{"web", id.substr(0, id.find('\n'))}};
  engine().deploy(wanted, limit());
  EXPECT_EQ(docker({"service", "inspect", "--format", "{{.Spec.TaskTemplate.ContainerSpec.Image}}", "s-unmoved_web"}), image() + "\n");
}

// A registry's image is pulled before the deploy, and known by what the registry calls it: a tag may move.
TEST_F(SwarmEngineTest, AnImageOfARegistryIsPulledAndKnownByItsDigest) {
  const char* registry = std::getenv("SIMMER_TEST_REGISTRY");
  if (registry == nullptr) GTEST_SKIP() << "no registry: ./test.sh swarm starts one";
  const std::string name = std::string(registry) + "/simmer-test/web", tagged = name + ":1";
  const auto push = [&] {
    const auto said = docker({"push", tagged});
    docker({"rmi", tagged});
    const auto at = said.find("sha256:");
    EXPECT_NE(at, std::string::npos) << said;
    return at == std::string::npos ? "" : name + "@" + said.substr(at, 71);
  };
  docker({"tag", image(), tagged});
  const auto pushed = push();
  const std::string services = "\n  web: {image: \"" + tagged + "\", command: [\"sh\", \"-c\", \"trap 'exit 0' TERM; while :; do sleep 0.1; done\"], deploy: {endpoint_mode: dnsrr}}\n";
  auto wanted = spec("s-pulled", services);
  engine().make_images_present(wanted, limit());
  engine().deploy(wanted, limit());
  ASSERT_EQ(engine().wait_converged("s-pulled", limit()).state, Convergence::State::converged);
  EXPECT_EQ(engine().deployed("s-pulled", limit())->digests.at("web"), pushed);
  engine().remove("s-pulled", limit());
  docker({"rmi", tagged});
  // The same tag, with other content.
  const fs::path context = under_test_.scratch() / "moved";
  make_folders(context);
  std::ofstream(context / "Dockerfile") << "FROM " << image() << "\nLABEL moved=1\n";
  docker({"build", "-q", "-t", tagged, context.string()});
  EXPECT_NE(push(), pushed);
  wanted.facts.services[0].image = name + ":none";
  const auto said = refusal([&] { engine().make_images_present(wanted, limit()); }, ErrorKind::infrastructure);
  EXPECT_NE(said.find(name + ":none of service web is not here and cannot be pulled"), std::string::npos) << said;
}

TEST_F(SwarmEngineTest, AMissingNetworkIsTheMachinesFault) {
  const auto wanted = spec("s-network", one_service("web", "sleep 1000", "    networks: [none-such]\n") + "\nnetworks: {none-such: {external: true}}\n");
  const auto said = refusal([&] { engine().deploy(wanted, limit()); }, ErrorKind::infrastructure);
  EXPECT_NE(said.find("none-such"), std::string::npos) << said;
  EXPECT_TRUE(engine().inventory("s-network", limit()).empty());
}

// One that is not the stack's own is somebody else's: its value is not made up.
TEST_F(SwarmEngineTest, AMissingSecretOfSomebodyElseIsTheMachinesFault) {
  auto wanted = spec("s-secret", one_service("web", "sleep 1000", "    secrets: [shared]\n"), "shared: {external: true, name: somebody_elses_key}, ");
  wanted.secrets["shared"] = "made-up";
  const auto said = refusal([&] { engine().deploy(wanted, limit()); }, ErrorKind::infrastructure);
  EXPECT_NE(said.find("there is no secret somebody_elses_key"), std::string::npos) << said;
  EXPECT_TRUE(engine().inventory("s-secret", limit()).empty());
}

// The compose files see the deployment's environment, and nothing of whoever deploys.
TEST_F(SwarmEngineTest, NothingOfThisMachinesEnvironmentReachesTheRecipe) {
  auto wanted = spec("s-env", one_service("web", "env; trap 'exit 0' TERM; while :; do sleep 0.1; done", "    environment: [TEXT, HOSTNAME_OF_MINE, DOCKER_HOST]\n    deploy: {endpoint_mode: dnsrr}\n"));
  ::setenv("HOSTNAME_OF_MINE", "secret-of-the-operator", 1);
  engine().deploy(wanted, limit());
  ::unsetenv("HOSTNAME_OF_MINE");
  ASSERT_EQ(engine().wait_converged("s-env", limit()).state, Convergence::State::converged);
  const auto seen = engine().exec("s-env", {"web", {"env"}, "", milliseconds(5000)}, limit()).out;
  EXPECT_NE(seen.find("TEXT=hello\n"), std::string::npos) << seen;
  EXPECT_EQ(seen.find("secret-of-the-operator"), std::string::npos) << seen;
  EXPECT_EQ(seen.find("docker.sock"), std::string::npos) << seen;
}

// Promise P15.
TEST_F(SwarmEngineTest, NeighboursStayAsTheyAre) {
  const fs::path folder = under_test_.scratch() / "neighbour";
  make_folders(folder);
  std::ofstream(folder / "compose.yml") << "version: \"3.8\"\nservices:" << one_service("web", "trap 'exit 0' TERM; while :; do sleep 0.1; done", "    volumes: [\"data:/data\"]\n")
                                        << "volumes: {data: }\n";
  const auto up = run_command({{"/usr/bin/docker", "stack", "deploy", "--resolve-image", "never", "-c", (folder / "compose.yml").string(), "s-mine_not"}, {{"IMAGE", image()}}, false, {}, ""}, limit());
  ASSERT_EQ(up.exit_code, 0) << up.err;
  engine().wait_converged("s-mine_not", limit());
  const auto before = engine().inventory("s-mine_not", limit());
  EXPECT_GE(before.size(), 4u) << "service, container, volume, network";
  engine().deploy(spec("s-mine", services_of(Sample::web)), limit());
  ASSERT_EQ(engine().wait_converged("s-mine", limit()).state, Convergence::State::converged);
  for (const auto& object : engine().inventory("", limit())) EXPECT_EQ(object.labels.at("stack"), "s-mine") << "a stranger's stack is seen";
  EXPECT_TRUE(SwarmEngine({docker_address("", ""), "another simmer"}).inventory("", limit()).empty()) << "its gc would take this run for an orphan";
  engine().remove("s-mine", limit());
  EXPECT_EQ(engine().inventory("s-mine_not", limit()), before);
  docker({"stack", "rm", "s-mine_not"});
  stacks_.push_back("s-mine_not");
}

// No label tells whose it is: its container does, while there is one.
TEST_F(SwarmEngineTest, AVolumeWithoutANameGoesWithItsDeployment) {
  engine().deploy(spec("s-nameless", one_service("web", "trap 'exit 0' TERM; while :; do sleep 0.1; done", "    volumes: [\"/scratch\"]\n    deploy: {endpoint_mode: dnsrr}\n")), limit());
  ASSERT_EQ(engine().wait_converged("s-nameless", limit()).state, Convergence::State::converged);
  const auto first_line = [](const std::string& text) { return text.substr(0, text.find('\n')); };
  const auto container = first_line(docker({"ps", "-q", "--filter", "label=com.docker.stack.namespace=s-nameless"}));
  const auto name = first_line(docker({"inspect", "--format", "{{range .Mounts}}{{.Name}}{{end}}", container}));
  ASSERT_EQ(name.size(), 64U) << name;
  ASSERT_NE(docker({"volume", "ls", "-q"}).find(name), std::string::npos);
  engine().remove("s-nameless", limit());
  EXPECT_EQ(docker({"volume", "ls", "-q"}).find(name), std::string::npos);
}

TEST_F(SwarmEngineTest, AStaleVolumeOfDockersOwnIsRefused) {
  auto wanted = spec("s-stale", services_of(Sample::web));
  docker({"volume", "create", "s-stale_content"});
  make_folders(under_test_.scratch() / "given");
  wanted.volumes["content"] = {VolumeSource::Kind::existing, under_test_.scratch() / "given"};
  const auto said = refusal([&] { engine().deploy(wanted, limit()); }, ErrorKind::infrastructure);
  EXPECT_NE(said.find("s-stale_content"), std::string::npos) << said;
  docker({"volume", "rm", "s-stale_content"});
}

TEST_F(SwarmEngineTest, DockerIsReachedByTcpWithTls) {
  const char* keys = std::getenv("SIMMER_TEST_TLS");
  if (keys == nullptr) GTEST_SKIP() << "the Docker here is not one that tests/swarm/up.sh made";
  const std::string host = "tcp://127.0.0.1:22376";
  SwarmEngine engine({{host, keys}, "contract-tls"});
  engine.check(limit());
  const auto wanted = spec("s-tls", services_of(Sample::web_without_side));
  engine.deploy(wanted, limit());
  ASSERT_EQ(engine.wait_converged("s-tls", limit()).state, Convergence::State::converged);
  EXPECT_EQ(engine.exec("s-tls", {"web", {"echo", "hello"}, "", milliseconds(5000)}, limit()).out, "hello\n");
  EXPECT_TRUE(engine.remove("s-tls", limit()).empty());
  EXPECT_THROW(SwarmEngine({{host, ""}, ""}).check(limit()), Error) << "without TLS";
  EXPECT_THROW(SwarmEngine({{host, "/nowhere"}, ""}), Error) << "without keys";
}

TEST_F(SwarmEngineTest, ADockerThatDoesNotAnswerIsSaidInOneLine) {
  for (const std::string host : {"unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"}) {
    SwarmEngine nobody({{host, ""}, ""});
    const auto said = refusal([&] { nobody.check(limit()); }, ErrorKind::unavailable);
    EXPECT_NE(said.find(host), std::string::npos) << said;
  }
  EXPECT_THROW(SwarmEngine({{"ssh://x", ""}, ""}), Error);
}

}  // namespace
}  // namespace simmer::contract
