// load_one FILE [check]: inspects a plugin, loads it, makes its recipe and asks its traits; with `check`
// runs the conformance kit. Prints what happened. Exit code 0: done, 1: an Error, 3: a check failed.
//
// A program of its own, because some of the plugins it is given end the process.
#include <iostream>

#include <loader/conformance_run.hpp>
#include <loader/loaded_plugin.hpp>
#include <simmer/error.hpp>

int main(int argc, char** argv) try {
  if (argc > 2) {
    const auto outcome =
        simmer::check_plugin_file(argv[1], [](const std::string& check) { std::cerr << "begin " << check << std::endl; });
    for (const auto& line : outcome.lines) std::cout << line.verdict << "  " << line.check << ": " << line.message << "\n";
    return outcome.passed ? 0 : 3;
  }
  simmer::SafeFolders folders;
  const auto plugin = simmer::load_plugin(simmer::inspect_plugin_file(argv[1], folders));
  std::cout << "loaded " << plugin.file().tag->name << std::endl;
  const auto recipe = plugin.create_recipe();
  std::cout << "role " << recipe->traits({}).default_role << std::endl;
  return 0;
} catch (const simmer::Error& error) {
  std::cout << error.what() << std::endl;
  return 1;
}
