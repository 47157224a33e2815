// .env.sample as godotenv reads it, abra.sh as a shell would, and neither of them run.
#include <gmock/gmock.h>

#include <recipes/env_file.hpp>

#include "recipe_folder.hpp"

namespace simmer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;
using testing_recipes::error_of;
using testing_recipes::RecipeFolder;

Environment evaluated(const std::string& text, const Environment& given = {}) {
  std::vector<std::string> warnings;
  return evaluate_env(read_env_lines(text, ".env"), given, ".env", warnings);
}
// What one line makes of A.
std::string value_of(const std::string& line) { return evaluated("B=b\nC=c d\n" + line + "\n").at("A"); }

TEST(EnvFile, ReadsWhatRecipesWrite) {
  EXPECT_THAT(parse_env_file("# comment\n\nA=1\nexport B=two words  # a comment\nC='single $A # kept'\nD=\"double \\\" \\n\" # c\n"
                             "E=\nF=a#b\r\n  G = spaced\n#H=commented\nI=\"over\nlines\"\nJ=\"\"",
                             ".env"),
              UnorderedElementsAre(Pair("A", "1"), Pair("B", "two words"), Pair("C", "single $A # kept"), Pair("D", "double \" \n"), Pair("E", ""), Pair("F", "a#b"),
                                   Pair("G", "spaced"), Pair("I", "over\nlines"), Pair("J", "")));
}

