#include <recipes/interpolation.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <set>

#include <base/utf8.hpp>
#include <recipes/odd_text.hpp>
#include <recipes/yaml_scalar.hpp>
#include <simmer/error.hpp>

namespace simmer {
namespace {

bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool continues_name(char c) { return starts_name(c) || (c >= '0' && c <= '9'); }

class Interpolation {
 public:
  Interpolation(const std::string& text, const std::map<std::string, std::string>& env, const std::string& place, std::vector<std::string>* warnings, const std::map<std::string, std::string>& unread)
      : text_(text), env_(env), place_(place), warnings_(warnings), unread_(unread) {}

  std::string all() {
    std::string out;
    while (at_ < text_.size()) {
      if (text_[at_] != '$') {
        out += text_[at_++];
        continue;
      }
      ++at_;
      if (at_ < text_.size() && text_[at_] == '$') {
        out += '$';
        ++at_;
        continue;
      }
      const bool braces = at_ < text_.size() && text_[at_] == '{';
      if (braces) ++at_;
      const std::string expression = read_expression(braces);
      if (expression.empty()) refuse(braces ? "'${' without a variable's name" : "a '$' that begins no variable; write '$$' for a dollar");
      if (braces) {
        if (at_ >= text_.size() || text_[at_] != '}') refuse("'${" + expression + "' must be followed by }, -, :-, ? or :? (Docker knows no other form)");
        ++at_;
      }
      out += value_of(expression);
    }
    return out;
  }

 private:
  // [_a-z][_a-z0-9]*(?::?[-?][^}]*)?
  std::string read_expression(bool braces) {
    const std::size_t begin = at_;
    if (at_ < text_.size() && starts_name(text_[at_]))
      while (at_ < text_.size() && continues_name(text_[at_])) ++at_;
    if (at_ < text_.size() && static_cast<unsigned char>(text_[at_]) >= 0x80)
      refuse_letter(text_.substr(begin, at_ - begin), braces);
    if (at_ == begin) return "";
    std::size_t rest = at_;
    if (rest < text_.size() && text_[rest] == ':') ++rest;
    if (rest < text_.size() && (text_[rest] == '-' || text_[rest] == '?')) at_ = std::min(text_.find('}', rest), text_.size());
    return text_.substr(begin, at_ - begin);
  }

  [[noreturn]] void refuse_letter(const std::string& name, bool braces) const {
    const std::string_view rest = std::string_view(text_).substr(at_);
    const std::string letter(rest.substr(0, utf8_length(rest)));
    const std::string remedy = braces ? "call the variable something else, in ASCII" : name.empty() ? "write '$$' for a dollar, and names in ASCII" : "write ${" + name + "} where the name ends before it";
    refuse("the letter '" + letter + "' (" + shown_code_point(utf8_code(letter)) + ") beyond ASCII behind '$" + name + "': Docker takes some of them for a part of the name; " + remedy);
  }

  // Why a variable has no value, or not the one that the recipe means.
  std::string reason_for(const std::string& name) const {
    const auto found = unread_.find(name);
    return found == unread_.end() ? "" : " (" + found->second + ")";
  }

  // The order in which Docker tries the forms: wherever the mark stands in the expression, it splits there.
  std::string value_of(const std::string& expression) {
    for (const std::string mark : {":-", "-", ":?", "?"}) {
      const auto at = expression.find(mark);
      if (at == std::string::npos) continue;
      const std::string name = expression.substr(0, at), other = expression.substr(at + mark.size());
      const auto found = env_.find(name);
      const bool has = found != env_.end() && !(mark.size() == 2 && found->second.empty());
      if (has) return known(name, found->second);
      if (mark.back() == '?') refuse(name + " must be set" + reason_for(name) + (other.empty() ? "" : ": " + other));
      if (unread_.contains(name)) warn(name + " is not set, its default is taken" + reason_for(name));
      if (other.find("${") != std::string::npos) warn("the default of " + name + " holds '" + other + "'" + about_nested_default(other));
      return other;
    }
    const auto found = env_.find(expression);
    if (found != env_.end()) return known(expression, found->second);
    warn(expression + " is not set, taken as empty" + reason_for(expression));
    return "";
  }

  const std::string& known(const std::string& name, const std::string& value) {
    if (unread_.contains(name)) warn(name + " has the value that is set elsewhere" + reason_for(name));
    return value;
  }

  void warn(const std::string& what) {
    if (warnings_ == nullptr || warnings_->size() >= 200 || !warned_.insert(what).second) return;
    const std::string line = one_line(place_ + ": " + what);
    if (std::find(warnings_->begin(), warnings_->end(), line) == warnings_->end()) warnings_->push_back(line);
  }

  [[noreturn]] void refuse(const std::string& what) const { refuse_recipe(place_ + ": " + what); }

