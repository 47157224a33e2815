// Loading, in processes of their own: what the file could not tell, and that our plugins conform as
// they were built.
#include <loader/conformance_run.hpp>
#include <loader/loaded_plugin.hpp>
#include <plugins/plugin_fixture.hpp>

namespace simmer {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class LoadingTest : public PluginTest {};

TEST_F(LoadingTest, OurPluginsLoad) {
  EXPECT_EQ(load_in_child(our_plugin("custom-html")).out, "loaded custom-html\nrole canonical\n");
  EXPECT_EQ(load_in_child(our_plugin("generic")).out, "loaded generic\nrole test\n");
  EXPECT_EQ(load_in_child(bad_plugin("stripped")).exit_code, 0);
}

TEST_F(LoadingTest, DescriptorThatContradictsTheTag) {
  const auto tag = load_in_child(bad_plugin("disagrees"));
  EXPECT_EQ(tag.exit_code, 1);
  EXPECT_THAT(tag.out, AllOf(HasSubstr("disagrees.so"), HasSubstr("another tag")));
  const auto api = load_in_child(bad_plugin("descriptor-api"));
  EXPECT_EQ(api.exit_code, 1);
  EXPECT_THAT(api.out, AllOf(HasSubstr("its tag says plugin API 1.0"), HasSubstr("its descriptor 7.0")));
}

TEST_F(LoadingTest, FactoryThatFailsNamesThePluginAndTheReason) {
  for (const auto& [name, reason] :
       std::map<std::string, std::string>{{"factory-throws", "no database today"},
                                          {"factory-throws-int", "not a std::exception"},
                                          {"factory-returns-nothing", "returned nothing and no reason"}}) {
    const auto result = load_in_child(bad_plugin(name));
    EXPECT_EQ(result.exit_code, 1) << name;
    EXPECT_THAT(result.out, AllOf(HasSubstr("loaded " + name), HasSubstr(name + " 1.0.0"), HasSubstr(reason)));
  }
}

TEST_F(LoadingTest, DynamicLoadersOwnWordsAreTold) {
  const auto result = load_in_child(bad_plugin("missing-symbol"));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, AllOf(HasSubstr("cannot be loaded"), HasSubstr("simmer_test_nobody_has_this")));
}

// Nobody can catch it: it costs the process that loads, which is why that is a child. Listing is safe.
TEST_F(LoadingTest, ThrowingStaticConstructorCostsTheLoadingProcessOnly) {
  EXPECT_TRUE(inspect(bad_plugin("static-aborts")).is_loadable());
  EXPECT_EQ(load_in_child(bad_plugin("static-aborts")).exit_code, 128 + SIGABRT);
}

TEST_F(LoadingTest, FileThatChangedSinceItWasListedIsNotLoaded) {
  const auto path = copy(bad_plugin("good-one"), scratch_ / "one.so");
  const auto listed = inspect(path);
  ASSERT_TRUE(listed.is_loadable());
  fs::remove(path);
  copy(bad_plugin("good-two"), path);
  try {
    load_plugin(listed);
    FAIL() << "loaded something else";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("has changed"));
  }
}

TEST_F(LoadingTest, RefusedFileIsNotLoaded) {
  try {
    load_plugin(inspect(bad_plugin("newer-major")));
    FAIL() << "loaded a refused plugin";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::plugin);
    EXPECT_THAT(error.what(), HasSubstr("99.0"));
  }
}

// What a cut plugin would do to dlopen() it never gets to do: it is refused, in a child as here.
TEST_F(LoadingTest, CutPluginsAreRefusedByTheLoadingProcessToo) {
  const auto whole = read_file(our_plugin("custom-html"));
  for (const auto length : {whole.size() / 2, whole.size() - 64, whole.size() - 3000}) {
    const auto result = load_in_child(write("cut.so", whole.substr(0, length)));
    EXPECT_EQ(result.exit_code, 1) << length;
    EXPECT_THAT(result.out, HasSubstr("truncated")) << length;
  }
}

