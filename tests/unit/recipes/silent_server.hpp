// A source of recipes that stalls, for tests of what happens to a fetch meanwhile.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include <base/files.hpp>

namespace simmer::testing_recipes {

// A source that takes connections (the kernel does) and never says a word.
class SilentServer {
 public:
  SilentServer() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(socket_.get(), 8), 0);
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    url_ = "git://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/recipe";
  }
  const std::string& url() const { return url_; }
  // Blocks until somebody has connected.
  void await_connection() { connections_.emplace_back(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC)); }

 private:
  Fd socket_;
  std::vector<Fd> connections_;
  std::string url_;
};

}  // namespace simmer::testing_recipes
