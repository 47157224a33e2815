// JSON as text, for documents that quote logs, arguments and paths: those are bytes, and what is no UTF-8 in them becomes
// U+FFFD instead of an exception. Not for values that must come back as they were.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace simmer {

// One line, without its end.
inline std::string json_line(const nlohmann::json& json) { return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }
// Indented, as people read it, with a line's end.
inline std::string json_document(const nlohmann::json& json) {
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace simmer
