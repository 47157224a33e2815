#include <swarm/docker_api.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>

#define CPPHTTPLIB_OPENSSL_SUPPORT  // as the library was built: its classes are larger with it
#include <httplib.h>

#include <simmer/error.hpp>
#include <swarm/blame.hpp>

namespace simmer::swarm {

namespace {

constexpr const char* version = "/v1.41";  // Debian 12's Docker is 20.10, which speaks 1.41

std::string message_of(const std::string& body) {
  const auto json = Json::parse(body, nullptr, false);
  std::string text = json.is_object() && json.contains("message") ? json["message"].get<std::string>() : body.substr(0, 300);
  for (char& letter : text)
    if (letter == '\n') letter = ' ';
  return text;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// Of the docker CLI: its configuration, and its keys if nothing else is said.
std::string clients_folder() { return variable("DOCKER_CONFIG").empty() ? variable("HOME") + "/.docker" : variable("DOCKER_CONFIG"); }

bool is_socket(const std::string& host) { return host.starts_with("unix://"); }

}  // namespace

std::string url_encoded(const std::string& text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const unsigned char c : text) {
    if (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '~') out += static_cast<char>(c);
    else out += std::string("%") + digits[c >> 4] + digits[c & 15];
  }
  return out;
}

std::map<std::string, std::string> DockerAddress::environment() const {
  if (tls.empty()) return {{"DOCKER_HOST", host}, {"DOCKER_TLS_VERIFY", ""}};
  return {{"DOCKER_HOST", host}, {"DOCKER_TLS_VERIFY", "1"}, {"DOCKER_CERT_PATH", tls}};
}

std::vector<std::string> DockerAddress::command(const std::string& docker) const {
  std::vector<std::string> words = {docker, "--config", clients_folder(), "--host", host};
  if (!tls.empty()) words.insert(words.end(), {"--tlsverify", "--tlscacert", tls + "/ca.pem", "--tlscert", tls + "/cert.pem", "--tlskey", tls + "/key.pem"});
  return words;
}

DockerAddress docker_address(const std::string& host, const std::string& tls) {
  DockerAddress address{host, tls};
  if (address.host.empty()) address.host = variable("DOCKER_HOST");
  if (address.host.empty()) address.host = "unix:///var/run/docker.sock";
  if (address.tls.empty() && !variable("DOCKER_TLS_VERIFY").empty() && !is_socket(address.host))
    address.tls = variable("DOCKER_CERT_PATH").empty() ? clients_folder() : variable("DOCKER_CERT_PATH");
  return address;
}

DockerApi::DockerApi(DockerAddress address) : address_(std::move(address)) {
  if (!is_socket(address_.host) && !address_.host.starts_with("tcp://"))
    throw Error(ErrorKind::config, "docker.host is '" + address_.host + "'; it must begin with unix:// or tcp://");
  if (address_.tls.empty()) return;
  for (const char* file : {"ca.pem", "cert.pem", "key.pem"})
    if (std::ifstream(address_.tls + "/" + file).fail()) throw Error(ErrorKind::config, "docker.tls: there is no " + address_.tls + "/" + file + " that can be read");
}

DockerApi::Answer DockerApi::ask(const std::string& method, const std::string& path, const Json& body, const Limit& limit) {
  limit.check_stop("asking Docker");
  const bool socket = is_socket(address_.host), tls = !socket && !address_.tls.empty();
  const std::string address = address_.host.substr(socket ? 7 : 6);
  httplib::Client client(socket ? address : (tls ? "https://" : "http://") + address, tls ? address_.tls + "/cert.pem" : "", tls ? address_.tls + "/key.pem" : "");
  if (socket) client.set_address_family(AF_UNIX);
  if (tls) client.set_ca_cert_path((address_.tls + "/ca.pem").c_str());
  // Even a caller whose time is up gets an answer: Docker's own are quick.
  const auto patience = std::max(limit.remaining(), milliseconds(2000));
  client.set_connection_timeout(patience.count() / 1000, patience.count() % 1000 * 1000);
  client.set_read_timeout(patience.count() / 1000, patience.count() % 1000 * 1000);
  httplib::Request request;
  request.method = method;
  request.path = version + path;
  request.headers.emplace("Host", "docker");  // the socket's path, which httplib would send, is answered with 400
  if (!body.is_null()) {
    request.body = body.dump();
    request.headers.emplace("Content-Type", "application/json");
  }
  const auto answer = client.send(request);
  if (!answer) {
    const bool denied = socket && ::access(address.c_str(), R_OK | W_OK) != 0 && errno == EACCES;
    throw Error(ErrorKind::unavailable, denied ? "you may not use Docker's socket " + address + ": run this as root or as a member of the group docker"
                                               : "Docker does not answer at " + address_.host + " (" + httplib::to_string(answer.error()) +
                                                     "): is it running? docker.host and DOCKER_HOST say where");
  }
  if (answer->status == 400 && answer->body.find("is too new") != std::string::npos)
    throw Error(ErrorKind::unavailable, "Docker at " + address_.host + " is too old: " + message_of(answer->body) + "; 20.10 or later is needed");
  return {answer->status, answer->body};
}

Json DockerApi::request(const std::string& method, const std::string& path, const Json& body, const Limit& limit) {
  const auto answer = ask(method, path, body, limit);
  if (answer.status < 200 || answer.status > 299)
    throw Error(ErrorKind::unavailable, "Docker refuses " + method + " " + path.substr(0, path.find('?')) + ": " + message_of(answer.body));
  return answer.body.empty() ? Json() : parsed(answer.body);
}

Json DockerApi::create(const std::string& path, const Json& body, const Limit& limit) {
  const auto answer = ask("POST", path, body, limit);
  if (answer.status >= 200 && answer.status <= 299) return answer.body.empty() ? Json() : parsed(answer.body);
  const auto said = message_of(answer.body);
  throw Error(kind_of_refusal(answer.status, said), "Docker refuses POST " + path + ": " + said);
}

// A web server that stands where Docker was looked for answers as well.
Json DockerApi::parsed(const std::string& body) const {
  auto json = Json::parse(body, nullptr, false);
  if (json.is_discarded()) throw Error(ErrorKind::unavailable, "what answers at " + address_.host + " does not speak as Docker does");
  return json;
}

Json DockerApi::list(const std::string& path, const Filters& filters, const Limit& limit) {
  const auto all = get(path + (path.find('?') == std::string::npos ? "?" : "&") + "filters=" + url_encoded(Json(filters).dump()), limit);
  return all.is_null() ? Json::array() : all;
}

Json DockerApi::get_if_there(const std::string& path, const Limit& limit) {
  const auto answer = ask("GET", path, nullptr, limit);
  if (answer.status == 404) return nullptr;
  if (answer.status != 200) throw Error(ErrorKind::unavailable, "Docker refuses GET " + path + ": " + message_of(answer.body));
  return parsed(answer.body);
}

void DockerApi::remove(const std::string& path, const Limit& limit) {
  const auto answer = ask("DELETE", path, nullptr, limit);
  if (answer.status != 404 && (answer.status < 200 || answer.status > 299))
    throw Error(ErrorKind::unavailable, "Docker refuses to remove " + path + ": " + message_of(answer.body));
}

std::string DockerApi::get_bytes(const std::string& path, const Limit& limit) {
  auto answer = ask("GET", path, nullptr, limit);
  if (answer.status != 200) throw Error(ErrorKind::unavailable, "Docker refuses GET " + path + ": " + message_of(answer.body));
  return std::move(answer.body);
}

EventBell::EventBell(const DockerAddress& where) {
  if (!is_socket(where.host)) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = where.host.substr(7);
  if (path.size() >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
  // Service events carry no labels to filter by: those of other stacks ring as well.
  const std::string filters = Json({{"type", {"container", "service"}}}).dump();
  const std::string request = std::string("GET ") + version + "/events?filters=" + url_encoded(filters) + " HTTP/1.1\r\nHost: docker\r\n\r\n";
  if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) socket_ = std::move(socket);
}

void EventBell::wait(milliseconds at_most) {
  pollfd event{socket_.get(), POLLIN, 0};
  if (::poll(&event, socket_ ? 1 : 0, static_cast<int>(at_most.count())) <= 0) return;
  char buffer[65536];
  if (::recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT) == 0) socket_.reset();  // Docker has closed it: time alone from here on
}

}  // namespace simmer::swarm
