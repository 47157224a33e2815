// Recipes' repositories, kept up to date with their sources by one Simmer at a time.
#pragma once

#include <string>

#include <runs/run_command.hpp>

namespace simmer {

// A recipe with a configured source is cloned, or fetched, before it is read; offline, and without one, what is here must do.
// Somebody else at it: waits as --wait says, then Error(busy). The commits of known-goods stay, whatever the source withdrew.
void fetch_source(const Session& session, const std::string& app, const std::string& recipe);

// `recipe add`: the new repository. There is one of that name already: Error(usage).
fs::path add_recipe(const Session& session, const std::string& recipe, const std::string& url);

// See RecoverOptions::keep_only. Without a repository there is nothing to do.
void keep_only_known_good(const Config& config, const std::string& app, const std::string& recipe, const std::string& commit);

// For the janitor: what killed clones and fetches left, of repositories that nobody is at.
void clear_killed_fetches(const Session& session, bool dry_run, const RecoverLog& say);

}  // namespace simmer
