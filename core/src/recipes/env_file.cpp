#include <recipes/env_file.hpp>

#include <algorithm>
#include <cctype>
#include <functional>
#include <optional>
#include <sstream>
#include <string_view>

#include <base/utf8.hpp>
#include <config/config.hpp>
#include <recipes/odd_text.hpp>
#include <recipes/yaml_value.hpp>
#include <simmer/error.hpp>

namespace simmer {
namespace {

constexpr std::size_t max_value = 65536;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool continues_key(char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '.'; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }
// What may stand in `$NAME` for godotenv: capitals alone, so that "pa$word" is what it looks like.
bool continues_reference(char c) { return (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_'; }

constexpr std::string_view hard_blank = "\xC2\xA0";  // U+00A0: blank for godotenv too

// Blanks at the ends, as godotenv cuts them off a bare value.
std::size_t blanks_at_begin(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size())
    if (is_blank(text[at])) ++at;
    else if (text.substr(at).starts_with(hard_blank)) at += hard_blank.size();
    else break;
  return at;
}
bool ends_blank(std::string_view text) { return !text.empty() && (is_blank(text.back()) || text.ends_with(hard_blank)); }
std::string without_blanks(std::string_view text) {
  text.remove_prefix(blanks_at_begin(text));
  while (ends_blank(text)) text.remove_suffix(is_blank(text.back()) ? 1 : hard_blank.size());
  return std::string(text);
}

// What godotenv makes of `\` in double quotes: two passes, of which the second leaves `\$` for the filling in.
std::string unescaped(const std::string& text) {
  std::string first, second;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size() || text[i + 1] == '\n') {
      first += text[i];
      continue;
    }
    const char next = text[++i];
    if (next == 'n') first += '\n';
    else if (next == 'r') first += '\r';
    else (first += '\\') += next;
  }
  for (std::size_t i = 0; i < first.size(); ++i) {
    if (first[i] == '\\' && i + 1 < first.size() && first[i + 1] != '$') ++i;
    second += first[i];
  }
  return second;
}

// One pass over the text; every method leaves `at_` behind what it has read.
class EnvReader {
 public:
  EnvReader(const std::string& text, const std::string& shown_name) : shown_name_(shown_name) {
    for (std::size_t i = 0; i < text.size(); ++i)
      if (text[i] != '\r' || text.compare(i, 2, "\r\n") != 0) text_ += text[i];
    if (text_.starts_with("\xEF\xBB\xBF")) refuse("a byte order mark, which abra takes for a part of the first key; save the file without one");
  }

  std::vector<EnvLine> all() {
    std::vector<EnvLine> lines;
    for (; at_ < text_.size(); skip_to_next_line()) {
      skip_blanks();
      if (at_ == text_.size() || text_[at_] == '\n' || text_[at_] == '#') continue;
      lines.push_back(read_assignment());
    }
    return lines;
  }

