// A plugin's Recipe and all its parts, wrapped: every call is announced before and after (so that the parent
// can name the call in which a plugin crashed or hung), and whatever is thrown leaves as an Error of kind
// plugin that names plugin and call.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <simmer/recipe.hpp>

namespace simmer {

class CallListener {
 public:
  virtual ~CallListener() = default;
  virtual void call_started(const std::string& call) = 0;
  virtual void call_ended() = 0;
};

// Takes the plugin's recipe over; `listener` must outlive the result and all parts made by it.
std::unique_ptr<Recipe> guard_recipe(std::unique_ptr<Recipe> recipe, const std::string& plugin, CallListener& listener);

}  // namespace simmer
