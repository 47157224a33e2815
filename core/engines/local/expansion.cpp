#include <local/expansion.hpp>

#include <simmer/error.hpp>

namespace simmer::local {

std::string expand(std::string_view text, const Lookup& lookup, const std::string& where) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '$' || at + 1 == text.size() || (text[at + 1] != '$' && text[at + 1] != '{')) {
      result += text[at];
      continue;
    }
    if (text[at + 1] == '$') {
      result += '$';
      ++at;
      continue;
    }
    const auto close = text.find('}', at);
    if (close == std::string_view::npos)
      throw Error(ErrorKind::recipe, where + ": `${` without a closing brace; write `$$` for a plain dollar sign");
    const std::string name(text.substr(at + 2, close - at - 2));
    const auto value = lookup(name);
    if (!value)
      throw Error(ErrorKind::recipe, where + ": unknown name ${" + name + "}: neither built in nor in the app's environment");
    result += *value;
    at = close;
  }
  return result;
}

}  // namespace simmer::local
