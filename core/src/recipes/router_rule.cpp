#include <recipes/router_rule.hpp>

#include <algorithm>
#include <cctype>
#include <vector>

#include <base/lower.hpp>

namespace simmer {
namespace {

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

bool is_own_host(const std::string& written, const std::string& domain) {
  const std::string host = lower(written);
  if (host.empty() || domain.empty() || host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-*") != std::string::npos)
    return false;
  return host == domain || ends_with(host, "." + domain);
}

// Only shapes whose end is surely the run's domain: v2's "{name:regex}.domain", v3's "^regex\.domain$".
bool is_own_pattern(const std::string& written, const std::string& domain) {
  const std::string pattern = lower(written);
  if (is_own_host(pattern, domain)) {
    // A literal in v2 only: in v3 it is an expression without an end. Neither is worth the doubt.
    return false;
  }
  if (pattern.size() > 2 && pattern.front() == '{') {
    const auto end = pattern.find('}');
    return end != std::string::npos && pattern.substr(end + 1) == "." + domain &&
           pattern.find_first_of("{|", 1) == std::string::npos;
  }
  std::string escaped;
  for (const char c : domain) escaped += c == '.' ? std::string("\\.") : std::string(1, c);
  if (pattern.empty() || pattern.front() != '^' || pattern.find('|') != std::string::npos) return false;
  return pattern == "^" + escaped + "$" || ends_with(pattern, "\\." + escaped + "$");
}

const std::string unreadable = "cannot be read: write it like Host(`${DOMAIN}`) && PathPrefix(`/x`)";

// rule := all { "||" all };  all := one { "&&" one };  one := "!" one | "(" rule ")" | Name "(" args ")"
class RuleReader {
 public:
  RuleReader(const std::string& rule, const std::string& domain) : rule_(rule), domain_(lower(domain)) {}

  std::string judge() {
    const bool bound = any(0);
    skip_blanks();
    if (at_ != rule_.size()) fail(unreadable);
    if (complaint_.empty() && !bound) fail("is bound to no host: add Host(`${DOMAIN}`) &&");
    return complaint_;
  }

 private:
  // Each returns: does matching this imply the run's own host?
  bool any(int depth) {
    bool bound = all(depth);
    while (take("||")) bound &= all(depth);
    return bound;
  }

  bool all(int depth) {
    bool bound = one(depth);
    while (take("&&")) bound |= one(depth);
    return bound;
  }

  bool one(int depth) {
    if (depth > 50) return fail("is nested too deeply");
    if (take("!")) {
      const bool inside = negated_;
      negated_ = true;
      one(depth + 1);
      negated_ = inside;
      return false;
    }
    if (take("(")) {
      const bool bound = any(depth + 1);
      if (!take(")")) return fail(unreadable);
      return bound;
    }
    return matcher();
  }

  bool matcher() {
    skip_blanks();
    std::string name;
    while (at_ < rule_.size() && std::isalnum(static_cast<unsigned char>(rule_[at_])) != 0) name += rule_[at_++];
    if (name.empty() || !take("(")) return fail(unreadable);
    std::vector<std::string> arguments;
    if (!take(")")) {
      do {
        if (!read_argument(arguments)) return fail(unreadable);
      } while (take(","));
      if (!take(")")) return fail(unreadable);
    }
    return judge_matcher(lower(name), arguments);
  }

  bool judge_matcher(const std::string& name, const std::vector<std::string>& arguments) {
    const bool literal = name == "host" || name == "hosts" || name == "hostheader" || name == "hostsni";
    const bool pattern = name == "hostregexp" || name == "hostsniregexp";
    if (!literal && !pattern) return false;
    if (negated_) return false;
    for (const auto& argument : arguments)
      if (!(literal ? is_own_host(argument, domain_) : is_own_pattern(argument, domain_)))
        return fail("answers for '" + argument.substr(0, 100) + "' instead of " + domain_);
    return !arguments.empty();
  }

  bool read_argument(std::vector<std::string>& arguments) {
    skip_blanks();
    if (at_ >= rule_.size()) return false;
    const char quote = rule_[at_];
    if (quote != '`' && quote != '"' && quote != '\'') return false;
    const auto end = rule_.find(quote, at_ + 1);
    if (end == std::string::npos) return false;
    std::string argument = rule_.substr(at_ + 1, end - at_ - 1);
    // In double quotes a backslash escapes, perhaps the quote itself: not read the way Traefik would.
    if (quote != '`' && argument.find('\\') != std::string::npos) return false;
    arguments.push_back(std::move(argument));
    at_ = end + 1;
    return true;
  }

  bool take(const char* word) {
    skip_blanks();
    const std::string wanted = word;
    if (rule_.compare(at_, wanted.size(), wanted) != 0) return false;
    at_ += wanted.size();
    return true;
  }
  void skip_blanks() {
    while (at_ < rule_.size() && std::isspace(static_cast<unsigned char>(rule_[at_])) != 0) ++at_;
  }
  bool fail(const std::string& what) {
    if (complaint_.empty()) complaint_ = what;
    return false;
  }

  const std::string& rule_;
  const std::string domain_;
  std::size_t at_ = 0;
  bool negated_ = false;
  std::string complaint_;
};

}  // namespace

std::string foreign_host_in_rule(const std::string& rule, const std::string& domain) { return RuleReader(rule, domain).judge(); }

}  // namespace simmer
