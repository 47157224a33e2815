#include <console.hpp>

#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include <config/config.hpp>
#include <simmer/error.hpp>

namespace simmer {

Console::Console(LogLevel least) : least_(least), terminal_(::isatty(STDERR_FILENO) == 1) {
  const char* plain = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  colours_ = terminal_ && (plain == nullptr || *plain == '\0') && (terminal == nullptr || std::string(terminal) != "dumb");
}

Console::~Console() { clear(); }

std::string Console::painted(const char* colour, const std::string& text) const {
  return colours_ ? std::string("\033[") + colour + "m" + text + "\033[0m" : text;
}

void Console::clear() {
  if (phase_shown_) std::cerr << "\r\033[K" << std::flush;
  phase_shown_ = false;
}

void Console::line(LogLevel level, const std::string& text) {
  if (level < least_) return;
  clear();
  const char* colour = level == LogLevel::error ? "31" : level == LogLevel::warning ? "33" : nullptr;
  std::cerr << "  " << (colour != nullptr ? painted(colour, text) : text) << std::endl;
}

void Console::phase(const std::string& text) {
  if (least_ > LogLevel::info) return;
  clear();
  if (terminal_) {
    std::cerr << painted("36", "… " + text) << std::flush;
    phase_shown_ = true;
  } else {
    std::cerr << "- " << text << std::endl;
  }
}

void Console::still(const std::string& phase, std::chrono::milliseconds for_how_long) {
  if (least_ > LogLevel::info) return;
  clear();
  std::cerr << (terminal_ ? "… " : "- ") << "still " << phase << " (" << format_duration(for_how_long) << ")";
  if (terminal_) {
    std::cerr << std::flush;
    phase_shown_ = true;
  } else {
    std::cerr << std::endl;
  }
}

LogLevel log_level_from(const std::string& name) {
  static const std::vector<std::string> names = {"debug", "info", "warning", "error"};
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return static_cast<LogLevel>(i);
  throw Error(ErrorKind::usage, "no log level '" + name + "'" + did_you_mean(name, names) + "; there are debug, info, warning and error");
}

}  // namespace simmer
