// libgit2, read only but for refs/simmer/*. Objects are written out by a walk of our own: a checkout
// by git would run filters, follow what is there already and know about submodules.
#include <recipes/recipe_repository.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>

#include <base/crash_point.hpp>
#include <base/files.hpp>
#include <config/config.hpp>
#include <recipes/git_handles.hpp>
#include <recipes/git_kinds.hpp>
#include <recipes/inside.hpp>
#include <recipes/yaml_value.hpp>

namespace simmer {

namespace git {

std::string last_error() {
  const git_error* error = git_error_last();
  std::string text = error != nullptr && error->message != nullptr ? error->message : "unknown git error";
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

namespace {

// Words for what git's configuration calls by its own, where libgit2's refusal names nothing else.
std::string in_words(const std::string& refusal) {
  for (const auto& [key, words] : {std::pair("objectformat", "its object ids are not SHA-1 (extensions.objectFormat); make it anew with: git init --object-format=sha1"),
                                   std::pair("refstorage", "its references are not kept in files (extensions.refStorage); git refs migrate --ref-format=files changes it")})
    if (refusal.find(std::string("extensions.") + key) != std::string::npos) return words;
  return refusal;
}

}  // namespace

Repository open_repository(const std::filesystem::path& path) {
  static const bool ready = [] {
    git_libgit2_init();
    // Recipes are often fetched by another user than the one who runs them; libgit2 would refuse to read those. Nothing
    // of such a repository is executed here, so its owner does not matter.
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    // What libgit2 1.5 does not know and need not, to read: objects that are missing are missing (partialClone), a
    // configuration per worktree says nothing that is asked here, and nothing is ever pruned or moved.
    const char* harmless[] = {"partialclone", "worktreeconfig", "preciousobjects", "relativeworktrees"};
    git_libgit2_opts(GIT_OPT_SET_EXTENSIONS, harmless, std::size(harmless));
    // What is kept must be on the disk before anything builds on it.
    git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
    return true;
  }();
  (void)ready;
  git_repository* repository = nullptr;
  if (git_repository_open_ext(&repository, path.c_str(), GIT_REPOSITORY_OPEN_NO_SEARCH, nullptr) == 0) return Repository(repository);
  const bool is_bare = fs::exists(path / "HEAD") && fs::exists(path / "objects") && fs::exists(path / "refs");
  std::error_code gone;
  if (is_bare || fs::symlink_status(path / ".git", gone).type() != fs::file_type::not_found)
    throw Error(ErrorKind::config, path.string() + " is a git repository that cannot be read: " + in_words(last_error()));
  return nullptr;
}

std::string to_hex(const git_oid& id) {
  char text[GIT_OID_HEXSZ + 1];
  return git_oid_tostr(text, sizeof text, &id);
}

Commit find_commit(git_repository* repository, const std::string& commit, const std::filesystem::path& path) {
  git_oid id;
  git_commit* found = nullptr;
  if (commit.size() != GIT_OID_HEXSZ || git_oid_fromstr(&id, commit.c_str()) != 0 ||
      git_commit_lookup(&found, repository, &id) != 0)
    throw Error(ErrorKind::config,
                "there is no commit " + commit.substr(0, 50) + " in " + path.string() + "; was its history rewritten?");
  return Commit(found);
}

void check_link(const std::filesystem::path& link, const std::filesystem::path& target) {
  const auto end = (link.parent_path() / target).lexically_normal();
  if (target.is_absolute() || (!end.empty() && *end.begin() == ".."))
    refuse_recipe("the link " + link.string() + " leaves the recipe (it points to " + target.string() + "): put the file itself there, or link to one of the recipe's");
}

void check_links_on_disk(const std::filesystem::path& tree) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(tree)) {
    if (!entry.is_symlink()) continue;
    const std::string link = entry.path().lexically_relative(tree).string();
    if (!stays_inside(tree, link)) refuse_recipe("the link " + link + " leaves the recipe, or leads in circles: put the file itself there, or link to one of the recipe's");
  }
}

}  // namespace git

