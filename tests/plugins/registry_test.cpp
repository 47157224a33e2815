// Which plugin serves which recipe, and what happens when the answer is not one plugin.
#include <loader/plugin_registry.hpp>
#include <plugins/plugin_fixture.hpp>

namespace simmer {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class RegistryTest : public PluginTest {
 protected:
  std::string error_for(const PluginRegistry& registry, const std::string& recipe) {
    try {
      return "served by " + registry.plugin_for(recipe).path.string();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::plugin);
      return error.what();
    }
  }
};

TEST_F(RegistryTest, OwnPluginBeforeGeneric) {
  const auto registry = PluginRegistry::scan({OUR_PLUGINS});
  EXPECT_EQ(registry.plugin_for("custom-html").tag->name, "custom-html");
  EXPECT_EQ(registry.plugin_for("nobody-knows-me").tag->name, "generic");
  const auto recipes = registry.recipes();
  EXPECT_THAT(recipes, ::testing::Contains("custom-html"));
  EXPECT_THAT(recipes, ::testing::Not(::testing::Contains("*")));
}

TEST_F(RegistryTest, NothingServes) {
  const auto registry = PluginRegistry::scan({folder("empty")});
  EXPECT_TRUE(registry.files().empty());
  EXPECT_THAT(error_for(registry, "x"), AllOf(HasSubstr("no plugin serves recipe x"), HasSubstr((scratch_ / "empty").string())));
}

TEST_F(RegistryTest, MissingFolderIsListedAndStopsNobody) {
  const auto registry = PluginRegistry::scan({scratch_ / "nowhere", OUR_PLUGINS});
  EXPECT_THAT(registry.files().front().refusal(), HasSubstr("no such folder"));
  EXPECT_EQ(registry.plugin_for("custom-html").tag->name, "custom-html");
}

TEST_F(RegistryTest, TwoPluginsForOneRecipeNameBothFiles) {
  const auto here = copy(bad_plugin("good-two"), folder("here") / "a.so");
  const auto there = copy(bad_plugin("also-three"), folder("there") / "b.so");
  const auto registry = PluginRegistry::scan({scratch_ / "here", scratch_ / "there", OUR_PLUGINS});
  EXPECT_THAT(error_for(registry, "three"),
              AllOf(HasSubstr(here.string()), HasSubstr(there.string()), HasSubstr("recipe three")));
  for (const auto& file : registry.files()) {
    if (file.path == here) {
      EXPECT_THAT(file.refusal(), HasSubstr(there.string()));
    }
    if (file.path == there) {
      EXPECT_THAT(file.refusal(), HasSubstr(here.string()));
    }
  }
  // Which others still load.
  EXPECT_EQ(registry.plugin_for("custom-html").tag->name, "custom-html");
}

TEST_F(RegistryTest, TwoGenericsNameBothFiles) {
  copy(our_plugin("generic"), scratch_ / "g1.so");
  copy(our_plugin("generic"), scratch_ / "g2.so");
  EXPECT_THAT(error_for(PluginRegistry::scan({scratch_}), "x"), AllOf(HasSubstr("g1.so"), HasSubstr("g2.so")));
}

TEST_F(RegistryTest, SameFileTwiceIsOne) {
  copy(bad_plugin("good-one"), scratch_ / "one.so");
  fs::create_symlink("one.so", scratch_ / "other-name.so");
  const auto registry = PluginRegistry::scan({scratch_, scratch_, scratch_ / "one.so"});
  EXPECT_EQ(registry.files().size(), 1u);
  EXPECT_EQ(registry.plugin_for("one").tag->name, "good-one");
}

// A stateful recipe whose plugin broke must not be taken for one that never had any.
TEST_F(RegistryTest, RecipeOfARefusedPluginDoesNotFallToGeneric) {
  copy(our_plugin("generic"), scratch_ / "generic.so");
  copy(bad_plugin("newer-major"), scratch_ / "x.so");
  write("keycloak.so", read_file(our_plugin("custom-html")).substr(0, 30000));
  const auto registry = PluginRegistry::scan({scratch_});
  EXPECT_THAT(error_for(registry, "wrong-api"), AllOf(HasSubstr("x.so"), HasSubstr("99.0")));
  EXPECT_THAT(error_for(registry, "keycloak"), HasSubstr("truncated"));
  EXPECT_EQ(registry.plugin_for("something").tag->name, "generic");
}

TEST_F(RegistryTest, BrokenFileBesideAGoodOneOfTheSameRecipeIsOnlyListed) {
  copy(bad_plugin("good-one"), scratch_ / "good.so");
  write("one.so", "not a plugin");
  const auto registry = PluginRegistry::scan({scratch_});
  EXPECT_EQ(registry.plugin_for("one").path.filename(), "good.so");
  EXPECT_EQ(registry.files().size(), 2u);
}

TEST_F(RegistryTest, EveryBadPluginIsListedAndTheGoodOnesServe) {
  const auto registry = PluginRegistry::scan({BAD_PLUGINS});
  int loadable = 0, refused = 0;
  for (const auto& file : registry.files()) (file.is_loadable() ? loadable : refused)++;
  EXPECT_GE(refused, 12);
  EXPECT_GE(loadable, 6);
  EXPECT_EQ(registry.plugin_for("one").tag->name, "good-one");
}

TEST_F(RegistryTest, OtherFilesInTheFolderAreNotLookedAt) {
  write("README", "hello");
  write("plugin.so.bak", "hello");
  write(".so", "hello");
  EXPECT_TRUE(PluginRegistry::scan({scratch_}).files().empty());
}

}  // namespace
}  // namespace simmer
