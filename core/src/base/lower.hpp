// ASCII letters in lower case, whatever the locale; every other byte stays.
#pragma once

#include <string>

namespace simmer {

inline std::string lower(std::string text) {
  for (char& letter : text)
    if (letter >= 'A' && letter <= 'Z') letter += 'a' - 'A';
  return text;
}

}  // namespace simmer
