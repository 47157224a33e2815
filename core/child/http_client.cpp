#include <child/http_client.hpp>

#define CPPHTTPLIB_OPENSSL_SUPPORT
#include <httplib.h>

#include <algorithm>

namespace simmer {

namespace {

constexpr std::size_t max_body = 64u << 20;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

HttpResponse fetch(const HttpRequest& request, const std::string& host_header) {
  HttpResponse response;
  const auto scheme_end = request.url.find("://");
  if (scheme_end == std::string::npos) {
    response.error = "not an absolute URL: " + request.url;
    return response;
  }
  const auto path_start = std::min(request.url.find('/', scheme_end + 3), request.url.size());
  const std::string path = path_start == request.url.size() ? "/" : request.url.substr(path_start);
  httplib::Client client(request.url.substr(0, path_start));
  if (!client.is_valid()) {
    response.error = "cannot make a client for " + request.url;
    return response;
  }
  const auto seconds = request.timeout.count() / 1000, micros = request.timeout.count() % 1000 * 1000;
  client.set_connection_timeout(seconds, micros);
  client.set_read_timeout(seconds, micros);
  client.set_write_timeout(seconds, micros);
  client.set_follow_location(request.follow_redirects);
  client.set_keep_alive(false);
  httplib::Request message;
  message.method = request.method;
  message.path = path;
  message.body = request.body;
  if (!host_header.empty()) message.headers.emplace("Host", host_header);
  for (const auto& [name, value] : request.headers) message.headers.emplace(name, value);
  message.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
    response.body.append(data, std::min(size, max_body - response.body.size()));
    return true;
  };
  const auto result = client.send(message);
  if (!result) {
    response.body.clear();
    response.error = httplib::to_string(result.error());
    return response;
  }
  response.status = result->status;
  for (const auto& [name, value] : result->headers) response.headers.emplace_back(lower(name), value);
  if (response.body.empty()) response.body = result->body;
  return response;
}

}  // namespace simmer
