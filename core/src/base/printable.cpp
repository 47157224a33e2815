#include <base/printable.hpp>

#include <cstdint>
#include <cstdio>

namespace simmer {

namespace {

std::uint32_t code_of(std::string_view character) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(character[at]); };
  if (character.size() == 1) return byte(0);
  std::uint32_t code = byte(0) & (0xffU >> (character.size() + 1));
  for (std::size_t i = 1; i < character.size(); ++i) code = code << 6 | (byte(i) & 0x3fU);
  return code;
}

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
    const std::uint32_t code = code_of(character);
    text.remove_prefix(character.size());
    if (length == 0) append_hex(out, "\\x%02x", static_cast<unsigned char>(character[0]));
    else if (code == '\n' || code == '\t') out += one_line ? (code == '\n' ? "\\n" : "\\t") : std::string(character);
    else if (!is_obeyed(code)) out += character;
    else append_hex(out, code < 0x20 ? "\\x%02x" : "\\u%04x", code);
  }
  return out;
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const std::uint32_t code = code_of(text.substr(0, length));
  // Spelled longer than needed, half of a UTF-16 pair, or beyond Unicode: two readers of these see two texts.
  const bool odd = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000) || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff;
  return odd ? 0 : length;
}

std::string printable(std::string_view text) { return shown(text, false); }
std::string printable_line(std::string_view text) { return shown(text, true); }

}  // namespace simmer