TEST_F(LoadingTest, CustomHtmlConformsAsBuilt) {
  const auto result = load_in_child(our_plugin("custom-html"), "check");
  EXPECT_EQ(result.exit_code, 0) << result.out;
  EXPECT_THAT(result.out, AllOf(HasSubstr("passed  probe-on-healthy-app"), HasSubstr("passed  data-lost-is-noticed"),
                                HasSubstr("passed  data-each-file-matters"), HasSubstr("passed  checks-on-healthy-app")));
  EXPECT_THAT(result.out, ::testing::Not(HasSubstr("warning")));
}

TEST_F(LoadingTest, GenericConformsAsBuilt) {
  const auto result = load_in_child(our_plugin("generic"), "check");
  EXPECT_EQ(result.exit_code, 0) << result.out;
  EXPECT_THAT(result.out, HasSubstr("passed  data-lost-is-noticed"));
}

TEST_F(LoadingTest, RefusedFileIsOneFailedLineOfTheCheck) {
  const auto outcome = check_plugin_file(bad_plugin("newer-major"), {});
  ASSERT_EQ(outcome.lines.size(), 1u);
  EXPECT_FALSE(outcome.passed);
  EXPECT_EQ(outcome.lines[0].check, "load");
  EXPECT_THAT(outcome.lines[0].message, HasSubstr("99.0"));
}

TEST_F(LoadingTest, BlindPluginFailsTheKit) {
  const auto result = load_in_child(fs::path(FAULTY_PLUGINS) / "blind" / "blind.so", "check");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.out, AllOf(HasSubstr("failed  data-lost-is-noticed"), HasSubstr("blind to loss"),
                                HasSubstr("failed  data-other-nonce-is-noticed"), HasSubstr("failed  data-each-file-matters")));
}

class FaultyCall : public ::testing::TestWithParam<std::string> {
 protected:
  fs::path plugin_ = fs::path(FAULTY_PLUGINS) / "faulty" / "faulty.so";
};

TEST_P(FaultyCall, ThrowingIsAFindingOrAnError) {
  for (const std::string how : {"throw", "throw_int"}) {
    const auto result = load_in_child(plugin_, "check", {{"SIMMER_FAULTY", GetParam() + ":" + how}});
    EXPECT_EQ(result.exit_code, 3) << GetParam() << " " << how << "\n" << result.out << result.err;
    EXPECT_THAT(result.out, HasSubstr(how == "throw" ? "told to throw in " + GetParam() : std::string("not a std::exception")));
  }
}

TEST_P(FaultyCall, CrashEndsOnlyTheChildWhichSaidWhereItWas) {
  const auto aborted = load_in_child(plugin_, "check", {{"SIMMER_FAULTY", GetParam() + ":abort"}});
  EXPECT_EQ(aborted.exit_code, 128 + SIGABRT);
  EXPECT_THAT(aborted.err, HasSubstr("begin "));
  const auto left = load_in_child(plugin_, "check", {{"SIMMER_FAULTY", GetParam() + ":exit"}});
  EXPECT_EQ(left.exit_code, 0);
  EXPECT_EQ(left.out, "") << "an exit in the middle prints no verdict, which is how a caller knows it from success";
}

INSTANTIATE_TEST_SUITE_P(Each, FaultyCall,
                         ::testing::Values("factory", "traits", "health_probe", "probe", "data_contract", "seed", "verify",
                                           "wipe", "snapshot_strategy", "way_back", "checks", "check_run"),
                         [](const auto& info) { return info.param; });

TEST_F(LoadingTest, FaultyCrashesAndHangs) {
  const auto plugin = fs::path(FAULTY_PLUGINS) / "faulty" / "faulty.so";
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_EQ(load_in_child(plugin, "", {{"SIMMER_FAULTY", "traits:segfault"}}).exit_code, 128 + SIGSEGV);
#endif
  EXPECT_THROW(load_in_child(plugin, "", {{"SIMMER_FAULTY", "traits:hang"}}, milliseconds(500)), Error);
}

TEST_F(LoadingTest, FaultyIsCustomHtmlWhenNotToldOtherwise) {
  const auto result = load_in_child(fs::path(FAULTY_PLUGINS) / "faulty" / "faulty.so", "check");
  EXPECT_EQ(result.exit_code, 0) << result.out;
}

}  // namespace
}  // namespace simmer
