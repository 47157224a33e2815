#include <base/printable.hpp>

#include <cstdint>
#include <cstdio>

#include <base/utf8.hpp>

namespace simmer {

namespace {

bool is_obeyed(std::uint32_t code) {
  if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return true;
  return code == 0x61c || code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

void append_hex(std::string& out, const char* format, std::uint32_t code) {
  char text[8];
  std::snprintf(text, sizeof text, format, code);
  out += text;
}

std::string shown(std::string_view text, bool one_line) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string_view character = text.substr(0, length == 0 ? 1 : length);
    const std::uint32_t code = utf8_code(character);
    text.remove_prefix(character.size());
    if (length == 0) append_hex(out, "\\x%02x", static_cast<unsigned char>(character[0]));
    else if (code == '\n' || code == '\t') out += one_line ? (code == '\n' ? "\\n" : "\\t") : std::string(character);
    else if (!is_obeyed(code)) out += character;
    else append_hex(out, code < 0x20 ? "\\x%02x" : "\\u%04x", code);
  }
  return out;
}

}  // namespace

std::string printable(std::string_view text) { return shown(text, false); }
std::string printable_line(std::string_view text) { return shown(text, true); }

}  // namespace simmer
