// How failures cross from a supervisor to its callers: an Error's kind and message as JSON.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>
#include <simmer/error.hpp>

namespace simmer::local {

// One line, without its end. Output of services may be any bytes: what is no UTF-8 is replaced.
std::string dump_line(const nlohmann::json& value);

nlohmann::json failure(const Error& error);

// Throws the Error that the answer is, if it is one.
void throw_if_failure(const nlohmann::json& answer);

}  // namespace simmer::local