// Every expectation here was made by joho/godotenv 1.5.1, odd ones too: what a recipe's user gets is what is tested.
TEST(EnvFile, IsReadAsGodotenvReadsIt) {
  EXPECT_EQ(value_of("A: v"), "v");
  EXPECT_EQ(value_of("A:v"), "v");
  EXPECT_EQ(value_of("A = v"), "v");
  EXPECT_EQ(evaluated("2FA=on\nX.Y=z\n"), (Environment{{"2FA", "on"}, {"X.Y", "z"}}));
  EXPECT_EQ(value_of("A=x=y:z"), "x=y:z");
  EXPECT_EQ(value_of(R"(A="\$B")"), "$B");
  EXPECT_EQ(value_of(R"(A=\$B)"), "$B");
  EXPECT_EQ(value_of(R"(A='\$B')"), R"(\$B)");
  EXPECT_EQ(value_of(R"(A='it\'s')"), R"(it\'s)");
  EXPECT_EQ(value_of(R"(A="a\\b\tc\rd\ne")"), "a\\btc\rd\ne");
  EXPECT_EQ(value_of(R"(A=a\\b\n)"), R"(a\\b\n)") << "bare: a backslash is one";
  EXPECT_EQ(value_of(R"(A="say \"hi\" now")"), R"(say "hi" now)");
  EXPECT_EQ(value_of(R"(A="say \"hi\"")"), R"(say "hi\)") << "its quotes are cut off at both ends";
  EXPECT_EQ(value_of("A=x # one # two"), "x # one") << "the last one begins the comment";
  EXPECT_EQ(value_of("A= # x"), "# x") << "nothing stands before it";
  EXPECT_EQ(value_of("A=x#y"), "x#y");
  EXPECT_EQ(value_of("A=x\t# y"), "x");
  EXPECT_EQ(value_of("A=\xC2\xA0x\xC2\xA0# y"), "x") << "a hard blank is one";
  EXPECT_EQ(value_of("A=\"x\" # y"), "x");
  EXPECT_EQ(value_of("A=it's"), "it's");
}

TEST(EnvFile, ReferencesAreFilledInAsGodotenvDoes) {
  EXPECT_EQ(value_of("A=$B-${C}"), "b-c d");
  EXPECT_EQ(value_of("A=\"$B-${C}\""), "b-c d");
  EXPECT_EQ(value_of("A='$B'"), "$B");
  EXPECT_EQ(value_of("A=$BC"), "") << "BC is not set";
  EXPECT_EQ(value_of("A=${B:-x}"), "b:-x}") << "there are no defaults";
  EXPECT_EQ(value_of("A=${B x"), "b x");
  EXPECT_EQ(value_of("A=pa$word"), "pa$word") << "capitals alone are names";
  EXPECT_EQ(value_of("A=5$"), "5$");
  EXPECT_EQ(value_of("A=$$B"), "$b");
  EXPECT_EQ(value_of("A=$(B)"), "b)");
}

TEST(EnvFile, WhatIsGivenStandsInTheFilesPlace) {
  std::vector<std::string> warnings;
  const auto lines = read_env_lines("MAIL=me@$DOMAIN\nDOMAIN=sample\nTWO=$DOMAIN $NOWHERE $LATER $STACK_NAME\nLATER=x\n", ".env.sample");
  EXPECT_THAT(evaluate_env(lines, {{"DOMAIN", "given"}, {"STACK_NAME", "s"}}, ".env.sample", warnings),
              UnorderedElementsAre(Pair("MAIL", "me@given"), Pair("DOMAIN", "given"), Pair("TWO", "given   s"), Pair("LATER", "x"), Pair("STACK_NAME", "s")));
  EXPECT_THAT(warnings, ElementsAre(".env.sample:3: TWO names NOWHERE, which nothing above it sets: empty, as abra reads it",
                                    ".env.sample:3: TWO names LATER, which nothing above it sets: empty, as abra reads it"));
}

TEST(EnvFile, AKeyMayGrowByNamingItself) {
  EXPECT_EQ(parse_env_file("F=a\nF=\"$F:b\"\nF=${F}:c\nF=$F_OTHER\n", ".env").at("F"), "$F_OTHER");
  EXPECT_EQ(parse_env_file("F=a\nF=\"$F:b\"\nF=${F}:c\n", ".env").at("F"), "a:b:c");
  EXPECT_EQ(parse_env_file("F=a\nF='$F:b'\n", ".env").at("F"), "$F:b");
  std::string growing = "F=0123456789\n";
  for (int i = 0; i < 60; ++i) growing += "F=$F$F\n";
  EXPECT_THAT(error_of([&] { parse_env_file(growing, ".env"); }), HasSubstr("64 KiB"));
  EXPECT_THAT(error_of([&] { evaluated(growing); }), StartsWith(".env:14: "));
  std::string wide = "F=" + std::string(60000, 'x') + "\nG=";
  for (int i = 0; i < 10000; ++i) wide += "$F";
  EXPECT_THAT(error_of([&] { evaluated(wide); }), HasSubstr("64 KiB"));
}

TEST(EnvFile, NamesTheLineAndNeverTheValue) {
  const std::string message = error_of([] { parse_env_file("A=1\n\nPASSWORD=\"hunter2\n", ".env"); });
  EXPECT_THAT(message, StartsWith(".env:3: "));
  EXPECT_THAT(message, Not(HasSubstr("hunter2")));
  EXPECT_THAT(error_of([] { parse_env_file("A=\"x\ny\"\n=b\n", ".env"); }), StartsWith(".env:3: "));
  EXPECT_THAT(error_of([] { parse_env_file("A b\n", ".env"); }), HasSubstr("not followed by '='"));
}

// What godotenv cannot read, and what it reads as nobody means it.
TEST(EnvFile, RefusesWhatTwoReadersWouldTakeForTwoThings) {
  const auto refusal = [](const std::string& text) { return error_of([&] { read_env_lines(text, ".env"); }); };
  EXPECT_THAT(refusal("A=1\nNAME_ALONE\n"), StartsWith(".env:2: 'NAME_ALONE' is not followed by '='"));
  EXPECT_THAT(refusal("NAME_ALONE"), StartsWith(".env:1: "));
  EXPECT_THAT(refusal("A-B=1\n"), HasSubstr("letters, digits, '_' and '.'"));
  EXPECT_THAT(refusal("A B=1\n"), StartsWith(".env:1: "));
  EXPECT_THAT(refusal("\xC3\xA9=1\n"), HasSubstr("no KEY=value"));
  EXPECT_THAT(refusal("A=\"x\" B=\"y\"\n"), HasSubstr("something follows the closing quote of A"));
  EXPECT_THAT(refusal("A=\"\"\"x\"\"\"\n"), HasSubstr("something follows the closing quote of A"));
  EXPECT_THAT(refusal("A=\"x\\\\\"\n"), HasSubstr("the quote of A is not closed")) << "the backslash before it keeps it open";
  EXPECT_THAT(refusal("\xEF\xBB\xBF" "A=1\n"), HasSubstr("byte order mark"));
  EXPECT_THAT(refusal("A=x\rB=y\n"), HasSubstr(" in the value of A: leave it out"));
  for (const std::string odd : {"\x1b[31m", "\x7f", "\xC2\x85"})
    EXPECT_THAT(refusal("A=x" + odd + "\n"), HasSubstr(" in the value of A: leave it out"));
  EXPECT_THAT(refusal(std::string("A=\0\n", 4)), HasSubstr("the control character U+0000"));
  EXPECT_THAT(refusal("A=caf\xe9\n"), HasSubstr("the byte 0xe9 in the value of A"));
}

TEST(EnvFile, SecretsAndWhatTheirCommentsAskFor) {
  std::vector<std::string> warnings;
  const auto lines = read_env_lines(
      "SECRET_DB_PASSWORD_VERSION=v1 # length=24 charset=hex\nSECRET_A_VERSION=v2\n#SECRET_B_VERSION=v1\n"
      "SECRET_VERSION=v1\nSECRET__VERSION=x\nSECRET_C_VERSION=v1 # length=many\nNOT_A_SECRET=v1\n",
      ".env");
  const auto rules = read_secret_rules(lines, {{"SECRET_A_VERSION", "v3"}}, warnings);
  ASSERT_EQ(rules.size(), 3u);
  EXPECT_EQ(rules[0].name, "db_password");
  EXPECT_EQ(rules[0].version, "v1");
  EXPECT_EQ(rules[0].length, 24u);
  EXPECT_EQ(rules[0].charset, "hex");
  EXPECT_EQ(rules[1].version, "v3") << "what the app's environment says counts";
  EXPECT_EQ(rules[1].length, 32u);
  EXPECT_EQ(rules[2].length, 32u);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("SECRET_C_VERSION")));
}

