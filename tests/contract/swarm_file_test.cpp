// What a recipe says of its networks, volumes, configs and limits is so in Docker: the one file, on a real Swarm.
#include <gmock/gmock.h>

#include "swarm_fixture.hpp"

namespace simmer::contract {
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EngineContract);
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class SwarmFileTest : public SwarmEngineTest {
 protected:
  // A stack of this compose file, and of nothing that other samples have.
  DeploySpec spec_of(const std::string& stack, const std::string& compose, const std::map<std::string, std::string>& files = {}) {
    auto wanted = spec(stack, one_service("web", "true", ""), "", files);
    write(wanted, compose);
    return wanted;
  }
  static void write(DeploySpec& wanted, const std::string& compose) {
    std::ofstream(wanted.recipe_dir / "compose.yml") << compose;
    SwarmUnderTest::read(wanted);
  }
  void deploy_and_converge(const DeploySpec& wanted) {
    engine().deploy(wanted, limit());
    const auto end = engine().wait_converged(wanted.stack, limit());
    ASSERT_EQ(end.state, Convergence::State::converged) << end.service << ": " << end.reason << "\n" << end.log_tail;
  }
  // The one line that docker says.
  static std::string line(const std::vector<std::string>& arguments) {
    const auto said = docker(arguments);
    return said.substr(0, said.find('\n'));
  }
  std::string in_container(const std::string& stack, const std::string& script) { return engine().exec(stack, {"web", {"sh", "-c", script}, "", milliseconds(5000)}, limit()).out; }
};

const std::string version = "version: \"3.9\"\n";
const std::string waits = "    image: ${IMAGE}\n    command: [\"sh\", \"-c\", \"trap 'exit 0' TERM; while :; do sleep 0.1; done\"]\n";
// Its networks are made, and no task of it is waited for.
const std::string rests = "    image: ${IMAGE}\n    deploy: {replicas: 0, endpoint_mode: dnsrr}\n";

TEST_F(SwarmFileTest, WhatTheRecipeSaysOfItsThingsIsSoInDocker) {
  const std::string compose = version + "services:\n  web:\n" + waits +
                              "    networks: [inner]\n"
                              "    volumes: [\"scratch:/scratch\", \"data:/data\"]\n"
                              "    configs: [{source: greeting, target: /greeting, mode: 0400}]\n"
                              "    deploy: {endpoint_mode: dnsrr, resources: {limits: {memory: 24m}}}\n"
                              "  rest:\n" + rests + "    networks: [sealed]\n"
                              "networks:\n"
                              "  inner: {internal: true, attachable: true, ipam: {config: [{subnet: 10.231.77.0/24}]}, labels: {of.mine: a}}\n"
                              "  sealed: {name: \"${STACK_NAME}_secret_net\", driver_opts: {encrypted: \"\"}}\n"
                              "volumes:\n"
                              "  scratch: {driver_opts: {type: tmpfs, device: tmpfs, o: \"size=1m\"}}\n"
                              "  data: {name: \"${STACK_NAME}_x\", labels: {of.mine: b}}\n"
                              "configs: {greeting: {file: greeting.txt, name: \"${STACK_NAME}_greeting_v1\", template_driver: golang}}\n";
  auto wanted = spec_of("s-file", compose, {{"greeting.txt", "hello from {{ .Service.Name }}, ${STACK_NAME}"}});
  wanted.limits = {50, 64 << 20, 0.5};
  deploy_and_converge(wanted);

  EXPECT_EQ(line({"network", "inspect", "--format", "{{.Internal}} {{.Attachable}} {{(index .IPAM.Config 0).Subnet}} {{index .Labels \"of.mine\"}} {{index .Labels \"simmer.run\"}}", "s-file_inner"}), "true true 10.231.77.0/24 a run-1");
  EXPECT_THAT(line({"network", "inspect", "--format", "{{.Internal}} {{json .Options}}", "s-file_secret_net"}), AllOf(HasSubstr("false "), HasSubstr("\"encrypted\":\"\"")));
  EXPECT_THAT(in_container("s-file", "grep ' /scratch ' /proc/mounts"), AllOf(HasSubstr("tmpfs /scratch tmpfs"), HasSubstr("size=1024k")));
  EXPECT_EQ(line({"volume", "inspect", "--format", "{{index .Labels \"of.mine\"}} {{index .Labels \"simmer.volume\"}}", "s-file_x"}), "b data");
  in_container("s-file", "echo kept > /data/file");
  EXPECT_EQ(read_file(engine().volume("s-file", "data", limit()).path / "file"), "kept\n");
  EXPECT_EQ(in_container("s-file", "cat /greeting"), "hello from s-file_web, ${STACK_NAME}");

  // The recipe's memory is the tighter one; the rest is ours.
  EXPECT_EQ(line({"service", "inspect", "--format", "{{with .Spec.TaskTemplate.Resources.Limits}}{{.Pids}} {{.MemoryBytes}} {{.NanoCPUs}}{{end}}", "s-file_web"}), "50 " + std::to_string(24 << 20) + " 500000000");
  const auto container = line({"ps", "-q", "--filter", "label=com.docker.swarm.service.name=s-file_web"});
  EXPECT_EQ(line({"inspect", "--format", "{{.HostConfig.PidsLimit}} {{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}", container}), "50 " + std::to_string(24 << 20) + " 500000000");
  EXPECT_THAT(in_container("s-file", "cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null"), HasSubstr("50\n")) << "the kernel's word";

  // Docker changes no config: another content needs another name.
  auto changed = wanted;
  std::ofstream(changed.recipe_dir / "greeting.txt") << "good bye";
  SwarmUnderTest::read(changed);
  const auto said = refusal([&] { engine().upgrade(changed, limit()); }, ErrorKind::recipe);
  EXPECT_THAT(said, AllOf(HasSubstr("config greeting"), HasSubstr("s-file_greeting_v1"), HasSubstr("a changed config needs a new name")));
  // Another name for the volume: it is the one that is mounted now, whatever the old one still carries.
  auto renamed = compose;
  renamed.replace(renamed.find("${STACK_NAME}_x"), 15, "${STACK_NAME}_y");
  std::ofstream(wanted.recipe_dir / "greeting.txt") << "hello from {{ .Service.Name }}, ${STACK_NAME}";
  write(wanted, renamed);
  engine().upgrade(wanted, limit());
  ASSERT_EQ(engine().wait_converged("s-file", limit()).state, Convergence::State::converged);
  EXPECT_THAT(engine().volume("s-file", "data", limit()).path.string(), HasSubstr("s-file_y"));
  engine().remove("s-file", limit());
  EXPECT_TRUE(engine().inventory("s-file", limit()).empty());
}

