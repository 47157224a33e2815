#include <runs/upgrade_base.hpp>

#include <algorithm>

#include <base/files.hpp>
#include <recipes/older_release.hpp>
#include <recipes/recipe_tree.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {

namespace fs = std::filesystem;

class Choice {
 public:
  explicit Choice(const BaseQuestion& question) : question_(question), head_(question.head.commit.substr(0, 40)) {
    for (const auto& path : question.repositories) repositories_.emplace_back(path);
  }

  UpgradeBase cold() {
    const auto& known_good = question_.known_good;
    UpgradeBase none;
    if (known_good && is_older(*known_good)) {
      const auto place = place_of(known_good->commit);
      if (place || known_good->has_recipe) return {place.value_or(fs::path()), known_good->commit, known_good->version, true, "", true};
      none = {{}, "", "", false, "the known-good, " + known_good->version + ", is older, and " + not_here(known_good->commit), false};
    }
    if (repositories_.empty()) return none.why.empty() ? nothing("no repository of this recipe is known here: there is no older release", true) : none;
    for (const auto& repository : repositories_) {
      const auto older = older_release(repository, question_.head, question_.label);
      if (older.release) {
        // Where its tag is, if it can be.
        const auto& commit = older.release->commit;
        if (const auto place = repository.is_whole(commit) ? std::optional<fs::path>(repository.path()) : place_of(commit)) return {*place, commit, older.release->version.text(), false, "", true};
        note(none, nothing(older.release->version.text() + " is the older release, and " + not_here(commit), false));
        continue;
      }
      note(none, nothing(older.why, older.is_known));
      if (older.is_known && repository.newest_release()) break;
    }
    return none;
  }

  UpgradeBase quick() const {
    const auto& [commit, version, has_recipe] = *question_.known_good;
    const std::string canonical = "the canonical's commit " + commit.substr(0, 12) + " (" + version + ")";
    const auto place = place_of(commit);
    if (!place && !has_recipe) return nothing(canonical + " cannot be had: " + not_here(commit), false);
    const bool has_history = !question_.head.commit.starts_with("tree-");
    if (commit != question_.head.commit && has_history) {
      const auto answer = leads_to_head(commit);
      if (answer == Ancestry::no) return nothing(canonical + " is not reachable from " + head_.substr(0, 12), true);
      if (answer == Ancestry::unknown) return nothing("it cannot be told whether " + canonical + " leads to " + head_.substr(0, 12) + ": " + what_is_missing(), false);
    }
    return {place.value_or(fs::path()), commit, version, true, "", true};
  }

 private:
  static UpgradeBase nothing(const std::string& why, bool is_known) { return {{}, "", "", false, why, is_known}; }

  // What is not certain outweighs what is; among equals the first counts.
  static void note(UpgradeBase& so_far, const UpgradeBase& more) {
    if (so_far.why.empty() || (so_far.is_known && !more.is_known)) so_far = more;
  }

  std::optional<fs::path> place_of(const std::string& commit) const {
    const auto found = std::find_if(repositories_.begin(), repositories_.end(), [&](const RecipeRepository& repository) { return repository.is_whole(commit); });
    return found == repositories_.end() ? std::nullopt : std::optional<fs::path>(found->path());
  }

  std::string not_here(const std::string& commit) const {
    std::string places;
    for (const auto& repository : repositories_) places += (places.empty() ? "" : " or ") + repository.path().string();
    return "its commit " + commit.substr(0, 12) + " is not, or not with all its files, in " + (places.empty() ? "any repository here" : places);
  }

  std::string what_is_missing() const {
    for (const auto& repository : repositories_)
      if (const auto missing = repository.what_may_be_missing(); !missing.empty()) return missing;
    return "its history is not all here";
  }

  // Where one repository knows, the others' not knowing is nothing.
  Ancestry leads_to_head(const std::string& commit) const {
    auto answer = Ancestry::unknown;
    for (const auto& repository : repositories_) {
      const auto here = repository.ancestry(commit, head_);
      if (here == Ancestry::yes) return here;
      if (here == Ancestry::no) answer = here;
    }
    return answer;
  }

  // Does history say of itself what came before head, though not this commit?
  bool history_speaks(const std::string& commit) const {
    return std::any_of(repositories_.begin(), repositories_.end(), [&](const RecipeRepository& repository) {
      const auto history = repository.history_of(head_);
      if (!history.is_whole()) return false;
      const auto releases = repository.releases();
      return repository.ancestry(head_, commit) == Ancestry::yes ||
             std::any_of(releases.begin(), releases.end(), [&](const Release& release) { return !release.is_pre_release() && history.holds(release.commit) == Ancestry::yes; });
    });
  }

  bool is_older(const BaseQuestion::KnownGoodIs& known_good) const {
    const auto& head = question_.head;
    if (head.commit == known_good.commit) return false;
    const auto old_version = Version::parse(known_good.version);
    if (head.is_release) {
      const auto new_version = Version::parse(head.version);
      return old_version && new_version && *old_version < *new_version;
    }
    if (leads_to_head(known_good.commit) == Ancestry::yes) return true;
    if (history_speaks(known_good.commit)) return false;
    const auto label = Version::parse(question_.label());
    if (label) return old_version && *old_version <= *label;
    return head.is_working_tree;
  }

  const BaseQuestion& question_;
  const std::string head_;
  std::vector<RecipeRepository> repositories_;
};

}  // namespace

UpgradeBase choose_upgrade_base(const BaseQuestion& question) { return Choice(question).cold(); }
UpgradeBase base_of_quick_run(const BaseQuestion& question) { return Choice(question).quick(); }

std::string version_label_in(const fs::path& dir, const std::string& recipe) {
  try {
    return read_recipe_tree(dir, recipe, {{"STACK_NAME", "stack"}, {"DOMAIN", "app.example.org"}}).version_label;
  } catch (const Error&) {
    return "";
  }
}

std::string version_label_at(const RecipeRepository& repository, const std::string& commit, const std::string& recipe, const fs::path& scratch) {
  try {
    repository.check_out(commit, scratch);
  } catch (const Error&) {
    return "";
  }
  const auto label = version_label_in(scratch, recipe);
  remove_tree(scratch);
  return label;
}

}  // namespace simmer