TEST(EnvFile, NamesAreFilledInWhereTheyAreKnown) {
  const Environment names = {{"DOMAIN", "a.example.org"}, {"STACK_NAME", "a"}};
  EXPECT_EQ(with_names_filled_in("www.$DOMAIN ${STACK_NAME}_x $OTHER ${DOMAIN:-y} $DOMAINS $ $$DOMAIN", names), "www.a.example.org a_x $OTHER ${DOMAIN:-y} $DOMAINS $ $a.example.org");
}

TEST(AbraSh, GivesItsConstantsAndNothingElse) {
  EXPECT_THAT(
      read_abra_script(
          "#!/bin/bash\nexport A=v1\nexport B=\"v2\" # c\nexport C='v 3'\nexport D=$(id)\nexport E=`id`\nexport F=$A\n"
          "  export G=in_a_function\nexport H=1; rm -rf /\nexport I\nH=5\n# export J=1\nexport K=unclosed\\\nf() "
          "{\n}\n'\"\nexport L=last").exports,
      UnorderedElementsAre(Pair("A", "v1"), Pair("B", "v2"), Pair("C", "v 3"), Pair("L", "last")));
}

TEST(AbraSh, IsSplitAsAShellSplitsIt) {
  const auto exports = [](const std::string& text) { return read_abra_script(text).exports; };
  EXPECT_THAT(exports("export X=v1 # (note)\n"), ElementsAre(Pair("X", "v1")));
  EXPECT_THAT(exports("export X=v1 # $(note); `x`\n"), ElementsAre(Pair("X", "v1")));
  EXPECT_THAT(exports("export A=1 B=2\texport C=\"3 $\\$\"\n"), IsEmpty()) << "$\\ is for a shell to say";
  EXPECT_THAT(exports("export A=1 B=2 C=\"3 \\$\"\r\nexport D=4\n"), ElementsAre(Pair("A", "1"), Pair("B", "2"), Pair("C", "3 $"), Pair("D", "4")));
  EXPECT_THAT(exports("export A=1 \\\n  B=2\nexport C=3"), ElementsAre(Pair("A", "1"), Pair("B", "2"), Pair("C", "3")));
  EXPECT_THAT(exports("export A=a#b B='c'\"d\"e F='two\nlines'\n"), ElementsAre(Pair("A", "a#b"), Pair("B", "cde"), Pair("F", "two\nlines")));
  EXPECT_THAT(exports("export A=x\\ y\n"), ElementsAre(Pair("A", "x y")));
  EXPECT_THAT(exports("export A=1 && export A=2\nexport B={1,2}\nexport C=~/x\nexport D=*\nexport -n E=1\nexport F=\"open\n"), IsEmpty());
  EXPECT_THAT(exports("exporting=1\nexport 1A=2\nexport A.B=3\nexport"), IsEmpty());
  EXPECT_THAT(exports("export A=1\\"), IsEmpty());
  EXPECT_THAT(exports(""), IsEmpty());
}

}  // namespace
}  // namespace simmer