namespace {

const std::string kept_refs = "refs/simmer/known-good/";
const std::string old_kept_refs = "refs/simmer/keep/";  // one per app, followed by nothing

bool is_hex(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
}

bool looks_like_version(const std::string& tag) {
  const std::size_t digit = !tag.empty() && (tag[0] == 'v' || tag[0] == 'V') ? 1 : 0;
  return digit < tag.size() && std::isdigit(static_cast<unsigned char>(tag[digit])) != 0;
}

std::optional<Release> newest_of(const std::vector<Release>& oldest_first) {
  const auto newest = std::find_if(oldest_first.rbegin(), oldest_first.rend(), [](const Release& release) { return !release.is_pre_release(); });
  return newest == oldest_first.rend() ? std::nullopt : std::optional<Release>(*newest);
}

// One file of a commit's tree, in the order of the walk; folders before what is in them.
class TreeWriter {
 public:
  TreeWriter(git_repository* repository, fs::path to) : repository_(repository), to_(std::move(to)) {}

  void write(const git_tree* tree, const fs::path& below = {}, int depth = 0) {
    if (depth > 100) refuse_recipe("folders nested more than 100 deep in " + below.string() + ": lay them less deep");
    for (std::size_t i = 0; i < git_tree_entrycount(tree); ++i) {
      const git_tree_entry* entry = git_tree_entry_byindex(tree, i);
      const std::string name = git_tree_entry_name(entry);
      check_name(name, below);
      if (++files_ > 20000) refuse_recipe("the commit holds more than 20000 files and folders, with " + (below / name).string() + ": leave out what no app needs");
      write_entry(entry, below / name, depth);
    }
  }

 private:
  // A tree made by hand can hold names that no git would write.
  static void check_name(const std::string& name, const fs::path& below) {
    std::string lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos || lower == ".git")
      refuse_recipe("the commit holds a file named '" + (below / name).string() + "', which no recipe may: call it something else");
  }

  void write_entry(const git_tree_entry* entry, const fs::path& path, int depth) {
    switch (git_tree_entry_filemode(entry)) {
      case GIT_FILEMODE_TREE: {
        git_tree* tree = nullptr;
        if (git_tree_lookup(&tree, repository_, git_tree_entry_id(entry)) != 0) damaged(path);
        const git::Tree owned(tree);
        if (::mkdir((to_ / path).c_str(), 0755) != 0) throw_errno("making folder " + (to_ / path).string(), errno);
        write(tree, path, depth + 1);
        return;
      }
      case GIT_FILEMODE_BLOB:
      case GIT_FILEMODE_BLOB_EXECUTABLE:
        return write_file(entry, path, git_tree_entry_filemode(entry) == GIT_FILEMODE_BLOB ? 0644 : 0755);
      case GIT_FILEMODE_LINK:
        return write_link(entry, path);
      case GIT_FILEMODE_COMMIT:
        refuse_recipe(path.string() + " is a git submodule; a recipe must hold its files itself");
      default:
        refuse_recipe(path.string() + " has a file type that no recipe may hold: make it a file, a folder or a link");
    }
  }

  git::Blob read_blob(const git_tree_entry* entry, const fs::path& path) {
    // Asked before it is read: a file of zeros is small until then.
    git_odb* objects = nullptr;
    std::size_t size = 0;
    git_object_t type = GIT_OBJECT_ANY;
    if (git_repository_odb(&objects, repository_) == 0 && git_odb_read_header(&size, &type, objects, git_tree_entry_id(entry)) == 0) bytes_ += size;
    git_odb_free(objects);
    if (bytes_ > std::uint64_t{512} << 20U) refuse_recipe("the commit is larger than 512 MiB, with " + path.string() + ": leave out what no app needs");
    git_blob* blob = nullptr;
    if (git_blob_lookup(&blob, repository_, git_tree_entry_id(entry)) != 0) damaged(path);
    return git::Blob(blob);
  }

  void write_file(const git_tree_entry* entry, const fs::path& path, mode_t mode) {
    const git::Blob blob = read_blob(entry, path);
    // O_EXCL: a tree that names a file twice must not write through what the first one made.
    const Fd file = open_file(to_ / path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    const char* at = static_cast<const char*>(git_blob_rawcontent(blob.get()));
    for (auto left = static_cast<std::size_t>(git_blob_rawsize(blob.get())); left > 0;) {
      const ssize_t written = ::write(file.get(), at, left);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) throw_errno("writing " + (to_ / path).string(), errno);
      at += written;
      left -= static_cast<std::size_t>(written);
    }
    if (::fchmod(file.get(), mode) != 0)
      throw_errno("setting the mode of " + (to_ / path).string(), errno);  // whatever the umask
  }

