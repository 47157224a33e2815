// Twenty thousand generated .env files, read by godotenv itself and by Simmer: the same values, or Simmer refuses. The seed is fixed.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <random>
#include <sstream>

#include <base/process.hpp>
#include <compose-oracle/oracle.hpp>
#include <recipes/env_file.hpp>
#include <simmer/error.hpp>

namespace simmer {
namespace {

class EnvWriter {
 public:
  explicit EnvWriter(unsigned seed) : random_(seed) {}

  std::string file() {
    std::string text;
    if (below(4) == 0) {
      for (std::size_t i = below(14); i > 0; --i) text += piece();
      return text;
    }
    for (std::size_t lines = below(5) + 1; lines > 0; --lines) text += assignment();
    return text;
  }

 private:
  std::size_t below(std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_); }
  std::string one_of(const std::vector<std::string>& words) { return words[below(words.size())]; }
  std::string piece() {
    return one_of({"A",  "B",  "AB", "2FA", "a",  "X_1", "$A",  "${A}", "$B",  "${B",      "$A}", "${A:-d}", "$", "$$", "\\", "\\\\", "\\$",   "\\$A",    "\\\"",   "\\'",    "\\n",     "\\r", "\"",  "'", "=", ":",
                   " ",  "\t", "#",  " #",  " # c", "\n", "\r\n", "\r", "export ", "export", "{",  "}",  "(",  "$(A)", ".", "-",  "x y",  "\u00e9", "\u00a0", "\u0085", "\u2003", "\ufeff", "\x80", "\x1b"});
  }
  std::string assignment() {
    const std::string quote = one_of({"", "", "\"", "'"});
    std::string value;
    for (std::size_t i = below(7); i > 0; --i) value += piece();
    if (below(5) != 0) std::erase_if(value, [](char c) { return c == '\n' || c == '\r' || c == '\x1b' || c == '\x80'; });
    return one_of({"", "", "export ", "  "}) + one_of({"A", "B", "C", "2FA", "D.E", "a"}) + one_of({"=", "=", " = ", ": ", ":"}) + quote + value + quote + one_of({"", "", " # c", "  # length=3 # d"}) +
           one_of({"\n", "\n", "\r\n", "\n\n# x = \"\n"});
  }
  std::mt19937 random_;
};

std::string hex(const std::string& text) {
  static const char digits[] = "0123456789abcdef";
  std::string out;
  for (const unsigned char c : text) (out += digits[c >> 4]) += digits[c & 15];
  return out;
}

// As the oracle writes it.
std::string ours(const std::string& text) {
  try {
    std::vector<std::string> warnings;
    std::string line = "read";
    for (const auto& [key, value] : evaluate_env(read_env_lines(text, ".env"), {}, ".env", warnings)) line += " " + hex(key) + "=" + hex(value);
    return line;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::recipe);
    EXPECT_EQ(error.message().rfind(".env:", 0), 0u) << error.message();
    return "refused";
  }
}

TEST(EnvOracle, SimmerReadsWhatGodotenvReadsOrRefuses) {
  SIMMER_NEEDS_ORACLE("env");
  const auto limit = Limit::in(std::chrono::minutes(4));
  EnvWriter writer(20261125);
  std::vector<std::string> cases;
  std::string input;
  for (int i = 0; i < 20000; ++i) {
    cases.push_back(writer.file());
    input += (i == 0 ? std::string() : std::string(1, '\0')) + cases.back();
  }
  Command command;
  command.argv = {test::oracle("env")};
  command.input = input;
  const auto done = run_command(command, limit);
  ASSERT_EQ(done.exit_code, 0) << done.err;
  std::istringstream answers(done.out);
  int same = 0, both_refuse = 0, only_we_refuse = 0, wrong = 0;
  for (const auto& text : cases) {
    std::string theirs;
    ASSERT_TRUE(std::getline(answers, theirs));
    const std::string mine = ours(text);
    if (mine == theirs) ++(mine == "refused" ? both_refuse : same);
    else if (mine == "refused") ++only_we_refuse;
    else if (++wrong <= 5) ADD_FAILURE() << ::testing::PrintToString(text) << "\n  godotenv: " << theirs << "\n  Simmer:   " << mine;
  }
  std::cout << "differential, .env: " << cases.size() << " files; " << same << " read the same, " << both_refuse << " refused by both, " << only_we_refuse << " by Simmer alone, " << wrong << " read differently\n";
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(same, 5000) << "the generator makes files that can be read";
}

}  // namespace
}  // namespace simmer
