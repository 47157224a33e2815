#include <local/wire.hpp>

#include <base/json_text.hpp>

namespace simmer::local {

using nlohmann::json;

std::string dump_line(const json& value) { return json_line(value); }

json failure(const Error& error) { return {{"error", {{"kind", static_cast<int>(error.kind())}, {"message", error.what()}}}}; }

void throw_if_failure(const json& answer) {
  if (answer.contains("error"))
    throw Error(static_cast<ErrorKind>(answer["error"].at("kind").get<int>()), answer["error"].at("message").get<std::string>());
}

}  // namespace simmer::local
