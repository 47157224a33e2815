#include <recipes/interpolation.hpp>

#include <algorithm>

#include <recipes/env_file.hpp>
#include <simmer/error.hpp>

namespace simmer {
namespace {

bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool continues_name(char c) { return starts_name(c) || (c >= '0' && c <= '9'); }

class Interpolation {
 public:
  Interpolation(const std::string& text, const std::map<std::string, std::string>& env, const std::string& place,
                std::vector<std::string>& warnings)
      : text_(text), env_(env), place_(place), warnings_(warnings) {}

  std::string all() {
    std::string out = until_end(false, true, 0);
    return out;
  }

 private:
  // Reads to the end, or to the `}` that closes the expression it is inside of. What is not `wanted`
  // (the branch not taken) is read over without warnings.
  std::string until_end(bool inside_braces, bool wanted, int depth) {
    if (depth > 20) refuse("nested too deeply");
    std::string out;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (inside_braces && c == '}') return out;
      if (c != '$') {
        out += c;
        ++at_;
      } else {
        out += dollar(wanted, depth);
      }
    }
    if (inside_braces) refuse("'${' is not closed");
    return out;
  }

  std::string dollar(bool wanted, int depth) {
    ++at_;
    if (at_ < text_.size() && text_[at_] == '$') {
      ++at_;
      return "$";
    }
    if (at_ < text_.size() && text_[at_] == '{') return braces(wanted, depth);
    const std::string name = read_variable();
    if (name.empty()) refuse("a '$' that begins no variable; write '$$' for a dollar");
    const auto found = env_.find(name);
    if (found != env_.end()) return found->second;
    if (wanted) warn(name + " is not set, taken as empty");
    return "";
  }

  std::string braces(bool wanted, int depth) {
    ++at_;
    const std::string name = read_variable();
    if (name.empty()) refuse("'${' without a variable's name");
    if (at_ >= text_.size()) refuse("'${" + name + "' is not closed");
    const auto found = env_.find(name);
    const bool colon = text_[at_] == ':';
    if (colon) ++at_;
    const char how = at_ < text_.size() ? text_[at_] : '\0';
    if (how == '}' && !colon) {
      ++at_;
      if (found != env_.end()) return found->second;
      if (wanted) warn(name + " is not set, taken as empty");
      return "";
    }
    if (how != '-' && how != '?' && how != '+') refuse("'${" + name + "' must be followed by }, -, ?, +, :-, :? or :+");
    ++at_;
    const bool has = found != env_.end() && !(colon && found->second.empty());
    const bool other_wanted = how == '+' ? has : !has;
    const std::string other = until_end(true, wanted && other_wanted, depth + 1);
    ++at_;  // the closing brace
    if (how == '+') return has ? other : "";
    if (has) return found->second;
    if (how == '-') return other;
    if (wanted) warn(name + " must be set" + (other.empty() ? "" : ": " + other));
    return "";
  }

  std::string read_name() {
    const std::size_t begin = at_;
    if (at_ < text_.size() && starts_name(text_[at_]))
      while (at_ < text_.size() && continues_name(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  // What Docker would read is this machine's: two readers must not see two values.
  std::string read_variable() {
    std::string name = read_name();
    if (is_tools_name(name)) refuse("reads " + name + " of the machine that deploys it; call the variable something else");
    return name;
  }

  void warn(const std::string& what) {
    const std::string line = one_line(place_ + ": " + what);
    if (std::find(warnings_.begin(), warnings_.end(), line) == warnings_.end() && warnings_.size() < 200)
      warnings_.push_back(line);
  }

  [[noreturn]] void refuse(const std::string& what) const { refuse_recipe(place_ + ": " + what); }

  const std::string& text_;
  const std::map<std::string, std::string>& env_;
  const std::string& place_;
  std::vector<std::string>& warnings_;
  std::size_t at_ = 0;
};

// `grown`: what has been filled in so far, of all values. One long variable named a thousand times must not
// fill the memory.
void interpolate_value(YamlValue& value, const std::map<std::string, std::string>& env, std::vector<std::string>& warnings,
                       std::size_t& grown) {
  if (value.is_scalar() && value.text.find('$') != std::string::npos) {
    value.text = interpolate(value.text, env, value.place(), warnings);
    // What a variable brought is text that cannot become structure or null again when written back.
    value.quoted = true;
    grown += value.text.size();
    if (grown > yaml_max_bytes) value.refuse("larger than 1 MiB once interpolated");
  }
  for (auto& item : value.items) interpolate_value(item, env, warnings, grown);
  for (auto& entry : value.entries) interpolate_value(entry.value, env, warnings, grown);
}

}  // namespace

std::string interpolate(const std::string& text, const std::map<std::string, std::string>& env, const std::string& place,
                        std::vector<std::string>& warnings) {
  return Interpolation(text, env, place, warnings).all();
}

void interpolate_compose(YamlValue& file, const std::map<std::string, std::string>& env, std::vector<std::string>& warnings) {
  std::size_t grown = 0;
  for (const char* section : {"services", "volumes", "networks", "secrets", "configs"})
    if (YamlValue* items = file.find(section))
      for (auto& item : items->entries) {
        // An extension is one by its place, a key of a service: a *service* named x-… is none.
        if (item.value.is_scalar()) interpolate_value(item.value, env, warnings, grown);
        for (auto& entry : item.value.entries)
          if (entry.key.rfind("x-", 0) != 0) interpolate_value(entry.value, env, warnings, grown);
      }
}

}  // namespace simmer
