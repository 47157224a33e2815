#include <child/http_client.hpp>

#define CPPHTTPLIB_OPENSSL_SUPPORT
#include <httplib.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>

#include <base/lower.hpp>

namespace simmer {

namespace {

constexpr std::size_t max_body = 64u << 20;

// The subject of the certificate that was shown last in this thread: httplib keeps none of one that it refuses.
thread_local std::string seen_subject;

int note_subject(int accepted, X509_STORE_CTX* context) {
  if (X509* leaf = X509_STORE_CTX_get0_cert(context); leaf != nullptr) {
    char text[256];
    seen_subject = X509_NAME_oneline(X509_get_subject_name(leaf), text, sizeof text);
  }
  return accepted;
}

std::string certificate_error(const std::string& host, long verdict) {
  if (seen_subject.find("TRAEFIK DEFAULT CERT") != std::string::npos)
    return "the proxy shows its default certificate: it has none for " + host + ", or no router for it";
  std::string why = verdict == X509_V_OK ? "it is for another name" : X509_verify_cert_error_string(verdict);
  return "the certificate (" + (seen_subject.empty() ? "unknown" : seen_subject) + ") is not good for " + host + ": " + why;
}

// "https://name[:port]" towards "address:port".
struct Origin {
  std::string scheme, host, port;
};

Origin origin_of(const std::string& url) {
  Origin origin;
  const auto scheme_end = url.find("://");
  origin.scheme = url.substr(0, scheme_end);
  const std::string authority = url.substr(scheme_end + 3);
  const auto colon = authority.find(':');
  origin.host = authority.substr(0, colon);
  origin.port = colon != std::string::npos ? authority.substr(colon + 1) : origin.scheme == "https" ? "443" : "80";
  return origin;
}

}  // namespace

HttpResponse fetch(const HttpRequest& request, const std::string& host_header, const HttpRoute& route) {
  HttpResponse response;
  const auto scheme_end = request.url.find("://");
  if (scheme_end == std::string::npos) {
    response.error = "not an absolute URL: " + request.url;
    return response;
  }
  const auto path_start = std::min(request.url.find('/', scheme_end + 3), request.url.size());
  const std::string path = path_start == request.url.size() ? "/" : request.url.substr(path_start);
  const auto origin = origin_of(request.url.substr(0, path_start));
  const auto colon = route.rfind(':');
  const std::string port = colon == std::string::npos ? origin.port : route.substr(colon + 1);
  httplib::Client client(origin.scheme + "://" + origin.host + ":" + port);
  if (!client.is_valid()) {
    response.error = "cannot make a client for " + request.url;
    return response;
  }
  const auto seconds = request.timeout.count() / 1000, micros = request.timeout.count() % 1000 * 1000;
  client.set_connection_timeout(seconds, micros);
  client.set_read_timeout(seconds, micros);
  client.set_write_timeout(seconds, micros);
  if (!route.empty()) client.set_hostname_addr_map({{origin.host, route.substr(0, colon)}});
  seen_subject.clear();
  if (SSL_CTX* context = origin.scheme == "https" ? client.ssl_context() : nullptr; context != nullptr)
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, &note_subject);  // httplib judges the verdict itself, after the handshake
  client.set_follow_location(request.follow_redirects);
  client.set_keep_alive(false);
  httplib::Request message;
  message.method = request.method;
  message.path = path;
  message.body = request.body;
  if (!host_header.empty()) message.headers.emplace("Host", host_header);
  else if (!route.empty()) message.headers.emplace("Host", origin.host);  // a router's rule knows no port
  for (const auto& [name, value] : request.headers) message.headers.emplace(name, value);
  message.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
    response.body.append(data, std::min(size, max_body - response.body.size()));
    return true;
  };
  const auto result = client.send(message);
  if (!result) {
    response.body.clear();
    const bool certificate = result.error() == httplib::Error::SSLServerVerification;
    response.error = certificate ? certificate_error(origin.host, client.get_openssl_verify_result()) : httplib::to_string(result.error());
    return response;
  }
  response.status = result->status;
  for (const auto& [name, value] : result->headers) response.headers.emplace_back(lower(name), value);
  if (response.body.empty()) response.body = result->body;
  return response;
}

}  // namespace simmer
