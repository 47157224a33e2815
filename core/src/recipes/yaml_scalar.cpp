#include <recipes/yaml_scalar.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <set>

namespace simmer {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Go's strconv.ParseInt(text, 0, 64), or what ParseUint adds to it, without underscores: as decimal digits.
std::optional<std::string> parse_integer(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char mark = static_cast<char>(text[1] | 0x20);
    base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
    text.remove_prefix(mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1);
  }
  if (text.empty() || text[0] == '-' || text[0] == '+') return std::nullopt;
  unsigned long long number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (!negative) return std::to_string(number);
  if (number > 1ULL << 63U) return std::nullopt;
  return number == 0 ? "0" : "-" + std::to_string(number);
}

// ^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$
bool looks_real(std::string_view text) {
  const auto digits = [&] {
    std::size_t count = 0;
    while (count < text.size() && is_digit(text[count])) ++count;
    text.remove_prefix(count);
    return count;
  };
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  const bool whole = digits() > 0;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (digits() == 0 && !whole) return false;
  } else if (!whole) {
    return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  return text.empty();
}

// "2024-01-31", also with a time behind it: a date to both, kept as it is written by the one and printed anew by the other.
bool looks_like_a_date(std::string_view word) {
  return word.size() >= 8 && std::all_of(word.begin(), word.begin() + 4, is_digit) && word[4] == '-' && is_digit(word[5]);
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) { return std::find(words.begin(), words.end(), word) != words.end(); }

enum class Doubt { none, differs, unusual };

Doubt doubt_about(std::string_view word) {
  if (is_one_of(word, {"y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF"})) return Doubt::differs;
  if (looks_like_a_date(word)) return Doubt::differs;
  if (is_one_of(word, {".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF"})) return Doubt::unusual;
  return Doubt::none;
}

Scalar resolved(std::string_view word) {
  if (is_one_of(word, {"", "~", "null", "Null", "NULL"})) return {ScalarType::null, ""};
  if (is_one_of(word, {"true", "True", "TRUE"})) return {ScalarType::boolean, "true"};
  if (is_one_of(word, {"false", "False", "FALSE"})) return {ScalarType::boolean, "false"};
  const char first = word[0];
  if (first == '.' && looks_real(word)) return {ScalarType::real, print_real(std::strtod(std::string(word).c_str(), nullptr))};
  if (!is_digit(first) && first != '-' && first != '+') return {ScalarType::text, std::string(word)};
  std::string plain(word);
  std::erase(plain, '_');
  if (auto whole = parse_integer(plain)) return {ScalarType::integer, *whole};
  if (looks_real(plain)) {
    errno = 0;
    const double number = std::strtod(plain.c_str(), nullptr);
    if (std::isfinite(number)) return {ScalarType::real, print_real(number)};
  }
  return {ScalarType::text, std::string(word)};
}

}  // namespace

// %v: the shortest digits that give the number back; with an exponent below 1e-4 and from 1e6 on.
std::string print_real(double number) {
  if (number == 0) return std::signbit(number) ? "-0" : "0";
  const double size = std::abs(number);
  char buffer[400];
  const bool exponent = size < 1e-4 || size >= 1e6;
  const auto [end, failed] = std::to_chars(buffer, buffer + sizeof buffer, number, exponent ? std::chars_format::scientific : std::chars_format::fixed);
  static_cast<void>(failed);
  return {buffer, end};
}

Scalar scalar_of(const YamlValue& value) {
  if (value.is_null()) return {ScalarType::null, ""};
  if (value.quoted) return {ScalarType::text, value.text};
  switch (doubt_about(value.text)) {
    case Doubt::differs: value.refuse("'" + value.text + "' is one thing to Docker 20.10 and another to Docker 28: put it in quotes, or write true or false");
    case Doubt::unusual: value.refuse("'" + value.text + "' is a number to Docker: put it in quotes");
    case Doubt::none: break;
  }
  return resolved(value.text);
}

bool is_text_when_plain(std::string_view word) { return doubt_about(word) == Doubt::none && resolved(word).type == ScalarType::text; }

}  // namespace simmer
