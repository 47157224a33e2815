// Promise P16, construct by construct: each is refused by its own word, and by no other, and passes
// when the operator allows that word.
#include <gmock/gmock.h>

#include "recipe_folder.hpp"

namespace simmer {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing_recipes::read_fixture;
using testing_recipes::RecipeFolder;

const std::string stack = "cust-abc123_example_org", domain = "cust-abc123.example.org";

std::set<std::string> words(const std::vector<PolicyViolation>& violations) {
  std::set<std::string> words;
  for (const auto& violation : violations) words.insert(violation.permission);
  return words;
}

struct Case {
  std::string name;
  std::string service;  // what stands in the service, in flow style; may be empty
  std::string top;      // what stands at the top; may be empty
  std::set<std::string> expected;
  std::string said;  // part of what is said
};

std::ostream& operator<<(std::ostream& out, const Case& one) { return out << one.service << " " << one.top; }

class PolicyConstruct : public ::testing::TestWithParam<Case> {};

TEST_P(PolicyConstruct, IsRefusedByItsNameUnlessAllowed) {
  const Case& one = GetParam();
  RecipeFolder folder("services:\n  app: {image: a" + (one.service.empty() ? "" : ", " + one.service) + "}\n" + one.top + "\n");
  folder.write("inside.txt", "A=b\n");
  fs::create_symlink("/etc/hostname", folder.path() / "outside-link");
  const RecipeTree tree = folder.read();
  const auto violations = judge_policy(tree, stack, domain, {}, "proxy");
  EXPECT_EQ(words(violations), one.expected);
  EXPECT_THAT(violations.at(0).what, HasSubstr(one.said));
  for (const auto& violation : violations) EXPECT_THAT(violation.what, ::testing::StartsWith("compose.yml:")) << "where it stands";
  for (const auto& violation : violations) {
    EXPECT_THAT(policy_permissions(), Contains(violation.permission));
    EXPECT_EQ(violation.service, one.service.empty() ? "" : "app") << violation.what;
  }
  const std::vector<std::string> allowed(one.expected.begin(), one.expected.end());
  EXPECT_THAT(judge_policy(tree, stack, domain, allowed, "proxy"), IsEmpty());
  // Another word does not help.
  for (const auto& permission : policy_permissions()) {
    auto left = one.expected;
    left.erase(permission);
    EXPECT_EQ(words(judge_policy(tree, stack, domain, {permission}, "proxy")), left) << permission;
  }
}

const Case cases[] = {
    // mounts
    {"BindShort", "volumes: ['/etc:/x']", "", {"bind-mounts"}, "service app mounts /etc"},
    {"BindReadOnly", "volumes: ['/etc:/x:ro']", "", {"bind-mounts"}, ""},
    {"BindRelative", "volumes: ['./data:/x']", "", {"bind-mounts"}, ""},
    {"BindUpwards", "volumes: ['../data:/x']", "", {"bind-mounts"}, ""},
    {"BindHome", "volumes: ['~/data:/x']", "", {"bind-mounts"}, ""},
    {"BindLong", "volumes: [{type: bind, source: /etc, target: /x}]", "", {"bind-mounts"}, ""},
    {"BindByVariable", "volumes: ['${NOWHERE:-/etc}:/x']", "", {"bind-mounts"}, ""},
    {"UnknownMountType", "volumes: [{type: image, source: a, target: /x}]", "", {"bind-mounts"}, "as 'image'"},
    {"ClusterVolume", "volumes: [{type: cluster, source: group, target: /x}]", "", {"foreign-volumes"}, ""},
    {"DockerSocket", "volumes: ['/var/run/docker.sock:/var/run/docker.sock']", "", {"docker-socket"}, "Docker socket"},
    {"DockerSocketReadOnly", "volumes: ['/run/docker.sock:/x:ro']", "", {"docker-socket"}, ""},
    {"DockerSocketDotted", "volumes: ['/var/../run/./docker.sock:/x']", "", {"docker-socket"}, ""},
    {"DockerSocketLong", "volumes: [{type: bind, source: //var/run/docker.sock, target: /x}]", "", {"docker-socket"}, ""},
    {"DockerSocketByPipe",
     "volumes: [{type: npipe, source: '\\\\.\\pipe\\docker_engine', target: /x}]",
     "",
     {"docker-socket"},
     ""},
    {"DockerSocketsFolder", "volumes: ['/var/run:/x']", "", {"docker-socket", "bind-mounts"}, ""},
    {"RootFolder", "volumes: ['/:/host']", "", {"docker-socket", "bind-mounts"}, ""},
    {"VolumeThatBinds",
     "",
     "volumes: {v: {driver_opts: {type: none, o: bind, device: /etc}}}",
     {"bind-mounts"},
     "volume v binds /etc"},
    {"VolumeThatRbinds", "", "volumes: {v: {driver: local, driver_opts: {o: 'ro,rbind', device: /etc}}}", {"bind-mounts"}, ""},
    {"VolumeOfADevice", "", "volumes: {v: {driver_opts: {type: ext4, device: /dev/sda1}}}", {"bind-mounts"}, ""},
    {"VolumeBindsSocket", "", "volumes: {v: {driver_opts: {o: bind, device: /run/docker.sock}}}", {"docker-socket"}, ""},
    {"VolumeBindAsTmpfs", "", "volumes: {v: {driver_opts: {type: tmpfs, o: bind, device: /etc}}}", {"bind-mounts"}, ""},
    {"VolumeOfNfs", "", "volumes: {v: {driver_opts: {type: nfs4, o: 'addr=10.0.0.1', device: ':/x'}}}", {"foreign-volumes"}, ""},
    {"VolumeOfCifs", "", "volumes: {v: {driver_opts: {type: cifs, device: '//h/x'}}}", {"foreign-volumes"}, ""},
    {"VolumeDriver",
     "",
     "volumes: {v: {driver: local-persist, driver_opts: {mountpoint: /etc}}}",
     {"foreign-volumes", "bind-mounts"},
     ""},
    {"BuildContext", "build: ..", "", {"bind-mounts"}, ""},
    {"BuildContextLong", "build: {context: /}", "", {"bind-mounts"}, ""},
    {"BuildDockerfile", "build: {context: ., dockerfile: ../Dockerfile}", "", {"bind-mounts"}, ""},
    {"BuildHostNetwork", "build: {context: ., network: host}", "", {"host-namespaces"}, ""},
    // what a container may do
    {"Devices", "devices: ['/dev/sda:/dev/sda']", "", {"devices"}, "devices: /dev/sda"},
    {"Privileged", "privileged: true", "", {"privileged"}, "service app is privileged"},
    {"PrivilegedByVariable", "privileged: '${NOT_SET:-true}'", "", {"privileged"}, ""},
    {"CapAdd", "cap_add: [NET_ADMIN]", "", {"capabilities"}, "cap_add: NET_ADMIN"},
    {"Sysctls", "sysctls: {net.core.somaxconn: 1024}", "", {"capabilities"}, ""},
    {"Unconfined", "security_opt: ['seccomp:unconfined']", "", {"capabilities"}, ""},
    {"UnconfinedSecond", "security_opt: [no-new-privileges, 'apparmor=unconfined']", "", {"capabilities"}, ""},
    {"OomScore", "oom_score_adj: -1000", "", {"capabilities"}, ""},
    // namespaces
    {"NetworkModeHost", "network_mode: host", "", {"host-namespaces"}, "network_mode: host"},
    {"NetworkModeHostUpper", "network_mode: Host", "", {"host-namespaces"}, ""},
    {"NetworkModeContainer", "network_mode: 'container:other'", "", {"host-namespaces"}, ""},
    {"PidHost", "pid: host", "", {"host-namespaces"}, ""},
    {"PidContainer", "pid: 'container:other'", "", {"host-namespaces"}, ""},
    {"IpcHost", "ipc: host", "", {"host-namespaces"}, ""},
    {"CgroupnsHost", "cgroupns_mode: host", "", {"host-namespaces"}, ""},
    {"UsernsHost", "userns_mode: host", "", {"host-namespaces"}, ""},
    {"LogsByTheHost", "logging: {driver: syslog, options: {syslog-address: 'unixgram:///run/x'}}", "", {"host-namespaces"}, "logs by the driver syslog"},
    {"CgroupParent", "cgroup_parent: system.slice", "", {"host-namespaces"}, ""},
    {"HostNetworkByName", "", "networks: {net: {external: true, name: host}}", {"foreign-networks", "host-namespaces"}, ""},
    {"Macvlan", "", "networks: {net: {driver: macvlan, driver_opts: {parent: eth0}}}", {"host-namespaces"}, ""},
    {"BridgeOfTheHost",
     "",
     "networks: {net: {driver: bridge, driver_opts: {com.docker.network.bridge.name: docker0}}}",
     {"host-namespaces"},
     ""},
    // ports
    {"PortHostMode", "ports: [{target: 80, published: 80, mode: host}]", "", {"host-ports"}, "port 80 as 80"},
    {"PortIngress", "ports: ['8080:80']", "", {"host-ports"}, ""},
    {"PortOnLoopback", "ports: ['127.0.0.1:8080:80']", "", {"host-ports"}, ""},
    {"PortRandom", "ports: ['80']", "", {"host-ports"}, ""},
    // foreign names
    {"ForeignVolume", "", "volumes: {v: {external: true}}", {"foreign-volumes"}, "volume v is 'v'"},
    {"VolumeThatOutlivesTheRun", "", "volumes: {v: {external: true, name: '${STACK_NAME}_v'}}", {"foreign-volumes"}, "would outlive the run"},
    {"VolumeOptionsThatHideOthers", "", "volumes: {v: {driver_opts: {type: tmpfs, device: tmpfs, Device: x}}}", {"bind-mounts"}, "hides another"},
    {"VolumeBindBehindAnotherCase", "", "volumes: {v: {driver_opts: {O: 'size=1m', o: bind, type: none, device: /etc}}}", {"bind-mounts"}, ""},
    {"ForeignVolumeNamed", "", "volumes: {v: {name: other_app_data}}", {"foreign-volumes"}, ""},
    {"ForeignVolumeOldForm", "", "volumes: {v: {external: {name: other}}}", {"foreign-volumes"}, ""},
    {"ForeignVolumeLikeOurs", "", "volumes: {v: {name: cust-abc123_example_orgx_v}}", {"foreign-volumes"}, ""},
    {"ForeignVolumePrefixAlone", "", "volumes: {v: {name: cust-abc123_example_org_}}", {"foreign-volumes"}, ""},
    {"ForeignVolumeUpwards", "", "volumes: {v: {name: cust-abc123_example_org_/../x}}", {"foreign-volumes"}, ""},
    {"ForeignSecret", "", "secrets: {s: {external: true, name: other_s_v1}}", {"foreign-secrets"}, ""},
    {"SecretDriver", "", "secrets: {s: {driver: vault}}", {"foreign-secrets"}, ""},
    {"ForeignConfig", "", "configs: {c: {external: true}}", {"foreign-configs"}, ""},
    {"ConfigTemplateDriver", "", "configs: {c: {file: inside.txt, template_driver: other}}", {"foreign-configs"}, ""},
    {"ForeignNetwork", "", "networks: {net: {external: true, name: other_default}}", {"foreign-networks"}, ""},
    {"ProxyNetworkClaimed", "", "networks: {proxy: {name: proxy}}", {"foreign-networks"}, ""},
    {"ForeignNetworkMode", "network_mode: other_default", "", {"foreign-networks"}, ""},
    {"ForeignNetworkDriver", "", "networks: {net: {driver: weave}}", {"foreign-networks"}, ""},
    {"ExternalLinks", "external_links: [other]", "", {"foreign-networks"}, ""},
    // routers
    {"RouterForeign",
     "deploy: {labels: ['traefik.http.routers.x.rule=Host(`other.example.org`)']}",
     "",
     {"foreign-hosts"},
     "other.example.org"},
    {"RouterForeignMapping",
     "deploy: {labels: {traefik.http.routers.x.rule: 'Host(`other.example.org`)'}}",
     "",
     {"foreign-hosts"},
     ""},
    {"RouterOnContainer", "labels: ['traefik.http.routers.x.rule=Host(`other.example.org`)']", "", {"foreign-hosts"}, ""},
    {"RouterHiddenByDeploy",
     "labels: ['traefik.http.routers.x.rule=Host(`o.org`)'], deploy: {labels: ['traefik.http.routers.x.rule=Host(`${DOMAIN}`)']}",
     "",
     {"foreign-hosts"},
     ""},
    {"RouterCase", "deploy: {labels: ['Traefik.HTTP.Routers.x.Rule=Host(`other.example.org`)']}", "", {"foreign-hosts"}, ""},
    {"RouterSecondHost",
     "deploy: {labels: ['traefik.http.routers.x.rule=Host(`${DOMAIN}`, `other.example.org`)']}",
     "",
     {"foreign-hosts"},
     ""},
    {"RouterRegexp", "deploy: {labels: ['traefik.http.routers.x.rule=HostRegexp(`.*`)']}", "", {"foreign-hosts"}, ""},
    {"RouterTcp", "deploy: {labels: ['traefik.tcp.routers.x.rule=HostSNI(`*`)']}", "", {"foreign-hosts"}, ""},
    {"RouterUdp", "deploy: {labels: ['traefik.udp.routers.x.entrypoints=dns']}", "", {"foreign-hosts"}, ""},
    {"RouterBroken", "deploy: {labels: ['traefik.http.routers.x.rule=Host(`${DOMAIN}`']}", "", {"foreign-hosts"}, ""},
    {"RouterEmpty", "deploy: {labels: ['traefik.http.routers.x.rule=']}", "", {"foreign-hosts"}, ""},
    {"RouterOfTraefik1", "labels: ['traefik.frontend.rule=Host:other.example.org']", "", {"foreign-hosts"}, ""},
    {"CertificateForOthers",
     "deploy: {labels: ['traefik.http.routers.x.tls.domains[0].main=example.org']}",
     "",
     {"foreign-hosts"},
     ""},
    // other names of the proxy's
    {"RouterOfTheProxysOwn", "deploy: {labels: ['traefik.http.routers.${STACK_NAME}.service=api@internal']}", "", {"foreign-hosts"}, "api@internal"},
    {"RouterToAnothersService", "deploy: {labels: ['traefik.http.routers.${STACK_NAME}.service=keycloak_example_org-app@swarm']}", "", {"foreign-hosts"}, "none of its own"},
    {"RouterToAServiceOfAFile", "deploy: {labels: ['traefik.tcp.routers.${STACK_NAME}.service=db@file']}", "", {"foreign-hosts"}, ""},
    {"RouterToNobodysService", "deploy: {labels: ['traefik.http.routers.${STACK_NAME}.service=app']}", "", {"foreign-hosts"}, ""},
    {"RouterThroughAnothersMiddleware", "deploy: {labels: ['Traefik.http.routers.${STACK_NAME}.Middlewares=${STACK_NAME}-a@docker, login@docker']}", "", {"foreign-hosts"}, "login@docker"},
    {"CertificateResolver", "deploy: {labels: ['traefik.http.routers.${STACK_NAME}.tls.certresolver=production']}", "", {"foreign-hosts"}, "LETS_ENCRYPT_ENV"},
    {"ChainOfAnothers", "deploy: {labels: ['traefik.http.middlewares.${STACK_NAME}.chain.middlewares=other']}", "", {"foreign-hosts"}, ""},
    {"ErrorsFromAnothers", "deploy: {labels: ['traefik.http.middlewares.${STACK_NAME}.errors.service=other']}", "", {"foreign-hosts"}, ""},
    {"ForwardedToTheProxyItself", "deploy: {labels: ['traefik.http.middlewares.${STACK_NAME}.forwardauth.address=http://127.0.0.1:8080/api']}", "", {"foreign-hosts"}, "127.0.0.1"},
    {"ForwardedByAUserName", "deploy: {labels: ['traefik.http.middlewares.${STACK_NAME}.forwardauth.address=http://app@127.0.0.1/']}", "", {"foreign-hosts"}, ""},
    {"ServiceElsewhere", "deploy: {labels: ['traefik.http.services.${STACK_NAME}.loadbalancer.server.url=http://10.0.0.1']}", "", {"foreign-hosts"}, ""},
    {"ServiceElsewhereInAList", "deploy: {labels: ['traefik.http.services.${STACK_NAME}.loadbalancer.servers[0].url=http://10.0.0.1']}", "", {"foreign-hosts"}, ""},
    {"ServiceOfServices", "deploy: {labels: ['traefik.http.services.${STACK_NAME}.weighted.services[0].name=other']}", "", {"foreign-hosts"}, ""},
    {"TransportOfAnothers", "deploy: {labels: ['traefik.http.services.${STACK_NAME}.loadbalancer.serverstransport=other']}", "", {"foreign-hosts"}, ""},
    {"RouterBehindALongS", "deploy: {labels: ['traefik.http.router\xC5\xBF.x.rule=Host(`other.example.org`)']}", "", {"foreign-hosts"}, "beyond ASCII"},
    {"LabelOfTraefikWithAKelvinSign", "labels: ['traefi\xE2\x84\xAA.http.routers.x.rule=Host(`other.example.org`)']", "", {"foreign-hosts"}, "beyond ASCII"},
    {"RouterInBrackets", "deploy: {labels: ['traefik.http.routers[0].rule=Host(`other.example.org`)']}", "", {"foreign-hosts"}, "bracket"},
    {"SectionInBrackets", "deploy: {labels: ['traefik.http[0].routers.x.rule=Host(`other.example.org`)']}", "", {"foreign-hosts"}, "bracket"},
    {"AddressByAServicesNameAlone", "deploy: {labels: ['traefik.http.services.${STACK_NAME}.loadbalancer.server.url=http://app:80']}", "", {"foreign-hosts"}, "neither"},
    {"HealthCheckThatFollows", "deploy: {labels: ['traefik.http.services.${STACK_NAME}.loadbalancer.healthcheck.path=/']}", "", {"foreign-hosts"}, "followredirects=false"},
    {"HostnameOfAnother", "hostname: auth.example.org, networks: [proxy]", "networks: {proxy: {external: true}}", {"foreign-networks"}, "auth.example.org"},
    {"HostnameByATemplate", "hostname: '{{\"keycloak_example_org_app\"}}', networks: [proxy]", "networks: {proxy: {external: true}}", {"foreign-networks"}, ""},
    {"HostnameOnADefaultNetwork", "hostname: auth.example.org", "networks: {default: {external: true, name: proxy}}", {"foreign-networks"}, ""},
    {"AliasOnTheProxysNetwork", "networks: {proxy: {aliases: [keycloak_example_org_app]}}", "networks: {proxy: {external: true}}", {"foreign-networks"}, "keycloak_example_org_app"},
    {"AliasThatIsAHost", "networks: {proxy: {aliases: [auth.example.org]}}", "networks: {proxy: {external: true}}", {"foreign-networks"}, "auth.example.org"},
    // x-simmer-local
    {"LocalFileOutside", "x-simmer-local: {command: [a], files: {f: ../../etc/passwd}}", "", {"bind-mounts"}, ""},
    {"LocalFileAbsolute", "x-simmer-local: {command: [a], files: {f: /etc/passwd}}", "", {"bind-mounts"}, ""},
    {"LocalFileByLink", "x-simmer-local: {command: [a], files: {f: outside-link}}", "", {"bind-mounts"}, ""},
    {"LocalFileByVariable", "x-simmer-local: {command: [a], files: {f: '${HOME}/x'}}", "", {"bind-mounts"}, ""},
    {"LocalFileTarget", "x-simmer-local: {command: [a], files: {../f: inside.txt}}", "", {"bind-mounts"}, ""},
    {"LocalWorkingDir", "x-simmer-local: {command: [a], working_dir: /etc}", "", {"bind-mounts"}, ""},
    {"LocalWorkingDirUpwards", "x-simmer-local: {command: [a], working_dir: '${RECIPE_DIR}/../..'}", "", {"bind-mounts"}, ""},
    {"LocalWorkingDirBeside", "x-simmer-local: {command: [a], working_dir: '${RUN_DIR}x'}", "", {"bind-mounts"}, ""},
};

INSTANTIATE_TEST_SUITE_P(Policy, PolicyConstruct, ::testing::ValuesIn(cases), [](const auto& info) { return info.param.name; });

// Keys that would reach out with other tools, and that no Docker stack knows: they never get as far as the policy, whatever is allowed.
TEST(Policy, WhatDockerDoesNotKnowIsNotEvenJudged) {
  for (const std::string service :
       {"volumes: ['a/../../etc:/x']", "volumes: [{source: /etc, target: /x}]", "volumes: [{type: volume, source: '../../x', target: /x}]", "volumes_from: ['container:other']", "use_api_socket: true", "extends: {file: ../compose.yml, service: a}",
        "device_cgroup_rules: ['c 1:3 mr']", "gpus: all", "deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}", "privileged: 'yes'", "privileged: {a: b}", "post_start: [{command: x, privileged: true}]", "provider: {type: program}", "runtime: other",
        "uts: host", "cgroup: host", "label_file: inside.txt", "env_file: [{path: /etc/environment}]"}) {
    const std::string said = testing_recipes::error_of([&] { RecipeFolder("services:\n  app: {image: a, " + service + "}\n").read(); });
    EXPECT_THAT(said, ::testing::StartsWith("compose.yml:2:")) << service;
  }
  for (const std::string top : {"include: [other.yml]", "name: other", "secrets: {s: {environment: HOME}}", "configs: {c: {content: x}}", "volumes: {v: {x-Cluster-Spec: {group: a}}}"})
    EXPECT_THAT(testing_recipes::error_of([&] { RecipeFolder("services: {app: {image: a}}\n" + top + "\n").read(); }), ::testing::StartsWith("compose.yml:2:")) << top;
}

// What recipes need every day is not refused.
// Docker is given contents: to allow what would have to be read out there would promise a run that cannot deploy.
TEST(Policy, NoWordAllowsWhatLiesOutsideOfTheRecipe) {
  const std::string app = "services: {app: {image: a}}\n";
  for (const auto& [compose, word, said] : std::vector<std::tuple<std::string, std::string, std::string>>{
           {"services: {app: {image: a, env_file: ../x.env}}\n", "bind-mounts", "service app reads env_file ../x.env"},
           {"services: {app: {image: a, env_file: [inside.txt, /etc/environment]}}\n", "bind-mounts", "env_file /etc/environment"},
           {"services: {app: {image: a, env_file: outside-link}}\n", "bind-mounts", "env_file outside-link"},
           {app + "secrets: {s: {file: /etc/shadow}}\n", "foreign-secrets", "secret s is read from /etc/shadow"},
           {app + "secrets: {s: {file: outside-link}}\n", "foreign-secrets", "outside-link"},
           {app + "configs: {c: {file: ../x}}\n", "foreign-configs", "config c is read from ../x"}}) {
    RecipeFolder folder(compose);
    folder.write("inside.txt", "A=b\n");
    fs::create_symlink("/etc/hostname", folder.path() / "outside-link");
    const auto violations = judge_policy(folder.read(), stack, domain, policy_permissions(), "proxy");
    ASSERT_EQ(words(violations), std::set<std::string>{word}) << compose;
    EXPECT_THAT(violations[0].what, ::testing::AllOf(::testing::StartsWith("compose.yml:"), HasSubstr(said), HasSubstr("nothing there is read, whatever is allowed; put the file into the recipe")));
  }
}

TEST(Policy, ARouterRuleIsAnsweredByWhatIsWrongWithIt) {
  const auto said = [](const std::string& rule) {
    const RecipeFolder folder("services:\n  app:\n    image: a\n    labels: {traefik.http.routers.cust-abc123_example_org.rule: '" + rule + "'}\n");
    const auto violations = judge_policy(folder.read(), stack, domain, {}, "proxy");
    return violations.empty() ? std::string() : violations[0].what;
  };
  EXPECT_THAT(said("Host(`${DOMAIN}`"), HasSubstr("the router rule Host(`" + domain + "`, which cannot be read: write it like Host(`${DOMAIN}`)"));
  EXPECT_THAT(said("Path(`/x`)"), HasSubstr("which is bound to no host: add Host(`${DOMAIN}`) &&"));
  EXPECT_THAT(said("Host(`other.org`)"), HasSubstr("which answers for 'other.org' instead of " + domain));
}

TEST(Policy, OwnThingsPass) {
  RecipeFolder folder(R"y(
services:
  app:
    image: a
    volumes: [data:/data, /anonymous, {type: tmpfs, target: /tmp}]
    env_file: inside.txt
    build: .
    privileged: false
    logging: {driver: json-file, options: {max-size: 1m}}
    cap_drop: [ALL]
    cap_add: []
    security_opt: [no-new-privileges:true]
    network_mode: none
    ipc: private
    pid: 'service:app'
    expose: [80]
    secrets: [s]
    labels: [traefik.enable=true]
    deploy:
      labels:
        - traefik.http.routers.x.rule=Host(`${DOMAIN}`) && PathPrefix(`/x`)
        - traefik.http.routers.x.tls.domains[0].main=${DOMAIN}
        - traefik.http.routers.x.tls.domains[0].sans=*.${DOMAIN}, a.${DOMAIN}
        - traefik.http.middlewares.x.headers.customrequestheaders.Host=other
        - traefik.http.routers.${STACK_NAME}-two.service=${STACK_NAME}
        - traefik.http.routers.${STACK_NAME}_api.service=y@swarm
        - traefik.http.services.y.loadbalancer.server.port=80
        - traefik.http.routers.x.middlewares=x,${STACK_NAME}-b@docker,security@file
        - traefik.http.routers.x.tls.certresolver=${LETS_ENCRYPT_ENV}
        - traefik.http.routers.x.tls.options=default@file
        - traefik.http.routers.off.service=noop@internal
        - traefik.http.middlewares.${STACK_NAME}-auth.forwardauth.address=http://${STACK_NAME}_app:9000/check?to=http://x
        - traefik.http.services.y.loadbalancer.healthcheck.path=/health
        - traefik.http.services.y.loadbalancer.healthcheck.followredirects=false
        - traefik.http.middlewares.${STACK_NAME}-b.forwardauth.address=https://auth.${DOMAIN}/
    networks: {proxy: {aliases: ['${STACK_NAME}_web', 'mail.${DOMAIN}', app]}, internal: {aliases: [auth.example.org]}}
    x-simmer-local:
      command: [a]
      files: {sub/f: inside.txt, g: '${RECIPE_DIR}/inside.txt'}
      working_dir: ${VOLUME_data}/sub
volumes: {data: , tmp: {driver: local, driver_opts: {type: tmpfs, device: tmpfs, o: size=100m}}, named: {name: '${STACK_NAME}_x'}}
secrets: {s: {external: true, name: '${STACK_NAME}_s_v1'}}
configs: {c: {file: ./inside.txt, template_driver: golang, name: '${STACK_NAME}_c_v1'}}
networks: {proxy: {external: true}, internal: {driver: overlay, internal: true}, default: }
)y");
  folder.write("inside.txt", "A=b\n");
  const auto violations = judge_policy(folder.read(), stack, domain, {}, "proxy");
  for (const auto& violation : violations) ADD_FAILURE() << violation.permission << ": " << violation.what;
}

TEST(Policy, AServiceIsNotCalledLikeAnothersOnTheProxysNetwork) {
  const std::string name = "keycloak_example_org_app";
  RecipeFolder folder("services: {app: {image: a}, " + name + ": {image: a, networks: [proxy]}}\nnetworks: {proxy: {external: true}}\n");
  EXPECT_EQ(words(judge_policy(folder.read(), stack, domain, {}, "proxy")), std::set<std::string>{"foreign-networks"});
  RecipeFolder by_default("services: {app: {image: a}, " + name + ": {image: a}}\nnetworks: {default: {external: true, name: proxy}}\n");
  EXPECT_EQ(words(judge_policy(by_default.read(), stack, domain, {}, "proxy")), std::set<std::string>{"foreign-networks"});
  RecipeFolder apart("services: {app: {image: a}, " + name + ": {image: a, networks: [inner]}}\nnetworks: {inner: , proxy: {external: true}}\n");
  EXPECT_THAT(judge_policy(apart.read(), stack, domain, {}, "proxy"), IsEmpty());
}

// Names of the proxy's that are not the stack's by their own: the run's, unless somebody has them.
TEST(Policy, ANameOfTheProxysThatAnotherStackHasIsRefused) {
  RecipeFolder folder("services:\n  app:\n    image: a\n    deploy:\n      labels:\n        - traefik.http.services.Web.loadbalancer.server.port=80\n"
                      "        - traefik.http.routers.${STACK_NAME}.rule=Host(`${DOMAIN}`)\n");
  const RecipeTree tree = folder.read();
  const auto judged = [&](const std::string& other, const std::string& label) { return judge_taken_names(tree, stack, {}, {{other, {label}}}); };
  const auto taken = judged("live_example_org", "traefik.HTTP.services.web.loadbalancer.server.port");
  ASSERT_EQ(words(taken), std::set<std::string>{"foreign-hosts"});
  EXPECT_THAT(taken[0].what, ::testing::StartsWith("compose.yml:6:"));
  EXPECT_THAT(taken[0].what, HasSubstr("http.services.web, which the stack live_example_org has already"));
  EXPECT_THAT(judged("", "traefik.http.services.web.loadbalancer.server.port"), ::testing::SizeIs(1));
  EXPECT_THAT(judged("live_example_org", "traefik.http.services.web2.loadbalancer.server.port"), IsEmpty());
  EXPECT_THAT(judged("live_example_org", "traefik.http.routers.web.rule"), IsEmpty()) << "another section";
  EXPECT_THAT(judged(stack, "traefik.http.services.web.loadbalancer.server.port"), IsEmpty()) << "its own";
  EXPECT_THAT(judge_taken_names(tree, stack, {"foreign-hosts"}, {{"live_example_org", {"traefik.http.services.web.x"}}}), IsEmpty());
}

TEST(Policy, AnotherProxyNetworkIsForeign) {
  RecipeFolder folder("services: {app: {image: a}}\nnetworks: {proxy: {external: true}}\n");
  EXPECT_EQ(words(judge_policy(folder.read(), stack, domain, {}, "edge")), std::set<std::string>{"foreign-networks"});
}

TEST(Policy, PublishedRecipes) {
  EXPECT_EQ(words(judge_policy(read_fixture("proxy"), "stack", "app.example.org", {}, "proxy")),
            (std::set<std::string>{"docker-socket", "host-ports"}));
  for (const char* name : {"identity", "files", "page"})
    for (const auto& violation : judge_policy(read_fixture(name), "stack", "app.example.org", {}, "proxy"))
      ADD_FAILURE() << name << ": " << violation.what;
}

// What hides behind an anchor, an overlay or an alias is judged where it ends up.
TEST(Policy, NothingHides) {
  RecipeFolder anchors("x-a: &a {privileged: true}\nservices: {app: {image: a, <<: *a}}\n");
  EXPECT_EQ(words(judge_policy(anchors.read(), stack, domain, {}, "proxy")), std::set<std::string>{"privileged"});
  RecipeFolder overlays("services: {app: {image: a}}\n");
  overlays.write("compose.x.yml", "services: {app: {pid: host}}\n")
      .write(".env.sample", "COMPOSE_FILE=compose.yml:compose.x.yml\n");
  EXPECT_EQ(words(judge_policy(overlays.read(), stack, domain, {}, "proxy")), std::set<std::string>{"host-namespaces"});
  RecipeFolder named("services: {x-app: {image: a, volumes: ['${P:-/etc}:/x']}}\n");
  EXPECT_EQ(words(judge_policy(named.read(), stack, domain, {}, "proxy")), std::set<std::string>{"bind-mounts"})
      << "a service may be called x-…";
}

TEST(Policy, ARecipeDoesNotChooseItsStack) {
  RecipeFolder folder("services: {app: {image: a}}\nvolumes: {v: {name: '${STACK_NAME}_v'}}\n");
  folder.write("abra.sh", "export STACK_NAME=other_app\n");
  const auto violations = judge_policy(folder.read(), stack, domain, {}, "proxy");
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_THAT(violations[0].what, HasSubstr("STACK_NAME"));
}

TEST(Policy, TheWordsAreThePromises) { EXPECT_EQ(policy_permissions().size(), 12u); }

}  // namespace
}  // namespace simmer
