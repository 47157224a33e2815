// Health is asked by the app's own name at the proxy: the name, the certificate and the page must all be the app's. The
// server here is a real TLS server with certificates of our own making.
#define CPPHTTPLIB_OPENSSL_SUPPORT
#include <httplib.h>

#include <gmock/gmock.h>

#include <child/http_client.hpp>
#include <unit/base/scratch_folder.hpp>

namespace simmer {
namespace {

using namespace test;
using ::testing::AllOf;
using ::testing::HasSubstr;

// A certificate that is its own authority.
void make_certificate(const ScratchFolder& scratch, const std::string& name, const std::string& subject, const std::string& alternative) {
  const auto made = run_command({{"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", scratch / (name + ".key"), "-out",
                                  scratch / (name + ".crt"), "-subj", "/CN=" + subject, "-addext", "subjectAltName=DNS:" + alternative},
                                 {}, false, {}, ""},
                                a_minute());
  ASSERT_EQ(made.exit_code, 0) << made.err;
}

class Proxy {
 public:
  Proxy(const ScratchFolder& scratch, const std::string& certificate)
      : server_((scratch / (certificate + ".crt")).c_str(), (scratch / (certificate + ".key")).c_str()) {
    server_.Get("/", [](const httplib::Request& request, httplib::Response& response) {
      if (request.get_header_value("Host") == "app.ci.example.org") return response.set_content("the app's own page", "text/plain");
      response.status = 404;
      response.set_content("404 page not found\n", "text/plain");
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();  // stop() before that is not heard
  }
  ~Proxy() {
    server_.stop();
    thread_.join();
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  httplib::SSLServer server_;
  int port_ = 0;
  std::thread thread_;
};

class ThroughTheProxy : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    scratch_ = new ScratchFolder;
    make_certificate(*scratch_, "wildcard", "*.ci.example.org", "*.ci.example.org");
    make_certificate(*scratch_, "default", "TRAEFIK DEFAULT CERT", "0123456789.traefik.default");
    ::setenv("SSL_CERT_FILE", (*scratch_ / "wildcard.crt").c_str(), 1);
  }
  static void TearDownTestSuite() {
    ::unsetenv("SSL_CERT_FILE");
    delete scratch_;
  }
  static HttpResponse ask(const std::string& host, const std::string& route) {
    HttpRequest request;
    request.url = "https://" + host + "/";
    return fetch(request, "", route);
  }
  static ScratchFolder* scratch_;
};

ScratchFolder* ThroughTheProxy::scratch_ = nullptr;

TEST_F(ThroughTheProxy, TheAppIsAskedByItsOwnName) {
  const Proxy proxy(*scratch_, "wildcard");
  const auto answer = ask("app.ci.example.org", proxy.address());
  EXPECT_EQ(answer.status, 200) << answer.error;
  EXPECT_EQ(answer.body, "the app's own page");
}

TEST_F(ThroughTheProxy, AnotherNameGetsTheProxysOwnPage) {
  const Proxy proxy(*scratch_, "wildcard");
  const auto answer = ask("other.ci.example.org", proxy.address());
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.body, "404 page not found\n");
}

TEST_F(ThroughTheProxy, ACertificateForAnotherNameIsNoAnswer) {
  const Proxy proxy(*scratch_, "wildcard");
  const auto answer = ask("app.example.net", proxy.address());
  EXPECT_EQ(answer.status, 0);
  EXPECT_THAT(answer.error, AllOf(HasSubstr("*.ci.example.org"), HasSubstr("not good for app.example.net")));
}

TEST_F(ThroughTheProxy, TheDefaultCertificateIsCalledThat) {
  const Proxy proxy(*scratch_, "default");
  const auto answer = ask("app.ci.example.org", proxy.address());
  EXPECT_EQ(answer.status, 0);
  EXPECT_THAT(answer.error, HasSubstr("the proxy shows its default certificate"));
}

TEST_F(ThroughTheProxy, ACertificateOfNobodyKnownIsNoAnswer) {
  const Proxy proxy(*scratch_, "wildcard");
  ::setenv("SSL_CERT_FILE", (*scratch_ / "default.crt").c_str(), 1);
  const auto answer = ask("app.ci.example.org", proxy.address());
  ::setenv("SSL_CERT_FILE", (*scratch_ / "wildcard.crt").c_str(), 1);
  EXPECT_EQ(answer.status, 0);
  EXPECT_THAT(answer.error, HasSubstr("self"));
}

TEST_F(ThroughTheProxy, AProxyThatIsNotThereIsNoAnswer) {
  std::string address;
  {
    const Proxy proxy(*scratch_, "wildcard");
    address = proxy.address();
  }
  EXPECT_EQ(ask("app.ci.example.org", address).status, 0);
}

TEST_F(ThroughTheProxy, WithoutARouteTheUrlIsTakenAsItIs) {
  httplib::Server server;
  server.Get("/page", [](const httplib::Request& request, httplib::Response& response) { response.set_content(request.get_header_value("Host"), "text/plain"); });
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread thread([&] { server.listen_after_bind(); });
  while (!server.is_running()) std::this_thread::yield();
  HttpRequest request;
  request.url = "http://127.0.0.1:" + std::to_string(port) + "/page";
  EXPECT_EQ(fetch(request, "app.ci.example.org").body, "app.ci.example.org");
  EXPECT_EQ(fetch(request, "").body, "127.0.0.1:" + std::to_string(port));
  server.stop();
  thread.join();
}

}  // namespace
}  // namespace simmer
