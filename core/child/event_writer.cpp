#include <child/event_writer.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include <base/json_text.hpp>

namespace simmer {

namespace {
// Shorter values would turn every other word of a log into stars.
constexpr std::size_t shortest_masked = 5;

const char* name_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warning: return "warning";
    case LogLevel::error: return "error";
  }
  return "info";
}
}  // namespace

void EventWriter::mask(const std::map<std::string, std::string>& secrets) {
  for (const auto& [name, value] : secrets)
    if (value.size() >= shortest_masked) secrets_.insert(value);
}

std::string EventWriter::masked(std::string text) const {
  for (const auto& secret : secrets_)
    for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3)) text.replace(at, secret.size(), "***");
  return text;
}

void EventWriter::send(const nlohmann::json& event) {
  // Bytes that are no UTF-8 (an app's output) are replaced, not fatal.
  const std::string line = json_line(event) + "\n";
  std::size_t put = 0;
  while (put < line.size()) {
    const ssize_t wrote = ::send(socket_, line.data() + put, line.size() - put, MSG_NOSIGNAL);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) ::_exit(70);  // the parent is gone, and we go with it
    put += static_cast<std::size_t>(wrote);
  }
}

void EventWriter::log(LogLevel level, const std::string& text) { send({{"event", "log"}, {"level", name_of(level)}, {"text", masked(text)}}); }
void EventWriter::phase(const std::string& text) { send({{"event", "phase"}, {"text", masked(text)}}); }
void EventWriter::tier_started(Tier tier) { send({{"event", "tier"}, {"tier", to_string(tier)}}); }

void EventWriter::check(Tier tier, const std::string& name, bool required, const CheckResult& result, std::chrono::milliseconds took) {
  send({{"event", "check"},
        {"tier", to_string(tier)},
        {"name", masked(name)},
        {"required", required},
        {"outcome", to_string(result.outcome)},
        {"message", masked(result.message)},
        {"ms", took.count()}});
}

void EventWriter::tier_done(Tier tier, Outcome outcome, const std::string& why, std::chrono::milliseconds took) {
  send({{"event", "tier_done"}, {"tier", to_string(tier)}, {"outcome", to_string(outcome)}, {"why", masked(why)}, {"ms", took.count()}});
}

void EventWriter::fact(const std::string& key, const std::string& value) { send({{"event", "fact"}, {"key", key}, {"value", masked(value)}}); }
void EventWriter::facts(const std::string& key, const std::map<std::string, std::string>& values) {
  nlohmann::json clean = nlohmann::json::object();
  for (const auto& [name, value] : values) clean[name] = masked(value);
  send({{"event", "facts"}, {"key", key}, {"values", clean}});
}
void EventWriter::timing(const std::string& name, std::chrono::milliseconds took) { send({{"event", "timing"}, {"name", name}, {"ms", took.count()}}); }
void EventWriter::warning(const std::string& text) { send({{"event", "warning"}, {"text", masked(text)}}); }
void EventWriter::deployed() { send({{"event", "deployed"}}); }
void EventWriter::residue(const std::string& what) { send({{"event", "residue"}, {"text", masked(what)}}); }
void EventWriter::call_started(const std::string& call) { send({{"event", "call"}, {"name", call}}); }
void EventWriter::call_ended() { send({{"event", "call_end"}}); }
void EventWriter::done() { send({{"event", "done"}}); }
void EventWriter::failed(const std::string& kind, const std::string& what) { send({{"event", "failed"}, {"kind", kind}, {"text", masked(what)}}); }

}  // namespace simmer