TEST_F(SwarmFileTest, AGivenFolderIsTheVolumeWhateverItsNameAndForeignNetworksStayAsTheyAre) {
  docker({"network", "create", "-d", "overlay", "--attachable", "s-given-outside"});
  const fs::path folder = under_test_.scratch() / "given";
  make_folders(folder);
  std::ofstream(folder / "page") << "precious";
  auto wanted = spec_of("s-given", version + "services:\n  web:\n" + waits + "    volumes: [\"data:/data\"]\n    deploy: {endpoint_mode: dnsrr}\n  rest:\n" + rests +
                                       "    networks: [back]\nnetworks: {default: {external: true, name: s-given-outside}, back: {}}\nvolumes: {data: {name: \"${STACK_NAME}_x\"}}\n");
  wanted.volumes["data"] = {VolumeSource::Kind::existing, folder};
  wanted.internal_networks = true;  // runs.egress: deny
  deploy_and_converge(wanted);
  EXPECT_EQ(in_container("s-given", "cat /data/page"), "precious");
  EXPECT_EQ(fs::canonical(engine().volume("s-given", "data", limit()).path), fs::canonical(folder));
  EXPECT_EQ(line({"volume", "inspect", "--format", "{{.Options.device}}", "s-given_x"}), fs::canonical(folder).string());
  EXPECT_EQ(line({"network", "inspect", "--format", "{{.Internal}}", "s-given_back"}), "true") << "the run's own leads nowhere";
  EXPECT_EQ(line({"network", "inspect", "--format", "{{.Internal}} {{len .Labels}}", "s-given-outside"}), "false 0");
  EXPECT_EQ(docker({"network", "ls", "-q", "--filter", "name=s-given_default"}), "");
  engine().remove("s-given", limit());
  EXPECT_EQ(docker({"volume", "ls", "-q", "--filter", "name=s-given"}), "");
  EXPECT_EQ(read_file(folder / "page"), "precious");
  docker({"network", "rm", "s-given-outside"});  // and it is still there
}

// Without a proxy it is asked from here, and an internal network does not lead here either: said before anything is made, not found unhealthy.
TEST_F(SwarmFileTest, AnAppThatDeniedEgressMakesUnreachableIsTheMachinesFault) {
  auto wanted = spec_of("s-egress", version + "services:\n  web:\n" + waits + "    networks: [back]\nnetworks: {back: {}}\n");
  wanted.internal_networks = true;
  const auto said = refusal([&] { engine().deploy(wanted, limit()); }, ErrorKind::infrastructure);
  EXPECT_THAT(said, AllOf(HasSubstr("runs.egress: deny, service web"), HasSubstr("set proxy.address")));
  EXPECT_TRUE(engine().inventory("s-egress", limit()).empty());
  wanted.asked_directly = false;
  EXPECT_NO_THROW(engine().deploy(wanted, limit()));
}

TEST_F(SwarmFileTest, AVersionLineIsMissingOrWrittenAsYouLike) {
  const std::string services = "services:\n  web:\n" + rests;
  auto wanted = spec_of("s-version", services);
  engine().deploy(wanted, limit());
  for (const std::string& compose : {"# version: \"3.8\"\n" + services, "version: '3.8' # as it should be\n" + services, "\"version\": \"3\"\n" + services,
                                     std::string("{\"version\": \"3.8\", \"services\": {\"web\": {\"image\": \"${IMAGE}\", \"deploy\": {\"replicas\": 0, \"endpoint_mode\": \"dnsrr\"}}}}")}) {
    write(wanted, compose);
    wanted.facts.commit += "x";
    engine().upgrade(wanted, limit());
    EXPECT_EQ(line({"service", "inspect", "--format", "{{index .Spec.Labels \"simmer.commit\"}}", "s-version_web"}), wanted.facts.commit) << compose;
  }
}

}  // namespace
}  // namespace simmer::contract
