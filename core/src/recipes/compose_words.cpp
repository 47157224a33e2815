// Durations, commands, mounts, ports and K=V lists: compose writes each in more than one way.
#include <charconv>

#include <recipes/compose.hpp>
#include <simmer/error.hpp>

namespace simmer {

std::optional<std::chrono::milliseconds> parse_span(const std::string& text, bool bare_seconds) {
  static const std::map<std::string, double> units = {{"us", 1e-3}, {"ms", 1},     {"s", 1e3},
                                                      {"m", 60e3},  {"h", 3600e3}, {"d", 86400e3}};
  if (text.empty()) return std::nullopt;
  double total = 0;
  const char *at = text.data(), *const end = at + text.size();
  while (at != end) {
    double number = 0;
    const auto [rest, failed] = std::from_chars(at, end, number, std::chars_format::fixed);
    if (failed != std::errc() || !(number >= 0) || number > 1e9) return std::nullopt;
    at = rest;
    const char* unit_end = at;
    while (unit_end != end && *unit_end >= 'a' && *unit_end <= 'z') ++unit_end;
    const std::string unit(at, unit_end);
    const auto known = units.find(unit);
    if (known != units.end())
      total += number * known->second;
    else if (unit.empty() && bare_seconds && unit_end == end)
      total += number * 1e3;
    else
      return std::nullopt;
    at = unit_end;
  }
  if (total > 1e12) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(total));
}

std::optional<std::vector<std::string>> split_words(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = '\0';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == '\'') {
      if (c == quote)
        quote = '\0';
      else
        word += c;
    } else if (c == '\\') {
      if (++i == text.size()) return std::nullopt;
      in_word = true;
      if (quote == '"' && std::string_view("\"\\$`\n").find(text[i]) == std::string_view::npos) word += c;
      if (text[i] != '\n') word += text[i];
    } else if (quote == '"') {
      if (c == quote)
        quote = '\0';
      else
        word += c;
    } else if (c == '"' || c == '\'') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != '\0') return std::nullopt;
  if (in_word) words.push_back(std::move(word));
  return words;
}

std::vector<std::string> read_command(const YamlValue& value, const std::string& name) {
  if (value.is_null()) return {};
  if (value.is_scalar()) {
    auto words = split_words(value.text);
    if (!words) value.refuse(name + " has a quote that is not closed");
    return *words;
  }
  std::vector<std::string> words;
  for (const auto& item : value.need_list(name).items) words.push_back(item.need_text("an item of " + name));
  return words;
}

namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_host_path(const std::string& source) {
  if (source.empty()) return false;
  if (source.front() == '.' || source.front() == '~') return true;
  return source.find_first_of("/\\") != std::string::npos || (source.size() == 2 && is_letter(source[0]) && source[1] == ':');
}

// "a:b:c" apart at its colons; a drive's colon ("C:\x") is none.
std::vector<std::string> split_mount(const std::string& text) {
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool drive = parts.back().size() == 1 && is_letter(parts.back()[0]) && text.compare(i, 2, ":\\") == 0;
    if (text[i] == ':' && !drive)
      parts.emplace_back();
    else
      parts.back() += text[i];
  }
  return parts;
}

bool has_option(const std::string& options, const std::string& wanted) {
  return ("," + options + ",").find("," + wanted + ",") != std::string::npos;
}

const std::string& text_or(const YamlValue& map, const char* key, const std::string& other) {
  const YamlValue* value = map.find(key);
  return value != nullptr ? value->need_text(key) : other;
}

}  // namespace

