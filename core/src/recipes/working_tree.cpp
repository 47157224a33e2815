// A working tree as it is, copied for a run: what the maintainer has in front of them, committed or not.
//
// Whoever may write to it may change it while it is copied. So each thing is opened once, by its name in a folder that is open
// already, following no link, and what was opened is what is looked at and copied. What the copy is called is told from the copy
// alone: git's index believes what it was told, and a tree that is called by a commit's name must be what that commit holds.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <set>

#include <base/files.hpp>
#include <recipes/git_handles.hpp>
#include <recipes/git_kinds.hpp>
#include <recipes/recipe_repository.hpp>
#include <recipes/yaml_value.hpp>

namespace simmer {
namespace {

// As of a commit that is checked out.
constexpr std::size_t max_entries = 20000, max_depth = 100;
constexpr std::uint64_t max_bytes = std::uint64_t{512} << 20U;

// Of a tree that anybody may have made: a name can hold anything.
std::string shown(const fs::path& path) { return one_line(path.string()); }

std::vector<std::string> names_in(const Fd& folder, const fs::path& path) {
  const int own = ::openat(folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* stream = own < 0 ? nullptr : ::fdopendir(own);
  if (stream == nullptr) {
    const int failed = errno;
    if (own >= 0) ::close(own);
    throw_errno("listing " + shown(path), failed);
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> closer(stream, &::closedir);
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream))
    if (const std::string name = entry->d_name; name != "." && name != "..") names.push_back(name);
  // What is ignored is known before the first one is asked about.
  std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) { return std::pair(a != ".gitignore", a) < std::pair(b != ".gitignore", b); });
  return names;
}

class TreeCopy {
 public:
  // `repository`: null when the tree has none. Its working tree becomes the copy: rules of what is ignored are read there.
  TreeCopy(fs::path from, fs::path to, git_repository* repository, const Limit& limit)
      : from_(std::move(from)), to_(std::move(to)), repository_(repository), limit_(limit) {
    if (repository_ == nullptr) return;
    if (git_repository_set_workdir(repository_, to_.c_str(), 0) != 0) throw Error(ErrorKind::usage, "the repository of " + from_.string() + " cannot be read: " + git::last_error());
    git_index* index = nullptr;
    if (git_repository_index(&index, repository_) != 0)
      throw Error(ErrorKind::usage, "the index of " + from_.string() + " cannot be read: " + git::last_error() +
                                        " (a sparse or a split index: git sparse-checkout reapply --no-sparse-index, git update-index --no-split-index)");
    index_.reset(index);
    refuse_sparse();
  }

