// libgit2's handles, owned; and its errors as ours. Included by .cpp files only.
#pragma once

#include <git2.h>

#include <filesystem>
#include <memory>
#include <string>

#include <simmer/error.hpp>

namespace simmer::git {

template <class T, void (*release)(T*)>
struct Release {
  void operator()(T* handle) const { release(handle); }
};

using Repository = std::unique_ptr<git_repository, Release<git_repository, git_repository_free>>;
using Object = std::unique_ptr<git_object, Release<git_object, git_object_free>>;
using Reference = std::unique_ptr<git_reference, Release<git_reference, git_reference_free>>;
using Commit = std::unique_ptr<git_commit, Release<git_commit, git_commit_free>>;
using Tree = std::unique_ptr<git_tree, Release<git_tree, git_tree_free>>;
using TreeEntry = std::unique_ptr<git_tree_entry, Release<git_tree_entry, git_tree_entry_free>>;
using Blob = std::unique_ptr<git_blob, Release<git_blob, git_blob_free>>;
using Index = std::unique_ptr<git_index, Release<git_index, git_index_free>>;
using Config = std::unique_ptr<git_config, Release<git_config, git_config_free>>;
using ObjectStore = std::unique_ptr<git_odb, Release<git_odb, git_odb_free>>;

// What libgit2 says went wrong, in one line.
std::string last_error();

// Opens exactly `path` (never a parent of it). Null when there is no repository; one that cannot be read is
// Error(config), which says why: it must not be taken for a plain folder. No program is run, whatever its configuration says.
Repository open_repository(const std::filesystem::path& path);

// Does it lack objects on purpose, to be fetched when they are looked at?
bool is_partial_clone(git_repository* repository);

// The commit itself, or Error(config) naming the repository.
Commit find_commit(git_repository* repository, const std::string& commit, const std::filesystem::path& path);

std::string to_hex(const git_oid& id);

// Refuses a link whose target leaves the tree, seen from where it stands. `link`: relative to the tree.
void check_link(const std::filesystem::path& link, const std::filesystem::path& target);
// The same for what is on disk by now: links that lead over other links.
void check_links_on_disk(const std::filesystem::path& tree);

}  // namespace simmer::git
