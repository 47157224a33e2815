#include <console.hpp>

#include <unistd.h>

#include <cstdlib>

#include <base/printable.hpp>
#include <config/config.hpp>
#include <simmer/error.hpp>

namespace simmer {

Console::Console(LogLevel least, std::ostream& terminal) : least_(least), out_(terminal), terminal_(::isatty(STDERR_FILENO) == 1) {
  const char* plain = std::getenv("NO_COLOR");
  const char* kind = std::getenv("TERM");
  colours_ = terminal_ && (plain == nullptr || *plain == '\0') && (kind == nullptr || std::string(kind) != "dumb");
}

Console::~Console() { clear(); }

std::string Console::painted(const char* colour, const std::string& text) const {
  return colours_ && colour != nullptr ? std::string("\033[") + colour + "m" + printable(text) + "\033[0m" : printable(text);
}

void Console::clear() {
  if (phase_shown_) out_ << "\r\033[K" << std::flush;
  phase_shown_ = false;
}

void Console::line(LogLevel level, const std::string& text) {
  if (level < least_) return;
  clear();
  const char* colour = level == LogLevel::error ? "31" : level == LogLevel::warning ? "33" : nullptr;
  out_ << "  " << painted(colour, text) << std::endl;
}

void Console::phase(const std::string& text) {
  if (least_ > LogLevel::info) return;
  clear();
  if (terminal_) {
    out_ << painted("36", "… " + text) << std::flush;
    phase_shown_ = true;
  } else {
    out_ << "- " << printable(text) << std::endl;
  }
}

void Console::still(const std::string& phase, std::chrono::milliseconds for_how_long) {
  if (least_ > LogLevel::info) return;
  clear();
  out_ << (terminal_ ? "… " : "- ") << "still " << printable(phase) << " (" << format_duration(for_how_long) << ")";
  if (terminal_) {
    out_ << std::flush;
    phase_shown_ = true;
  } else {
    out_ << std::endl;
  }
}

LogLevel log_level_from(const std::string& name) {
  static const std::vector<std::string> names = {"debug", "info", "warning", "error"};
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return static_cast<LogLevel>(i);
  throw Error(ErrorKind::usage, "no log level '" + name + "'" + did_you_mean(name, names) + "; there are debug, info, warning and error");
}

}  // namespace simmer
