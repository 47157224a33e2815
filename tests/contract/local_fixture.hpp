// Recipes for the local engine, made of small shell scripts and real nginx, and what its tests share.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <local/local_engine.hpp>
#include <local/process_tree.hpp>
#include <local/stack_folder.hpp>

#include "engine_contract.hpp"
#include "http_get.hpp"

namespace simmer::contract {

inline const char* nginx_template = R"(daemon off;
pid ${RUN_DIR}/nginx.pid;
error_log stderr notice;
events {}
http {
  access_log off;
  client_body_temp_path ${RUN_DIR}/body;
  proxy_temp_path ${RUN_DIR}/proxy;
  fastcgi_temp_path ${RUN_DIR}/fastcgi;
  uwsgi_temp_path ${RUN_DIR}/uwsgi;
  scgi_temp_path ${RUN_DIR}/scgi;
  server {
    listen 127.0.0.1:${PORT};
    root ${VOLUME_content};
    location = / { return 200 "${TEXT}\n"; }
    location / { try_files $uri =404; }
  }
}
)";

// A folder of its own below TempDir, gone with the object.
class Scratch {
 public:
  Scratch() {
    static std::atomic<int> count{0};
    path_ = fs::path(::testing::TempDir()) / ("simmer-contract-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
    make_folders(path_);
  }
  ~Scratch() {
    try {
      remove_tree(path_);
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

inline ServiceFacts sh_service(const std::string& name, const std::string& script) {
  ServiceFacts service;
  service.name = name;
  service.image = "example/" + name + ":1";
  service.stop_grace = milliseconds(5000);
  service.local = LocalFacts{{"sh", "-c", script}, {}, {}, ""};
  return service;
}

inline ServiceFacts nginx_service(const std::string& name) {
  ServiceFacts service = sh_service(name, "");
  service.labels["traefik.http.routers.web.rule"] = "Host(`${DOMAIN}`)";
  service.local = LocalFacts{
      {"nginx", "-e", "stderr", "-p", "${RUN_DIR}", "-c", "${RUN_DIR}/nginx.conf"}, {}, {{"nginx.conf", "nginx.conf.in"}}, ""};
  return service;
}

// A spec whose recipe is in `recipe_dir`, which gets the template of nginx.conf.
inline DeploySpec spec_of(const fs::path& recipe_dir, const std::string& stack, std::vector<ServiceFacts> services) {
  make_folders(recipe_dir);
  if (!fs::exists(recipe_dir / "nginx.conf.in")) std::ofstream(recipe_dir / "nginx.conf.in") << nginx_template;
  DeploySpec spec;
  spec.stack = stack;
  spec.domain = stack + ".example.org";
  spec.run_id = "run-1";
  spec.recipe_dir = recipe_dir;
  spec.facts.recipe = "sample";
  spec.facts.version = "1.0.0+1";
  spec.facts.commit = "c1";
  spec.facts.services = std::move(services);
  spec.facts.volumes = {ResourceFacts{"content", "", false, {}}};
  spec.facts.secrets = {ResourceFacts{"token", "", false, {}}};
  spec.env = {{"TEXT", "hello"}};
  spec.secrets = {{"token", "s3cret-value"}};
  return spec;
}

inline LocalEngineOptions options_for(const fs::path& state_dir) {
  return {state_dir, {this_program().string(), "--local-supervisor"}};
}

class LocalUnderTest : public EngineUnderTest {
 public:
  LocalUnderTest() : engine_(options_for(scratch_.path() / "state")) {}
  Engine& engine() override { return engine_; }
  fs::path scratch() override { return scratch_.path(); }
  std::string get(const std::string& url) override { return http_get(url); }
  std::vector<std::string> print_secret() override { return {"sh", "-c", "cat \"$TOKEN_FILE\""}; }

  DeploySpec spec(const std::string& stack, Sample sample) override {
    ServiceFacts side = sh_service("side", "echo side is up; exec sleep 1000");
    side.local->environment["TOKEN_FILE"] = "${SECRET_token_FILE}";
    std::vector<ServiceFacts> services{nginx_service("web"), side};
    switch (sample) {
      case Sample::web:
        break;
      case Sample::web_without_side:
        services.pop_back();
        break;
      case Sample::never_up:
        services = {sh_service("web", "exec sleep 1000 # ${PORT}")};
        break;
      case Sample::crash_loop:
        services = {sh_service("web", "echo about to fail; exit 1")};
        break;
      case Sample::deaf:
        services = {sh_service("web", "trap '' TERM; touch ready; while :; do sleep 1; done")};
        services[0].stop_grace = milliseconds(300);
        break;
      case Sample::job:
        services[1] = sh_service("job", "exit 0");
        services[1].restart_condition = "none";
        break;
      case Sample::broken:
        services[1].local->command.push_back("${NO_SUCH_NAME}");
        break;
    }
    return spec_of(scratch_.path() / "recipe", stack, std::move(services));
  }

 private:
  Scratch scratch_;
  LocalEngine engine_;
};

// For what only the local engine must do.
class LocalEngineTest : public ::testing::Test {
 protected:
  LocalEngineTest() : engine_(options_for(state())) {}
  ~LocalEngineTest() override {
    try {
      for (const auto& object : engine_.inventory("", limit()))
        if (object.kind == "folder") engine_.remove(object.name, limit());
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }

  fs::path state() const { return scratch_.path() / "state"; }
  fs::path recipe() const { return scratch_.path() / "recipe"; }
  local::StackFolder folder(const std::string& stack) const { return local::StackFolder(fs::canonical(state()) / stack); }
  static Limit limit(int ms = 20000) { return Limit::in(milliseconds(ms)); }
  DeploySpec spec(const std::string& stack, std::vector<ServiceFacts> services) {
    return spec_of(recipe(), stack, std::move(services));
  }
  void deploy_and_converge(const DeploySpec& spec) {
    engine_.deploy(spec, limit());
    const auto end = engine_.wait_converged(spec.stack, limit());
    ASSERT_EQ(end.state, Convergence::State::converged) << end.service << ": " << end.reason << "\n" << end.log_tail;
  }
  ProcessId supervisor(const std::string& stack) { return folder(stack).running().value().supervisor; }
  // Every process that belongs to a stack.
  std::size_t processes_of(const std::string& stack) { return local::leftovers(folder(stack), {}).size(); }
  template <class Condition>
  static bool eventually(Condition condition) {
    const auto until = limit();
    while (!condition()) {
      if (until.passed()) return false;
      wait_for(milliseconds(5), {}, "a condition");
    }
    return true;
  }
  static ErrorKind kind_of_failure(const std::function<void()>& action, std::string* message = nullptr) {
    try {
      action();
    } catch (const Error& error) {
      if (message != nullptr) *message = error.what();
      return error.kind();
    }
    ADD_FAILURE() << "no Error was thrown";
    return ErrorKind::internal;
  }
  // A process of its own that deploys `stack`: it can be killed.
  pid_t start_deployer(const std::string& stack) {
    SpawnOptions options;
    options.argv = {this_program().string(), "--deploy", state().string(), recipe().string(), stack};
    options.env = environment_with({});
    options.new_group = true;
    return spawn_process(options);
  }

  Scratch scratch_;
  LocalEngine engine_;
};

}  // namespace simmer::contract
