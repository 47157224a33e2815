// Durations, and the nearest known word for a mistyped one.
#include <algorithm>
#include <charconv>
#include <numeric>

#include <config/config.hpp>

namespace simmer {

std::optional<milliseconds> parse_duration(const std::string& text) {
  double number = 0;
  if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;  // from_chars also takes "-1", "nan" and "inf"
  const auto [rest, failed] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (failed != std::errc()) return std::nullopt;
  static const std::map<std::string, double> units = {{"", 1e3}, {"ms", 1}, {"s", 1e3}, {"m", 60e3}, {"h", 3600e3}, {"d", 86400e3}};
  const auto unit = units.find(std::string(rest, text.data() + text.size()));
  if (unit == units.end()) return std::nullopt;
  constexpr double longest = 100 * 365 * 86400e3;  // what a clock of nanoseconds can still count to
  if (number * unit->second > longest) return std::nullopt;
  return milliseconds(static_cast<std::int64_t>(number * unit->second));
}

std::string format_duration(milliseconds duration) {
  const auto count = duration.count();
  if (count < 1000) return std::to_string(count) + " ms";
  if (count < 120000) {
    const auto tenths = (count + 50) / 100;
    return std::to_string(tenths / 10) + (tenths % 10 != 0 ? "." + std::to_string(tenths % 10) : "") + " s";
  }
  return std::to_string(count / 60000) + " min " + std::to_string(count / 1000 % 60) + " s";
}

std::string nearest(const std::string& word, const std::vector<std::string>& candidates) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const auto& candidate : candidates) {
    std::vector<std::size_t> row(candidate.size() + 1);
    std::iota(row.begin(), row.end(), 0);
    for (std::size_t i = 1; i <= word.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j <= candidate.size(); ++j) {
        const std::size_t replaced = diagonal + (word[i - 1] == candidate[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
      }
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = candidate;
    }
  }
  return best;
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates) {
  const std::string near = nearest(word, candidates);
  return near.empty() ? "" : ", did you mean '" + near + "'?";
}

}  // namespace simmer
