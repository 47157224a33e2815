// Secrets are made once, by the recipe's rules, and never made anew for data that needs the old ones.
#include <gmock/gmock.h>
#include <runs/run_context.hpp>
#include <simmer/error.hpp>

namespace simmer {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::Pair;

RecipeState declaring(const std::vector<std::string>& names, std::vector<SecretRule> rules = {}) {
  RecipeState state;
  for (const auto& name : names) {
    ResourceFacts secret;
    secret.name = name;
    state.tree.facts.secrets.push_back(secret);
  }
  state.tree.secret_rules = std::move(rules);
  return state;
}

TEST(Secrets, AreMadeForEachThatIsDeclaredAndNoOther) {
  const auto made = secrets_for(declaring({"db_password", "key"}), {}, true);
  EXPECT_THAT(made, ElementsAre(Key("db_password"), Key("key")));
  for (const auto& [name, value] : made) EXPECT_THAT(value, MatchesRegex("[0-9A-Za-z]{32}")) << name;
  EXPECT_NE(made.at("db_password"), made.at("key"));
  EXPECT_NE(secrets_for(declaring({"key"}), {}, true).at("key"), made.at("key"));
  EXPECT_THAT(secrets_for(declaring({}), {{"old", "x"}}, true), IsEmpty());
}

TEST(Secrets, ThatAreKeptStayWhatTheyAre) {
  const auto got = secrets_for(declaring({"old", "new"}), {{"old", "kept"}, {"dropped", "gone"}}, true);
  EXPECT_THAT(got, ElementsAre(Key("new"), Pair("old", "kept")));
  EXPECT_THAT(secrets_for(declaring({"empty"}), {{"empty", ""}}, false), ElementsAre(Pair("empty", "")));
}

TEST(Secrets, ThatAreMissingFromTheKnownGoodAreNeverMadeAnew) {
  try {
    secrets_for(declaring({"old", "lost"}), {{"old", "s3cret"}}, false);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::needs_operator);
    EXPECT_THAT(error.message(), AllOf(HasSubstr("lost"), Not(HasSubstr("s3cret"))));
  }
}

TEST(Secrets, FollowTheRulesOfTheSample) {
  const auto made = secrets_for(declaring({"pin", "token", "loud", "plain", "zero"}, {{"pin", "v1", 6, "digits"},
                                                                                      {"token", "v1", 64, "hex"},
                                                                                      {"loud", "v1", 200, "special"},
                                                                                      {"plain", "v1", 8, "default"},
                                                                                      {"zero", "v1", 0, "default"}}),
                                {}, true);
  EXPECT_THAT(made.at("pin"), MatchesRegex("[0-9]{6}"));
  EXPECT_THAT(made.at("token"), MatchesRegex("[0-9a-f]{64}"));
  EXPECT_THAT(made.at("plain"), MatchesRegex("[0-9A-Za-z]{8}"));
  EXPECT_EQ(made.at("zero").size(), 32u);
  EXPECT_EQ(made.at("loud").size(), 200u);
  EXPECT_NE(made.at("loud").find_first_of("!%^*-_=+"), std::string::npos);
}

// No letter more likely than another: 62 letters over 20000 places are about 322 each, and 150 is ten deviations away.
TEST(Secrets, UseEveryLetterAlike) {
  std::map<char, int> counts;
  const auto made = secrets_for(declaring({"long"}, {{"long", "v1", 20000, "default"}}), {}, true);
  for (const char letter : made.at("long")) ++counts[letter];
  EXPECT_EQ(counts.size(), 62u);
  for (const auto& [letter, count] : counts) EXPECT_NEAR(count, 322, 172) << letter;
}

TEST(Nonces, AreSixteenLettersAndNeverTheSame) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) seen.insert(make_nonce());
  EXPECT_EQ(seen.size(), 100u);
  EXPECT_THAT(*seen.begin(), MatchesRegex("[0-9a-z]{16}"));
}

TEST(KeptEnvironment, HoldsWhatIsTheAppsOwn) {
  RecipeState state;
  state.env = {{"STACK_NAME", "s"}, {"DOMAIN", "d"}, {"LETS_ENCRYPT_ENV", ""}, {"LANG", "en"}, {"CONF_VERSION", "v3"}};
  state.tree.facts.abra_exports = {{"CONF_VERSION", "v3"}};
  EXPECT_THAT(kept_part_of(state), ElementsAre(Pair("LANG", "en"))) << "the next version's abra.sh says its own";
}

}  // namespace
}  // namespace simmer
