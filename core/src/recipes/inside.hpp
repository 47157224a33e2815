// Does a path stay inside a folder? Asked of every path that a recipe names.
#pragma once

#include <filesystem>
#include <string>

namespace simmer {

// Walks `relative` from `dir` as the kernel would, link by link; also where it leads to nothing yet.
// False when it is absolute, climbs out of `dir` at any point, or leads in circles. The folder itself
// counts as inside. Shell and Windows notations (~, backslashes) are never inside.
bool stays_inside(const std::filesystem::path& dir, const std::string& relative);

}  // namespace simmer
