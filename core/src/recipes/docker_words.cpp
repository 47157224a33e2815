#include <recipes/docker_words.hpp>

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <map>

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

std::optional<std::chrono::nanoseconds> parse_go_duration(const std::string& text) {
  static const std::map<std::string, double> units = {{"ns", 1}, {"us", 1e3}, {"\u00b5s", 1e3}, {"\u03bcs", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
  std::string rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.erase(0, 1);
  if (rest == "0") return std::chrono::nanoseconds(0);
  if (rest.empty()) return std::nullopt;
  double total = 0;
  while (!rest.empty()) {
    const auto number_end = std::min(rest.find_first_not_of("0123456789."), rest.size());
    const std::string number = rest.substr(0, number_end);
    if (number.empty() || number == "." || std::count(number.begin(), number.end(), '.') > 1) return std::nullopt;
    rest.erase(0, number_end);
    const auto unit_end = std::min(rest.find_first_of("0123456789."), rest.size());
    const auto unit = units.find(rest.substr(0, unit_end));
    if (unit == units.end()) return std::nullopt;
    rest.erase(0, unit_end);
    double value = 0;
    const std::string padded = "0" + number;
    std::from_chars(padded.data(), padded.data() + padded.size(), value, std::chars_format::fixed);
    total += value * unit->second;
  }
  if (total > 9.2e18) return std::nullopt;
  const auto whole = static_cast<std::int64_t>(total);
  return std::chrono::nanoseconds(negative ? -whole : whole);
}

std::optional<std::vector<std::string>> split_words(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = '\0';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && quote != '\'') {
      if (++i == text.size()) return std::nullopt;
      word += text[i];
      in_word = true;
    } else if (quote != '\0') {
      if (c == quote) quote = '\0';
      else word += c;
    } else if (c == '"' || c == '\'') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else if (c == '#' && !in_word) {
      i = std::min(text.find('\n', i), text.size()) - 1;
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
    if (!words) value.refuse(name + " has a quote that is not closed, or a backslash at its end: close it");
    return *words;
  }
  std::vector<std::string> words;
  for (const auto& item : value.need_list(name).items) words.push_back(item.need_text("an item of " + name));
  return words;
}

namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_one_rune(const std::string& part) {
  return std::count_if(part.begin(), part.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }) == 1;
}

// "a:b:c" apart at its colons; the colon of a drive is none, and to Docker every letter that stands alone is a drive.
std::vector<std::string> split_mount(const YamlValue& value) {
  std::vector<std::string> parts(1);
  for (const char c : value.text) {
    std::string& part = parts.back();
    if (c == ':' && static_cast<unsigned char>(part.empty() ? ' ' : part.front()) >= 0x80 && is_one_rune(part)) value.refuse("the mount '" + value.text + "': a single letter before a colon is a drive to Docker; call the volume by a longer name");
    if (c == ':' && !(part.size() == 1 && is_letter(part.front()))) parts.emplace_back();
    else part += c;
  }
  return parts;
}

bool is_host_path(const std::string& source) {
  if (source.front() == '.' || source.front() == '/' || source.front() == '~') return true;
  return source.starts_with("\\\\") || (source.size() > 1 && is_letter(source[0]) && source[1] == ':');
}

YamlValue flag(bool value, const YamlValue& from) {
  YamlValue made = YamlValue::of_text(value ? "true" : "false", from);
  made.quoted = false;
  return made;
}

YamlValue number(long value, const YamlValue& from) {
  YamlValue made = YamlValue::of_text(std::to_string(value), from);
  made.quoted = false;
  return made;
}

}  // namespace

YamlValue expand_mount(const YamlValue& value) {
  YamlValue mount = YamlValue::empty_map(value);
  const std::string& text = value.text;
  if (text.empty()) value.refuse("an empty mount: write source:target");
  if (text.size() <= 2) {
    mount.set("type", YamlValue::of_text("volume", value));
    mount.set("target", YamlValue::of_text(text, value));
    return mount;
  }
  const auto parts = split_mount(value);
  if (std::any_of(parts.begin(), parts.end(), [](const std::string& part) { return part.empty(); })) value.refuse("the mount '" + text + "' has an empty part between its colons: write source:target");
  if (parts.size() > 3) value.refuse("the mount '" + text + "' has too many colons: write source:target:options, or a mapping with type, source and target");
  const std::string source = parts.size() > 1 ? parts[0] : "";
  mount.set("type", YamlValue::of_text(!source.empty() && is_host_path(source) ? "bind" : "volume", value));
  if (!source.empty()) mount.set("source", YamlValue::of_text(source, value));
  mount.set("target", YamlValue::of_text(parts.size() > 1 ? parts[1] : parts[0], value));
  if (parts.size() < 3) return mount;
  std::string rest = parts[2] + ",";
  for (auto comma = rest.find(','); comma != std::string::npos; comma = rest.find(',')) {
    const std::string option = rest.substr(0, comma);
    rest.erase(0, comma + 1);
    static const std::array<std::string, 6> propagations = {"rprivate", "private", "rshared", "shared", "rslave", "slave"};
    if (option == "ro" || option == "rw") mount.set("read_only", flag(option == "ro", value));
    else if (option == "nocopy") mount.set("volume", YamlValue::empty_map(value)).set("nocopy", flag(true, value));
    else if (std::find(propagations.begin(), propagations.end(), option) != propagations.end()) mount.set("bind", YamlValue::empty_map(value)).set("propagation", YamlValue::of_text(option, value));
  }
  return mount;
}

