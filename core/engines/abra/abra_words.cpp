#include <abra/abra_words.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <regex>
#include <sstream>

#include <simmer/error.hpp>

namespace simmer::abra {

namespace {

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::string without_quotes(const std::string& text) {
  const bool quoted = text.size() > 1 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front();
  return quoted ? text.substr(1, text.size() - 2) : text;
}

// Nothing in it means anything to a reader of an .env: neither to godotenv nor to a shell.
bool is_plain(const std::string& value) {
  return std::all_of(value.begin(), value.end(), [](unsigned char c) { return (c < 0x80 && std::isalnum(c) != 0) || std::string_view("_./:@%+,=-").find(static_cast<char>(c)) != std::string_view::npos; });
}

std::string without_escapes(const std::string& text) {
  static const std::regex escape("\x1b\\[[0-9;?]*[A-Za-z]");
  std::string plain = std::regex_replace(text, escape, "");
  std::erase(plain, '\r');
  return plain;
}

// The cells of a table's line, whatever draws its bars.
std::vector<std::string> cells_of(std::string line) {
  for (const char* bar : {"\u2503", "\u2502", "\u2551"})
    for (auto at = line.find(bar); at != std::string::npos; at = line.find(bar)) line.replace(at, 3, "|");
  std::vector<std::string> cells;
  std::istringstream words(line);
  for (std::string cell; std::getline(words, cell, '|');) cells.push_back(trimmed(cell));
  if (!cells.empty() && cells.front().empty()) cells.erase(cells.begin());
  return cells;
}

bool is_rule(const std::string& cell) { return cell.size() == 4 && cell[0] == 'R' && std::all_of(cell.begin() + 1, cell.end(), [](unsigned char c) { return std::isdigit(c) != 0; }); }

std::array<int, 3> numbers_of(const std::string& version) {
  std::array<int, 3> numbers{};
  std::sscanf(version.c_str(), "%d.%d.%d", &numbers[0], &numbers[1], &numbers[2]);
  return numbers;
}

}  // namespace

std::optional<AppType> type_in_env(const std::string& text) {
  std::istringstream lines(text);
  std::optional<AppType> found;
  for (std::string line; std::getline(lines, line);) {
    line = trimmed(line);
    if (line.starts_with("export ")) line = trimmed(line.substr(7));
    for (const std::string key : {"TYPE=", "RECIPE="}) {
      if (!line.starts_with(key) || (found && key == "TYPE=")) continue;
      std::string value = line.substr(key.size());
      value = without_quotes(trimmed(value.substr(0, value.find(" #"))));
      const auto colon = value.find(':');
      if (!value.empty()) found = {value.substr(0, colon), colon == std::string::npos ? "" : value.substr(colon + 1)};
    }
  }
  return found;
}

std::string env_text(const AppType& type, const std::map<std::string, std::string>& values) {
  std::string text = "TYPE=" + type.recipe + (type.version.empty() ? "" : ":" + type.version) + "\n";
  for (const auto& [key, value] : values) {
    if (!is_plain(value)) throw Error(ErrorKind::infrastructure, "abra's .env cannot hold " + key + " as it is: only letters, digits and _./:@%+,=- are read back alike by all of its readers");
    text += key + "=" + value + "\n";
  }
  return text;
}

std::string obeyed_export_in(const std::string& abra_sh) {
  static const std::regex obeyed("^\\s*export\\b.*\\b(COMPOSE_FILE|STACK_NAME)\\s*=");
  std::istringstream lines(abra_sh);
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::smatch found;
    if (line.size() < 4096 && std::regex_search(line, found, obeyed)) return "abra.sh:" + std::to_string(number) + ": sets " + found[1].str();
    if (line.size() >= 4096 && trimmed(line).starts_with("export")) return "abra.sh:" + std::to_string(number) + ": has an export of more than 4096 characters";
  }
  return "";
}

std::optional<std::string> version_in(const std::string& output) {
  std::smatch found;
  const std::string plain = without_escapes(output);
  if (!std::regex_search(plain, found, std::regex("[0-9]+\\.[0-9]+\\.[0-9]+"))) return std::nullopt;
  return found.str();
}

bool is_older(const std::string& version, const std::string& than) { return numbers_of(version) < numbers_of(than); }

std::string complaint_in(const std::string& out, const std::string& err) {
  std::string last;
  for (const auto& stream : {out, err}) {
    std::istringstream lines(without_escapes(stream));
    for (std::string line; std::getline(lines, line);) {
      line = trimmed(line);
      if (const auto fatal = line.find("FATA"); fatal != std::string::npos) {
        const std::string rest = line.substr(fatal + 4);
        return trimmed(rest.substr(std::min(rest.find_first_not_of(" []0123456789:>"), rest.size())));
      }
      if (!line.empty()) last = line;
    }
  }
  return last.empty() ? "it said nothing" : last;
}

std::string shown(std::string output, const std::map<std::string, std::string>& secrets) {
  output = without_escapes(output);
  for (const auto& [name, value] : secrets)
    for (auto at = value.empty() ? std::string::npos : output.find(value); at != std::string::npos; at = output.find(value, at + 3)) output.replace(at, value.size(), "***");
  return output;
}

std::optional<std::vector<LintFinding>> lint_table(const std::string& output) {
  std::vector<LintFinding> findings;
  bool is_table = false;
  std::istringstream lines(without_escapes(output));
  for (std::string line; std::getline(lines, line);) {
    const auto cells = cells_of(line);
    // rule, what it asks for, severity, satisfied or not, skipped or not, what to do
    if (cells.size() < 4 || !is_rule(cells[0])) continue;
    is_table = true;
    const bool satisfied = cells[3].find("\u274c") == std::string::npos;
    const bool skipped = cells.size() > 4 && cells[4].find("\u2705") != std::string::npos;
    if (satisfied || skipped) continue;
    findings.push_back({cells[0], cells[2] == "error", cells[1] + (cells.size() > 5 && !cells[5].empty() ? ": " + cells[5] : "")});
  }
  if (!is_table) return std::nullopt;
  return findings;
}

std::string stack_of(const std::string& domain) {
  std::string stack = domain;
  std::replace(stack.begin(), stack.end(), '.', '_');
  return stack;
}

}  // namespace simmer::abra
