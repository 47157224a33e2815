// `simmer recipe …`: which there are, what was understood of one (command_recipe_show.cpp), and adding one.
#include <commands.hpp>

#include <iostream>
#include <nlohmann/json.hpp>

#include <base/files.hpp>
#include <runs/bounded_reading.hpp>
#include <runs/recipe_source.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {

using Json = nlohmann::json;

int list(const Invocation& call) {
  call.at_most(2);
  Json all = Json::array();
  for (const auto& name : known_recipes(call.session.config)) {
    try {
      const auto releases = read_bounded(call.session, "reading the recipe " + name, {}, [&](const Limit&) {
        const RecipeRepository repository(find_recipe(call.session.config, name));
        return std::pair(repository.newest_release(), repository.releases().size());
      });
      all.push_back({{"recipe", name}, {"newest", releases.first ? Json(releases.first->version.text()) : Json()}, {"releases", releases.second}, {"problem", Json()}});
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      all.push_back({{"recipe", name}, {"newest", Json()}, {"releases", 0}, {"problem", error.what()}});
    }
  }
  if (all.empty()) throw Error(ErrorKind::usage, "there is no recipe in " + call.session.config.recipes().string());
  if (call.json) print_json(all);
  else
    for (const auto& each : all)
      std::cout << each["recipe"].get<std::string>() << "  "
                << (each["problem"].is_string() ? each["problem"].get<std::string>()
                    : each["newest"].is_null()  ? std::string("no releases")
                                                : each["newest"].get<std::string>() + " (" + std::to_string(each["releases"].get<int>()) + " releases)")
                << "\n";
  return 0;
}

int add(const Invocation& call) {
  const std::string name = call.word(2, "a name for the recipe"), url = call.word(3, "the URL of its repository");
  if (name[0] == '.' || name[0] == '-' || name.find('/') != std::string::npos) throw Error(ErrorKind::usage, "'" + name + "' is no name for a recipe");
  if (url[0] == '-') throw Error(ErrorKind::usage, "'" + url + "' is no URL");
  const auto releases = RecipeRepository(add_recipe(call.session, name, url)).releases();
  if (call.json) print_json({{"recipe", name}, {"releases", releases.size()}});
  else std::cout << name << ": added, " << releases.size() << " releases\n";
  return 0;
}

}  // namespace

int command_recipe(const Invocation& call) {
  static const std::vector<std::string> known = {"list", "show", "add"};
  const std::string what = call.word(1, "list, show or add");
  if (what == "list") return list(call);
  if (what == "show") {
    call.at_most(3);
    return show_recipe(call);
  }
  if (what == "add") {
    call.at_most(4);
    return add(call);
  }
  throw Error(ErrorKind::usage, "no command 'recipe " + what + "'" + did_you_mean(what, known));
}

}  // namespace simmer
