// What a name on the command line means: an app, a recipe, or a folder with a recipe in it.
#pragma once

#include <string>

#include <runs/run_command.hpp>

namespace simmer {

struct Target {
  std::string app, recipe;
  fs::path working_tree;  // `run PATH`
  fs::path repository;    // empty: a working tree of an unknown recipe
};

// Unknown, or two candidates: Error(usage). A recipe with a configured source is fetched first, unless offline.
Target find_target(const Session& session, const std::string& name);

}  // namespace simmer
