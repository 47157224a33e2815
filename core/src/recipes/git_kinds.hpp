// Is a repository made of files and folders alone? Asked before libgit2 opens it: libgit2 opens whatever has a name that it
// knows, and a pipe in that place would hold it for ever.
#pragma once

#include <filesystem>

namespace simmer::git {

// Looks at all that is in the git folder of `path` (and of the repository that a worktree belongs to), and at the files that its
// configuration includes. A pipe, a socket or a device there, also by a link: Error(config) with its name. What is not there,
// or cannot be looked at, is left to libgit2.
void refuse_special_files(const std::filesystem::path& path);

}  // namespace simmer::git
