// The world as a plugin sees it. A plugin reaches nothing but what Host offers: that is why it can
// be tested with a fake one, and why it never learns which engine runs its app.
//
// Every call is made from the thread that called the plugin. Every call may throw simmer::Error
// (kind interrupted when the run was cancelled); a plugin lets it pass. Nothing here returns a
// pointer that the plugin must free.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace simmer {

enum class LogLevel { debug, info, warning, error };

// The deployment a plugin's parts were made for.
struct AppContext {
  std::string app;      // name on this server
  std::string recipe;
  std::string domain;
  std::string url;      // how this machine reaches it, no trailing slash: http://127.0.0.1:21034
  std::string stack;    // the engine's name for it
  std::string version;  // label of what is deployed, may be empty
  std::string commit;
  std::string role;     // "live", "canonical" or "test"
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;  // absolute, or a path beginning with '/': then of the app, by its own name
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::chrono::milliseconds timeout{5000};
  bool follow_redirects = true;
};

// `status` 0: no answer; `error` says why (refused, timed out, bad certificate).
struct HttpResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  std::string error;
};

struct ExecRequest {
  std::string service;
  std::vector<std::string> argv;
  std::string input;
  std::chrono::milliseconds timeout{30000};
};

// The command ran and ended. One that could not be started or timed out is an Error instead: a
// failed exec is never an empty answer.
struct ExecResult {
  int exit_code = 0;
  std::string out;
  std::string err;
};

// Owned by the host; outlives every part it was given to.
class Host {
 public:
  virtual ~Host() = default;

  virtual const AppContext& app() const = 0;

  // Never throws for what the server answered or did not answer: that is in the response.
  virtual HttpResponse http(const HttpRequest& request) = 0;

  // Runs a command inside a running service. Error(unavailable) when the service does not run.
  virtual ExecResult exec(const ExecRequest& request) = 0;

  // Files of the app's volumes. `volume` is the name in the compose file, `path` is relative to the
  // volume's root and may not leave it (also not through a symlink). Missing volume or file: Error.
  virtual std::vector<std::string> volumes() = 0;
  virtual std::string read_volume_file(const std::string& volume, const std::string& path) = 0;
  // Makes missing folders; the file takes owner and group of the folder it is made in.
  virtual void write_volume_file(const std::string& volume, const std::string& path, const std::string& bytes) = 0;
  virtual bool volume_file_exists(const std::string& volume, const std::string& path) = 0;
  virtual void remove_volume_file(const std::string& volume, const std::string& path) = 0;

  // The app's own secret by its name in the compose file; Error(recipe) when it declares none such.
  // Never log it.
  virtual std::string secret(const std::string& name) = 0;
  // A value of the deployment's environment; nothing when it is not set.
  virtual std::optional<std::string> env(const std::string& name) = 0;

  // Goes to the run's log, secrets of the app masked.
  virtual void log(LogLevel level, const std::string& text) = 0;

  // Steady time, for measuring; and a wait that ends early (with Error interrupted) when the run is
  // cancelled. Do not sleep by other means.
  virtual std::chrono::steady_clock::time_point now() = 0;
  virtual void wait(std::chrono::milliseconds duration) = 0;
};

}  // namespace simmer
