// What an operator configures of the engines: where Docker is, by which client, which abra. Handed to a run's child as it stands.
#pragma once

#include <string>

namespace simmer {

struct EngineOptions {
  std::string docker_host;  // "unix:///var/run/docker.sock", "tcp://manager:2376"; empty: DOCKER_HOST, else that socket
  std::string docker_tls;   // folder with ca.pem, cert.pem and key.pem; empty: DOCKER_CERT_PATH if DOCKER_TLS_VERIFY is set, else none
  std::string docker_program;  // the docker CLI, a path or a name in PATH; empty: /usr/bin/docker, else `docker` in PATH
  std::string abra_program = "abra";
  std::string abra_dir;  // the operator's ABRA_DIR; empty: none
  std::string abra_server = "default";
};

}  // namespace simmer
