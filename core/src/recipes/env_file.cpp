#include <recipes/env_file.hpp>

#include <algorithm>
#include <cctype>
#include <set>
#include <sstream>

#include <recipes/yaml_value.hpp>
#include <simmer/error.hpp>

namespace simmer {
namespace {

bool starts_name(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool continues_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '-'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// One pass over the text; every method leaves `at_` behind what it has read.
class EnvReader {
 public:
  EnvReader(const std::string& text, const std::string& shown_name) : text_(text), shown_name_(shown_name) {
    if (text_.rfind("\xEF\xBB\xBF", 0) == 0) at_ = 3;
    if (text_.find('\0') != std::string::npos) refuse("a NUL character");
  }

  std::vector<EnvLine> all() {
    std::vector<EnvLine> lines;
    while (at_ < text_.size()) {
      skip_blanks();
      if (at_ < text_.size() && text_[at_] != '\n' && text_[at_] != '#')
        if (EnvLine line; read_assignment(line)) lines.push_back(std::move(line));
      skip_to_next_line();
    }
    return lines;
  }

 private:
  // False for a name alone, which passes a variable of the caller's on: nothing is known of it here.
  bool read_assignment(EnvLine& line) {
    line.name = read_name();
    if (line.name == "export" && at_ < text_.size() && is_blank(text_[at_])) {
      skip_blanks();
      line.name = read_name();
    }
    if (line.name.empty()) refuse("a line that is no KEY=value");
    skip_blanks();
    if (at_ == text_.size() || text_[at_] == '\n' || text_[at_] == '#') return false;
    if (text_[at_] != '=') refuse("'" + line.name + "' is not followed by '='");
    ++at_;
    skip_blanks();
    if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\''))
      read_quoted(line);
    else
      read_plain(line);
    return true;
  }

  void read_quoted(EnvLine& line) {
    const char quote = text_[at_++];
    const std::size_t opened_at = line_;
    line.literal = quote == '\'';
    for (; at_ < text_.size() && text_[at_] != quote; ++at_) {
      char c = text_[at_];
      if (c == '\\' && quote == '"' && at_ + 1 < text_.size()) {
        const char next = text_[++at_];
        if (next != '"' && next != '\\' && next != '$' && next != 'n') line.value += '\\';
        c = next == 'n' ? '\n' : next;
      }
      line_ += text_[at_] == '\n';
      if (c != '\r') line.value += c;
    }
    if (at_ == text_.size()) {
      line_ = opened_at;
      refuse("the quote of " + line.name + " is not closed");
    }
    ++at_;
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == '#')
      line.comment = rest_of_line().substr(1);
    else if (at_ < text_.size() && text_[at_] != '\n')
      refuse("something follows the closing quote of " + line.name);
  }

  void read_plain(EnvLine& line) {
    line.value = rest_of_line();
    // A '#' begins a comment only behind a blank: passwords and colours hold it too.
    for (std::size_t i = 0; i < line.value.size(); ++i)
      if (line.value[i] == '#' && (i == 0 || is_blank(line.value[i - 1]))) {
        line.comment = line.value.substr(i + 1);
        line.value.resize(i);
      }
    while (!line.value.empty() && is_blank(line.value.back())) line.value.pop_back();
  }

  std::string read_name() {
    const std::size_t begin = at_;
    if (at_ < text_.size() && starts_name(text_[at_]))
      while (at_ < text_.size() && continues_name(text_[at_])) ++at_;
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
  [[noreturn]] void refuse(const std::string& what) const {
    refuse_recipe(shown_name_ + ":" + std::to_string(line_) + ": " + what);
  }

  const std::string& text_;
  const std::string& shown_name_;
  std::size_t at_ = 0, line_ = 1;
};

void replace_all(std::string& text, const std::string& what, const std::string& with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
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
  for (auto& line : read_env_lines(text, shown_name)) {
    std::string& value = env[line.name];
    if (!line.literal) {
      replace_all(line.value, "${" + line.name + "}", value);
      // "$COMPOSE_FILE" but not "$COMPOSE_FILE_EXTRA".
      const std::string own = "$" + line.name;
      for (auto at = line.value.find(own); at != std::string::npos; at = line.value.find(own, at)) {
        const std::size_t end = at + own.size();
        if (end < line.value.size() &&
            (starts_name(line.value[end]) || std::isdigit(static_cast<unsigned char>(line.value[end])) != 0)) {
          at = end;
        } else {
          line.value.replace(at, own.size(), value);
          at += value.size();
        }
      }
    }
    // A key that grows by naming itself again and again would grow without end.
    if (line.value.size() > 65536) refuse_recipe(shown_name + ": the value of " + line.name + " is longer than 64 KiB");
    value = std::move(line.value);
  }
  return env;
}

std::map<std::string, std::string> read_abra_exports(const std::string& text) {
  std::map<std::string, std::string> exports;
  std::istringstream script(text);
  for (std::string line; std::getline(script, line);) {
    if (line.rfind("export ", 0) != 0) continue;
    // A substitution, or several commands in one line: only a shell could say what the value is.
    if (line.find_first_of("$`;&|()<>") != std::string::npos) continue;
    try {
      for (const auto& one : read_env_lines(line, "abra.sh")) exports[one.name] = one.value;
    } catch (const Error&) {
      continue;  // a script may hold anything
    }
  }
  return exports;
}

bool is_tools_name(const std::string& name) {
  static const std::set<std::string> names = {
      "PATH", "HOME", "GCONV_PATH", "GETCONF_DIR", "GLIBC_TUNABLES", "HOSTALIASES", "LOCALDOMAIN", "LOCPATH", "MALLOC_TRACE", "NLSPATH", "RESOLV_HOST_CONF", "RES_OPTIONS",
      "GOCOVERDIR", "GODEBUG", "GOTRACEBACK",
      "DOCKER_API_VERSION", "DOCKER_AUTH_CONFIG", "DOCKER_CERT_PATH", "DOCKER_CONFIG", "DOCKER_CONTENT_TRUST", "DOCKER_CONTENT_TRUST_SERVER", "DOCKER_CONTEXT", "DOCKER_CUSTOM_HEADERS",
      "DOCKER_DEFAULT_PLATFORM", "DOCKER_HOST", "DOCKER_ORCHESTRATOR", "DOCKER_STACK_ORCHESTRATOR", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "KUBECONFIG"};
  return name.rfind("LD_", 0) == 0 || name.rfind("DOCKER_CLI_", 0) == 0 || name.rfind("ABRA_", 0) == 0 || names.count(name) != 0;
}

std::vector<SecretRule> read_secret_rules(const std::vector<EnvLine>& lines, const Environment& env,
                                          std::vector<std::string>& warnings) {
  static const std::string prefix = "SECRET_", suffix = "_VERSION";
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
    if (const std::string length = comment_word(line.comment, "length"); !length.empty()) {
      const bool number =
          length.size() <= 4 && std::all_of(length.begin(), length.end(), [](unsigned char c) { return std::isdigit(c); });
      if (number && std::stoul(length) > 0)
        rule.length = std::stoul(length);
      else
        warnings.push_back(".env.sample: " + name + ": the length is no number from 1 to 9999, taken as 32");
    }
    std::erase_if(rules, [&](const SecretRule& old) { return old.name == rule.name; });
    rules.push_back(std::move(rule));
  }
  return rules;
}

}  // namespace simmer
