// A release of a recipe: `<recipe-semver>+<app-version>`, e.g. 10.7.1+26.6.2 or 1.0.0+10.11-alpine
// (Co-op Cloud's convention). Ordered by the recipe part first, as semver 2.0.0 orders (section 11,
// pre-releases included), then by the app part: a leading `v` dropped, runs of digits compared as
// numbers and runs of letters as text.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace simmer {

class Version {
 public:
  // Nothing when `text` is no such version ("main", "1.2", "1.2.3" without the `+` part, "01.2.3+4").
  static std::optional<Version> parse(std::string_view text);

  // As it was written.
  const std::string& text() const noexcept { return text_; }
  const std::string& recipe_part() const noexcept { return recipe_part_; }
  const std::string& app_part() const noexcept { return app_part_; }
  // First integer of the recipe part.
  std::uint64_t recipe_major() const noexcept { return numbers_[0]; }
  // First integer of the app part; nothing when it has none ("latest").
  std::optional<std::uint64_t> app_major() const;

  // Two versions may be equivalent and still be written differently (v1.0 and 1.0).
  friend std::weak_ordering operator<=>(const Version& a, const Version& b);
  friend bool operator==(const Version& a, const Version& b) { return (a <=> b) == 0; }

 private:
  std::string text_, recipe_part_, app_part_;
  std::uint64_t numbers_[3] = {0, 0, 0};
  std::vector<std::string> pre_release_;
};

namespace version_detail {

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Numbers of any length: leading zeros dropped, then the longer one is larger.
inline std::weak_ordering compare_digits(std::string_view a, std::string_view b) {
  while (a.size() > 1 && a.front() == '0') a.remove_prefix(1);
  while (b.size() > 1 && b.front() == '0') b.remove_prefix(1);
  if (a.size() != b.size()) return a.size() <=> b.size();
  const int order = a.compare(b);
  return order < 0 ? std::weak_ordering::less : order > 0 ? std::weak_ordering::greater : std::weak_ordering::equivalent;
}

inline std::weak_ordering compare_text(std::string_view a, std::string_view b) {
  const int order = a.compare(b);
  return order < 0 ? std::weak_ordering::less : order > 0 ? std::weak_ordering::greater : std::weak_ordering::equivalent;
}

// The next run of digits or of letters; separators between runs are skipped.
inline std::string_view next_run(std::string_view& rest) {
  while (!rest.empty() && !is_digit(rest.front()) && !is_letter(rest.front())) rest.remove_prefix(1);
  std::size_t end = 0;
  if (!rest.empty()) {
    const bool digits = is_digit(rest.front());
    while (end < rest.size() && (digits ? is_digit(rest[end]) : is_letter(rest[end]))) ++end;
  }
  const std::string_view run = rest.substr(0, end);
  rest.remove_prefix(end);
  return run;
}

// semver's identifiers: letters, digits and hyphens; a number has no leading zero.
inline bool is_pre_release_part(std::string_view part) {
  bool number = true;
  for (const char c : part) {
    if (!is_digit(c) && !is_letter(c) && c != '-') return false;
    number = number && is_digit(c);
  }
  return !part.empty() && !(number && part.size() > 1 && part.front() == '0');
}

inline std::string_view without_v(std::string_view part) {
  if (part.size() > 1 && (part[0] == 'v' || part[0] == 'V') && is_digit(part[1])) part.remove_prefix(1);
  return part;
}

inline std::weak_ordering compare_app_parts(std::string_view a, std::string_view b) {
  a = without_v(a);
  b = without_v(b);
  while (true) {
    const std::string_view run_a = next_run(a), run_b = next_run(b);
    if (run_a.empty() || run_b.empty()) {
      // "1.0" before "1.0.1", but "1.0-rc1" (letters follow) before "1.0" is not promised here:
      // images tag variants (10.11-alpine), so more text simply means later.
      return !run_a.empty() <=> !run_b.empty();
    }
    const bool digits_a = is_digit(run_a[0]), digits_b = is_digit(run_b[0]);
    if (digits_a != digits_b) return digits_a ? std::weak_ordering::greater : std::weak_ordering::less;
    const auto order = digits_a ? compare_digits(run_a, run_b) : compare_text(run_a, run_b);
    if (order != 0) return order;
  }
}

inline std::weak_ordering compare_pre_release(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  if (a.empty() || b.empty()) return a.empty() <=> b.empty();  // a release is later than its pre-releases
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    const auto numeric = [](const std::string& s) { return s.find_first_not_of("0123456789") == std::string::npos; };
    const bool number_a = numeric(a[i]), number_b = numeric(b[i]);
    if (number_a != number_b) return number_a ? std::weak_ordering::less : std::weak_ordering::greater;
    const auto order = number_a ? compare_digits(a[i], b[i]) : compare_text(a[i], b[i]);
    if (order != 0) return order;
  }
  return a.size() <=> b.size();
}

}  // namespace version_detail

inline std::optional<Version> Version::parse(std::string_view text) {
  const auto plus = text.find('+');
  if (plus == std::string_view::npos || plus + 1 == text.size()) return std::nullopt;
  for (const char c : text)
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f' || c == '/') return std::nullopt;
  Version version;
  version.text_ = text;
  version.recipe_part_ = text.substr(0, plus);
  version.app_part_ = text.substr(plus + 1);
  std::string_view rest = std::string_view(version.recipe_part_);
  for (int i = 0; i < 3; ++i) {
    std::size_t end = 0;
    while (end < rest.size() && version_detail::is_digit(rest[end])) ++end;
    if (end == 0 || end > 18 || (end > 1 && rest.front() == '0')) return std::nullopt;
    version.numbers_[i] = std::stoull(std::string(rest.substr(0, end)));
    rest.remove_prefix(end);
    if (i < 2) {
      if (rest.empty() || rest.front() != '.') return std::nullopt;
      rest.remove_prefix(1);
    }
  }
  if (!rest.empty()) {
    if (rest.front() != '-' || rest.size() == 1) return std::nullopt;
    rest.remove_prefix(1);
    while (true) {
      const auto dot = rest.find('.');
      const auto part = rest.substr(0, dot);
      if (!version_detail::is_pre_release_part(part)) return std::nullopt;
      version.pre_release_.emplace_back(part);
      if (dot == std::string_view::npos) break;
      rest.remove_prefix(dot + 1);
    }
  }
  return version;
}

inline std::optional<std::uint64_t> Version::app_major() const {
  std::string_view rest = app_part_;
  while (!rest.empty() && !version_detail::is_digit(rest.front())) rest.remove_prefix(1);
  std::size_t end = 0;
  while (end < rest.size() && version_detail::is_digit(rest[end])) ++end;
  if (end == 0 || end > 18) return std::nullopt;
  return std::stoull(std::string(rest.substr(0, end)));
}

inline std::weak_ordering operator<=>(const Version& a, const Version& b) {
  for (int i = 0; i < 3; ++i)
    if (a.numbers_[i] != b.numbers_[i]) return a.numbers_[i] <=> b.numbers_[i];
  if (const auto order = version_detail::compare_pre_release(a.pre_release_, b.pre_release_); order != 0) return order;
  return version_detail::compare_app_parts(a.app_part_, b.app_part_);
}

}  // namespace simmer
