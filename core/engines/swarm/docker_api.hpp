// Docker's HTTP API, for everything that is read and for what the CLI does not offer. The one place that knows how its socket
// is spoken to. (Reference: Docker Engine API v1.41.)
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include <base/files.hpp>
#include <base/limit.hpp>

namespace simmer::swarm {

using Json = nlohmann::json;

// Filters as Docker takes them: {"label": {"a=b"}}.
using Filters = std::map<std::string, std::vector<std::string>>;

// Where Docker is, and as whom it is spoken to.
struct DockerAddress {
  std::string host;  // "unix:///var/run/docker.sock", "tcp://127.0.0.1:2376"
  std::string tls;   // folder with ca.pem, cert.pem and key.pem, as the docker CLI has it; empty: no TLS
  // What the docker CLI and abra find it by.
  std::map<std::string, std::string> environment() const;
  // The beginning of the docker CLI's command line, for where its environment is not ours to set: host, keys, and the folder of
  // its own configuration.
  std::vector<std::string> command(const std::string& docker) const;
};
// What is configured, else what the environment says as it does to the docker CLI (DOCKER_HOST, DOCKER_TLS_VERIFY and
// DOCKER_CERT_PATH), else the socket that Docker has by default.
DockerAddress docker_address(const std::string& host, const std::string& tls);

// One thread. Every failure is an Error: unavailable when Docker does not answer or refuses, with its own words.
class DockerApi {
 public:
  // Error(config) for a host that is neither unix:// nor tcp://.
  explicit DockerApi(DockerAddress address);

  const DockerAddress& address() const { return address_; }
  const std::string& host() const { return address_.host; }

  Json get(const std::string& path, const Limit& limit) { return request("GET", path, nullptr, limit); }
  Json list(const std::string& path, const Filters& filters, const Limit& limit);
  Json post(const std::string& path, const Json& body, const Limit& limit) { return request("POST", path, body, limit); }
  // The same for what a recipe describes: Error(recipe) where Docker refuses it for what it is (blame.hpp).
  Json create(const std::string& path, const Json& body, const Limit& limit);
  // Nothing of that name: null.
  Json get_if_there(const std::string& path, const Limit& limit);
  // What is not there any more is fine.
  void remove(const std::string& path, const Limit& limit);
  // A body that is no JSON: logs.
  std::string get_bytes(const std::string& path, const Limit& limit);

 private:
  struct Answer {
    int status = 0;
    std::string body;
  };
  Answer ask(const std::string& method, const std::string& path, const Json& body, const Limit& limit);
  Json parsed(const std::string& body) const;
  Json request(const std::string& method, const std::string& path, const Json& body, const Limit& limit);

  DockerAddress address_;
};

// Docker's events of services and containers, as a bell: that it rang is all that counts, what happened is read anew.
class EventBell {
 public:
  // Where there is no socket to watch (TCP), waits just take their time.
  explicit EventBell(const DockerAddress& address);
  // Until it rings, or the time has passed.
  void wait(milliseconds at_most);

 private:
  Fd socket_;
};

std::string url_encoded(const std::string& text);

}  // namespace simmer::swarm
