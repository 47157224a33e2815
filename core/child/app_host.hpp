// The Host that plugins meet in a run: the app's engine, volumes, secrets and pages.
#pragma once

#include <map>
#include <stop_token>
#include <string>

#include <base/files.hpp>
#include <engine/engine.hpp>
#include <runs/reporter.hpp>
#include <simmer/host.hpp>

namespace simmer {

class AppHost : public Host {
 public:
  // The references must outlive it. `proxy`: where the app's own name is reached ("127.0.0.1:443") when its URL bears that name.
  AppHost(AppContext app, std::map<std::string, std::string> secrets, std::map<std::string, std::string> env, std::vector<std::string> volumes,
          Engine& engine, Reporter& report, std::stop_token stop, std::string proxy = "");

  const AppContext& app() const override { return app_; }
  HttpResponse http(const HttpRequest& request) override;
  ExecResult exec(const ExecRequest& request) override;
  std::vector<std::string> volumes() override { return volumes_; }
  std::string read_volume_file(const std::string& volume, const std::string& path) override;
  void write_volume_file(const std::string& volume, const std::string& path, const std::string& bytes) override;
  bool volume_file_exists(const std::string& volume, const std::string& path) override;
  void remove_volume_file(const std::string& volume, const std::string& path) override;
  std::string secret(const std::string& name) override;
  std::optional<std::string> env(const std::string& name) override;
  void log(LogLevel level, const std::string& text) override;
  std::chrono::steady_clock::time_point now() override { return Clock::now(); }
  void wait(std::chrono::milliseconds duration) override;

 private:
  Fd open_volume(const std::string& volume);

  AppContext app_;
  std::map<std::string, std::string> secrets_, env_;
  std::vector<std::string> volumes_;
  Engine& engine_;
  Reporter& report_;
  std::stop_token stop_;
  std::string proxy_;
};

}  // namespace simmer
