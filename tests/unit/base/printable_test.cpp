// What a terminal would obey is shown instead; text stays text, and a JSON document stays one.
#include <gtest/gtest.h>

#include <base/printable.hpp>
#include <base/utf8.hpp>

namespace simmer {
namespace {

TEST(Printable, LeavesTextAlone) {
  const std::string text = "caf\u00e9 \u65e5\u672c \U0001F600\u200d \u00a0 'quotes' \\x1b\tand\nlines";
  EXPECT_EQ(printable(text), text);
}

TEST(Printable, ShowsWhatATerminalObeys) {
  EXPECT_EQ(printable("\x1b[2Jgone\r\b\x07"), "\\x1b[2Jgone\\x0d\\x08\\x07");
  EXPECT_EQ(printable(std::string("a\0b\x7f", 4)), "a\\x00b\\u007f");
  EXPECT_EQ(printable("\xC2\x9b" "31m\xC2\x80\xC2\x9f"), "\\u009b31m\\u0080\\u009f");
  EXPECT_EQ(printable("\u202e\u2066\u2069\u200f\u061c"), "\\u202e\\u2066\\u2069\\u200f\\u061c");
  EXPECT_EQ(printable("\u2028\u2029"), "\\u2028\\u2029");
}

TEST(Printable, ShowsBytesThatAreNoText) {
  EXPECT_EQ(printable("\x9b" "31m"), "\\x9b31m") << "a control for a terminal of eight bits";
  EXPECT_EQ(printable("a\xff\xc3"), "a\\xff\\xc3");
  EXPECT_EQ(printable("\xe0\x82\x9b"), "\\xe0\\x82\\x9b") << "spelled too long";
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");
  EXPECT_EQ(utf8_length("\xf4\x90\x80\x80"), 0u) << "beyond Unicode";
  EXPECT_EQ(utf8_length("\U0001F600"), 4u);
}

TEST(Printable, FitsIntoALine) { EXPECT_EQ(printable_line("a\n\tb\x1b"), "a\\n\\tb\\x1b"); }

}  // namespace
}  // namespace simmer
