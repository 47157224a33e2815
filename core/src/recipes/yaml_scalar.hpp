// What a plain word of YAML is to Docker's readers: go-yaml 2.2.8 in docker/cli 20.10, go-yaml 3.0.1 in 28. They differ
// ("yes" is a boolean to the one and a string to the other), and `fmt.Sprint` of a number is not the number as written
// ("0440" is 288, "3.10" is 3.1).
#pragma once

#include <string>
#include <string_view>

#include <recipes/yaml_value.hpp>

namespace simmer {

enum class ScalarType { text, integer, real, boolean, null };

struct Scalar {
  ScalarType type = ScalarType::text;
  std::string text;  // as Go prints the value: "288" of 0440, "true" of True; of a text the text itself
};

// Docker's reading of `value`. Refuses, with the place, what its versions read differently.
Scalar scalar_of(const YamlValue& value);

// Go's fmt.Sprint of a float64.
std::string print_real(double number);

// May `word` stand for a mapping's key? False where Docker 20.10 or 28 would take it for anything but a string.
bool is_text_when_plain(std::string_view word);

}  // namespace simmer
