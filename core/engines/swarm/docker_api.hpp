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

// One thread. Every failure is an Error: unavailable when Docker does not answer or refuses, with its own words.
class DockerApi {
 public:
  // "unix:///var/run/docker.sock" or "tcp://127.0.0.1:2375". Error(config) for anything else.
  explicit DockerApi(std::string host);

  const std::string& host() const { return host_; }

  Json get(const std::string& path, const Limit& limit) { return request("GET", path, nullptr, limit); }
  Json list(const std::string& path, const Filters& filters, const Limit& limit);
  Json post(const std::string& path, const Json& body, const Limit& limit) { return request("POST", path, body, limit); }
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
  Json request(const std::string& method, const std::string& path, const Json& body, const Limit& limit);

  std::string host_;
};

// Docker's events of services and containers, as a bell: that it rang is all that counts, what happened is read anew.
class EventBell {
 public:
  // Where the socket cannot be watched (TCP), waits just take their time.
  explicit EventBell(const std::string& host);
  // Until it rings, or the time has passed.
  void wait(milliseconds at_most);

 private:
  Fd socket_;
};

std::string url_encoded(const std::string& text);

}  // namespace simmer::swarm
