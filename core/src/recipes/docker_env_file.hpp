// Env files of a compose file (`env_file:`), as Docker reads them: everything behind the first `=` is the value, quotes, blanks
// and `# …` included; a name alone takes the value that Docker's environment has, or is left out.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace simmer {

// In the file's order. Throws Error(recipe) "<shown_name>:3: …" for what Docker refuses or its versions read differently.
std::vector<std::pair<std::string, std::string>> read_docker_env_file(const std::string& text, const std::string& shown_name, const std::map<std::string, std::string>& env);

}  // namespace simmer
