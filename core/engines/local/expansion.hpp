// ${NAME} in what a recipe says about the local engine. Only braces expand: templates are full of
// `$uri` and `$host` that belong to the program they are for.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace simmer::local {

// The value of a name; nothing when there is no such name.
using Lookup = std::function<std::optional<std::string>(const std::string& name)>;

// Replaces every ${NAME}; `$$` gives `$`, `$x` stays as it is. `where` is for people ("service web,
// command"). Unknown name, or a brace that is never closed: Error(recipe) naming both.
std::string expand(std::string_view text, const Lookup& lookup, const std::string& where);

}  // namespace simmer::local
