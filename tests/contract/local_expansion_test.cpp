#include <gtest/gtest.h>

#include <local/expansion.hpp>
#include <simmer/error.hpp>

namespace simmer::local {
namespace {

std::string expanded(const std::string& text) {
  return expand(
      text,
      [](const std::string& name) {
        return name == "PORT"   ? std::optional<std::string>("21034")
               : name == "LOOP" ? std::optional<std::string>("${PORT}")
                                : std::nullopt;
      },
      "service web, command");
}

TEST(LocalExpansion, OnlyBracesExpand) {
  EXPECT_EQ(expanded("listen ${PORT}; $uri $PORT $"), "listen 21034; $uri $PORT $");
  EXPECT_EQ(expanded(""), "");
}

TEST(LocalExpansion, TwoDollarsAreOne) {
  EXPECT_EQ(expanded("$${PORT} $$$${PORT} $$uri"), "${PORT} $${PORT} $uri");
  EXPECT_EQ(expanded("$$${PORT}"), "$21034");
}

TEST(LocalExpansion, AValueIsNotExpandedAgain) { EXPECT_EQ(expanded("${LOOP}"), "${PORT}"); }

TEST(LocalExpansion, AnUnknownNameIsNamedWithItsPlace) {
  try {
    expanded("${NOPE}");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::recipe);
    EXPECT_NE(std::string(error.what()).find("service web, command"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("${NOPE}"), std::string::npos);
  }
  EXPECT_THROW(expanded("${PORT"), Error);
  EXPECT_THROW(expanded("${}"), Error);
}

}  // namespace
}  // namespace simmer::local
