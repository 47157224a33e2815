#include "generator.hpp"

namespace simmer::differential {
namespace {

using Words = std::vector<std::string>;
using Pools = std::vector<std::pair<std::string, Words>>;

// Key, and values in YAML's flow style. Of the first list recipes are made; the second one is odd.
const Pools& ordinary_keys() {
  static const Pools pools = {
      {"image", {"nginx:1.22.0", "\"nginx:1.22.1\"", "registry.example.org/a/b:1.0", "${IMAGE}", "nginx:${TAG:-1.22}", "\"mariadb:10.11\""}},
      {"command", {"[\"sh\", \"-c\", \"sleep 1\"]", "\"sh -c 'echo $$HOME'\"", "redis-server --save 60", "[\"--a=${A}\", \"--b\"]", "\"\""}},
      {"entrypoint", {"/entrypoint.sh", "[\"/bin/sh\"]", "\"/bin/sh -c\""}},
      {"environment", {"{A: \"1\", B: two, DOMAIN: }", "[\"A=1\", \"B=two\", DOMAIN]", "{A: 1, B: 0, C: \"\"}", "{URL: \"https://${DOMAIN}\", PORT: 8080}", "[\"URL=https://${DOMAIN}/a=b\", \"EMPTY=\"]", "{F: 1.5, NUL: null}"}},
      {"env_file", {"app.env", "[app.env, other.env]"}},
      {"labels", {"{a.b: \"1\"}", "[\"a.b=1\", \"c=d=e\", f]", "{x: 5}"}},
      {"networks", {"[internal, proxy]", "[internal]", "{internal: {aliases: [db, sql]}, proxy: }", "[default]", "{internal: }"}},
      {"volumes", {"[\"data:/var/lib/data\", \"logs:/var/log:ro\"]", "[{type: volume, source: data, target: /data, volume: {nocopy: true}}]", "[\"/anonymous\"]", "[{type: tmpfs, target: /tmp, tmpfs: {size: 1000000}}]", "[\"data:/a:rw,nocopy\"]"}},
      {"secrets", {"[db_password]", "[{source: db_password, target: pw, uid: \"103\", mode: 0440}, token]", "[token]"}},
      {"configs", {"[site_conf]", "[{source: site_conf, target: /etc/site.conf, mode: 0555}]"}},
      {"healthcheck", {"{test: [\"CMD\", \"curl\", \"-f\", \"http://localhost\"], interval: 30s, timeout: 10s, retries: 10, start_period: 1m}", "{test: \"curl -f http://localhost || exit 1\"}", "{disable: true}", "{interval: 1m30s}"}},
      {"deploy", {"{restart_policy: {condition: on-failure}, labels: [\"traefik.enable=true\", \"x=${STACK_NAME}\"]}", "{update_config: {failure_action: rollback, order: start-first, parallelism: 1}, replicas: 2}", "{labels: {a: \"1\"}, placement: {constraints: [\"node.role == manager\"]}}",
                   "{resources: {limits: {cpus: \"0.50\", memory: 512M}, reservations: {memory: 128m}}}", "{replicas: 0, restart_policy: {condition: none, delay: 5s, max_attempts: 3, window: 120s}}", "{mode: global, endpoint_mode: dnsrr}", "{replicas: \"${REPLICAS}\"}"}},
      {"logging", {"{driver: json-file, options: {max-size: 10m, max-file: \"3\"}}", "{driver: none}"}},
      {"depends_on", {"[db, cache]"}},
      {"user", {"\"1000:1000\"", "www-data"}},
      {"hostname", {"app", "\"${DOMAIN}\""}},
      {"working_dir", {"/srv"}},
      {"stop_grace_period", {"1m", "10s"}},
      {"stop_signal", {"SIGINT"}},
      {"tmpfs", {"/run", "[/run, \"/tmp:size=100\"]"}},
      {"dns", {"1.1.1.1", "[1.1.1.1, 9.9.9.9]"}},
      {"dns_search", {"example.org"}},
      {"extra_hosts", {"[\"a:10.0.0.1\"]", "{b: 10.0.0.2}"}},
      {"cap_drop", {"[ALL]"}},
      {"read_only", {"true", "false"}},
      {"init", {"true"}},
      {"tty", {"true"}},
      {"stdin_open", {"true"}},
      {"restart", {"always", "unless-stopped"}},
      {"expose", {"[80, \"443\"]"}},
      {"ulimits", {"{nofile: 65536}", "{nofile: {soft: 1024, hard: 2048}, nproc: 5}"}},
      {"container_name", {"app"}},
      {"x-simmer-local", {"{command: [\"sh\"], files: {a: \"${PORT}\"}}"}},
      {"x-note", {"anything", "{a: [b]}"}},
  };
  return pools;
}

const Pools& odd_keys() {
  static const Pools pools = {
      {"image", {"nginx", "\"\"", "5", "${NO}", "${IMAGE:?must be set}", "${NO:?must-be set}", "${NO?x}", "null", "[a]"}},
      {"command", {"[]", "\"a # b\"", "'a \"b c\" d\\ e'", "\"open 'quote\"", "[1]", "null", "\"$A-b c\"", "\"${A-b}c}\"", "\"$$\""}},
      {"entrypoint", {"[\"\"]", "[]", "''", "\"#x\\ny\""}},
      {"environment", {"{A: yes}", "{A: true}", "{N: null}", "{A: 0x1F, B: 010, C: 1_000, D: 1e3, E: 1.0}", "[A, \"=b\"]", "[\"A=1\", \"A=1\"]", "{A: \"\", B: ~}", "{\"y\": n}", "{y: x}", "{A: 2024-01-31}", "{A: .inf}", "{A: [b]}", "{}", "[]", "{A: 12345678901234567890, B: 1e21, C: -0, D: +5}",
                       "{A: 0o17}", "{A: 08}", "{A: 1.}", "{A: .5}", "{A: 0b11}", "{A: -0x10}", "{A: 1__0}", "{A: \"${B}\", B: \"$A\"}", "{A: $A-b}", "{1: x}", "{\"1\": x}", "{null: x}", "{A: \"a\\tb\"}", "{A: \"\\u00e9\\x7f\"}", "{A: 1:30}", "{A: 0.1e-5}"}},
      {"env_file", {"[]", "missing.env", "odd.env", "[odd.env]"}},
      {"labels", {"{}", "[a, a]", "{a: null, b: 1.50, c: 010}", "{a: true}", "[\"\"]", "{a: \"${A:-${B}}\"}", "{\"a b\": c}", "{a: \"${A:+x}\"}"}},
      {"networks", {"[]", "[internal, internal]", "{internal: {ipv4_address: 10.0.0.5}}", "{internal: {aliases: []}}", "[nowhere]", "{internal: {driver_opts: {a: 1}}}", "{internal: 5}", "{default: {aliases: [x]}}"}},
      {"volumes", {"[]", "[\"a:/x\"]", "[\"data:/x:\"]", "[\"data:/x:ro:z\"]", "[\":/x\"]", "[\"x\"]", "[\"\"]", "[{type: volume, target: /x}]", "[{source: data, target: /x}]", "[{type: volume, source: data, target: /x, volume: {nocopy: true, subpath: q}}]", "[{type: volume, source: data, target: /x, Source: other}]",
                   "[\"data:/x\", \"data:/x\"]", "[\"nowhere:/x\"]", "[{type: tmpfs, target: /t, source: data}]", "[\"data:/x:rslave\"]", "[\"logs:/var/lib/data\"]", "[{type: volume, source: data, target: /x, read_only: \"${YES}\"}]", "[{type: tmpfs, target: /t, tmpfs: {size: -1}}]"}},
      {"secrets", {"[]", "[nowhere]", "[{source: token, mode: \"${MODE}\"}]", "[{target: x}]", "[{source: token, extra: 1}]", "[{source: token, target: a}, {source: token, target: b}]", "[{source: token, mode: 0x1ff}]", "[{source: token, mode: 1.5}]", "[token, token]"}},
      {"configs", {"[]", "[{source: site_conf, Source: x}]", "[{source: site_conf, uid: 5}]"}},
      {"healthcheck", {"{}", "{test: []}", "{test: [NONE]}", "{retries: \"${RETRIES}\"}", "{retries: 0, interval: 0s}", "{retries: -1}", "{interval: 5}", "{interval: \"1m 30s\"}", "{disable: \"${YES}\"}", "{disable: yes}", "{test: true}", "{start_interval: 5s}", "{tests: [x]}", "null", "{disable: true, test: [CMD, a]}"}},
      {"deploy", {"null", "{}", "{replicas: \"2\"}", "{replicas: -1}", "{replicas: 2.0}", "{mode: strange}", "{mode: global, replicas: 2}", "{mode: replicated-job}", "{update_config: {order: sideways}}", "{update_config: {parallelism: 0, max_failure_ratio: 0.1}}", "{update_config: {max_failure_ratio: \"${RATIO}\"}}", "{resources: {limits: {cpus: 0.5}}}",
                   "{resources: {limits: {memory: 10x}}}", "{resources: {limits: {memory: 10 MiB, pids: 100}}}", "{resources: {limits: {memory: 5}}}", "{placement: {max_replicas_per_node: 1, preferences: [{spread: node.labels.a}]}}", "{labels: {a: }}", "{endpoint_mode: vip, extra: 1}", "{replicas: \"${N}\"}", "{resources: {limits: {cpus: half}}}",
                   "{resources: {reservations: {generic_resources: [{discrete_resource_spec: {kind: gpu, value: 2}}]}}}", "{rollback_config: {parallelism: 2}}"}},
      {"logging", {"{}", "{options: {a: b}}", "{driver: syslog, options: {a: }}", "{driver: syslog, options: {a: true}}", "{options: {max-size: \"\"}}"}},
      {"depends_on", {"{db: {condition: service_healthy}}", "[db, db]"}},
      {"user", {"1000", "1000:1000", "~", "0o17"}},
      {"hostname", {"on", "1e3", "$A-b}", "\"$\"", "\"$1\"", "\"${A\"", "\"$\xC5\xBF\"", "\"${A\xE2\x84\xAA}\"", "\"$Aé\"", "\"${A-é}\"", "\"${}\"", "\"$-\"", "\"$A:-x\"", "\"${A:}\"", "\"${A:-x:?y}\"", "\"${NO?a-b}\""}},
      {"stop_grace_period", {"0s", "1d", "5", "\"-1s\"", ".5s", "1h2m3.5s", "1us"}},
      {"tmpfs", {"[]", "[/run, /run]", "\"\""}},
      {"dns", {"[]", "[1.1.1.1, 1.1.1.1]"}},
      {"extra_hosts", {"[\"a=10.0.0.1\"]", "[\"a:[::1]\"]", "[\"a:::1\"]", "{a: null}", "{a: 5}", "[a]"}},
      {"cap_drop", {"[]", "[ALL, ALL]"}},
      {"read_only", {"\"true\"", "\"${YES}\"", "yes", "1", "\"${NO}\""}},
      {"tty", {"\"${YES}\"", "on"}},
      {"init", {"false", "\"${YES}\""}},
      {"ulimits", {"{nofile: \"${N}\"}", "{nofile: {soft: 1}}", "{no-file: 5}", "{nofile: 1.5}", "{}"}},
      {"oom_score_adj", {"5", "\"${N}\""}},
      {"shm_size", {"64m", "5"}},
      {"isolation", {"default"}},
      {"extends", {"{service: b}"}},
      {"volumes_from", {"[b]"}},
      {"mem_limit", {"5m"}},
      {"enviroment", {"{A: b}"}},
      {"profiles", {"[a]"}},
      {"pid", {"~"}},
      {"build", {".", "{context: ., extra: 1}", "{context: .}"}},
      {"X-upper", {"a"}},
      {"x-broken", {"\"${A:?}\"", "\"$!\"", "\"${NO?}\""}},
  };
  return pools;
}

// What would get hold of something that is not the stack's.
const Pools& attacks() {
  static const Pools pools = {
      {"volumes",
       {"[\"/etc:/x\"]", "[\"../..:/x\"]", "[\"~/x:/x\"]", "[{type: bind, source: /, target: /x}]", "[\"$NO-/etc:/x\"]", "[\"${NO-/etc}:/x\"]", "[\"${NO:-/var/run/docker.sock}:/s\"]", "[\"./a:/x\"]", "[\"foreign:/x\"]", "[\"binds:/x\"]", "[{type: npipe, source: x, target: /x}]", "[{type: cluster, source: x, target: /x}]",
        "[\"${A-${NO}}/etc:/x\"]", "[\"..:/x:ro\"]", "[\"x:/etc:/y\"]"}},
      {"ports", {"[\"80:80\"]", "[8080]", "[\"127.0.0.1:5:6/udp\"]", "[{target: 5, published: 6, mode: host}]", "[\"8000-8002:80-82\"]", "[\"${P-80}:80\"]", "[\"9000:80\", \"9000:80/udp\"]", "[\"53\", \"54\"]"}},
      {"cap_add", {"[SYS_ADMIN]", "[ALL, NET_ADMIN]"}},
      {"sysctls", {"{net.core.somaxconn: 1024}", "[net.ipv4.ip_forward=1]"}},
      {"secrets", {"[stolen]", "[{source: outside}]"}},
      {"configs", {"[outside_conf]", "[stolen_conf]"}},
      {"networks", {"[host]", "[other]", "{other: }"}},
      {"env_file", {"/etc/hostname", "[../../etc/hostname]", "link.env"}},
  };
  return pools;
}


std::string hex_of(char c) {
  static const char* digits = "0123456789abcdef";
  return {digits[static_cast<unsigned char>(c) >> 4U], digits[static_cast<unsigned char>(c) & 15U]};
}

}  // namespace

std::string Generator::service(const std::string& indent, bool ordinary, bool attack, bool first) {
  std::map<std::string, std::string> keys;
  std::string hidden;
  if (first) keys["image"] = pick(ordinary_keys()[0].second);
  const int count = std::uniform_int_distribution<int>(first ? 2 : 0, first ? 9 : 4)(random_);
  for (int i = 0; i < count; ++i) {
    const auto& pools = !ordinary && chance(25) ? odd_keys() : ordinary_keys();
    const auto& [key, values] = pools[std::uniform_int_distribution<std::size_t>(0, pools.size() - 1)(random_)];
    keys[key] = pick(values);
  }
  if (attack) {
    const auto& [key, values] = attacks()[std::uniform_int_distribution<std::size_t>(0, attacks().size() - 1)(random_)];
    keys[key] = pick(values);
    hidden = key;
  }
  std::string text;
  for (const auto& [key, value] : keys) text += key == hidden ? disguised(indent, key, value) : indent + key + ": " + value + "\n";
  return text.empty() ? indent + "init: true\n" : text;
}

// One thing, in YAML's other spellings.
std::string Generator::disguised(const std::string& indent, const std::string& key, const std::string& value) {
  switch (std::uniform_int_distribution<int>(0, 7)(random_)) {
    case 0: return indent + "\"" + key + "\": " + value + "\n";
    case 1: return indent + "? " + key + "\n" + indent + ": " + value + "\n";
    case 2: return indent + "'" + key + "':\n" + indent + "  " + value + "\n";
    case 3: return indent + "x-v: &v " + value + "\n" + indent + key + ": *v\n";
    case 4: return indent + "!!str " + key + ": " + value + "\n";
    case 5: return indent + "<<: {" + key + ": " + value + "}\n";
    case 6: return indent + "\"\\x" + hex_of(key[0]) + key.substr(1) + "\": " + value + " # : []\n";
    default: return indent + key + ": " + value + "\n";
  }
}

std::string Generator::resources(bool ordinary, bool attack, bool first) {
  const auto entry = [&](const std::string& name, const Words& usual, const Words& odd) { return "  " + name + ": " + pick(!ordinary && chance(20) ? odd : usual) + "\n"; };
  std::string text;
  if (first || chance(25)) {
    text += "volumes:\n" + entry("data", {"", "{}", "{name: \"${STACK_NAME}_data\"}", "{driver: local, driver_opts: {type: tmpfs, device: tmpfs, o: \"size=1m\"}}", "{labels: {a: b}}"}, {"{driver_opts: {a: 1}}", "{external: false}", "{name: \"\"}", "5", "{external: \"${NOPE}\"}", "{driver: \"\"}"});
    if (first || chance(50)) text += entry("logs", {"", "{labels: [\"a=b\"]}"}, {"{x-note: 1}", "{X-Note: 1}", "{x-Cluster-Spec: {group: a}}"});
    if (attack) text += entry("foreign", {"{external: true}", "{name: other_data}", "{external: {name: other}}", "{driver: nfs}", "{external: \"${YES}\"}"}, {"{external: true, name: other}", "{external: {name: a}, name: b}"});
    if (attack) text += entry("binds", {"{driver_opts: {type: none, o: bind, device: /etc}}", "{driver: local, driver_opts: {type: \"\", o: \"rbind\", device: /}}", "{driver_opts: {type: ext4, device: /dev/sda}}"}, {"{driver_opts: {o: bind, device: \"$NO-/etc\"}}"});
  }
  if (first || chance(25)) {
    text += "networks:\n" + entry("internal", {"", "{internal: true}", "{driver: overlay, attachable: true, driver_opts: {encrypted: \"\"}}", "{ipam: {driver: default, config: [{subnet: 172.30.0.0/24}]}}", "{labels: {a: b}}"}, {"{internal: \"${YES}\"}", "{internal: 1}", "{ipam: {config: [{subnet: a, gateway: b}]}}", "{name: }", "{x-a: 1, driver: bridge}"});
    text += entry("proxy", {"{external: true}", "{external: {name: proxy}}", "{external: true, name: proxy}"}, {"{external: \"${YES}\"}", "{external: \"true\"}", "{external: {name: proxy}, name: proxy}"});
    if (chance(10)) text += entry("default", {"{external: true, name: proxy}", "{internal: true}", "{driver: overlay}"}, {"~"});
    if (attack) text += entry("host", {"{external: true}", "{name: host, external: true}", "{driver: host}"}, {"{external: {name: host}}"});
    if (attack) text += entry("other", {"{external: true}", "{name: other_net}", "{driver: macvlan}"}, {"{external: true, name: \"${NO:-other}\"}"});
  }
  if (first || chance(20)) {
    const Words own = {"{external: true, name: \"${STACK_NAME}_pw_v1\"}", "{file: ./secret.txt}", "{external: {name: \"${STACK_NAME}_pw_${V:-v1}\"}}"};
    text += "secrets:\n" + entry("db_password", own, {"{file: secret.txt, labels: {a: b}}", "{}", "{file: missing.txt}", "{name: \"${STACK_NAME}_pw_v1\", file: secret.txt}", "{file: secret.txt, x-a: 1}"}) + entry("token", {"{external: true, name: \"${STACK_NAME}_token_v1\"}", "{file: ./secret.txt}"}, {"{external: true}", "{driver: vault}", "{driver: vault, file: a}", "{template_driver: golang, file: secret.txt}"});
    if (attack) text += entry("stolen", {"{external: true}", "{external: true, name: other_secret}", "{external: {name: other}}", "{external: true, name: \"$NO-other\"}"}, {"{driver: x}"}) + entry("outside", {"{file: /etc/hostname}", "{file: ../../../etc/hostname}", "{file: link.txt}"}, {"{file: \"${NO:-/etc/hostname}\"}"});
  }
  if (first || chance(20)) {
    text += "configs:\n" + entry("site_conf", {"{file: site.conf}", "{file: ./site.conf, name: \"${STACK_NAME}_site_${V:-v1}\"}", "{file: site.conf, name: \"${STACK_NAME}_site_v2\", template_driver: golang}"}, {"{file: site.conf, labels: [a]}", "{file: }", "{file: site.conf, content: x}", "{external: false, file: site.conf}"});
    if (attack) text += entry("outside_conf", {"{file: /etc/hostname}", "{file: ../x}", "{file: link.txt}"}, {"{file: \"/etc/${NO-hostname}\"}"}) + entry("stolen_conf", {"{external: true}", "{external: true, name: other_conf}"}, {"{external: {name: \"${NO-other}\"}}"});
  }
  return text;
}

std::string Generator::file(const std::string& version, bool ordinary, bool attack, bool first) {
  std::string text = version;
  text += "services:\n";
  text += "  app:\n" + service("    ", ordinary, attack, first);
  if (chance(40)) text += "  db:\n" + service("    ", ordinary, false, true);
  text += resources(ordinary, attack || (!ordinary && first && chance(10)), first);
  if (!ordinary && chance(3)) text += pick({"x-top: {a: \"$A\"}\n", "X-top: 1\n", "name: a\n", "include: [a]\n", "x-top: \"${NO:?}\"\n", "services: {}\n"});
  return text;
}

// Anchors and merges: what stands under one key is brought in by `<<` as well.
std::string Generator::with_merges(std::string text) {
  const std::string anchor = pick({"x-base: &base\n  hostname: merged\n  user: \"5\"\n", "x-base: &base {hostname: merged, labels: {m: \"1\"}}\n", "x-base: &base {hostname: merged}\nx-more: &more {hostname: more, user: \"7\"}\n"});
  const std::string merge = pick({"    <<: *base\n", "    <<: [*base]\n", "    \"<<\": *base\n", "    <<: {working_dir: /m}\n", "    ? <<\n    : *base\n", "    <<: [*base, {stop_signal: SIGHUP, hostname: last}]\n"});
  const auto services = text.find("services:\n");
  if (services == std::string::npos) return text;
  text.insert(services, anchor);
  const auto app = text.find("  app:\n");
  if (app == std::string::npos) return text;
  const auto body = app + 7;
  if (chance(50)) return text.insert(body, merge);
  const auto line_end = text.find('\n', body);
  return line_end == std::string::npos ? text : text.insert(line_end + 1, merge);
}

std::string Generator::spoiled(std::string text) {
  const int times = std::uniform_int_distribution<int>(1, 3)(random_);
  for (int i = 0; i < times && !text.empty(); ++i) {
    const auto at = std::uniform_int_distribution<std::size_t>(0, text.size() - 1)(random_);
    const std::string piece = pick({"$", "${", "}", ":", " ", "\n", "\"", "'", "#", "- ", "~", "\t", "!", "&a ", "*a ", "!!str ", "|", ">", "\\", ",", "[", "]", "{", "%", "@", "`", "\r", "\xC2\x85", "\xE2\x80\xA8", "\xEF\xBB\xBF", "\x01", "\x7f", "\xC2\x80", "\xff", "0", "a", "---\n", "...\n", "? ", "<<: "});
    switch (std::uniform_int_distribution<int>(0, 3)(random_)) {
      case 0: text.insert(at, piece); break;
      case 1: text.erase(at, 1); break;
      case 2: text.replace(at, 1, piece); break;
      default: {
        const auto other = std::uniform_int_distribution<std::size_t>(0, text.size() - 1)(random_);
        std::swap(text[at], text[other]);
      }
    }
  }
  return text;
}

Case Generator::next(std::size_t number) {
  Case made;
  const int kind = static_cast<int>(number % 10);  // 0-3 ordinary, 4-6 odd, 7-8 attacks, 9 spoiled
  made.ordinary = kind < 4;
  const bool attack = kind == 7 || kind == 8;
  made.id = std::string(made.ordinary ? "ordinary" : attack ? "attack" : kind == 9 ? "spoiled" : "odd") + "-" + std::to_string(number);
  made.env = {{"STACK_NAME", "run-1"}, {"DOMAIN", "run-1.example.org"}, {"IMAGE", "nginx:1.22.0"}, {"A", "value of a"}, {"EMPTY", ""}, {"REPLICAS", "2"}, {"YES", "true"}, {"NOPE", "false"}, {"MODE", "288"}, {"RETRIES", "3"}, {"N", pick({"5", "0", "-1", "1e3", "x", ""})}, {"RATIO", pick({"0.5", "x", "1"})}};
  if (chance(30)) made.env.erase("A");
  made.tree = {{"app.env", "A=1\n# comment\nB=\"two\" # kept\nC\n  D= spaced \nIMAGE\n"}, {"other.env", "A=other\nE=\n"}, {"odd.env", pick({"A B=1\n", "=x\n", "A\tB\n", "\xEF\xBB\xBF" "A=1\n", "A=1\r\n", "A=\xff\n", "A=1\n\n\nB\n", "export A=1\n"})}, {"secret.txt", "s3cret\n"}, {"site.conf", "server {}\n$A {{ env }}\n"}};
  std::string version = "version: \"3.8\"\n";
  if (made.ordinary || attack ? chance(15) : chance(30))
    version = made.ordinary || attack ? pick({"", "version: '3.9'\n", "version: \"3.8\" # as abra wants it\n", "\"version\": \"3.8\"\n", "version: \"3\"\n", "---\nversion: \"3.8\"\n", "version: \"3.13\"\n"})
                            : pick({"", "version: 3.8\n", "version: \"3.0\"\n", "version: \"3.3\"\n", "version: \"2.4\"\n", "version: \"\"\n", "version:\n", "version: \"3.12\"\n", "version: '3'\n", "version: \"3.7\"\n", "version: \"3.14\"\n", "version: [3]\n"});
  const int files = chance(45) ? std::uniform_int_distribution<int>(2, 3)(random_) : 1;
  for (int i = 0; i < files; ++i) {
    // An attack hides among what is usual.
    std::string text = file(!made.ordinary && i > 0 && chance(5) ? pick({"", "version: \"3.7\"\n"}) : version, made.ordinary || (attack && chance(80)), attack, i == 0);
    if (!made.ordinary && chance(10)) text = with_merges(std::move(text));
    if (kind == 9) text = spoiled(std::move(text));
    made.files.push_back(std::move(text));
  }
  return made;
}

}  // namespace simmer::differential
