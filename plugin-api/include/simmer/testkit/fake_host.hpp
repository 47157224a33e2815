// A Host without a world: volumes in memory, a scripted server, recorded commands, a clock of its
// own. It keeps the contract of simmer/host.hpp word for word, refusals included, so that a plugin
// that works with it does not meet its first Error in production.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <simmer/error.hpp>
#include <simmer/host.hpp>
#include <simmer/snapshot_strategy.hpp>

namespace simmer::testkit {

// path -> content
using FakeVolume = std::map<std::string, std::string>;

class FakeHost : public Host {
 public:
  // ---- the world, to be set up by the test ----

  AppContext context{"fake-app",   "fake-recipe", "fake-app.simmer.localhost", "http://127.0.0.1:1",
                     "fake_stack", "1.0.0+1.0",   std::string(40, '0'),        "test"};
  std::map<std::string, FakeVolume> volume_files;
  std::map<std::string, std::string> secrets;
  std::map<std::string, std::string> environment;
  // Answers a path that begins with '/' (query included). Nothing set: 404, as a bare proxy answers.
  std::function<HttpResponse(const HttpRequest&)> server;
  // Answers a command. Nothing set: Error(unavailable), as for a service that does not run.
  std::function<ExecResult(const ExecRequest&)> shell;

  // Nothing answers any more: connections are refused, commands cannot be started.
  void go_down() { is_down_ = true; }
  // Every call from now on throws Error(interrupted), as when the run is cancelled.
  void interrupt() { is_interrupted_ = true; }

  // Serves the files of `volume` as a plain web server does: index.html for folders, 404 for what is
  // not there, type by extension, Last-Modified.
  void serve_volume(const std::string& volume) {
    server = [this, volume](const HttpRequest& request) { return serve_file(volume, request.url); };
  }

  // ---- what happened, for the test to look at ----

  std::vector<HttpRequest> requests;
  std::vector<ExecRequest> commands;
  std::vector<std::string> log_lines;

  // ---- Host ----

  const AppContext& app() const override { return context; }

  HttpResponse http(const HttpRequest& request) override {
    enter();
    requests.push_back(request);
    HttpResponse nothing;
    nothing.error = "connection refused";
    if (is_down_) return nothing;
    HttpRequest own = request;
    if (own.url.starts_with(context.url)) own.url.erase(0, context.url.size());
    if (!own.url.starts_with('/')) {
      nothing.error = "the fake host knows no server but the app's own: " + request.url;
      return nothing;
    }
    return server ? server(own) : not_found();
  }

  ExecResult exec(const ExecRequest& request) override {
    enter();
    commands.push_back(request);
    if (is_down_ || !shell) throw Error(ErrorKind::unavailable, "service " + request.service + " does not run");
    return shell(request);
  }

  std::vector<std::string> volumes() override {
    enter();
    std::vector<std::string> names;
    for (const auto& [name, files] : volume_files) names.push_back(name);
    return names;
  }

  std::string read_volume_file(const std::string& volume, const std::string& path) override {
    auto& files = files_of(volume, path);
    const auto file = files.find(path);
    if (file == files.end()) throw missing(volume, path);
    return file->second;
  }

  void write_volume_file(const std::string& volume, const std::string& path, const std::string& bytes) override {
    files_of(volume, path)[path] = bytes;
  }

  bool volume_file_exists(const std::string& volume, const std::string& path) override {
    return files_of(volume, path).contains(path);
  }

  void remove_volume_file(const std::string& volume, const std::string& path) override {
    if (files_of(volume, path).erase(path) == 0) throw missing(volume, path);
  }

  std::string secret(const std::string& name) override {
    enter();
    const auto found = secrets.find(name);
    if (found == secrets.end()) throw Error(ErrorKind::recipe, "the recipe declares no secret " + name);
    return found->second;
  }

  std::optional<std::string> env(const std::string& name) override {
    enter();
    const auto found = environment.find(name);
    if (found == environment.end()) return std::nullopt;
    return found->second;
  }

  void log(LogLevel, const std::string& text) override { log_lines.push_back(text); }

  std::chrono::steady_clock::time_point now() override { return now_; }
  // Costs no time: the clock moves.
  void wait(std::chrono::milliseconds duration) override {
    enter();
    now_ += duration;
  }

