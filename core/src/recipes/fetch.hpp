// Getting a recipe's repository from where it is published. By the git program: a deadline can end it, while a
// fetch by a library could hang for ever on a stalled connection.
#pragma once

#include <filesystem>
#include <string>

#include <base/limit.hpp>

namespace simmer {

// Makes a bare clone of `source` at `repository` (beside, then renamed). Error(unavailable) with git's own reason.
void clone_recipe(const std::string& source, const std::filesystem::path& repository, const Limit& limit);
// Brings branches and tags up to date; what is gone at the source stays here, for a known-good may need it.
void fetch_recipe(const std::string& source, const std::filesystem::path& repository, const Limit& limit);

}  // namespace simmer
