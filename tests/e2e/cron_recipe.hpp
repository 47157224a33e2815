// A recipe of swarm-cronjob's shape for whole runs, on any engine: an app with data and a backup label, a service that somebody else
// starts when its time has come, and a job that is done at once. Two releases; the second changes what the cron service does.
#pragma once

#include <fstream>
#include <string>

#include <base/files.hpp>
#include <e2e/simmer_world.hpp>

namespace simmer::e2e {

inline std::string cron_compose(const std::string& version, const std::string& does) {
  return R"yml(version: "3.8"
services:
  app:
    image: ${IMAGE}
    command: ["sh", "-c", "echo hello > /content/index.html; httpd -f -p 80 -h /content & trap 'kill $$!; exit 0' TERM; wait"]
    volumes: ["content:/content"]
    healthcheck: {test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1/"], interval: 300ms, retries: 50}
    deploy:
      endpoint_mode: dnsrr
      restart_policy: {delay: 100ms}
      labels: ["traefik.http.routers.app.rule=Host(`${DOMAIN}`)", "backupbot.backup=true", "coop-cloud.${STACK_NAME}.version=)yml" + version + R"yml("]
    x-simmer-local:
      command: ["nginx", "-e", "stderr", "-p", "${RUN_DIR}", "-c", "${RUN_DIR}/nginx.conf"]
      files: {nginx.conf: nginx.conf.in}
  cron:
    image: ${IMAGE}
    command: ["sh", "-c", ")yml" + does + R"yml("]
    volumes: ["content:/content", "cache:/cache"]
    healthcheck: {test: ["CMD", "false"]}
    deploy:
      mode: replicated
      replicas: 0
      endpoint_mode: dnsrr
      restart_policy: {condition: none}
      labels: ["swarm.cronjob.enable=true", "swarm.cronjob.schedule=0 3 * * *"]
    x-simmer-local: {command: ["sh", "-c", ")yml" + does + R"yml("]}
  migrate:
    image: ${IMAGE}
    command: ["true"]
    deploy: {endpoint_mode: dnsrr, restart_policy: {condition: none}}
    x-simmer-local: {command: ["true"]}
volumes: {content: , cache: }
)yml";
}

// Makes the repository `cron` among the world's recipes.
inline void make_cron_recipe(const World& world, const std::string& image) {
  const fs::path folder = world.recipes() / "cron";
  const auto release = [&](const std::string& version, const std::string& does) {
    std::ofstream(folder / "compose.yml") << cron_compose(version, does);
    const auto done = run_command({{"sh", "-euc", "cd " + folder.string() + " && git init -q -b main . && git add -A && git -c user.name=a -c user.email=a@b commit -qm " + version + " && git -c user.name=a -c user.email=a@b tag -am " + version + " " + version},
                                   {}, false, {}, ""},
                                  Limit::in(std::chrono::seconds(30)));
    if (done.exit_code != 0) throw std::runtime_error(done.err);
  };
  make_folders(folder);
  std::ofstream(folder / ".env.sample") << "IMAGE=" << image << "\nDOMAIN=cron.example.org\n";
  std::ofstream(folder / "nginx.conf.in") << "daemon off;\npid ${RUN_DIR}/nginx.pid;\nerror_log stderr;\nevents {}\nhttp {\n  access_log off;\n"
                                             "  client_body_temp_path ${RUN_DIR}/b; proxy_temp_path ${RUN_DIR}/p; fastcgi_temp_path ${RUN_DIR}/f; uwsgi_temp_path ${RUN_DIR}/u; scgi_temp_path ${RUN_DIR}/s;\n"
                                             "  server { listen 127.0.0.1:${PORT}; location / { return 200 \"hello\\n\"; } }\n}\n";
  release("1.0.0+1", "exit 1");
  release("1.1.0+1", "exit 2");
}

}  // namespace simmer::e2e
