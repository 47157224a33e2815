// What cannot be had from a Docker that works: one that is too old. A server of our own answers as such a Docker does.
#define CPPHTTPLIB_OPENSSL_SUPPORT
#include <httplib.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include <simmer/error.hpp>
#include <swarm/swarm_engine.hpp>

namespace simmer::swarm {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class FakeDocker {
 public:
  FakeDocker(int status, const std::string& answer) {
    server_.Get(".*", [status, answer](const httplib::Request&, httplib::Response& response) {
      response.status = status;
      response.set_content(answer, "application/json");
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~FakeDocker() {
    server_.stop();
    thread_.join();
  }
  std::string host() const { return "tcp://127.0.0.1:" + std::to_string(port_); }

 private:
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

std::string refusal(const FakeDocker& docker) {
  try {
    SwarmEngine({{docker.host(), ""}, ""}).check(Limit::in(milliseconds(5000)));
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unavailable);
    return error.message();
  }
  ADD_FAILURE() << "no Error was thrown";
  return "";
}

TEST(DockerApi, ADockerThatIsTooOldIsSaidToBeSo) {
  const FakeDocker docker(400, R"({"message":"client version 1.41 is too new. Maximum supported API version is 1.39"})");
  EXPECT_THAT(refusal(docker), AllOf(HasSubstr("is too old"), HasSubstr("1.39"), HasSubstr("20.10 or later"), Not(HasSubstr("\n"))));
}

TEST(DockerApi, OneThatIsInNoSwarmOrNoManagerIsSaidToBeSo) {
  const FakeDocker alone(200, R"({"Swarm":{"LocalNodeState":"inactive","ControlAvailable":false}})");
  EXPECT_THAT(refusal(alone), HasSubstr("docker swarm init"));
  const FakeDocker worker(200, R"({"Swarm":{"LocalNodeState":"active","ControlAvailable":false}})");
  EXPECT_THAT(refusal(worker), HasSubstr("run Simmer on a manager"));
}

TEST(DockerApi, WhatIsNoDockerIsSaidToBeNone) {
  const FakeDocker other(200, "<html>a web server</html>");
  EXPECT_THAT(refusal(other), HasSubstr("does not speak as Docker does"));
  const FakeDocker failing(500, "line one\nline two");
  EXPECT_THAT(refusal(failing), AllOf(HasSubstr("line one line two"), Not(HasSubstr("\n"))));
}

// What a tool complains of may be a recipe's text.
TEST(DockerApi, WhatAToolSaidSteersNoTerminal) { EXPECT_EQ(one_line("invalid reference: \x1b[2Ja\xC2\x9B\nand\x07 more\n"), "invalid reference: \\x1b[2Ja\\u009b and\\x07 more"); }

}  // namespace
}  // namespace simmer::swarm
