// What the suites of the engines on Docker Swarm deploy, on a real one. The image (SIMMER_TEST_IMAGE) is busybox:
// tests/images/build.sh makes it.
#pragma once

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>

#include <base/process.hpp>
#include <recipes/recipe_tree.hpp>
#include <simmer/error.hpp>
#include <swarm/swarm_engine.hpp>

#include "engine_contract.hpp"
#include "http_get.hpp"

namespace simmer::contract {

namespace fs = std::filesystem;

inline std::string image() {
  const char* given = std::getenv("SIMMER_TEST_IMAGE");
  return given != nullptr ? given : "simmer-test/busybox:1";
}

// The one line with which `action` is refused, an Error of `kind`.
template <class Action>
std::string refusal(Action action, ErrorKind kind) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_EQ(error.message().find('\n'), std::string::npos) << error.message();
    return error.message();
  }
  ADD_FAILURE() << "no Error was thrown";
  return "";
}

inline constexpr const char* web_service = R"yml(
  web:
    image: ${IMAGE}
    command: ["sh", "-c", "echo \"$$TEXT\" > /content/index.html; httpd -f -p 80 -h /content & trap 'kill $$!; exit 0' TERM; wait"]
    environment: {TEXT: "${TEXT}"}
    volumes: ["content:/content"]
    stop_grace_period: 5s
    healthcheck: {test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1/"], interval: 200ms, retries: 50}
    deploy:
      endpoint_mode: dnsrr
      restart_policy: {delay: 100ms}
      labels: ["traefik.http.routers.web.rule=Host(`${DOMAIN}`)"]
)yml";
inline constexpr const char* side_service = R"(
  side:
    image: ${IMAGE}
    command: ["sh", "-c", "echo side is up; trap 'exit 0' TERM; while :; do sleep 0.1; done"]
    secrets: [token]
    deploy: {endpoint_mode: dnsrr, restart_policy: {delay: 100ms}}
)";
inline std::string resources(const std::string& more_secrets) {
  return "\nvolumes: {content: }\nsecrets: {" + more_secrets + "token: {external: true, name: \"${STACK_NAME}_token_v1\"}}\n";
}

inline std::string one_service(const std::string& name, const std::string& script, const std::string& more) {
  return "\n  " + name + ":\n    image: ${IMAGE}\n    command: [\"sh\", \"-c\", \"" + script + "\"]\n" + more;
}

inline std::string services_of(Sample sample) {
  const std::string restart = "    deploy: {endpoint_mode: dnsrr, restart_policy: {delay: 100ms}}\n";
  switch (sample) {
    case Sample::web: return std::string(web_service) + side_service;
    case Sample::web_without_side: return web_service;
    case Sample::never_up:
      return one_service("web", "sleep 1000", "    healthcheck: {test: [\"CMD\", \"false\"], interval: 1s, start_period: 600s, retries: 600}\n    stop_grace_period: 100ms\n" + restart);
    case Sample::crash_loop: return one_service("web", "echo about to fail; exit 1", restart);
    case Sample::deaf: return one_service("web", "trap '' TERM; while :; do sleep 1; done", "    stop_grace_period: 300ms\n" + restart);
    case Sample::job: return std::string(web_service) + one_service("job", "exit 0", "    deploy: {endpoint_mode: dnsrr, restart_policy: {condition: none}}\n");
    case Sample::broken: return std::string(web_service) + "\n  side: {image: \"${IMAGE}\"}\n";
  }
  return "";
}

class SwarmUnderTest : public EngineUnderTest {
 public:
  explicit SwarmUnderTest(std::unique_ptr<swarm::StackDriver> driver = nullptr, const std::string& client = "")
      : engine_({swarm::docker_address("", ""), "contract-" + std::to_string(::getpid()), std::move(driver), client}) {
    static std::atomic<int> count{0};
    scratch_ = fs::path(::testing::TempDir()) / ("simmer-swarm-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
    make_folders(scratch_);
  }
  ~SwarmUnderTest() override { remove_tree(scratch_); }
  Engine& engine() override { return engine_; }
  fs::path scratch() override { return scratch_; }
  std::string get(const std::string& url) override { return http_get(url); }
  std::vector<std::string> print_secret() override { return {"cat", "/run/secrets/token"}; }
  std::string process_kind() override { return "container"; }
  bool keeps_its_endpoint() override { return false; }
  milliseconds patience() override { return milliseconds(60000); }

  void set_domain(std::string suffix) { domain_suffix_ = std::move(suffix); }
  DeploySpec spec(const std::string& stack, Sample sample) override {
    auto spec = spec_of(stack, services_of(sample));
    // What Docker refuses is refused by the reader; an engine has to cope with it all the same.
    if (sample == Sample::broken) spec.compose.replace(spec.compose.find("\"image\""), 7, "\"imago\"");
    return spec;
  }
  DeploySpec spec_of(const std::string& stack, const std::string& services, const std::string& secrets = "", const std::map<std::string, std::string>& files = {}) {
    DeploySpec spec;
    spec.stack = stack;
    spec.domain = stack + domain_suffix_;
    spec.run_id = "run-1";
    spec.recipe_dir = scratch_ / ("recipe-" + std::to_string(recipes_++));
    make_folders(spec.recipe_dir);
    std::ofstream(spec.recipe_dir / "compose.yml") << "version: \"3.8\"\nservices:" << services << resources(secrets);
    for (const auto& [name, text] : files) std::ofstream(spec.recipe_dir / name) << text;
    spec.env = {{"TEXT", "hello"}, {"IMAGE", image()}, {"STACK_NAME", stack}, {"DOMAIN", spec.domain}};
    spec.secrets = {{"token", "s3cret-value"}};
    read(spec);
    spec.facts.version = "1.0.0+1";
    spec.facts.commit = "c1";
    return spec;
  }
  // What the recipe's folder says by now, filled in from the spec's environment.
  static void read(DeploySpec& spec) {
    const auto tree = read_recipe_tree(spec.recipe_dir, "sample", spec.env);
    const auto version = spec.facts.version, commit = spec.facts.commit;
    spec.facts = tree.facts;
    spec.facts.version = version;
    spec.facts.commit = commit;
    spec.compose = one_file(tree);
    spec.asked_limits = tree.limits;
    spec.objects = tree.objects;
  }
  void set_text(DeploySpec& spec, const std::string& text) override {
    spec.env["TEXT"] = text;
    read(spec);
  }

 private:
  SwarmEngine engine_;
  fs::path scratch_;
  std::string domain_suffix_ = ".example.org";
  int recipes_ = 0;
};

// The engine on its own, for what the contract of all engines does not ask.
class SwarmEngineTest : public ::testing::Test {
 protected:
  ~SwarmEngineTest() override {
    try {
      for (const auto& stack : stacks_) engine().remove(stack, limit());
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
  Engine& engine() { return under_test_.engine(); }
  static Limit limit() { return Limit::in(milliseconds(60000)); }
  DeploySpec spec(const std::string& stack, const std::string& services, const std::string& secrets = "", const std::map<std::string, std::string>& files = {}) {
    stacks_.push_back(stack);
    return under_test_.spec_of(stack, services, secrets, files);
  }
  static std::string docker(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "/usr/bin/docker");
    const auto done = run_command({arguments, {}, false, {}, ""}, limit());
    EXPECT_EQ(done.exit_code, 0) << done.err;
    return done.out;
  }
  SwarmUnderTest under_test_;
  std::vector<std::string> stacks_;
};

}  // namespace simmer::contract
