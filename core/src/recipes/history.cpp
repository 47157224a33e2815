// A walk of our own: libgit2's questions about ancestry fail as a whole at the first commit that is not there, and
// libgit2 1.5 does not know where a shallow clone ends.
#include <recipes/history.hpp>

#include <filesystem>
#include <string_view>
#include <vector>

#include <recipes/git_handles.hpp>
#include <recipes/recipe_repository.hpp>

namespace simmer {

namespace {

namespace fs = std::filesystem;

// Does a key that begins with `first` and ends with `last` hold `value`? An empty value: is there any such key?
// Not asked by libgit2's patterns: 1.5 leaks 10 KiB for every entry that one does not match.
bool says(git_repository* repository, std::string_view first, std::string_view last, const std::string& value) {
  git_config* raw = nullptr;
  if (git_repository_config_snapshot(&raw, repository) != 0) return false;
  const git::Config config(raw);
  git_config_iterator* entries = nullptr;
  if (git_config_iterator_new(&entries, config.get()) != 0) return false;
  bool found = false;
  for (git_config_entry* entry = nullptr; !found && git_config_next(&entry, entries) == 0;) {
    const std::string_view name = entry->name;
    if (name.size() < first.size() + last.size() || !name.starts_with(first) || !name.ends_with(last)) continue;
    found = value.empty() || (entry->value != nullptr && value == entry->value);
  }
  git_config_iterator_free(entries);
  return found;
}

bool has_objects_of(git_repository* repository, const git_tree* tree, int depth) {
  git_odb* raw = nullptr;
  if (depth > 100 || git_repository_odb(&raw, repository) != 0) return false;
  const git::ObjectStore store(raw);
  for (std::size_t i = 0; i < git_tree_entrycount(tree); ++i) {
    const git_tree_entry* entry = git_tree_entry_byindex(tree, i);
    if (git_tree_entry_filemode(entry) == GIT_FILEMODE_COMMIT) continue;  // a submodule is not in here; a checkout refuses it
    if (git_tree_entry_filemode(entry) != GIT_FILEMODE_TREE) {
      if (git_odb_exists(store.get(), git_tree_entry_id(entry)) != 1) return false;
      continue;
    }
    git_tree* below = nullptr;
    if (git_tree_lookup(&below, repository, git_tree_entry_id(entry)) != 0) return false;
    const git::Tree owned(below);
    if (!has_objects_of(repository, below, depth + 1)) return false;
  }
  return true;
}

}  // namespace

namespace git {

bool is_partial_clone(git_repository* repository) {
  return says(repository, "remote.", ".promisor", "true") || says(repository, "extensions.", "partialclone", "");
}

}  // namespace git

History RecipeRepository::history_of(const std::string& commit) const {
  const git::Repository repository = git::open_repository(path());
  std::unordered_set<std::string> seen;
  std::vector<std::string> left = {commit};
  bool is_whole = true;
  while (!left.empty()) {
    const std::string next = std::move(left.back());
    left.pop_back();
    if (!seen.insert(next).second) continue;
    git_oid id;
    git_commit* found = nullptr;
    if (next.size() != GIT_OID_HEXSZ || git_oid_fromstr(&id, next.c_str()) != 0 || git_commit_lookup(&found, repository.get(), &id) != 0) {
      if (next != commit) seen.erase(next);
      is_whole = false;
      continue;
    }
    const git::Commit owned(found);
    for (unsigned int i = 0; i < git_commit_parentcount(found); ++i) left.push_back(git::to_hex(*git_commit_parent_id(found, i)));
  }
  return {std::move(seen), is_whole};
}

Ancestry RecipeRepository::ancestry(const std::string& ancestor, const std::string& descendant) const {
  return ancestor == descendant ? Ancestry::yes : history_of(descendant).holds(ancestor);
}

std::string RecipeRepository::what_may_be_missing() const {
  const git::Repository repository = git::open_repository(path());
  std::error_code failed;
  const auto size = fs::file_size(fs::path(git_repository_commondir(repository.get())) / "shallow", failed);
  if (!failed && size > 0) return path().string() + " is a shallow clone (git fetch --unshallow --tags gets the rest)";
  if (says(repository.get(), "remote.", ".tagopt", "--no-tags")) return path().string() + " is a clone without tags (git fetch --tags gets them)";
  return "";
}

bool RecipeRepository::is_whole(const std::string& commit) const {
  const git::Repository repository = git::open_repository(path());
  git_oid id;
  git_commit* found = nullptr;
  if (commit.size() != GIT_OID_HEXSZ || git_oid_fromstr(&id, commit.c_str()) != 0 || git_commit_lookup(&found, repository.get(), &id) != 0) return false;
  const git::Commit owned(found);
  git_tree* tree = nullptr;
  if (git_commit_tree(&tree, found) != 0) return false;
  const git::Tree owned_tree(tree);
  return has_objects_of(repository.get(), tree, 0);
}

}  // namespace simmer
