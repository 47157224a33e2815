// Docker's interpolation of compose values, as cli/compose/template does it (the same in 20.10 and 28): $NAME and ${NAME}, each
// with -default, :-default, ?message or :?message behind the name, `$$` for a dollar. Its peculiarities are kept, since what
// runs is what Docker reads: `$A-b` is a default without braces and goes on to the next `}` or the end, a default is not
// interpolated again and ends at its first `}`, there is no `:+`.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <recipes/yaml_value.hpp>

namespace simmer {

// Throws Error(recipe) "<place>: …" for what Docker refuses, and for a byte beyond ASCII behind a name, which Docker takes
// for a letter of it in two cases (U+017F, U+212A). A variable that is not set is empty, with a warning.
std::string interpolate(const std::string& text, const std::map<std::string, std::string>& env, const std::string& place,
                        std::vector<std::string>& warnings);

// "" or, behind a refusal of `text`, that Docker does not fill in a default: where `text` holds a '${' that was left over.
std::string about_nested_default(const std::string& text);

// All values of a compose file. `unread`: names whose value could not be read where a recipe sets them, each with the reason: said where
// one is asked for. What a variable fills in is a string, but where Docker casts it (`replicas: "${N}"`). `x-…`
// keys stay as written, and are refused where Docker would stumble over them.
void interpolate_compose(YamlValue& file, const std::map<std::string, std::string>& env, std::vector<std::string>& warnings,
                         const std::map<std::string, std::string>& unread);

}  // namespace simmer