  const std::string& text_;
  const std::map<std::string, std::string>& env_;
  const std::string& place_;
  std::vector<std::string>* warnings_;
  const std::map<std::string, std::string>& unread_;
  std::set<std::string> warned_;
  std::size_t at_ = 0;
};

using Path = std::vector<std::string>;

enum class Cast { none, integer, real, boolean };

// What Docker's loader casts a string to that interpolation has changed; "*" is any key, "[]" any item.
Cast cast_at(const Path& path) {
  static const std::vector<std::pair<Path, Cast>> casts = [] {
    std::vector<std::pair<Path, Cast>> all;
    const auto add = [&](Path root, const std::vector<Path>& paths, Cast cast) {
      for (const auto& each : paths) {
        all.emplace_back(root, cast);
        all.back().first.insert(all.back().first.end(), each.begin(), each.end());
      }
    };
    add({"services", "*"},
        {{"configs", "[]", "mode"}, {"secrets", "[]", "mode"}, {"healthcheck", "retries"}, {"deploy", "replicas"}, {"deploy", "update_config", "parallelism"}, {"deploy", "rollback_config", "parallelism"},
         {"deploy", "restart_policy", "max_attempts"}, {"deploy", "placement", "max_replicas_per_node"}, {"ports", "[]", "target"}, {"ports", "[]", "published"}, {"ulimits", "*"}, {"ulimits", "*", "hard"},
         {"ulimits", "*", "soft"}, {"oom_score_adj"}},
        Cast::integer);
    add({"services", "*"}, {{"deploy", "update_config", "max_failure_ratio"}, {"deploy", "rollback_config", "max_failure_ratio"}}, Cast::real);
    add({"services", "*"}, {{"healthcheck", "disable"}, {"privileged"}, {"read_only"}, {"stdin_open"}, {"tty"}, {"volumes", "[]", "read_only"}, {"volumes", "[]", "volume", "nocopy"}}, Cast::boolean);
    add({"networks", "*"}, {{"external"}, {"internal"}, {"attachable"}}, Cast::boolean);
    for (const char* section : {"volumes", "secrets", "configs"}) add({section, "*"}, {{"external"}}, Cast::boolean);
    return all;
  }();
  for (const auto& [pattern, cast] : casts)
    if (pattern.size() == path.size() && std::equal(pattern.begin(), pattern.end(), path.begin(), [](const std::string& wanted, const std::string& part) { return wanted == part || wanted == "*"; })) return cast;
  return Cast::none;
}

bool is_one_of(const std::string& word, std::initializer_list<const char*> words) { return std::find(words.begin(), words.end(), word) != words.end(); }

// As a value that is a number or boolean when read: not quoted, in the spelling that every reader takes alike.
void apply(Cast cast, YamlValue& value) {
  std::string text = value.text;
  switch (cast) {
    case Cast::none: return;
    case Cast::integer: {
      long long number = 0;
      const char* const begin = text.data() + (text.starts_with('+') ? 1 : 0);
      const auto [end, failed] = std::from_chars(begin, text.data() + text.size(), number);
      if (failed != std::errc() || end != text.data() + text.size() || text.starts_with("+-")) value.refuse("must be an integer, not '" + text + "'");
      value.text = std::to_string(number);
      break;
    }
    case Cast::real: {
      char* end = nullptr;
      const double number = std::strtod(text.c_str(), &end);
      if (text.find_first_not_of("0123456789.+-eE") != std::string::npos || text.empty() || *end != '\0') value.refuse("must be a number, not '" + text + "'");
      value.text = print_real(number);
      break;
    }
    case Cast::boolean:
      std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
      if (is_one_of(text, {"y", "yes", "true", "on"})) value.text = "true";
      else if (is_one_of(text, {"n", "no", "false", "off"})) value.text = "false";
      else value.refuse("must be true or false, not '" + value.text + "'");
      break;
  }
  value.quoted = false;
}

class ComposeInterpolation {
 public:
  ComposeInterpolation(const std::map<std::string, std::string>& env, std::vector<std::string>& warnings, const std::map<std::string, std::string>& unread) : env_(env), warnings_(warnings), unread_(unread) {}

  void fill_in(YamlValue& value) {
    if (value.is_scalar() && value.text.find('$') != std::string::npos) {
      std::string text = Interpolation(value.text, env_, value.place(), &warnings_, unread_).all();
      const bool changed = text != value.text;
      value.text = std::move(text);
      // What a variable brought is text that cannot become structure or null again when written back.
      value.quoted = true;
      if (changed) apply(cast_at(path_), value);
      // One long variable named a thousand times must not fill the memory.
      grown_ += value.text.size();
      if (grown_ > yaml_max_bytes) value.refuse("larger than 1 MiB once interpolated");
    }
    for (auto& item : value.items) within("[]", item);
    for (auto& entry : value.entries) {
      // An extension is one by its place, a key of the file, a service or a resource: a *service* named x-… is none.
      if (entry.key.starts_with("x-") && (path_.empty() || path_.size() == 2)) check(entry.value);
      else within(entry.key, entry.value);
    }
  }

 private:
  void within(const std::string& part, YamlValue& value) {
    path_.push_back(part);
    fill_in(value);
    path_.pop_back();
  }

  // Docker fills extensions in as well, and stumbles over the same things.
  void check(const YamlValue& value) {
    if (value.is_scalar()) Interpolation(value.text, env_, value.place(), nullptr, unread_).all();
    for (const auto& item : value.items) check(item);
    for (const auto& entry : value.entries) check(entry.value);
  }

  const std::map<std::string, std::string>& env_;
  std::vector<std::string>& warnings_;
  const std::map<std::string, std::string>& unread_;
  Path path_;
  std::size_t grown_ = 0;
};

}  // namespace

std::string interpolate(const std::string& text, const std::map<std::string, std::string>& env, const std::string& place,
                        std::vector<std::string>& warnings) {
  static const std::map<std::string, std::string> nothing;
  return Interpolation(text, env, place, &warnings, nothing).all();
}

std::string about_nested_default(const std::string& text) {
  return text.find("${") == std::string::npos ? "" : ": defaults do not nest, Docker ends one at its first '}' and does not fill it in again; set the variable in .env.sample, and leave its default out";
}

void interpolate_compose(YamlValue& file, const std::map<std::string, std::string>& env, std::vector<std::string>& warnings,
                         const std::map<std::string, std::string>& unread) {
  ComposeInterpolation(env, warnings, unread).fill_in(file);
}

}  // namespace simmer
