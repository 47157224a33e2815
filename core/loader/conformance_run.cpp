#include <loader/conformance_run.hpp>

#include <loader/loaded_plugin.hpp>
#include <simmer/plugin_tag.hpp>
#include <simmer/testkit.hpp>

namespace simmer {

ConformanceOutcome check_plugin_file(const std::filesystem::path& file,
                                     const std::function<void(const std::string& check)>& on_begin) {
  ConformanceOutcome outcome;
  try {
    if (on_begin) on_begin("load");
    SafeFolders folders;
    const auto plugin = load_plugin(inspect_plugin_file(file, folders));
    const auto& tag = *plugin.file().tag;
    outcome.lines.push_back({"load", "passed", tag.name + " " + tag.version});
    outcome.passed = true;
    for (const auto& recipe : tag.recipes) {
      const auto name = recipe == any_recipe ? std::string("any-recipe") : recipe;
      const auto prefix = tag.recipes.size() > 1 ? name + "/" : std::string();
      const auto report = testkit::check_conformance({.create = [&plugin] { return plugin.create_recipe(); },
                                                      .facts = testkit::standard_facts(name),
                                                      .prepare = {},
                                                      .world_is_exact = false,
                                                      .on_begin =
                                                          [&](const std::string& check) {
                                                            if (on_begin) on_begin(prefix + check);
                                                          }});
      outcome.passed = outcome.passed && report.passed();
      for (const auto& finding : report.findings)
        outcome.lines.push_back({prefix + finding.check, std::string(testkit::to_string(finding.verdict)), finding.message});
    }
  } catch (const Error& error) {
    outcome.passed = false;
    outcome.lines.push_back({"load", "failed", error.what()});
  }
  return outcome;
}

}  // namespace simmer
