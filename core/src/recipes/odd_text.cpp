#include <recipes/odd_text.hpp>

#include <algorithm>
#include <array>
#include <cstdio>

#include <base/utf8.hpp>
#include <recipes/yaml_value.hpp>

namespace simmer {
namespace {

std::string in_hex(const char* format, std::uint32_t number) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), format, number);
  return text.data();
}

std::string fault_of(std::uint32_t point, bool before_line_feed) {
  if (point == '\r') return before_line_feed ? "" : "a carriage return without a line feed behind it (U+000D), a line break for Docker and not for others: save the file with plain line ends";
  if (point == 0x85 || point == 0x2028 || point == 0x2029) return "the line break " + shown_code_point(point) + " ends the line for Docker and not for others: leave it out";
  if (point == 0xfeff) return "a byte order mark (U+FEFF) within the text: leave it out";
  const bool plain = point == '\t' || point == '\n' || (point >= 0x20 && point < 0x7f) || (point >= 0xa0 && point < 0xfffe) || point > 0xffff;
  return plain ? "" : "the control character " + shown_code_point(point) + ": leave it out";
}

std::string_view line_of(std::string_view text, std::size_t line) {
  for (; line > 0; --line) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return "";
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find_first_of("\r\n"));
}

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t") == std::string_view::npos; }

bool holds(const std::string& said, const char* part) { return said.find(part) != std::string::npos; }

// "" where what the parser says is all that can be said.
std::string likely_cause(const std::string& said, std::string_view line) {
  const auto indentation = line.substr(0, std::min(line.find_first_not_of(" \t"), line.size()));
  if (indentation.find('\t') != std::string_view::npos) return "a tab indents nothing: use blanks";
  if (holds(said, "illegal flow end")) return "a '}' or ']' that nothing above has opened";
  if (holds(said, "flow")) return "a '{' or '[' is not closed, a comma is missing, or a value with ': ' in it stands in no quotes";
  if (holds(said, "not found")) return "its indentation is that of no line above it";
  if (holds(said, "illegal map value")) return "a value with ': ' in it belongs in quotes; or a line above has no ':', or another indentation";
  if (holds(said, "unknown token")) return "a value that begins so belongs in quotes";
  return "";
}

}  // namespace

std::string shown_code_point(std::uint32_t point) { return in_hex("U+%04X", point); }

std::string first_byte_of_no_text(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return in_hex("0x%02x", static_cast<unsigned char>(text.front()));
    text.remove_prefix(length);
  }
  return "";
}

// Docker's reader ends a line at NEL, LS, PS and a lone CR, ours does not: what follows one in a comment
// would be seen by Docker alone. Bytes that are no UTF-8 are each replaced by a character of their own choice. The same goes for encodings that need NUL bytes.
void refuse_odd_characters(const std::string& text, const std::string& shown_name) {
  std::size_t line = 1, line_begin = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view rest = std::string_view(text).substr(i);
    const auto refuse = [&](const std::string& what) { refuse_recipe(shown_name + ":" + std::to_string(line) + ":" + std::to_string(i - line_begin + 1) + ": " + what); };
    const std::size_t length = utf8_length(rest);
    if (length == 0) refuse("the byte " + first_byte_of_no_text(rest) + " is no text in UTF-8: save the file as UTF-8");
    const std::uint32_t point = utf8_code(rest.substr(0, length));
    // A line that begins with '%' is an order to the reader, and readers know different ones.
    if (point == '%' && i == line_begin && rest.substr(0, rest.find_first_of("\r\n")) != "%YAML 1.1") refuse("a directive ('%…') at the beginning of the line; leave it out");
    if (const std::string fault = fault_of(point, rest.starts_with("\r\n")); !fault.empty()) refuse(fault);
    i += length;
    if (point != '\n') continue;
    ++line;
    line_begin = i;
  }
}

void refuse_as_no_yaml(const std::string& text, const std::string& shown_name, const std::string& said, std::size_t line, std::size_t column) {
  const std::string place = shown_name + ":" + std::to_string(line + 1) + ":" + std::to_string(column + 1) + ": ";
  std::string_view written = line_of(text, line);
  if (holds(said, "anchor is not defined") && column < written.size()) {
    const auto name = written.substr(column + 1, written.substr(column + 1).find_first_of(" \t,[]{}"));
    refuse_recipe(place + "the anchor '" + std::string(name) + "' is not defined: write &" + std::string(name) + " before what it shall stand for, above");
  }
  // What is not closed is noticed at the end: the text before it is of more use.
  for (std::size_t above = line; is_blank(written) && above > 0; --above) written = line_of(text, above - 1);
  const std::string cause = likely_cause(said, written);
  refuse_recipe(place + said + ", at '" + std::string(written.substr(0, 100)) + "'" + (cause.empty() ? "" : ": " + cause));
}

}  // namespace simmer