 private:
  EnvLine read_assignment() {
    EnvLine line;
    line.line = line_;
    line.name = read_name();
    if (line.name == "export" && at_ < text_.size() && is_blank(text_[at_])) {
      skip_blanks();
      line.name = read_name();
    }
    if (line.name.empty()) refuse("a line that is no KEY=value: begin it with a key of letters, digits, '_' and '.', or with # as a comment");
    skip_blanks();
    if (at_ == text_.size() || (text_[at_] != '=' && text_[at_] != ':'))
      refuse("'" + line.name + "' is not followed by '='; a key is made of letters, digits, '_' and '.'");
    ++at_;
    at_ += blanks_at_begin(std::string_view(text_).substr(at_));
    if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\''))
      read_quoted(line);
    else
      read_plain(line);
    if (line.value.size() > max_value) refuse("the value of " + line.name + " is longer than 64 KiB");
    return line;
  }

  // To the next such quote without a backslash before it, whatever stands before that; then every quote at both ends goes.
  void read_quoted(EnvLine& line) {
    const char quote = text_[at_];
    const std::size_t begin = at_;
    line.literal = quote == '\'';
    for (++at_; at_ < text_.size() && (text_[at_] != quote || text_[at_ - 1] == '\\');) ++at_;
    if (at_ == text_.size()) refuse("the quote of " + line.name + " is not closed: write it at the value's end too, with no backslash before it");
    std::string_view inner = std::string_view(text_).substr(begin, at_ - begin);
    check_text(inner, line.name);
    while (!inner.empty() && inner.front() == quote) inner.remove_prefix(1);
    while (!inner.empty() && inner.back() == quote) inner.remove_suffix(1);
    line.value = line.literal ? std::string(inner) : unescaped(std::string(inner));
    line_ += static_cast<std::size_t>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(begin), text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n'));
    ++at_;
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == '#')
      line.comment = rest_of_line().substr(1);
    else if (at_ < text_.size() && text_[at_] != '\n')
      refuse("something follows the closing quote of " + line.name + ": write one assignment in a line, and a quote of the other kind around a quote");
  }

  // A comment begins at the line's last '#' that has a blank before it: passwords and colours hold it too.
  void read_plain(EnvLine& line) {
    const std::string rest = rest_of_line();
    line.bare = true;
    std::string_view value = rest;
    check_text(value, line.name);
    for (std::size_t i = value.size(); i-- > 1;)
      if (value[i] == '#' && ends_blank(value.substr(0, i))) {
        line.comment = value.substr(i + 1);
        value = value.substr(0, i);
        break;
      }
    line.value = without_blanks(value);
  }

  // A lone carriage return ends a line for godotenv and for nobody else; the other controls mean nothing to anybody.
  void check_text(std::string_view text, const std::string& name) const {
    for (std::size_t i = 0, length = 0; i < text.size(); i += length) {
      length = utf8_length(text.substr(i));
      if (length == 0) refuse("the byte " + first_byte_of_no_text(text.substr(i)) + " in the value of " + name + " is no text in UTF-8: save the file as UTF-8");
      const auto c = static_cast<unsigned char>(text[i]);
      const bool is_c1 = c == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0;
      if (is_c1 || c == 0x7f || (c < 0x20 && c != '\t' && c != '\n')) refuse("the control character " + shown_code_point(utf8_code(text.substr(i, length))) + " in the value of " + name + ": leave it out");
    }
  }

  std::string read_name() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && continues_key(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  std::string rest_of_line() {
    const std::size_t begin = at_;
    at_ = std::min(text_.find('\n', at_), text_.size());
    return text_.substr(begin, at_ - begin);
  }
  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  }
  void skip_to_next_line() {
    rest_of_line();
    if (at_ < text_.size()) ++at_;
    ++line_;
  }
  [[noreturn]] void refuse(const std::string& what) const { refuse_recipe(shown_name_ + ":" + std::to_string(line_) + ": " + what); }

  std::string text_;  // with plain line ends
  const std::string& shown_name_;
  std::size_t at_ = 0, line_ = 1;
};

// `$X`, `${X}` and, since godotenv takes any bracket alone, `${X`, `$X}` and `$(X`: what `value_of` says; nothing: as it is written.
// `\$…` loses its backslash.
using ValueOf = std::function<std::optional<std::string>(const std::string& name)>;
std::string filled_in(const std::string& text, const ValueOf& value_of) {
  std::string out;
  for (std::size_t i = 0; i < text.size() && out.size() <= max_value;) {
    const bool escaped = text[i] == '\\' && text.compare(i + 1, 1, "$") == 0;
    if (text[i] != '$' && !escaped) {
      out += text[i++];
      continue;
    }
    std::size_t end = i + (escaped ? 2 : 1);
    const auto has = [&](char c) { return end < text.size() && text[end] == c; };
    if (has('(')) ++end;
    if (has('{')) ++end;
    const std::size_t begin = end;
    while (end < text.size() && continues_reference(text[end])) ++end;
    const std::string name = text.substr(begin, end - begin);
    if (has('}')) ++end;
    const std::string written = text.substr(i, end - i);
    if (escaped) out += written.substr(1);
    else out += name.empty() ? written : value_of(name).value_or(written);
    i = end;
  }
  return out;
}

// A key that grows by naming itself again and again would grow without end.
void check_size(const EnvLine& line, const std::string& value, const std::string& shown_name) {
  if (value.size() > max_value) refuse_recipe(shown_name + ":" + std::to_string(line.line) + ": the value of " + line.name + " is longer than 64 KiB");
}

