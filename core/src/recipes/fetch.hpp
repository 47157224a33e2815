// Getting a recipe's repository from where it is published. By the git program: a deadline can end it, while a
// fetch by a library could hang for ever on a stalled connection.
//
// All of these need the repository's lock (repository_lock()) held. `mark` is a file that stands while git is at work and
// names its process: where one is found by the next holder of the lock, a Simmer was killed in the middle.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <base/limit.hpp>

namespace simmer {

// Makes a bare clone of `source` at `repository` (beside, under a hidden name, then renamed). Error(unavailable) with git's
// own reason. At the limit, or when cancelled, git gets SIGTERM, and SIGKILL ten seconds later.
void clone_recipe(const std::string& source, const std::filesystem::path& repository, const std::filesystem::path& mark, const Limit& limit);

// Brings branches and tags up to date, moved ones too. In a bare repository what is gone at the source goes here as well, but
// for refs/simmer/*; a repository with a working tree is somebody's, who may have branches and tags of their own: of those only what an
// earlier fetch has seen at the source goes, as it was seen, and never a branch that is checked out. (refs/simmer/source/ remembers it. A
// fetch that is killed right after the source was asked forgets what had been withdrawn: it stays.)
void fetch_recipe(const std::string& source, const std::filesystem::path& repository, const std::filesystem::path& mark, const Limit& limit);

// What a killed clone or fetch left: ends the git that still runs, then removes half a clone, and those locks and
// unfinished packs that git made since the mark was set. Gives what was done, or would be, in words.
std::vector<std::string> clear_killed_fetch(const std::filesystem::path& repository, const std::filesystem::path& mark, bool dry_run, const Limit& limit);

// Is `name`, of an entry of the recipes folder, half a clone? Then of which recipe; else empty.
std::string recipe_of_half_clone(const std::string& name);

}  // namespace simmer
