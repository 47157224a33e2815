#include <recipes/recipe_diff.hpp>

#include <recipes/git_handles.hpp>

namespace simmer {

namespace {

using Diff = std::unique_ptr<git_diff, git::Release<git_diff, git_diff_free>>;

git::Tree tree_of(git_repository* repository, const std::string& commit, const std::filesystem::path& path) {
  const git::Commit found = git::find_commit(repository, commit, path);
  git_tree* tree = nullptr;
  if (git_commit_tree(&tree, found.get()) != 0) throw Error(ErrorKind::config, path.string() + " is damaged: " + git::last_error());
  return git::Tree(tree);
}

}  // namespace

RecipeDiff diff_recipe(const std::filesystem::path& path, const std::string& from, const std::string& to, std::size_t max_patch) {
  const git::Repository repository = git::open_repository(path);
  if (!repository) throw Error(ErrorKind::config, path.string() + " is no git repository");
  const git::Tree older = tree_of(repository.get(), from, path), newer = tree_of(repository.get(), to, path);
  git_diff* raw = nullptr;
  if (git_diff_tree_to_tree(&raw, repository.get(), older.get(), newer.get(), nullptr) != 0)
    throw Error(ErrorKind::config, "the commits " + from + " and " + to + " of " + path.string() + " cannot be compared: " + git::last_error());
  const Diff diff(raw);
  RecipeDiff result;
  for (std::size_t i = 0; i < git_diff_num_deltas(diff.get()); ++i) {
    const git_diff_delta* delta = git_diff_get_delta(diff.get(), i);
    const char* name = delta->new_file.path != nullptr ? delta->new_file.path : delta->old_file.path;
    result.files.push_back(std::string(1, git_diff_status_char(delta->status)) + " " + name);
  }
  git_buf text = GIT_BUF_INIT;
  if (git_diff_to_buf(&text, diff.get(), GIT_DIFF_FORMAT_PATCH) == 0) result.patch.assign(text.ptr, text.size);
  git_buf_dispose(&text);
  if (result.patch.size() > max_patch) {
    result.patch.resize(max_patch);
    result.patch += "\n[cut here: git diff " + from.substr(0, 12) + " " + to.substr(0, 12) + " shows the rest]\n";
  }
  return result;
}

}  // namespace simmer
