// A recipe's git repository: its releases, what a reference means, and checkouts of it.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <base/limit.hpp>
#include <recipes/history.hpp>
#include <simmer/version.hpp>

namespace simmer {

struct Release {
  Version version;
  std::string tag;     // as in the repository
  std::string commit;  // 40 hex; annotated tags are peeled

  // 2.0.0-rc.1+3: listed, and tested when it is asked for by name; never the newest, never a base.
  bool is_pre_release() const { return version.recipe_part().find('-') != std::string::npos; }
};

// What the caller asked for, resolved to exactly one state of the recipe.
struct ResolvedRef {
  std::string asked;        // "1.2.0+3.4", "main", "abc123", a path; empty: the newest release
  std::string commit;       // 40 hex; a working tree: "<head>+U" when dirty, "tree-<digest>" without git
  std::string version;      // the release's label if the commit is a release, else empty
  bool is_release = false;  // the commit carries a version tag
  bool is_newest_release = false;
  bool is_working_tree = false;
};

// Opens per call what it needs; one thread. Everything unreadable is an Error: kind usage for what
// the caller named (no such ref: lists what there is), config for the repository itself.
class RecipeRepository {
 public:
  // `path`: bare or not. A folder that is no repository, or one without commits: Error(config).
  explicit RecipeRepository(std::filesystem::path path);
  ~RecipeRepository();
  RecipeRepository(RecipeRepository&&) noexcept;

  const std::filesystem::path& path() const;

  // All version tags, oldest first, pre-releases included. Tags that are no versions are left out.
  std::vector<Release> releases() const;
  // The last of them that is no pre-release.
  std::optional<Release> newest_release() const;
  // Tags that look like versions but cannot be read, for `recipe show` ("v1", "1.2").
  std::vector<std::string> odd_tags() const;

  // `ref` empty: the newest release (none: Error(usage) naming what to do). A tag, a branch (also
  // origin/<branch>) or a commit (abbreviated too).
  ResolvedRef resolve(const std::string& ref) const;

  // What leads to `commit`, as far as it is here; and whether one commit leads to another. Both 40 hex; a commit that is
  // not here has an unknown history.
  History history_of(const std::string& commit) const;
  Ancestry ancestry(const std::string& ancestor, const std::string& descendant) const;
  // Why releases or commits may not have been fetched into this repository, and what gets them; empty: nothing says so.
  std::string what_may_be_missing() const;
  // Are the commit and all its files here? (A partial clone has them only once they were looked at.)
  bool is_whole(const std::string& commit) const;

  std::optional<Release> release_of_commit(const std::string& commit) const;

  // Writes the tree of `commit` into the new folder `to` (no .git in it). Symlinks that leave the
  // tree and submodules are refused by name (Error(recipe)).
  void check_out(const std::string& commit, const std::filesystem::path& to) const;

  // Keeps a commit reachable for `app` whatever happens to tags and branches, durably: refs/simmer/known-good/<app>/<commit>. Others of
  // that app stay.
  void keep(const std::string& app, const std::string& commit) const;
  // The same, and then the others go, as does what an older Simmer wrote (refs/simmer/keep/<app>). `commit` empty: all go.
  void keep_only(const std::string& app, const std::string& commit) const;

  // Release notes of `version` at `commit`: release/<version> or releaseNotes/<version>.md; may be empty.
  std::string release_notes(const std::string& commit, const std::string& version) const;

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

// Copies a plain working tree (with or without .git) as it is, uncommitted changes included, into the new folder `to`, without .git,
// what .gitignore names and folders with nothing in them; and says what the copy is: the commit's name only if it is that
// commit to the byte. It may change meanwhile: nothing from outside of it is copied. Bounded as check_out() is. Stopped or at the
// limit, or for whatever is refused: an Error, and no `to`.
ResolvedRef take_working_tree(const std::filesystem::path& path, const std::filesystem::path& to, const Limit& limit = Limit::in(std::chrono::minutes(5)));

}  // namespace simmer
