#include <recipes/image_reference.hpp>

#include <algorithm>
#include <string_view>

namespace simmer {
namespace {

constexpr std::size_t longest_name = 255, longest_tag = 128;  // the registry's in front included; Docker's own bounds

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_lower(c) || is_upper(c) || is_digit(c); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

// Lower case letters and digits, in between '.', '_', '__' or any number of '-'.
bool is_path_component(std::string_view part) {
  if (part.empty()) return false;
  for (std::size_t at = 0; at < part.size();) {
    const auto word = std::find_if_not(part.begin() + static_cast<std::ptrdiff_t>(at), part.end(), [](char c) { return is_lower(c) || is_digit(c); });
    const auto end = static_cast<std::size_t>(word - part.begin());
    if (end == at) return false;
    if (end == part.size()) return true;
    at = std::min(part.find_first_not_of(part[end], end), part.size());
    const std::size_t separators = at - end;
    if (part[end] != '-' && (part[end] == '.' ? separators > 1 : part[end] != '_' || separators > 2)) return false;
  }
  return false;  // it ends with a separator
}

bool is_host(std::string_view host) {
  const auto colon = host.find(':');
  if (colon != std::string_view::npos) {
    const auto port = host.substr(colon + 1);
    if (port.empty() || !std::all_of(port.begin(), port.end(), is_digit)) return false;
    host = host.substr(0, colon);
  }
  while (true) {
    const auto dot = host.find('.');
    const auto part = host.substr(0, dot);
    if (part.empty() || !is_word(part.front()) || !is_word(part.back()) || !std::all_of(part.begin(), part.end(), [](char c) { return is_word(c) || c == '-'; })) return false;
    if (dot == std::string_view::npos) return true;
    host = host.substr(dot + 1);
  }
}

std::string fault_of_repository(std::string_view name) {
  const auto slash = name.find('/');
  const auto first = name.substr(0, slash);
  std::string_view path = name;
  std::size_t length = name.size();
  if (slash != std::string_view::npos && (first.find_first_of(".:") != std::string_view::npos || first == "localhost")) {
    if (!is_host(first)) return "'" + std::string(first) + "' is no registry";
    path = name.substr(slash + 1);
  } else {
    length += std::string_view(slash == std::string_view::npos ? "docker.io/library/" : "docker.io/").size();
  }
  if (std::any_of(path.begin(), path.end(), is_upper)) return "its repository has capitals";
  if (slash == std::string_view::npos && path.size() == 64 && std::all_of(path.begin(), path.end(), is_hex)) return "64 hexadecimal digits are an id, no name";
  while (true) {
    const auto end = path.find('/');
    if (!is_path_component(path.substr(0, end))) return "'" + std::string(path.substr(0, end)) + "' is no part of a repository's name";
    if (end == std::string_view::npos) break;
    path = path.substr(end + 1);
  }
  return length > longest_name ? "its name is longer than " + std::to_string(longest_name) + " characters" : "";
}

std::string fault_of_digest(std::string_view digest) {
  const auto colon = digest.find(':');
  const auto hex = colon == std::string_view::npos ? std::string_view() : digest.substr(colon + 1);
  const auto algorithm = digest.substr(0, colon);
  const std::size_t wanted = algorithm == "sha256" ? 64 : algorithm == "sha384" ? 96 : algorithm == "sha512" ? 128 : 0;
  const bool is_one = wanted > 0 && hex.size() == wanted && std::all_of(hex.begin(), hex.end(), is_hex);
  return is_one ? "" : "what follows @ is no digest (sha256: and 64 hexadecimal digits)";
}

}  // namespace

std::string fault_of_image(const std::string& image) {
  std::string_view rest = image;
  if (rest.empty()) return "it is empty";
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    if (auto fault = fault_of_digest(rest.substr(at + 1)); !fault.empty()) return fault;
    rest = rest.substr(0, at);
  }
  const auto colon = rest.rfind(':');
  if (colon != std::string_view::npos && rest.find('/', colon) == std::string_view::npos) {
    const auto tag = rest.substr(colon + 1);
    const bool is_tag = !tag.empty() && tag.size() <= longest_tag && (is_word(tag.front()) || tag.front() == '_') && std::all_of(tag.begin(), tag.end(), [](char c) { return is_word(c) || c == '_' || c == '.' || c == '-'; });
    if (!is_tag) return tag.empty() ? "its tag is empty" : "'" + std::string(tag.substr(0, longest_tag)) + "' is no tag";
    rest = rest.substr(0, colon);
  }
  return fault_of_repository(rest);
}

}  // namespace simmer
