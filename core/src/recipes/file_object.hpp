// A config or secret that a recipe brings as a file. Simmer reads the file, inside the checkout, and makes the object itself:
// Docker's client is never handed a path of a recipe.
#pragma once

#include <map>
#include <string>

namespace simmer {

struct FileObject {
  bool is_secret = false;
  std::string key;              // in the compose file's top-level configs or secrets
  std::string content;          // any bytes
  std::string template_driver;  // "golang", or empty
  std::map<std::string, std::string> labels;
};

}  // namespace simmer
