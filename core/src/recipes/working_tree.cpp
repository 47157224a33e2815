// A working tree as it is, copied for a run: what the maintainer has in front of them, committed or not.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>

#include <base/files.hpp>
#include <recipes/git_handles.hpp>
#include <recipes/recipe_repository.hpp>
#include <recipes/yaml_value.hpp>

namespace simmer {
namespace {

class TreeCopy {
 public:
  // `repository`: null when the tree has none.
  TreeCopy(fs::path from, fs::path to, git_repository* repository)
      : from_(std::move(from)), to_(std::move(to)), repository_(repository) {
    if (repository_ == nullptr) return;
    git_index* index = nullptr;
    if (git_repository_index(&index, repository_) != 0)
      throw Error(ErrorKind::usage, "the index of " + from_.string() + " cannot be read: " + git::last_error() +
                                        " (a sparse or a split index: git sparse-checkout reapply --no-sparse-index, git update-index --no-split-index)");
    index_.reset(index);
    refuse_sparse();
  }

  void copy(const fs::path& below = {}, int depth = 0) {
    if (depth > 100) refuse_recipe("folders nested more than 100 deep in " + below.string());
    std::vector<fs::path> names;
    for (const auto& entry : fs::directory_iterator(from_ / below)) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    for (const auto& name : names) {
      if (name == ".git") {
        if (!below.empty())
          refuse_recipe(below.string() + " is a git repository of its own; a recipe must hold its files itself");
        continue;
      }
      copy_entry(below / name, depth);
    }
  }

  // Of everything copied: names, kinds, modes and content, in an order of its own.
  std::string digest() const { return digest_of_bytes(account_); }

 private:
  // Half a recipe would be tested, and called by the name of the whole.
  void refuse_sparse() const {
    std::size_t left_out = 0;
    std::string first;
    for (std::size_t i = 0; i < git_index_entrycount(index_.get()); ++i) {
      const git_index_entry* entry = git_index_get_byindex(index_.get(), i);
      std::error_code failed;
      if ((entry->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE) == 0 || fs::symlink_status(from_ / entry->path, failed).type() != fs::file_type::not_found)
        continue;
      if (left_out++ == 0) first = entry->path;
    }
    if (left_out > 0)
      throw Error(ErrorKind::usage, one_line("a sparse checkout leaves " + std::to_string(left_out) + " file" + (left_out == 1 ? "" : "s") + " out of " + from_.string() + ", the first is " + first +
                                             ": bring them back with git sparse-checkout disable, or name a ref"));
  }

  void copy_entry(const fs::path& path, int depth) {
    struct stat info {};
    if (::lstat((from_ / path).c_str(), &info) != 0) throw_errno("reading " + (from_ / path).string(), errno);
    if (is_left_out(path, S_ISDIR(info.st_mode))) return;
    if (S_ISDIR(info.st_mode)) {
      if (::mkdir((to_ / path).c_str(), 0755) != 0) throw_errno("making folder " + (to_ / path).string(), errno);
      copy(path, depth + 1);
    } else if (S_ISLNK(info.st_mode)) {
      const fs::path target = fs::read_symlink(from_ / path);
      git::check_link(path, target);
      fs::create_symlink(target, to_ / path);
      count("link", path, target.string());
    } else if (S_ISREG(info.st_mode)) {
      copy_file(path, info.st_mode);
    } else {
      refuse_recipe(path.string() + " is neither file, folder nor link");
    }
  }

  void copy_file(const fs::path& path, mode_t mode) {
    const bool executable = (mode & S_IXUSR) != 0;
    const fs::path to = to_ / path;
    std::error_code failed;
    if (!fs::copy_file(from_ / path, to, failed)) throw_errno("copying " + (from_ / path).string(), failed.value());
    if (::chmod(to.c_str(), executable ? 0755 : 0644) != 0) throw_errno("setting the mode of " + to.string(), errno);
    count(executable ? "program" : "file", path, digest_of_file(to));
  }

  // A NUL ends each part: no two trees give one account.
  void count(const char* kind, const fs::path& path, const std::string& content) {
    account_ += std::string(kind) + '\0' + path.string() + '\0' + content + '\0';
  }

  // Ignored by git, and nothing in it is tracked all the same.
  bool is_left_out(const fs::path& path, bool folder) const {
    if (repository_ == nullptr) return false;
    const std::string name = path.string() + (folder ? "/" : "");
    int ignored = 0;
    if (git_ignore_path_is_ignored(&ignored, repository_, name.c_str()) != 0 || ignored == 0) return false;
    return folder ? git_index_find_prefix(nullptr, index_.get(), name.c_str()) != 0
                  : git_index_find(nullptr, index_.get(), name.c_str()) != 0;
  }

  const fs::path from_, to_;
  git_repository* repository_;
  git::Index index_;
  std::string account_;
};

bool is_dirty(git_repository* repository, const fs::path& path) {
  git_status_options options = GIT_STATUS_OPTIONS_INIT;
  options.show = GIT_STATUS_SHOW_INDEX_AND_WORKDIR;
  options.flags = GIT_STATUS_OPT_INCLUDE_UNTRACKED;
  git_status_list* list = nullptr;
  if (git_status_list_new(&list, repository, &options) != 0)
    throw Error(ErrorKind::usage, "cannot tell what is changed in " + path.string() + ": " + git::last_error());
  const git::StatusList owned(list);
  return git_status_list_entrycount(list) > 0;
}

}  // namespace

ResolvedRef take_working_tree(const std::filesystem::path& path, const std::filesystem::path& to) {
  return while_doing("copying the working tree " + path.string(), [&] {
    std::error_code failed;
    const fs::path from = fs::canonical(path, failed);
    if (failed || !fs::is_directory(from)) throw Error(ErrorKind::usage, path.string() + " is no folder");
    ResolvedRef taken;
    taken.asked = path.string();
    taken.is_working_tree = true;

    const git::Repository repository = git::open_repository(from);
    if (repository && git_repository_is_bare(repository.get()) == 1)
      throw Error(ErrorKind::usage, path.string() + " is a bare repository, with no working tree; name a ref instead");
    make_folders(to.parent_path());
    const fs::path real_to = fs::weakly_canonical(to);
    if (std::mismatch(from.begin(), from.end(), real_to.begin(), real_to.end()).first == from.end())
      throw Error(ErrorKind::usage, "the copy would lie inside of " + path.string() + " itself; choose another state folder");
    if (::mkdir(to.c_str(), 0755) != 0) throw_errno("making folder " + to.string(), errno);
    try {
      TreeCopy tree(from, real_to, repository.get());
      tree.copy();
      git::check_links_on_disk(real_to);
      git_oid head;
      if (!repository || git_reference_name_to_id(&head, repository.get(), "HEAD") != 0) {
        taken.commit = "tree-" + tree.digest();
        return taken;
      }
      // Looked at after the copy: what was changed meanwhile makes it dirty too.
      const bool dirty = is_dirty(repository.get(), from);
      taken.commit = git::to_hex(head) + (dirty ? "+U" : "");
      if (!dirty)
        if (const auto release = RecipeRepository(from).release_of_commit(taken.commit)) {
          taken.version = release->version.text();
          taken.is_release = true;
        }
    } catch (...) {
      remove_tree(to);
      throw;
    }
    return taken;
  });
}

}  // namespace simmer
