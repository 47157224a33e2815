// The kinds of errors by name, as they travel between processes and into results.
#pragma once

#include <string>
#include <string_view>

#include <simmer/error.hpp>

namespace simmer {

std::string to_text(ErrorKind kind);
ErrorKind error_kind_from(std::string_view name);  // unknown: internal

}  // namespace simmer