  void write_link(const git_tree_entry* entry, const fs::path& path) {
    const git::Blob blob = read_blob(entry, path);
    const std::string target(static_cast<const char*>(git_blob_rawcontent(blob.get())),
                             static_cast<std::size_t>(git_blob_rawsize(blob.get())));
    if (target.empty() || target.find('\0') != std::string::npos) refuse_recipe("the link " + path.string() + " has no target: leave it out");
    git::check_link(path, target);
    if (::symlink(target.c_str(), (to_ / path).c_str()) != 0) throw_errno("making link " + (to_ / path).string(), errno);
  }

  [[noreturn]] void damaged(const fs::path& path) const {
    if (git::is_partial_clone(repository_))
      throw Error(ErrorKind::config, path.string() + " is not here: the repository is a partial clone, and nothing is fetched for it while it is read (git fetch --refetch --no-filter gets all)");
    throw Error(ErrorKind::config, "the repository is damaged: " + path.string() + " cannot be read (" + git::last_error() + ")");
  }

  git_repository* repository_;
  fs::path to_;
  std::size_t files_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace

struct RecipeRepository::Inner {
  fs::path path;
  git::Repository repository;

  // The commit that `name` (a full reference) leads to, annotated tags peeled; nothing when there is none.
  std::optional<std::string> peel(const std::string& name) const {
    int valid = 0;
    if (git_reference_name_is_valid(&valid, name.c_str()) != 0 || valid == 0) return std::nullopt;
    git_reference* reference = nullptr;
    if (git_reference_lookup(&reference, repository.get(), name.c_str()) != 0) return std::nullopt;
    const git::Reference owned(reference);
    git_object* commit = nullptr;
    if (git_reference_peel(&commit, reference, GIT_OBJECT_COMMIT) != 0) return std::nullopt;  // a tag of a file, or of nothing
    const git::Object owned_commit(commit);
    return git::to_hex(*git_object_id(commit));
  }

  std::optional<std::string> find_abbreviated(const std::string& ref) const {
    if (ref.size() < 4 || ref.size() > GIT_OID_HEXSZ || !is_hex(ref)) return std::nullopt;
    git_oid id;
    if (git_oid_fromstrn(&id, ref.c_str(), ref.size()) != 0) return std::nullopt;
    git_object* object = nullptr;
    const int found = git_object_lookup_prefix(&object, repository.get(), &id, ref.size(), GIT_OBJECT_ANY);
    if (found == GIT_EAMBIGUOUS)
      throw Error(ErrorKind::usage, "'" + ref + "' is the beginning of several commits in " + path.string());
    if (found != 0) return std::nullopt;
    const git::Object owned(object);
    git_object* commit = nullptr;
    if (git_object_peel(&commit, object, GIT_OBJECT_COMMIT) != 0) return std::nullopt;
    const git::Object owned_commit(commit);
    return git::to_hex(*git_object_id(commit));
  }

