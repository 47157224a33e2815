// UTF-8 as every strict reader sees it: no overlong forms, no surrogates, nothing beyond U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace simmer {

// The length of the whole and valid character at the beginning of `text` (1 to 4); 0 when there is none.
std::size_t utf8_length(std::string_view text);

// The code point of a character that utf8_length() has measured.
std::uint32_t utf8_code(std::string_view character);

bool is_utf8(std::string_view bytes);

}  // namespace simmer
