// What a text holds that it should not, said so that its author finds it: which character, where, what to do. Asked before YAML's parser
// (which reads some of it otherwise than Docker's does) and after it (whose refusals name neither the line's text nor a cause).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace simmer {

// "U+017F".
std::string shown_code_point(std::uint32_t point);

// "0xff", of the first byte of `text` that is no part of UTF-8; empty: there is none.
std::string first_byte_of_no_text(std::string_view text);

// Throws Error(recipe) "<shown_name>:2:17: …" at the first byte that is no UTF-8, and at controls and line breaks that readers of YAML
// take for different things.
void refuse_odd_characters(const std::string& text, const std::string& shown_name);

// Throws Error(recipe) for what YAML's parser said of `text`, with the line's text and the likely cause. `line` and `column` from 0.
[[noreturn]] void refuse_as_no_yaml(const std::string& text, const std::string& shown_name, const std::string& said, std::size_t line, std::size_t column);

}  // namespace simmer
