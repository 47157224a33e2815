// The checkout of a recipe that abra works on: a repository of its own, on top of the objects of the one that the recipe is from. That one
// may be anybody's working tree. It is read as files: no git runs in it, so that nothing that its configuration names is run or
// included, and what it has not got (the past of a shallow clone) is missed only where it is needed.
#pragma once

#include <filesystem>

#include <base/limit.hpp>
#include <engine/engine.hpp>

namespace simmer::abra {

// Makes it in `folder`, which is removed first: the recipe's files, its commit, the release tags that lead to a commit which is here. A
// commit that is not in the repository (a working tree's, a change's) becomes one of this checkout's own. Is what it holds the release
// that `spec` calls it? Error(infrastructure) when git cannot make it.
bool check_out_recipe(const DeploySpec& spec, const std::filesystem::path& folder, const Limit& limit);

}  // namespace simmer::abra