  static HttpResponse page(std::string body, std::string type = "text/html") {
    HttpResponse response;
    response.status = 200;
    response.headers = {{"content-type", std::move(type)}, {"last-modified", "Mon, 23 Nov 2026 00:00:00 GMT"}};
    response.body = std::move(body);
    return response;
  }

  // What Traefik says for a host that it does not know.
  static HttpResponse not_found() {
    HttpResponse response = page("404 page not found\n", "text/plain; charset=utf-8");
    response.status = 404;
    return response;
  }

 private:
  void enter() const {
    if (is_interrupted_) throw Error(ErrorKind::interrupted, "the run was cancelled");
  }

  FakeVolume& files_of(const std::string& volume, const std::string& path) {
    enter();
    const auto found = volume_files.find(volume);
    if (found == volume_files.end()) throw Error(ErrorKind::unavailable, "no volume " + volume);
    if (!stays_inside(path)) throw Error(ErrorKind::plugin, "path '" + path + "' leaves volume " + volume);
    return found->second;
  }

  static bool stays_inside(const std::string& path) {
    if (path.empty() || path.front() == '/') return false;
    std::size_t begin = 0;
    while (begin <= path.size()) {
      const auto end = std::min(path.find('/', begin), path.size());
      if (path.compare(begin, end - begin, "..") == 0) return false;
      begin = end + 1;
    }
    return true;
  }

  static Error missing(const std::string& volume, const std::string& path) {
    return Error(ErrorKind::unavailable, "no file " + path + " in volume " + volume);
  }

  HttpResponse serve_file(const std::string& volume, const std::string& url) {
    std::string path = url.substr(1, url.find('?') - 1);
    if (path.empty() || path.ends_with('/')) path += "index.html";
    const auto& files = volume_files[volume];
    const auto file = files.find(path);
    if (file == files.end()) return not_found();
    const bool is_html = path.ends_with(".html");
    return page(file->second, is_html ? "text/html" : path.ends_with(".txt") ? "text/plain" : "application/octet-stream");
  }

  bool is_down_ = false;
  bool is_interrupted_ = false;
  std::chrono::steady_clock::time_point now_{};
};

// The strategies a host hands out, as values that do nothing.
class FakeStrategy : public SnapshotStrategy {
 public:
  FakeStrategy(std::string name, CaptureWhen when, std::vector<std::string> volumes, std::vector<WayBackStep> way_back)
      : name_(std::move(name)), when_(when), volumes_(std::move(volumes)), way_back_(std::move(way_back)) {}
  std::string name() const override { return name_; }
  CaptureWhen capture_when() const override { return when_; }
  std::vector<std::string> volumes() const override { return volumes_; }
  void capture(const std::string&) override {}
  void verify(const std::string&) override {}
  void restore(const std::string&) override {}
  std::vector<WayBackStep> way_back() const override { return way_back_; }

 private:
  std::string name_;
  CaptureWhen when_;
  std::vector<std::string> volumes_;
  std::vector<WayBackStep> way_back_;
};

class FakeReadyStrategies : public ReadyStrategies {
 public:
  explicit FakeReadyStrategies(std::vector<std::string> volumes) : volumes_(std::move(volumes)) {}

  std::unique_ptr<SnapshotStrategy> raw_volumes(const std::vector<std::string>& without_value) override {
    std::vector<std::string> kept;
    for (const auto& volume : volumes_)
      if (std::find(without_value.begin(), without_value.end(), volume) == without_value.end()) kept.push_back(volume);
    return std::make_unique<FakeStrategy>(
        "raw-volumes", CaptureWhen::stopped, kept,
        std::vector{WayBackStep::undeploy, WayBackStep::restore, WayBackStep::deploy, WayBackStep::probe});
  }
  std::unique_ptr<SnapshotStrategy> version_only() override {
    return std::make_unique<FakeStrategy>("version-only", CaptureWhen::never, std::vector<std::string>{},
                                          std::vector{WayBackStep::deploy_in_place, WayBackStep::probe});
  }

 private:
  std::vector<std::string> volumes_;
};

}  // namespace simmer::testkit