MountFacts read_mount(const YamlValue& value) {
  static const std::string none;
  MountFacts mount;
  if (value.is_map()) {
    const YamlValue* source = value.find("source") != nullptr ? value.find("source") : value.find("src");
    const YamlValue* target = value.find("target");
    for (const char* other : {"dst", "destination"})
      if (target == nullptr) target = value.find(other);
    mount.type = text_or(value, "type", none);
    mount.source = source != nullptr ? source->need_text("source") : none;
    mount.target = target != nullptr ? target->need_text("target") : none;
    if (const YamlValue* read_only = value.find("read_only")) mount.read_only = read_only->need_bool("read_only");
    if (mount.type.empty()) mount.type = is_host_path(mount.source) ? "bind" : "volume";
    return mount;
  }
  const std::vector<std::string> parts = split_mount(value.need_text("a mount"));
  if (parts.size() > 3) value.refuse("the mount '" + value.text + "' has too many colons");
  mount.type = "volume";
  mount.target = parts.size() == 1 ? parts[0] : parts[1];
  if (parts.size() > 1) {
    mount.source = parts[0];
    if (mount.source.empty()) value.refuse("the mount '" + value.text + "' names no source before its colon");
    if (is_host_path(mount.source)) mount.type = "bind";
  }
  if (mount.target.empty()) value.refuse("the mount '" + value.text + "' names no path in the container");
  if (parts.size() == 3) mount.read_only = has_option(parts[2], "ro");
  return mount;
}

PortFacts read_port(const YamlValue& value) {
  static const std::string none;
  PortFacts port;
  if (value.is_map()) {
    port.target = text_or(value, "target", none);
    port.published = text_or(value, "published", none);
    port.protocol = text_or(value, "protocol", "tcp");
    port.mode = text_or(value, "mode", none);
  } else {
    std::string rest = value.need_text("a port");
    if (const auto slash = rest.find('/'); slash != std::string::npos) {
      port.protocol = rest.substr(slash + 1);
      rest.resize(slash);
    }
    const auto colon = rest.rfind(':');
    port.target = colon == std::string::npos ? rest : rest.substr(colon + 1);
    if (colon != std::string::npos) {
      rest.resize(colon);  // [host address:]published; an IPv6 address stands in brackets
      const auto address_end = rest.rfind(':');
      port.published = address_end == std::string::npos ? rest : rest.substr(address_end + 1);
    }
  }
  const auto is_range = [](const std::string& text) { return text.find_first_not_of("0123456789-") == std::string::npos; };
  if (!is_range(port.target) || !is_range(port.published)) value.refuse("a port is a number or a range (8000-8010)");
  return port;
}

YamlValue as_mapping(const YamlValue& value, const std::string& name) {
  if (value.is_map()) return value;
  YamlValue map = value;
  map.kind = YamlValue::Kind::map;
  map.items.clear();
  map.text.clear();
  if (value.is_null()) return map;
  std::map<std::string, std::size_t> standing;  // set() would look through all of them for each
  for (const auto& item : value.need_list(name).items) {
    const std::string& text = item.need_text("an item of " + name);
    const auto equals = text.find('=');
    if (text.empty() || equals == 0) item.refuse("an item of " + name + " has no name before '='");
    YamlValue entry;
    entry.file = item.file;
    entry.line = item.line;
    entry.column = item.column;
    if (equals != std::string::npos) entry = YamlValue::of_text(text.substr(equals + 1), item);
    const auto [at, is_new] = standing.emplace(text.substr(0, equals), map.entries.size());
    if (is_new)
      map.entries.push_back({at->first, std::move(entry)});
    else
      map.entries[at->second].value = std::move(entry);
  }
  return map;
}

std::vector<std::string> read_names(const YamlValue* value, const std::string& name) {
  std::vector<std::string> names;
  if (value == nullptr) return names;
  if (value->is_map()) {
    for (const auto& entry : value->entries) names.push_back(entry.key);
    return names;
  }
  for (const auto& item : value->need_list(name).items) {
    if (item.is_map()) {
      const YamlValue* source = item.find("source");
      if (source == nullptr) item.refuse("an item of " + name + " has no source");
      names.push_back(source->need_text("source"));
    } else {
      names.push_back(item.need_text("an item of " + name));
    }
  }
  return names;
}

}  // namespace simmer