namespace {

struct Range {
  long first = 0, last = 0;
};

Range read_range(const std::string& text, const YamlValue& value) {
  const auto dash = text.find('-');
  const auto port = [&](const std::string& digits) {
    if (digits.empty() || digits.size() > 5 || digits.find_first_not_of("0123456789") != std::string::npos || std::stol(digits) > 65535) value.refuse("'" + value.text + "' is no port or range of ports: write a number up to 65535, or two with '-' between");
    return std::stol(digits);
  };
  Range range;
  range.first = port(text.substr(0, dash));
  range.last = dash == std::string::npos ? range.first : port(text.substr(dash + 1));
  if (range.last < range.first) value.refuse("'" + value.text + "': the range ends before it begins: write the smaller number first");
  return range;
}

}  // namespace

std::vector<YamlValue> expand_ports(const YamlValue& value) {
  std::string rest = value.text, protocol = "tcp";
  if (const auto slash = rest.rfind('/'); slash != std::string::npos) {
    protocol = rest.substr(slash + 1);
    std::transform(protocol.begin(), protocol.end(), protocol.begin(), [](unsigned char c) { return std::tolower(c); });
    rest.resize(slash);
  }
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp") value.refuse("'" + value.text + "': the protocol is tcp, udp or sctp");
  std::vector<std::string> parts(1);
  for (const char c : rest) {
    if (c == ':') parts.emplace_back();
    else parts.back() += c;
  }
  // An address is ignored on Swarm; one of colons and brackets has more spellings than readers.
  if (parts.size() > 3 || rest.find('[') != std::string::npos) value.refuse("'" + value.text + "': a port is [published:]target[/protocol]; Swarm takes no address");
  in_addr address{};
  if (parts.size() == 3 && !parts[0].empty() && ::inet_pton(AF_INET, parts[0].c_str(), &address) != 1) value.refuse("'" + value.text + "': '" + parts[0] + "' is no address: leave it out");
  const Range target = read_range(parts.back(), value);
  const bool published = parts.size() > 1 && !parts[parts.size() - 2].empty();
  const Range outside = published ? read_range(parts[parts.size() - 2], value) : Range{};
  if (published && target.first != target.last && outside.last - outside.first != target.last - target.first) value.refuse("'" + value.text + "': the two ranges are not of one length: write as many published ports as target ports");
  std::vector<YamlValue> ports;
  const long count = std::max(target.last - target.first, outside.last - outside.first);
  if (count > 1000) value.refuse("'" + value.text + "': more than 1000 ports");
  for (long i = 0; i <= count; ++i) {
    YamlValue port = YamlValue::empty_map(value);
    port.set("mode", YamlValue::of_text("ingress", value));
    port.set("target", number(target.first == target.last ? target.first : target.first + i, value));
    if (published) port.set("published", number(outside.first + i, value));
    port.set("protocol", YamlValue::of_text(protocol, value));
    ports.push_back(std::move(port));
  }
  return ports;
}

std::optional<std::int64_t> parse_bytes(const std::string& text) {
  const auto number_end = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string number = text.substr(0, number_end);
  const auto dot = number.find('.');
  if (number.empty() || dot == 0 || dot == number.size() - 1 || (dot != std::string::npos && number.find('.', dot + 1) != std::string::npos)) return std::nullopt;
  std::string unit = text.substr(number_end);
  if (unit.size() > 1 && unit.front() == ' ') unit.erase(0, 1);
  std::transform(unit.begin(), unit.end(), unit.begin(), [](unsigned char c) { return std::tolower(c); });
  double bytes = 0;
  std::from_chars(number.data(), number.data() + number.size(), bytes, std::chars_format::fixed);
  static const std::string units = "bkmgtp";
  if (unit.empty()) unit = "b";
  const auto power = units.find(unit.front());
  if (power == std::string::npos || (unit.size() > 1 && (power == 0 || (unit.substr(1) != "b" && unit.substr(1) != "ib")))) return std::nullopt;
  bytes *= std::pow(1024.0, static_cast<double>(power));
  if (bytes > 9e18) return std::nullopt;
  return static_cast<std::int64_t>(bytes);
}

}  // namespace simmer
