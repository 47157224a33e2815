// Every refusal that docs/plugin-abi.md lists: one line, what is wrong, what to do.
#include <sys/stat.h>

#include <loader/plugin_file.hpp>
#include <plugins/plugin_fixture.hpp>

namespace simmer {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct Refusal {
  std::string plugin;
  std::vector<std::string> says;
};

class BadPlugin : public ::testing::TestWithParam<Refusal> {};

TEST_P(BadPlugin, IsRefusedInOneLine) {
  const auto file = inspect(bad_plugin(GetParam().plugin));
  ASSERT_FALSE(file.is_loadable());
  const auto line = file.refusal();
  EXPECT_THAT(line, HasSubstr(file.path.string()));
  EXPECT_EQ(line.find('\n'), std::string::npos);
  for (const auto& part : GetParam().says) EXPECT_THAT(line, HasSubstr(part));
}

INSTANTIATE_TEST_SUITE_P(
    Each, BadPlugin,
    ::testing::Values(Refusal{"newer-major", {"plugin API 99.0", "this simmer has 1.0", "newer simmer"}},
                      Refusal{"newer-minor", {"plugin API 1.99", "this simmer has 1.0", "newer simmer"}},
                      Refusal{"older-major", {"plugin API 0.3", "this simmer has 1.0", "rebuild"}},
                      Refusal{"wrong-magic", {"wrong magic", "rebuild"}}, Refusal{"lying-size", {"4294967280 bytes in 1024"}},
                      Refusal{"no-descriptor", {"does not export simmer_plugin_descriptor", "SIMMER_PLUGIN"}},
                      Refusal{"no-tag", {"is not a plugin", "no Simmer tag"}},
                      Refusal{"newer-language", {"another toolchain", "language C++2021", "this simmer: C++202002"}},
                      Refusal{"old-strings", {"another toolchain", "strings before-cxx11 (this simmer: cxx11)"}},
                      Refusal{"debug-containers", {"containers debug (this simmer: plain)"}},
                      Refusal{"all-wrong", {"plugin API 99.0", "strings before-cxx11", "containers debug"}}),
    [](const auto& info) {
      auto name = info.param.plugin;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

class RefusalTest : public PluginTest {};

TEST_F(RefusalTest, SanitizerIsRefusedBeforeLoading) {
  if (!fs::exists(bad_plugin("sanitized"))) GTEST_SKIP() << "this build has a sanitizer itself";
  EXPECT_THAT(inspect(bad_plugin("sanitized")).refusal(), HasSubstr("sanitizer address (this simmer: none)"));
}

TEST_F(RefusalTest, WholePluginsAreLoadableAndSayWhatTheyAre) {
  const auto file = inspect(our_plugin("custom-html"));
  ASSERT_TRUE(file.is_loadable()) << file.refusal();
  EXPECT_EQ(file.tag->name, "custom-html");
  EXPECT_EQ(file.tag->version, "1.0.0");
  EXPECT_EQ(file.tag->recipes, std::vector<std::string>{"custom-html"});
  EXPECT_EQ(file.tag->abi, abi_of_this_program());
  EXPECT_EQ(inspect(our_plugin("generic")).tag->recipes, std::vector<std::string>{"*"});
}

TEST_F(RefusalTest, SeveralRecipesAreListed) {
  EXPECT_EQ(inspect(bad_plugin("good-two")).tag->recipes, (std::vector<std::string>{"two", "three"}));
}

TEST_F(RefusalTest, StripAndGarbageCollectionKeepTheTag) {
  const auto file = inspect(bad_plugin("stripped"));
  EXPECT_TRUE(file.is_loadable()) << file.refusal();
}

TEST_F(RefusalTest, FilesThatAreNoElf) {
  EXPECT_THAT(inspect(write("empty.so", "")).refusal(), AllOf(HasSubstr("is empty"), HasSubstr("copy it again")));
  EXPECT_THAT(inspect(write("text.so", "#!/bin/sh\necho I am a plugin\n")).refusal(),
              AllOf(HasSubstr("not an ELF file"), HasSubstr("simmer_add_plugin")));
  EXPECT_THAT(inspect(write("half.so", read_file(our_plugin("custom-html")).substr(0, 20000))).refusal(),
              AllOf(HasSubstr("truncated"), HasSubstr("copy it again")));
  EXPECT_THAT(inspect(scratch_ / "nowhere.so").refusal(), HasSubstr("cannot be found"));
}

// A pipe with a plugin's name must not hold up the listing.
TEST_F(RefusalTest, PipesAndFoldersAreNotOpenedForEver) {
  ASSERT_EQ(::mkfifo((scratch_ / "pipe.so").c_str(), 0600), 0);
  EXPECT_THAT(inspect(scratch_ / "pipe.so").refusal(), HasSubstr("not a regular file"));
  EXPECT_THAT(inspect(folder("folder.so")).refusal(), HasSubstr("not a regular file"));
  fs::create_symlink("circle.so", scratch_ / "circle.so");
  EXPECT_THAT(inspect(scratch_ / "circle.so").refusal(), HasSubstr("cannot be found"));
}

// What a hostile tag says goes to a terminal.
TEST_F(RefusalTest, ControlCharactersOfATagAreNotPrinted) {
  auto bytes = read_file(bad_plugin("good-one"));
  const auto name = bytes.find("name=good-one");
  ASSERT_NE(name, std::string::npos);
  bytes.replace(name + 5, 8, "\x1b[2J\x07\r\x01z");
  const auto file = inspect(write("hostile.so", bytes));
  ASSERT_TRUE(file.tag);
  for (const char c : file.tag->name) EXPECT_TRUE(c >= ' ' && c <= '~');
}

class PermissionTest : public PluginTest {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root refuses plugins for their permissions";
    PluginTest::SetUp();
    plugin_ = copy(bad_plugin("good-one"), folder("plugins") / "one.so");
    ASSERT_EQ(::chmod(plugin_.c_str(), 0644), 0);
    ASSERT_TRUE(inspect(plugin_).is_loadable()) << inspect(plugin_).refusal();
  }
  void TearDown() override {
    if (!scratch_.empty()) PluginTest::TearDown();
  }
  fs::path plugin_;
};

TEST_F(PermissionTest, FileThatOthersCanWrite) {
  ASSERT_EQ(::chmod(plugin_.c_str(), 0646), 0);
  EXPECT_THAT(inspect(plugin_).refusal(), AllOf(HasSubstr("can be written by others"), HasSubstr("chmod go-w")));
}

TEST_F(PermissionTest, FileThatAGroupCanWrite) {
  ASSERT_EQ(::chmod(plugin_.c_str(), 0664), 0);
  EXPECT_TRUE(inspect(plugin_).is_loadable()) << "root's own group is root: " << inspect(plugin_).refusal();
  ASSERT_EQ(::chown(plugin_.c_str(), 0, 1234), 0);
  EXPECT_THAT(inspect(plugin_).refusal(), HasSubstr("can be written by others"));
}

TEST_F(PermissionTest, FileOfAnotherOwner) {
  ASSERT_EQ(::chown(plugin_.c_str(), 1234, 0), 0);
  EXPECT_THAT(inspect(plugin_).refusal(), AllOf(HasSubstr("belongs to user 1234"), HasSubstr("chown")));
}

TEST_F(PermissionTest, FolderThatOthersCanWriteOrOwn) {
  ASSERT_EQ(::chmod((scratch_ / "plugins").c_str(), 0777), 0);
  EXPECT_THAT(inspect(plugin_).refusal(),
              AllOf(HasSubstr((scratch_ / "plugins").string()), HasSubstr("can be written by others")));
  // Sticky helps nobody here: others could still put a plugin in.
  ASSERT_EQ(::chmod((scratch_ / "plugins").c_str(), 01777), 0);
  EXPECT_FALSE(inspect(plugin_).is_loadable());
  ASSERT_EQ(::chmod((scratch_ / "plugins").c_str(), 0755), 0);
  ASSERT_EQ(::chown((scratch_ / "plugins").c_str(), 1234, 0), 0);
  EXPECT_THAT(inspect(plugin_).refusal(), HasSubstr("belongs to user 1234"));
}

// Whoever can rename a folder above can put another in its place; in a sticky one (/tmp) he cannot.
TEST_F(PermissionTest, FoldersAboveCountUnlessSticky) {
  ASSERT_EQ(::chmod(scratch_.c_str(), 0777), 0);
  EXPECT_THAT(inspect(plugin_).refusal(), HasSubstr(scratch_.string() + " can be written by others"));
  ASSERT_EQ(::chmod(scratch_.c_str(), 01777), 0);
  EXPECT_TRUE(inspect(plugin_).is_loadable()) << inspect(plugin_).refusal();
}

TEST_F(PermissionTest, LinkIsJudgedByBothItsEnds) {
  const auto safe = folder("safe");
  const auto open = folder("open");
  ASSERT_EQ(::chmod(open.c_str(), 0777), 0);
  copy(bad_plugin("good-two"), open / "two.so");
  fs::create_symlink(open / "two.so", safe / "two.so");
  EXPECT_THAT(inspect(safe / "two.so").refusal(), HasSubstr(open.string()));
  fs::create_symlink(plugin_, open / "one.so");
  EXPECT_THAT(inspect(open / "one.so").refusal(), HasSubstr(open.string()));
  fs::create_symlink(plugin_, safe / "one.so");
  EXPECT_TRUE(inspect(safe / "one.so").is_loadable());
}

}  // namespace
}  // namespace simmer