// A simple command of a shell, split into its words from `at`; nothing when a word is more than a constant. `at` ends behind it.
std::optional<std::vector<std::string>> constant_words(std::string_view script, std::size_t& at) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false, constant = true;
  const auto end_word = [&] {
    if (in_word) words.push_back(word);
    word.clear();
    in_word = false;
  };
  while (at < script.size() && script[at] != '\n') {
    const char c = script[at++];
    if (is_blank(c) || (c == '\r' && script.substr(at).starts_with('\n'))) {
      end_word();
    } else if (c == '#' && !in_word) {
      at = std::min(script.find('\n', at), script.size());
    } else if (c == '\'') {
      const auto closing = script.find('\'', at);
      if (closing == std::string_view::npos) return std::nullopt;
      word += script.substr(at, closing - at);
      at = closing + 1;
      in_word = true;
    } else if (c == '"') {
      in_word = true;
      for (; at < script.size() && script[at] != '"'; ++at) {
        if (script[at] == '\\' && at + 1 < script.size()) {
          const char next = script[++at];
          if (next == '\n') continue;
          if (next != '"' && next != '\\' && next != '$' && next != '`') word += '\\';
          word += next;
        } else {
          constant = constant && script[at] != '$' && script[at] != '`';
          word += script[at];
        }
      }
      if (at == script.size()) return std::nullopt;
      ++at;
    } else if (c == '\\' && at < script.size()) {
      const char next = script[at++];
      if (next == '\n') continue;  // the command goes on in the next line
      word += next;
      in_word = true;
    } else {
      // Substitutions, other commands, patterns, braces, and a home folder.
      constant = constant && std::string_view("$`;&|()<>*?[{~\\").find(c) == std::string_view::npos;
      word += c;
      in_word = true;
    }
  }
  end_word();
  return constant ? std::optional(words) : std::nullopt;
}

