#include <plugin_check.hpp>

#include <unistd.h>

#include <iostream>

#include <base/json_text.hpp>

#include <loader/conformance_run.hpp>

namespace simmer {

int check_plugin_here(const std::string& file) {
  using Json = nlohmann::json;
  const auto outcome = check_plugin_file(file, [](const std::string& check) { std::cout << Json({{"begun", check}}).dump() << std::endl; });
  Json checks = Json::array();
  for (const auto& line : outcome.lines) checks.push_back({{"check", line.check}, {"verdict", line.verdict}, {"message", line.message}});
  std::cout << json_line(Json({{"file", file}, {"passed", outcome.passed}, {"checks", checks}})) << std::endl;
  ::_exit(outcome.passed ? 0 : 1);  // a plugin's destructors are its own business
}

}  // namespace simmer
