// What a script that reads standard output relies on: one document with --json, whatever was asked; and an exit code that does not claim what could
// not be written.
#include <gmock/gmock.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <base/files.hpp>
#include <e2e/simmer_world.hpp>

namespace simmer::e2e {

namespace {

using ::testing::HasSubstr;

class Output : public ::testing::Test {
 protected:
  // Simmer with standard output as a shell's `redirection` has it.
  Ran redirected(const std::string& redirection, const std::vector<std::string>& arguments) const {
    std::vector<std::string> words = {"sh", "-c", "exec \"$@\" " + redirection, "sh"};
    for (const auto& word : world_.command(arguments)) words.push_back(word);
    const auto done = run_command({words, {}, false, world_.root(), ""}, Limit::in(std::chrono::seconds(60)));
    return {done.exit_code, done.out, done.err, {}};
  }
  World world_;
};

TEST_F(Output, IsOneDocumentWithJsonWhateverWasAsked) {
  make_folders(world_.root() / "none");
  struct Case {
    std::vector<std::string> arguments;
    int code;
    std::string key;
  };
  for (const auto& [arguments, code, key] : std::vector<Case>{{{"--help"}, 0, "usage"},
                                                              {{"run", "--help"}, 0, "usage"},
                                                              {{"--version"}, 0, "version"},
                                                              {{}, 2, "error"},
                                                              {{"sweap"}, 2, "error"},
                                                              {{"status", "--quik"}, 2, "error"},
                                                              {{"--wait", "soon", "status"}, 2, "error"},
                                                              {{"recover", "nobody"}, 2, "error"},
                                                              {{"--recipes", (world_.root() / "none").string(), "recipe", "list"}, 2, "error"},
                                                              {{"canonical", "drop", "nobody"}, 2, "error"}}) {
    auto with_flag = arguments;
    with_flag.insert(with_flag.begin(), "--json");
    for (const auto& ran : {world_.simmer(with_flag), world_.simmer(arguments, {{"SIMMER_JSON", "1"}}), world_.simmer(arguments, {{"SIMMER_JSON", "true"}})}) {
      EXPECT_EQ(ran.code, code) << ran.all();
      ASSERT_TRUE(ran.result.is_object()) << ::testing::PrintToString(arguments) << ran.all();
      EXPECT_TRUE(ran.result.contains(key)) << ran.all();
      if (code != 0) {
        EXPECT_EQ(ran.result.value("exit_code", -1), code) << ran.all();
      }
    }
  }
  EXPECT_THAT(world_.simmer({"--help"}).out, HasSubstr("usage: simmer")) << "text for people";
}

TEST_F(Output, ThatCannotBeWrittenIsNotExitZero) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full on this machine";
  for (const std::vector<std::string>& command : {std::vector<std::string>{"--version"}, {"--help"}, {"status"}, {"status", "--json"}, {"recipe", "list"}, {"plugin", "list", "--json"}})
    for (const std::string& redirection : {std::string(">/dev/full"), std::string(">&-")}) {
      const auto ran = redirected(redirection, command);
      EXPECT_EQ(ran.code, 7) << command[0] << " " << redirection << ran.all();
      EXPECT_THAT(ran.err, HasSubstr("standard output cannot be written")) << command[0] << " " << redirection;
    }
  EXPECT_EQ(redirected(">/dev/full", {"sweap"}).code, 2) << "the worse news counts";
}

// Whoever closed the pipe wanted no more of it.
TEST_F(Output, OfAPipeThatWasClosedIsNobodysFault) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ::close(ends[0]);
  const Fd pipe(ends[1]), errors = open_file(world_.root() / "errors", O_WRONLY | O_CREAT | O_TRUNC);
  SpawnOptions options;
  options.argv = world_.command({"status"});
  options.env = environment_with({});
  options.fds = {{1, pipe.get()}, {2, errors.get()}};
  int status = 0;
  ASSERT_GT(::waitpid(spawn_process(options), &status, 0), 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_EQ(read_file(world_.root() / "errors"), "");
}

}  // namespace

}  // namespace simmer::e2e
