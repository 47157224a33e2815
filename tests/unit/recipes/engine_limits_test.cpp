// What Docker's engine refuses and its schema does not: each line was put to a Docker 20.10 with a swarm, which refused the service,
// rejected its tasks, let them die at once or left them waiting for ever; and beside each what it takes.
#include <gmock/gmock.h>

#include <recipes/image_reference.hpp>

#include "recipe_folder.hpp"

namespace simmer {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using testing_recipes::error_of;
using testing_recipes::RecipeFolder;

using Refused = std::vector<std::pair<std::string, std::string>>;

const std::string declared = "\nvolumes: {vol: {}, wol: {}}\nsecrets: {a: {external: true}, b: {external: true}}\nconfigs: {a: {external: true}, b: {external: true}}\n";

std::string error_in(const std::string& compose) {
  return error_of([&] { RecipeFolder(compose).read(); });
}
std::string service(const std::string& says) { return "services:\n  app: {" + std::string(says.starts_with("image") ? "" : "image: a, ") + says + "}" + declared; }
std::string network(const std::string& says) { return "services: {app: {image: a, networks: [net]}}\nnetworks:\n  net: {" + says + "}\n"; }
void expect_refused(const Refused& cases, const std::string& place = "compose.yml:2:") {
  for (const auto& [says, said] : cases) EXPECT_THAT(error_in(service(says)), AllOf(StartsWith(place), HasSubstr(said))) << says;
}
void expect_read(const std::string& compose) {
  try {
    RecipeFolder(compose).read();
  } catch (const Error& error) {
    ADD_FAILURE() << compose << ": " << error.message();
  }
}
void expect_taken(const std::vector<std::string>& cases) {
  for (const auto& says : cases) expect_read(service(says));
}

TEST(EngineLimits, ResourcesThatNoContainerCanStartWith) {
  expect_refused({{"deploy: {resources: {limits: {memory: 3m}}}", "deploy.resources.limits.memory: Docker takes 6m or more, not '3m'"},
                  {"deploy: {resources: {limits: {memory: 5m}}}", "6m or more"},
                  {"deploy: {resources: {reservations: {memory: 1m}}}", "reservations.memory: Docker takes 4m or more"},
                  {"deploy: {resources: {limits: {cpus: '0.009'}}}", "0.01 or more"},
                  {"deploy: {resources: {reservations: {cpus: '0.0005'}}}", "0.001 or more"},
                  {"deploy: {resources: {limits: {cpus: '0.12345678912'}}}", "nine digits"},
                  {"deploy: {resources: {limits: {cpus: 'half'}}}", "'half' is no number of CPUs"}});
  expect_taken({"deploy: {resources: {limits: {memory: 6m}}}", "deploy: {resources: {limits: {memory: '0'}}}", "deploy: {resources: {limits: {memory: 20m}, reservations: {memory: 30m}}}", "deploy: {resources: {limits: {cpus: '0.01'}}}",
                "deploy: {resources: {limits: {cpus: '0.5000000000000'}}}", "deploy: {resources: {limits: {cpus: '900'}}}"});
}

TEST(EngineLimits, DurationsThatAreTooShortOrNegative) {
  expect_refused({{"healthcheck: {test: [CMD, a], interval: 1us}", "healthcheck.interval: Docker takes 1ms or more, or 0s, not '1us'"},
                  {"healthcheck: {test: [CMD, a], timeout: 999us}", "healthcheck.timeout"},
                  {"healthcheck: {test: [CMD, a], start_period: '-1s'}", "healthcheck.start_period"},
                  {"deploy: {update_config: {delay: '-1s'}}", "deploy.update_config.delay is negative: '-1s'"},
                  {"deploy: {update_config: {monitor: '-1s'}}", "deploy.update_config.monitor"},
                  {"deploy: {restart_policy: {delay: '-1s'}}", "deploy.restart_policy.delay"},
                  {"deploy: {restart_policy: {window: '-1ms'}}", "deploy.restart_policy.window"},
                  {"deploy: {update_config: {max_failure_ratio: -0.5}}", "less than 0"}});
  expect_taken({"healthcheck: {test: [CMD, a], interval: 0s, timeout: 1ms}", "deploy: {rollback_config: {delay: '-1s'}}"});
}

TEST(EngineLimits, ImagesThatNoRegistryCanKnow) {
  for (const std::string image : {"Busybox:1", "busybox:", "busybox@sha256:abc", "a//b:1", "a-.b:1", "a___b", "a..b", "a.", "Foo/bar:1", " busybox", "nginx:1 2", "busybox:-x", "-a.example/b", "example.com:x/b", "example.com/", "a/b@sha1:aaaa"})
    EXPECT_THAT(error_in(service("image: '" + image + "'")), AllOf(StartsWith("compose.yml:2:"), HasSubstr("is no image's name: "))) << image;
  for (const auto& image : {std::string("busybox:") + std::string(129, 'a'), std::string(64, 'a'), std::string(250, 'a'), std::string(100000, 'A')}) EXPECT_FALSE(fault_of_image(image).empty()) << image.size();
  for (const auto& image : {std::string("EXAMPLE.com/web:1"), std::string("Example.com:5000/web:1"), std::string("localhost/web"), std::string("localhost:5000/a/b__c/d--e.f_g:V1.2_x-y"), std::string("busybox:") + std::string(128, 'a'), "nginx:1@sha256:" + std::string(64, '0'), std::string(64, 'g'),
                            std::string("a/") + std::string(64, 'a'), std::string("x:_1"), std::string("1/2:3")})
    EXPECT_THAT(fault_of_image(image), IsEmpty()) << image;
}

TEST(EngineLimits, TwoThingsAtOnePlace) {
  expect_refused({{"volumes: ['vol:/t', 'wol:/t/']", "two mounts at '/t/'"},
                  {"volumes: ['vol:/t', 'wol:/./t']", "two mounts"},
                  {"volumes: ['vol:/t', {type: tmpfs, target: /t}]", "two mounts"},
                  {"volumes: ['vol:t']", "must begin with a slash, not 't'"},
                  {"volumes: ['v:/t']", "a single letter before a colon is a drive"},
                  {"volumes: ['vol:/.']", "nothing can be mounted at '/'"},
                  {"volumes: [{type: bind, source: /tmp, target: /t, bind: {propagation: foo}}]", "bind.propagation: 'foo' is none of"},
                  {"volumes: ['vol:/t'], configs: [{source: a, target: /t}]", "is where a volume is mounted"},
                  {"secrets: [{source: a, target: t}, {source: b, target: t}]", "secrets: two of them at 't'"},
                  {"secrets: [a, {source: b, target: a}]", "secrets: two of them at 'a'"},
                  {"configs: [{source: a, target: /t}, {source: b, target: /t}]", "configs: two of them at '/t'"},
                  {"secrets: [{source: a, uid: root}]", "uid must be a number"},
                  {"secrets: [{source: a, target: /}]", "is no file's name"}});
  expect_taken({"volumes: ['vol:/t'], tmpfs: [/t]", "volumes: ['vol:/a/../b']", "secrets: [a, {source: a, target: t}]", "configs: [{source: a, target: /t}, {source: b, target: t}]", "secrets: [{source: a, target: ''}]"});
}

TEST(EngineLimits, ConstraintsThatSwarmCannotCompare) {
  for (const std::string constraint : {"node.labels.x = y", "node.labels.x == ", "node.id == a == b", "node.labels.x =~ y", "== y", "node.labels.\xc3\xa4 == y", "node.labels.x y == z", "node.labels.x == \"q\"", "node.labels.x !== y", "node.labels.x==y,z", "x == y"})
    EXPECT_THAT(error_in(service("deploy: {placement: {constraints: ['" + constraint + "']}}")), AllOf(StartsWith("compose.yml:2:"), HasSubstr("the constraint '" + constraint + "'"))) << constraint;
  for (const std::string constraint : {"node.labels.x == y z", "node.labels.x==y", " node.labels.x != y* ", "foo == y", "NODE.ROLE == manager", "node.labels.x == a/b:c", "node.ip == 1.2.3.4", "node.labels. == y"}) expect_taken({"deploy: {placement: {constraints: ['" + constraint + "']}}"});
}

TEST(EngineLimits, PortsThatCannotBePublished) {
  expect_refused({{"ports: ['999.1.1.1:80:80']", "'999.1.1.1' is no address"},
                  {"ports: ['1.2.3:80:80']", "is no address"},
                  {"ports: ['70000:80']", "is no port"},
                  {"ports: [{target: 80, published: 70000}]", "ports.published: '70000' is no port"},
                  {"ports: ['82:80', '82:80/tcp']", "ports: 82/tcp is published twice"},
                  {"ports: ['82:80', '82:81']", "published twice"},
                  {"ports: [{target: 80, published: 88, mode: host}, {target: 81, published: 88, mode: ingress}]", "published twice"},
                  {"ports: [80, 80/tcp]", "ports: 80/tcp stands twice"},
                  {"ports: ['80-81', 80]", "ports: 80/tcp stands twice"},
                  {"ports: ['82:80'], deploy: {endpoint_mode: dnsrr}", "does not go with endpoint_mode: dnsrr"},
                  {"ports: ['80'], deploy: {endpoint_mode: dnsrr}", "does not go with endpoint_mode: dnsrr"}});
  EXPECT_THAT(error_in("services:\n  app: {image: a, ports: ['80:80']}\n  two: {image: a, ports: ['80:81']}\n"), AllOf(StartsWith("compose.yml:3:"), HasSubstr("ports: 80/tcp is published by another service as well")));
  expect_taken({"ports: ['0:80']", "ports: [80, 80/udp]", "ports: [{target: 80, mode: host}, {target: 80, mode: ingress}]", "ports: ['83:80', '84:80']", "ports: ['91:80/udp', '91:80/tcp']", "ports: ['127.0.0.1:94:80']", "ports: [{target: 80, published: 95, mode: host}], deploy: {endpoint_mode: dnsrr}"});
}

TEST(EngineLimits, WordsThatNoContainerUnderstands) {
  expect_refused({{"stop_signal: FOO", "stop_signal: 'FOO' is no signal"},
                  {"stop_signal: '0'", "is no signal"},
                  {"stop_signal: SIGRTMIN+16", "is no signal"},
                  {"working_dir: rel", "working_dir: 'rel' must begin with a slash"},
                  {"hostname: '" + std::string(65, 'a') + "'", "hostname has 65 characters"},
                  {"cap_add: [FOO]", "cap_add: 'FOO' is no capability"},
                  {"cap_drop: ['']", "is no capability"},
                  {"ulimits: {foo: 10}", "ulimits: 'foo' is no limit"},
                  {"ulimits: {nofile: {soft: 20, hard: 10}}", "ulimits.nofile: soft is more than hard"},
                  {"sysctls: {foo.bar: '1'}", "'foo.bar' is the whole machine's"},
                  {"sysctls: {kernel.panic: '1'}", "is the whole machine's"},
                  {"logging: {driver: json-file, options: {foo: bar}}", "json-file knows no 'foo'"},
                  {"logging: {driver: json-file, options: {max-size: abc}}", "logging.options.max-size"},
                  {"logging: {driver: json-file, options: {max-file: '0'}}", "logging.options.max-file"},
                  {"extra_hosts: ['a:foo']", "extra_hosts: 'foo' is no address"},
                  {"user: '99999999999'", "ids go from 0 to"},
                  {"user: '1:-1'", "ids go from 0 to"},
                  {"isolation: hyperv", "is of Windows"},
                  {"credential_spec: {file: x}", "is of Windows"}});
  expect_taken({"stop_signal: sigterm", "stop_signal: '65'", "stop_signal: SIGRTMIN+3", "hostname: 'a b'", "hostname: '{{.Node.Hostname}}" + std::string(60, 'a') + "'", "cap_add: [net_admin, CAP_CHOWN, ALL]", "ulimits: {nofile: -1, memlock: {soft: -1, hard: -1}}",
                "sysctls: {net.core.somaxconn: '1024', kernel.shmmax: '1'}", "logging: {driver: json-file, options: {max-file: '3', max-size: 10m}}", "logging: {driver: other, options: {foo: bar}}", "extra_hosts: ['a:', 'b:::1', 'c:host-gateway']", "user: 'nobody:nogroup'",
                "environment: {'A B': x}"});
}

TEST(EngineLimits, NamesAndOptionsOfVolumes) {
  const auto volume = [](const std::string& says) { return "services: {app: {image: a, volumes: ['vol:/t']}}\nvolumes:\n  vol: {" + says + "}\n"; };
  for (const auto& [says, said] : Refused{{"name: 'a b'", "is no volume's name"}, {"name: a", "is no volume's name"}, {"name: -ab", "is no volume's name"}, {"name: x/y", "is no volume's name"}, {"driver_opts: {foo: bar}", "the driver 'local' knows no option 'foo'"}, {"driver_opts: {o: bind}", "the option 'o' needs 'device' beside it"}, {"driver_opts: {device: /x}", "needs 'type'"}})
    EXPECT_THAT(error_in(volume(says)), AllOf(StartsWith("compose.yml:3:"), HasSubstr(said))) << says;
  expect_read(volume("name: ab, driver_opts: {type: none, o: bind, device: /x}"));
  expect_read(volume("driver: other, driver_opts: {foo: bar}"));
  expect_read("services: {app: {image: a}}\nvolumes: {vol: {name: a}}\n");  // nobody mounts it
}

TEST(EngineLimits, NamesAndOptionsOfNetworks) {
  for (const auto& [says, said] : Refused{{"name: 'a b'", "takes no such name for a network"},
                                          {"name: '-x'", "takes no such name"},
                                          {"name: heng.x", "takes no such name"},
                                          {"name: " + std::string(64, 'a'), "takes no such name"},
                                          {"driver: bridge", "a network of this node alone"},
                                          {"driver: host", "a network of this node alone"},
                                          {"ipam: {config: [{subnet: foo}]}", "'foo' is no subnet"},
                                          {"ipam: {config: [{subnet: 10.77.2.0}]}", "is no subnet"},
                                          {"ipam: {config: [{subnet: 10.77.3.0/31}]}", "has no address left"},
                                          {"ipam: {config: [{subnet: 10.77.3.0/30}]}", "has no address left"},
                                          {"ipam: {config: [{subnet: 'fd00::/64'}]}", "needs an IPv4 subnet"},
                                          {"ipam: {config: [{subnet: 10.77.5.0/24}, {subnet: 10.77.0.0/16}]}", "'10.77.0.0/16' overlaps another one of network net"},
                                          {"driver_opts: {com.docker.network.driver.overlay.vxlanid_list: foo}", "'foo' is no vxlan id"},
                                          {"driver_opts: {com.docker.network.driver.overlay.vxlanid_list: '16777216'}", "is no vxlan id"},
                                          {"driver_opts: {com.docker.network.driver.overlay.vxlanid_list: ''}", "is no vxlan id"},
                                          {"driver_opts: {com.docker.network.driver.mtu: foo}", "the mtu must be 68 or more"},
                                          {"driver_opts: {com.docker.network.driver.mtu: '10'}", "the mtu must be 68 or more"}})
    EXPECT_THAT(error_in(network(says)), AllOf(StartsWith("compose.yml:3:"), HasSubstr("network net: "), HasSubstr(said))) << says;
  expect_read(network("ipam: {config: [{subnet: 10.77.1.5/24}, {subnet: 10.77.7.0/29}, {subnet: 'fd00::/64'}]}"));
  expect_read(network("driver_opts: {com.docker.network.driver.overlay.vxlanid_list: '5001,5002', com.docker.network.driver.mtu: '0'}"));
  expect_read("services: {app: {image: a}}\nnetworks: {net: {driver: bridge}}\n");  // nobody is on it: Docker does not make it
  EXPECT_THAT(error_in("services:\n  app: {image: a, networks: [one, two]}\nnetworks:\n  one: {ipam: {config: [{subnet: 10.77.5.0/24}]}}\n  two: {ipam: {config: [{subnet: 10.77.5.128/25}]}}\n"), AllOf(StartsWith("compose.yml:5:"), HasSubstr("overlaps another one of network one")));
  EXPECT_THAT(error_in("services:\n  app: {image: a, networks: [one, two]}\nnetworks:\n  one: {driver_opts: {com.docker.network.driver.overlay.vxlanid_list: '7'}}\n  two: {driver_opts: {com.docker.network.driver.overlay.vxlanid_list: '8,7'}}\n"),
              HasSubstr("the vxlan id 7 is given to network one as well"));
}

TEST(EngineLimits, NamesOfSecretsAndConfigs) {
  for (const std::string section : {"secrets", "configs"})
    for (const std::string name : {"a b", "-a", "a-", "a/b", "\xc3\xa4"})
      EXPECT_THAT(error_in("services: {app: {image: a}}\n" + section + ":\n  it: {external: true, name: '" + name + "'}\n"), AllOf(StartsWith("compose.yml:3:"), HasSubstr("Docker takes no such name"))) << name;
  EXPECT_THAT(error_in("services: {app: {image: a}}\nsecrets:\n  it-: {external: true}\n"), HasSubstr("Docker takes no such name"));
}

}  // namespace
}  // namespace simmer
