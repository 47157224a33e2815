// The child's side of the socket to its parent: every event is one JSON line, secrets masked
// (docs/formats/run-events.md).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>

#include <child/guarded_recipe.hpp>
#include <runs/reporter.hpp>

namespace simmer {

class EventWriter : public Reporter, public CallListener {
 public:
  // Does not own the descriptor.
  explicit EventWriter(int socket) : socket_(socket) {}

  // From now on none of these values leaves in any text. Very short ones cannot be masked sensibly.
  void mask(const std::map<std::string, std::string>& secrets);

  void log(LogLevel level, const std::string& text) override;
  void phase(const std::string& text) override;
  void tier_started(Tier tier) override;
  void check(Tier tier, const std::string& name, bool required, const CheckResult& result, std::chrono::milliseconds took) override;
  void tier_done(Tier tier, Outcome outcome, const std::string& why, std::chrono::milliseconds took) override;
  void fact(const std::string& key, const std::string& value) override;
  void facts(const std::string& key, const std::map<std::string, std::string>& values) override;
  void timing(const std::string& name, std::chrono::milliseconds took) override;
  void warning(const std::string& text) override;
  void deployed() override;
  void residue(const std::string& what) override;
  void call_started(const std::string& call) override;
  void call_ended() override;

  // The last event: the lifecycle came to its end, or an Error left it.
  void done();
  void failed(const std::string& kind, const std::string& what);

 private:
  void send(const nlohmann::json& event);
  std::string masked(std::string text) const;

  int socket_;
  std::set<std::string> secrets_;
};

}  // namespace simmer
