// GET over a plain socket, of "http://<IPv4 address>[:port]/path".
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <string>

#include <base/files.hpp>

namespace simmer::contract {

// The body; "(no answer)" when there is none.
inline std::string http_get(const std::string& url) {
  constexpr const char* none = "(no answer)";
  if (!url.starts_with("http://")) return none;
  const std::string rest = url.substr(7), authority = rest.substr(0, rest.find('/'));
  const auto colon = authority.find(':');
  const Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{5, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(colon == std::string::npos ? 80 : std::stoi(authority.substr(colon + 1))));
  if (::inet_pton(AF_INET, authority.substr(0, colon).c_str(), &address.sin_addr) != 1) return none;
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return none;
  const std::string request = "GET " + rest.substr(rest.find('/')) + " HTTP/1.0\r\n\r\n";
  if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return none;
  std::string answer;
  char buffer[4096];
  for (ssize_t got; (got = ::recv(fd.get(), buffer, sizeof buffer, 0)) > 0;) answer.append(buffer, static_cast<std::size_t>(got));
  const auto body = answer.find("\r\n\r\n");
  return body == std::string::npos ? none : answer.substr(body + 4);
}

}  // namespace simmer::contract
