// A real git repository for one test, made by the `git` program and removed with the test.
#pragma once

#include <algorithm>
#include <string>

#include <base/process.hpp>

#include "recipe_folder.hpp"

namespace simmer::testing_recipes {

class GitRecipe {
 public:
  GitRecipe() { git({"init", "-q", "-b", "main"}); }

  const fs::path& path() const { return folder_.path(); }
  GitRecipe& write(const std::string& name, const std::string& text) {
    folder_.write(name, text);
    return *this;
  }
  // Runs git in the repository, away from the caller's own configuration; gives what it printed.
  std::string git(std::vector<std::string> arguments) const {
    Command command;
    command.argv = {"git", "-C", path().string(), "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "maintenance.auto=false"};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    command.env = {{"GIT_CONFIG_GLOBAL", "/dev/null"},
                   {"GIT_CONFIG_SYSTEM", "/dev/null"},
                   {"GIT_AUTHOR_NAME", "A"},
                   {"GIT_AUTHOR_EMAIL", "a@example.org"},
                   {"GIT_COMMITTER_NAME", "A"},
                   {"GIT_COMMITTER_EMAIL", "a@example.org"},
                   {"GIT_AUTHOR_DATE", "2026-01-01T00:00Z"},
                   {"GIT_COMMITTER_DATE", "2026-01-01T00:00Z"}};
    const CommandResult result = run_command(command, Limit::in(std::chrono::seconds(30)));
    EXPECT_EQ(result.exit_code, 0) << "git " << arguments.front() << ": " << result.err;
    return result.out.substr(0, result.out.find_last_not_of('\n') + 1);
  }
  // Commits everything; gives the commit.
  std::string commit(const std::string& message) {
    git({"add", "-A", "-f"});
    git({"commit", "-q", "--allow-empty", "-m", message});
    return git({"rev-parse", "HEAD"});
  }
  std::string release(const std::string& tag, bool annotated = true) {
    write("release-of", tag);
    const std::string id = commit(tag);
    git(annotated ? std::vector<std::string>{"tag", "-a", "-m", tag, tag} : std::vector<std::string>{"tag", tag});
    return id;
  }

 private:
  RecipeFolder folder_;
};

}  // namespace simmer::testing_recipes