  std::vector<std::string> tags() const {
    git_strarray names = {};
    if (git_tag_list(&names, repository.get()) != 0)
      throw Error(ErrorKind::config, "cannot list the tags of " + path.string() + ": " + git::last_error());
    std::vector<std::string> tags(names.strings, names.strings + names.count);
    git_strarray_dispose(&names);
    return tags;
  }
};

RecipeRepository::RecipeRepository(std::filesystem::path path) : inner_(std::make_unique<Inner>()) {
  inner_->path = std::move(path);
  git::refuse_special_files(inner_->path);
  inner_->repository = git::open_repository(inner_->path);
  const std::string shown = inner_->path.string();
  if (!inner_->repository) {
    std::error_code failed;
    const bool there = std::filesystem::exists(inner_->path, failed);
    throw Error(ErrorKind::config,
                there ? shown + " is no git repository" : "there is no " + shown);
  }
  // Commits may be on tags or other branches alone: an unborn HEAD is no fault, no reference at all is.
  git_reference_iterator* references = nullptr;
  const char* name = nullptr;
  const bool any =
      git_reference_iterator_new(&references, inner_->repository.get()) == 0 && git_reference_next_name(&name, references) == 0;
  git_reference_iterator_free(references);
  const bool detached = git_repository_head_detached(inner_->repository.get()) == 1;
  if (!any && !detached) throw Error(ErrorKind::config, shown + " has no commits");
}

RecipeRepository::~RecipeRepository() = default;
RecipeRepository::RecipeRepository(RecipeRepository&&) noexcept = default;

const std::filesystem::path& RecipeRepository::path() const { return inner_->path; }

std::vector<Release> RecipeRepository::releases() const {
  std::vector<Release> releases;
  for (const auto& tag : inner_->tags()) {
    const auto version = Version::parse(tag);
    if (!version) continue;
    if (auto commit = inner_->peel("refs/tags/" + tag)) releases.push_back({*version, tag, std::move(*commit)});
  }
  // Equivalent versions written differently (v1.0 and 1.0) have an order too, so that it never varies.
  std::sort(releases.begin(), releases.end(), [](const Release& a, const Release& b) {
    const auto order = a.version <=> b.version;
    return order != 0 ? order < 0 : a.tag < b.tag;
  });
  return releases;
}

std::optional<Release> RecipeRepository::newest_release() const { return newest_of(releases()); }

std::vector<std::string> RecipeRepository::odd_tags() const {
  std::vector<std::string> odd;
  for (const auto& tag : inner_->tags()) {
    const bool readable = Version::parse(tag).has_value();
    if ((!readable && looks_like_version(tag)) || (readable && !inner_->peel("refs/tags/" + tag))) odd.push_back(tag);
  }
  return odd;
}

ResolvedRef RecipeRepository::resolve(const std::string& ref) const {
  const std::vector<Release> all = releases();
  const auto newest = newest_of(all);
  ResolvedRef resolved;
  resolved.asked = ref;
  if (ref.empty()) {
    if (!newest)
      throw Error(ErrorKind::usage, inner_->path.string() + (all.empty() ? " has no release yet (a tag like 1.0.0+2.3); name a branch or commit with --ref"
                                                                         : " has pre-releases only; name one with --ref (the last is " + all.back().tag + ")"));
    resolved.commit = newest->commit;
  }
  const auto tagged = std::find_if(all.begin(), all.end(), [&](const Release& release) { return release.tag == ref; });
  if (tagged != all.end()) resolved.commit = tagged->commit;
  for (const std::string prefix : {"refs/tags/", "refs/heads/", "refs/remotes/", "refs/remotes/origin/", ""}) {
    if (!resolved.commit.empty()) break;
    if (prefix.empty() && ref != "HEAD" && ref.rfind("refs/", 0) != 0) continue;
    if (const auto commit = inner_->peel(prefix + ref)) resolved.commit = *commit;
  }
  if (resolved.commit.empty())
    if (const auto commit = inner_->find_abbreviated(ref)) resolved.commit = *commit;
  if (resolved.commit.empty()) {
    std::vector<std::string> known = inner_->tags();
    git_branch_iterator* branches = nullptr;
    if (git_branch_iterator_new(&branches, inner_->repository.get(), GIT_BRANCH_ALL) == 0) {
      git_reference* branch = nullptr;
      for (git_branch_t type; git_branch_next(&branch, &type, branches) == 0; git_reference_free(branch))
        known.emplace_back(git_reference_shorthand(branch));
      git_branch_iterator_free(branches);
    }
    throw Error(ErrorKind::usage, "no tag, branch or commit '" + ref + "' in " + inner_->path.string() +
                                      did_you_mean(ref, known) +
                                      (newest ? " (the newest release is " + newest->tag + ")" : " (it has no release)"));
  }
  const auto release = tagged != all.end() ? std::optional<Release>(*tagged) : release_of_commit(resolved.commit);
  if (release) {
    resolved.version = release->version.text();
    resolved.is_release = true;
    resolved.is_newest_release = newest && release->version == newest->version && release->commit == newest->commit;
  }
  return resolved;
}

std::optional<Release> RecipeRepository::release_of_commit(const std::string& commit) const {
  const std::vector<Release> all = releases();
  const auto found = std::find_if(all.rbegin(), all.rend(), [&](const Release& release) { return release.commit == commit; });
  return found == all.rend() ? std::nullopt : std::optional<Release>(*found);
}

void RecipeRepository::check_out(const std::string& commit, const std::filesystem::path& to) const {
  while_doing("checking out " + commit.substr(0, 12) + " of " + inner_->path.filename().string(), [&] {
    const git::Commit found = git::find_commit(inner_->repository.get(), commit, inner_->path);
    git_tree* tree = nullptr;
    if (git_commit_tree(&tree, found.get()) != 0)
      throw Error(ErrorKind::config, inner_->path.string() + " is damaged: " + git::last_error());
    const git::Tree owned(tree);
    make_folders(to.parent_path());
    if (::mkdir(to.c_str(), 0755) != 0) throw_errno("making folder " + to.string(), errno);
    try {
      TreeWriter(inner_->repository.get(), to).write(tree);
      git::check_links_on_disk(to);
    } catch (...) {
      remove_tree(to);  // half a recipe is none
      throw;
    }
  });
}

void RecipeRepository::keep(const std::string& app, const std::string& commit) const {
  const git::Commit found = git::find_commit(inner_->repository.get(), commit, inner_->path);
  const std::string name = kept_refs + app + "/" + commit;
  if (inner_->peel(name) != commit) {
    crash_point("before a commit is kept");
    git_reference* reference = nullptr;
    if (git_reference_create(&reference, inner_->repository.get(), name.c_str(), git_commit_id(found.get()), 1, nullptr) != 0)
      throw Error(ErrorKind::unavailable, "cannot write " + name + " in " + inner_->path.string() + ": " + git::last_error());
    git_reference_free(reference);
    crash_point("after a commit is kept");
  }
  // Packed, it has no folders of its own.
  const fs::path common = git_repository_commondir(inner_->repository.get());
  for (fs::path folder = (common / name).parent_path(); folder != common.parent_path(); folder = folder.parent_path())
    if (fs::is_directory(folder)) flush_folder(folder);
}

void RecipeRepository::keep_only(const std::string& app, const std::string& commit) const {
  if (!commit.empty() && inner_->peel(kept_refs + app + "/" + commit) != commit) keep(app, commit);
  std::vector<std::string> others;
  git_reference_iterator* found = nullptr;
  if (git_reference_iterator_glob_new(&found, inner_->repository.get(), (kept_refs + app + "/*").c_str()) != 0)
    throw Error(ErrorKind::unavailable, "cannot list " + kept_refs + app + " in " + inner_->path.string() + ": " + git::last_error());
  const std::unique_ptr<git_reference_iterator, decltype(&git_reference_iterator_free)> each(found, &git_reference_iterator_free);
  const char* name = nullptr;
  while (git_reference_next_name(&name, each.get()) == 0)
    if (std::string_view(name).starts_with(kept_refs + app + "/") && name != kept_refs + app + "/" + commit) others.emplace_back(name);
  if (inner_->peel(old_kept_refs + app)) others.push_back(old_kept_refs + app);
  for (const auto& other : others) {
    crash_point("before a kept commit is let go");
    if (git_reference_remove(inner_->repository.get(), other.c_str()) != 0)
      throw Error(ErrorKind::unavailable, "cannot remove " + other + " in " + inner_->path.string() + ": " + git::last_error());
  }
}

std::string RecipeRepository::release_notes(const std::string& commit, const std::string& version) const {
  const git::Commit found = git::find_commit(inner_->repository.get(), commit, inner_->path);
  git_tree* tree = nullptr;
  if (git_commit_tree(&tree, found.get()) != 0)
    throw Error(ErrorKind::config, inner_->path.string() + " is damaged: " + git::last_error());
  const git::Tree owned(tree);
  for (const std::string& path :
       {"release/" + version, "release/" + version + ".md", "releaseNotes/" + version + ".md", "releaseNotes/" + version}) {
    git_tree_entry* entry = nullptr;
    if (git_tree_entry_bypath(&entry, tree, path.c_str()) != 0) continue;
    const git::TreeEntry owned_entry(entry);
    git_blob* blob = nullptr;
    if (git_tree_entry_type(entry) != GIT_OBJECT_BLOB || git_tree_entry_filemode(entry) == GIT_FILEMODE_LINK) continue;
    if (git_blob_lookup(&blob, inner_->repository.get(), git_tree_entry_id(entry)) != 0)
      throw Error(ErrorKind::config, inner_->path.string() + " is damaged: " + path + " cannot be read");
    const git::Blob owned_blob(blob);
    return {static_cast<const char*>(git_blob_rawcontent(blob)), static_cast<std::size_t>(git_blob_rawsize(blob))};
  }
  return "";
}

}  // namespace simmer