bool is_shell_name(std::string_view name) {
  if (name.empty() || is_digit(name[0])) return false;
  return std::all_of(name.begin(), name.end(), [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
}

// Of a line that is not read: what it would set, as far as words between blanks tell.
std::vector<std::string> names_set_in(std::string_view line) {
  std::vector<std::string> names;
  std::istringstream words{std::string(line)};
  for (std::string word; words >> word;)
    if (const auto equals = word.find('='); equals != std::string::npos && is_shell_name(std::string_view(word).substr(0, equals))) names.push_back(word.substr(0, equals));
  return names;
}

// The value in a comment like " length=32 charset=special".
std::string comment_word(const std::string& comment, const std::string& key) {
  std::istringstream words(comment);
  for (std::string word; words >> word;)
    if (word.rfind(key + "=", 0) == 0) return word.substr(key.size() + 1);
  return "";
}

}  // namespace

std::vector<EnvLine> read_env_lines(const std::string& text, const std::string& shown_name) {
  return EnvReader(text, shown_name).all();
}

Environment parse_env_file(const std::string& text, const std::string& shown_name) {
  Environment env;
  for (const auto& line : read_env_lines(text, shown_name)) {
    std::string& value = env[line.name];
    const auto own = [&](const std::string& name) { return name == line.name ? std::optional(value) : std::nullopt; };
    std::string grown = line.literal ? line.value : filled_in(line.value, own);
    check_size(line, grown, shown_name);
    value = std::move(grown);
  }
  return env;
}

Environment evaluate_env(const std::vector<EnvLine>& lines, const Environment& given, const std::string& shown_name, std::vector<std::string>& warnings) {
  Environment env;
  std::size_t total = 0;
  for (const auto& line : lines) {
    if (const auto instead = given.find(line.name); instead != given.end()) {
      env[line.name] = instead->second;
      continue;
    }
    const auto value_of = [&](const std::string& name) -> std::optional<std::string> {
      for (const Environment* known : {static_cast<const Environment*>(&env), &given})
        if (const auto found = known->find(name); found != known->end()) return found->second;
      if (warnings.size() < 200) warnings.push_back(one_line(shown_name + ":" + std::to_string(line.line) + ": " + line.name + " names " + name + ", which nothing above it sets: empty, as abra reads it"));
      return "";
    };
    std::string value = line.literal ? line.value : filled_in(line.value, value_of);
    check_size(line, value, shown_name);
    if ((total += value.size()) > std::size_t{4} << 20U) refuse_recipe(shown_name + ":" + std::to_string(line.line) + ": the values are larger than 4 MiB once filled in");
    env[line.name] = std::move(value);
  }
  env.insert(given.begin(), given.end());
  return env;
}

std::string with_names_filled_in(const std::string& value, const Environment& env) {
  std::string out;
  for (std::size_t i = 0; i < value.size();) {
    const auto dollar = std::min(value.find('$', i), value.size());
    out += value.substr(i, dollar - i);
    if (dollar == value.size()) break;
    const bool braces = value.compare(dollar + 1, 1, "{") == 0;
    const std::size_t begin = dollar + 1 + (braces ? 1 : 0);
    std::size_t end = begin;
    while (end < value.size() && (is_letter(value[end]) || is_digit(value[end]) || value[end] == '_')) ++end;
    const auto known = env.find(value.substr(begin, end - begin));
    const bool whole = !braces || value.compare(end, 1, "}") == 0;
    i = whole && braces ? end + 1 : end;
    out += whole && known != env.end() ? known->second : value.substr(dollar, i - dollar);
  }
  return out;
}

AbraScript read_abra_script(const std::string& text) {
  static constexpr std::string_view command = "export";
  AbraScript read;
  const std::string_view script = text;
  std::size_t line = 1, counted = 0;
  for (std::size_t at = 0; at < script.size(); at = std::min(script.find('\n', at), script.size() - 1) + 1) {
    line += static_cast<std::size_t>(std::count(script.begin() + static_cast<std::ptrdiff_t>(counted), script.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
    counted = at;
    const std::string_view rest = script.substr(at);
    if (!rest.starts_with(command) || rest.size() == command.size() || !is_blank(rest[command.size()])) continue;
    std::size_t end = at + command.size();
    // No constant is longer; a script of continued lines would be read to its end from each of them.
    const std::string_view window = script.substr(0, std::min(script.size(), at + 8192));
    const auto words = constant_words(window, end);
    // A script may hold anything; its next line is looked at by itself. `export -n X=1` takes it back.
    if (!words || (end >= window.size() && window.size() < script.size()) || std::any_of(words->begin(), words->end(), [](const std::string& word) { return word.starts_with('-'); })) {
      for (const auto& name : names_set_in(rest.substr(0, rest.find('\n')))) read.unread[name] = line;
      continue;
    }
    for (const auto& word : *words)
      if (const auto equals = word.find('='); equals != std::string::npos && is_shell_name(std::string_view(word).substr(0, equals))) {
        const std::string name = word.substr(0, equals);
        read.exports[name] = word.substr(equals + 1);
        read.lines[name] = line;
        read.unread.erase(name);
      }
    at = end;
  }
  return read;
}

bool is_tools_name(const std::string& name) { return name.starts_with("ABRA_"); }

std::vector<SecretRule> read_secret_rules(const std::vector<EnvLine>& lines, const Environment& env,
                                          std::vector<std::string>& warnings) {
  static const std::string prefix = "SECRET_", suffix = "_VERSION";
  static const std::vector<std::string> secret_charsets = {"default", "hex", "digits", "special"};
  std::vector<SecretRule> rules;
  for (const auto& line : lines) {
    const std::string& name = line.name;
    if (name.size() <= prefix.size() + suffix.size() || name.rfind(prefix, 0) != 0) continue;
    if (name.compare(name.size() - suffix.size(), suffix.size(), suffix) != 0) continue;
    SecretRule rule;
    rule.name = name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
    std::transform(rule.name.begin(), rule.name.end(), rule.name.begin(), [](unsigned char c) { return std::tolower(c); });
    const auto set = env.find(name);
    rule.version = set != env.end() ? set->second : line.value;
    if (const std::string charset = comment_word(line.comment, "charset"); !charset.empty()) rule.charset = charset;
    if (std::find(secret_charsets.begin(), secret_charsets.end(), rule.charset) == secret_charsets.end()) {
      warnings.push_back(one_line(".env.sample:" + std::to_string(line.line) + ": " + name + ": nobody knows the charset '" + rule.charset + "'" + did_you_mean(rule.charset, secret_charsets) +
                                  (nearest(rule.charset, secret_charsets).empty() ? ": taken" : " Taken") + " as default (letters and digits)"));
      rule.charset = "default";
    }
    if (const std::string length = comment_word(line.comment, "length"); !length.empty()) {
      const bool number =
          length.size() <= 4 && std::all_of(length.begin(), length.end(), [](unsigned char c) { return std::isdigit(c); });
      if (number && std::stoul(length) > 0)
        rule.length = std::stoul(length);
      else
        warnings.push_back(".env.sample:" + std::to_string(line.line) + ": " + name + ": the length is no number from 1 to 9999, taken as 32");
    }
    std::erase_if(rules, [&](const SecretRule& old) { return old.name == rule.name; });
    rules.push_back(std::move(rule));
  }
  return rules;
}

}  // namespace simmer