  void copy() {
    const Fd top = open_file(from_, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    copy_folder(top, {}, 0);
  }

  // Of everything copied: names, kinds, modes and content, in an order of its own.
  std::string digest() const {
    std::string account;  // a NUL ends each part: no two trees give one account
    for (const auto& [path, each] : copied_) {
      const char* kind = each.mode == GIT_FILEMODE_LINK ? "link" : each.mode == GIT_FILEMODE_BLOB_EXECUTABLE ? "program" : "file";
      account += std::string(kind) + '\0' + path + '\0' + (each.mode == GIT_FILEMODE_LINK ? each.target : digest_of_file(to_ / path)) + '\0';
    }
    return digest_of_bytes(account);
  }

  // Is the copy what `commit` holds, byte by byte, not more and not less? No filter is asked (line endings, large files): a checkout of
  // the commit would not do so either.
  bool is_all_of(const git_oid& commit) const {
    git_commit* found = nullptr;
    git_tree* tree = nullptr;
    const bool readable = git_commit_lookup(&found, repository_, &commit) == 0 && git_commit_tree(&tree, found) == 0;
    const git::Commit owned(found);
    const git::Tree owned_tree(tree);
    if (!readable) throw Error(ErrorKind::usage, "cannot tell what is changed in " + from_.string() + ": " + git::last_error());
    std::set<std::string> met;
    return holds(tree, {}, met) && met.size() == copied_.size();
  }

 private:
  struct Copied {
    git_filemode_t mode;
    std::string target;  // of a link
  };

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

  // Is anything of it in the copy now?
  bool copy_folder(const Fd& folder, const fs::path& below, std::size_t depth) {
    if (depth > max_depth) refuse_recipe("folders nested more than 100 deep in " + below.string() + ": lay them less deep");
    bool any = false;
    for (const auto& name : names_in(folder, from_ / below)) {
      check_limit();
      if (name == ".git") {
        if (!below.empty())
          refuse_recipe(below.string() + " is a git repository of its own; a recipe must hold its files itself");
        continue;
      }
      any = copy_entry(folder, below / name, depth) || any;
    }
    if (const fs::path rules = below / ".gitignore"; copied_.contains(rules.string()) && is_left_out(rules, false)) {
      copied_.erase(rules.string());
      fs::remove(to_ / rules);
      any = fs::directory_iterator(to_ / below) != fs::directory_iterator();
    }
    return any;
  }

  bool copy_entry(const Fd& folder, const fs::path& path, std::size_t depth) {
    const std::string name = path.filename();
    // Not opened to be read before it is known what it is: a pipe or a device is not touched.
    const Fd inode(::openat(folder.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat info {};
    if (!inode || ::fstat(inode.get(), &info) != 0) throw_errno("reading " + shown(from_ / path), errno);
    if (name != ".gitignore" && is_left_out(path, S_ISDIR(info.st_mode))) return false;
    if (++entries_ > max_entries) refuse_recipe("the tree holds more than 20000 files and folders, with " + path.string() + ": leave out what no app needs, or have git ignore it");
    if (S_ISDIR(info.st_mode)) return copy_below(inode, path, depth);
    if (S_ISLNK(info.st_mode)) copy_link(inode, path);
    else if (S_ISREG(info.st_mode)) copy_file(inode, path, info);
    else refuse_recipe(path.string() + " is neither file, folder nor link: remove it, or have git ignore it");
    return true;
  }

  // Git knows no folder without files, so no commit could be told from one with more of them.
  bool copy_below(const Fd& inode, const fs::path& path, std::size_t depth) {
    if (::mkdir((to_ / path).c_str(), 0755) != 0) throw_errno("making folder " + shown(to_ / path), errno);
    const Fd folder(::openat(inode.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) throw_errno("reading " + shown(from_ / path), errno);
    folders_.insert(path.string());
    if (copy_folder(folder, path, depth + 1)) return true;
    folders_.erase(path.string());
    if (::rmdir((to_ / path).c_str()) != 0) throw_errno("removing the empty folder " + shown(to_ / path), errno);
    return false;
  }

  void copy_link(const Fd& inode, const fs::path& path) {
    std::string target(PATH_MAX, '\0');
    const ssize_t size = ::readlinkat(inode.get(), "", target.data(), target.size());
    if (size < 0) throw_errno("reading the link " + shown(from_ / path), errno);
    target.resize(static_cast<std::size_t>(size));
    git::check_link(path, target);
    fs::create_symlink(target, to_ / path);
    copied_[path.string()] = {GIT_FILEMODE_LINK, target};
  }

  void copy_file(const Fd& inode, const fs::path& path, const struct stat& info) {
    if (path.filename() == ".gitignore" && static_cast<std::size_t>(info.st_size) > yaml_max_bytes) refuse_recipe(path.string() + " is larger than 1 MiB: shorten it");
    refuse_too_large(static_cast<std::uint64_t>(info.st_size), path);
    const Fd from(::open(("/proc/self/fd/" + std::to_string(inode.get())).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!from) throw_errno("reading " + shown(from_ / path), errno);
    const Fd to = open_file(to_ / path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
    std::array<char, 65536> buffer;
    while (true) {
      check_limit();
      const ssize_t got = ::read(from.get(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw_errno("reading " + shown(from_ / path), errno);
      if (got == 0) break;
      // It may grow meanwhile: what was read counts, not what it was said to be.
      refuse_too_large(static_cast<std::uint64_t>(got), path);
      bytes_ += static_cast<std::uint64_t>(got);
      for (ssize_t at = 0; at < got;) {
        const ssize_t put = ::write(to.get(), buffer.data() + at, static_cast<std::size_t>(got - at));
        if (put < 0 && errno != EINTR) throw_errno("writing " + shown(to_ / path), errno);
        at += std::max<ssize_t>(put, 0);
      }
    }
    const bool executable = (info.st_mode & S_IXUSR) != 0;
    if (::fchmod(to.get(), executable ? 0755 : 0644) != 0) throw_errno("setting the mode of " + shown(to_ / path), errno);
    copied_[path.string()] = {executable ? GIT_FILEMODE_BLOB_EXECUTABLE : GIT_FILEMODE_BLOB, ""};
  }

  void refuse_too_large(std::uint64_t more, const fs::path& path) const {
    if (more > max_bytes - bytes_) refuse_recipe("the tree is larger than 512 MiB, with " + path.string() + ": leave out what no app needs, or have git ignore it");
  }

  void check_limit() const {
    limit_.check_stop("copying " + from_.string());
    if (limit_.passed()) throw Error(ErrorKind::unavailable, "timed out while copying " + from_.string());
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

  // Every step down or on is one that the copy made, too: a tree made by hand, with more folders than can be counted, ends it.
  bool holds(const git_tree* tree, const fs::path& below, std::set<std::string>& met) const {
    for (std::size_t i = 0; i < git_tree_entrycount(tree); ++i) {
      const git_tree_entry* entry = git_tree_entry_byindex(tree, i);
      const fs::path path = below / git_tree_entry_name(entry);
      if (git_tree_entry_filemode(entry) == GIT_FILEMODE_COMMIT) refuse_recipe(path.string() + " is a git submodule; a recipe must hold its files itself");
      if (git_tree_entry_filemode(entry) != GIT_FILEMODE_TREE) {
        if (!is_same(entry, path) || !met.insert(path.string()).second) return false;
        continue;
      }
      git_tree* inner = nullptr;
      if (!folders_.contains(path.string())) return false;
      if (git_tree_lookup(&inner, repository_, git_tree_entry_id(entry)) != 0) throw Error(ErrorKind::usage, "cannot tell what is changed in " + from_.string() + ": " + git::last_error());
      const git::Tree owned(inner);
      if (!holds(inner, path, met)) return false;
    }
    return true;
  }

  bool is_same(const git_tree_entry* entry, const fs::path& path) const {
    const auto found = copied_.find(path.string());
    if (found == copied_.end() || found->second.mode != git_tree_entry_filemode(entry)) return false;
    const std::string& target = found->second.target;
    git_oid id;
    const int failed = found->second.mode == GIT_FILEMODE_LINK ? git_odb_hash(&id, target.data(), target.size(), GIT_OBJECT_BLOB) : git_odb_hashfile(&id, (to_ / path).c_str(), GIT_OBJECT_BLOB);
    if (failed != 0) throw Error(ErrorKind::unavailable, "reading " + shown(to_ / path) + ": " + git::last_error());
    return git_oid_equal(&id, git_tree_entry_id(entry)) == 1;
  }

  const fs::path from_, to_;
  git_repository* repository_;
  const Limit& limit_;
  git::Index index_;
  std::map<std::string, Copied> copied_;
  std::set<std::string> folders_;
  std::size_t entries_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace

ResolvedRef take_working_tree(const std::filesystem::path& path, const std::filesystem::path& to, const Limit& limit) {
  return while_doing("copying the working tree " + path.string(), [&] {
    std::error_code failed;
    const fs::path from = fs::canonical(path, failed);
    if (failed || !fs::is_directory(from)) throw Error(ErrorKind::usage, path.string() + " is no folder");
    ResolvedRef taken;
    taken.asked = path.string();
    taken.is_working_tree = true;

    git::refuse_special_files(from);
    const git::Repository repository = git::open_repository(from);
    if (repository && git_repository_is_bare(repository.get()) == 1)
      throw Error(ErrorKind::usage, path.string() + " is a bare repository, with no working tree; name a ref instead");
    make_folders(to.parent_path());
    const fs::path real_to = fs::weakly_canonical(to);
    if (std::mismatch(from.begin(), from.end(), real_to.begin(), real_to.end()).first == from.end())
      throw Error(ErrorKind::usage, "the copy would lie inside of " + path.string() + " itself; choose another state folder");
    if (::mkdir(to.c_str(), 0755) != 0) throw_errno("making folder " + to.string(), errno);
    try {
      TreeCopy tree(from, real_to, repository.get(), limit);
      tree.copy();
      git::check_links_on_disk(real_to);
      git_oid head;
      if (!repository || git_reference_name_to_id(&head, repository.get(), "HEAD") != 0) {
        taken.commit = "tree-" + tree.digest();
        return taken;
      }
      const bool dirty = !tree.is_all_of(head);
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
