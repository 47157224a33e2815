// Text that somebody else wrote, made safe to show: a terminal obeys what it is sent, and a line that is obeyed can hide or fake the
// lines around it. Used where text leaves Simmer, so that no caller has to think of it.
#pragma once

#include <string>
#include <string_view>

namespace simmer {

// Controls (C0, DEL, C1), what turns the direction of text round (bidi) and the separators U+2028 and U+2029 as `\x1b` or `\u202e`, bytes
// that are no UTF-8 as `\xff`; all else as it is, tabs and line ends too. What stands above ASCII becomes an escape that JSON knows:
// a JSON document stays one, with the same meaning.
std::string printable(std::string_view text);

// The same in one line: line ends and tabs are shown as `\n` and `\t`.
std::string printable_line(std::string_view text);

}  // namespace simmer
