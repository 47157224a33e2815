// A recipe's folder made for one test, gone with it; and what the tests here read off an Error.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <base/files.hpp>
#include <recipes/recipe_tree.hpp>
#include <simmer/error.hpp>

namespace simmer::testing_recipes {

class RecipeFolder {
 public:
  RecipeFolder() {
    static std::atomic<int> count = 0;
    path_ = fs::path(::testing::TempDir()) / ("simmer-recipe-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
    fs::create_directories(path_);
  }
  explicit RecipeFolder(const std::string& compose) : RecipeFolder() { write("compose.yml", compose); }
  RecipeFolder(const RecipeFolder&) = delete;
  ~RecipeFolder() {
    std::error_code failed;
    fs::remove_all(path_, failed);
  }

  const fs::path& path() const { return path_; }
  RecipeFolder& write(const std::string& name, const std::string& text) {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << text;
    return *this;
  }
  RecipeTree read(Environment more = {}) const {
    Environment env = {{"STACK_NAME", "cust-abc123_example_org"}, {"DOMAIN", "cust-abc123.example.org"}};
    for (const auto& [name, value] : more) env[name] = value;
    return read_recipe_tree(path_, "custom", env);
  }

 private:
  fs::path path_;
};

// Swaps two names as fast as it can, for as long as it lives.
class Swapper {
 public:
  Swapper(const fs::path& one, const fs::path& other)
      : thread_([=](const std::stop_token& stop) {
          while (!stop.stop_requested()) ::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE);
        }) {}

 private:
  std::jthread thread_;
};

// The error that `action` throws, as "<kind>: <message>"; fails when it throws none.
template <class Action>
std::string error_of(Action&& action, ErrorKind kind = ErrorKind::recipe) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_EQ(error.message().find('\n'), std::string::npos) << "one line: " << error.message();
    return error.message();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

inline RecipeTree read_fixture(const std::string& name, Environment more = {}) {
  Environment env = {{"STACK_NAME", "stack"}, {"DOMAIN", "app.example.org"}};
  for (const auto& [key, value] : more) env[key] = value;
  return read_recipe_tree(fs::path(SIMMER_RECIPE_FIXTURES) / name, name, env);
}

}  // namespace simmer::testing_recipes
