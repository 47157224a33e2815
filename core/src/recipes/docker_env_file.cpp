#include <recipes/docker_env_file.hpp>

#include <algorithm>

#include <base/utf8.hpp>
#include <recipes/odd_text.hpp>
#include <recipes/yaml_value.hpp>

namespace simmer {

std::vector<std::pair<std::string, std::string>> read_docker_env_file(const std::string& text, const std::string& shown_name, const std::map<std::string, std::string>& env) {
  std::vector<std::pair<std::string, std::string>> variables;
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    at = end + 1;
    const auto refuse = [&](const std::string& what) { refuse_recipe(shown_name + ":" + std::to_string(number) + ": " + what); };
    if (++number == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
    if (line.ends_with('\r')) line.pop_back();
    if (line.size() > 60000) refuse("a line of more than 60000 characters: shorten it, or give its value as a config");
    if (line.find('\0') != std::string::npos) refuse("a NUL character: leave it out");
    if (const std::string byte = first_byte_of_no_text(line); !byte.empty()) refuse("the byte " + byte + " is no text in UTF-8: save the file as UTF-8");
    line.erase(0, std::min(line.find_first_not_of(" \t\v\f\r"), line.size()));
    if (line.empty() || line.front() == '#') continue;
    // Blanks beyond ASCII are cut off as well, by one rule or another.
    if (static_cast<unsigned char>(line.front()) >= 0x80) refuse("a line that begins beyond ASCII (" + shown_code_point(utf8_code(std::string_view(line).substr(0, utf8_length(line)))) + "): write NAME=value, the name in ASCII");
    const auto equals = line.find('=');
    const std::string name = line.substr(0, equals);
    if (name.empty()) refuse("no name before '=': write NAME=value");
    if (name.find_first_of(" \t\v\f\r") != std::string::npos) refuse("a blank in the name '" + name + "': write NAME=value, no blank before the '='");
    if (variables.size() == 2000) refuse("more than 2000 variables in one file: split it, or leave some out");
    if (equals != std::string::npos) variables.emplace_back(name, line.substr(equals + 1));
    else if (const auto known = env.find(name); known != env.end()) variables.emplace_back(name, known->second);
  }
  return variables;
}

}  // namespace simmer
