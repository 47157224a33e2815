#include <recipes/older_release.hpp>

#include <algorithm>

#include <recipes/history.hpp>
#include <recipes/yaml_value.hpp>

namespace simmer {

namespace {

using Releases = std::vector<Release>;  // newest first, pre-releases aside

class Search {
 public:
  Search(const RecipeRepository& repository, const ResolvedRef& under_test, const std::function<std::string()>& label)
      : repository_(repository), under_test_(under_test), head_(under_test.commit.substr(0, 40)), label_(label) {
    const bool dirty = is_changed();
    const auto all = repository.releases();
    // A changed working tree is newer than its head: the head's own release is a base for it.
    for (auto release = all.rbegin(); release != all.rend(); ++release)
      if (!release->is_pre_release() && (dirty || release->commit != under_test.commit)) others_.push_back(*release);
  }

  OlderRelease go() {
    const auto own = under_test_.is_release ? Version::parse(under_test_.version) : std::nullopt;
    if (own) {
      if (auto release = newest([&](const Release& each) { return each.version < *own; })) return {std::move(release), "", true};
      return none("there is no release older than " + under_test_.version + " in " + place());
    }
    if (others_.empty()) return none("there is no older release in " + place());
    const History history = repository_.history_of(head_);
    bool unsure = false;
    for (const auto& release : others_) {
      const auto answer = history.holds(release.commit);
      if (answer == Ancestry::yes && !unsure) return {release, "", true};
      if (answer == Ancestry::yes) return by_version("a part of its history is missing", release);
      unsure = unsure || answer == Ancestry::unknown;
    }
    if (unsure) return by_version("its history is not all here", std::nullopt);
    if (comes_before_all()) return none("there is no older release: every release of " + place() + " came later");
    return by_version("no release is in its history (was it rewritten?)", std::nullopt);
  }

 private:
  bool is_changed() const { return under_test_.commit.ends_with("+U"); }
  bool has_no_commit() const { return under_test_.commit.starts_with("tree-"); }
  std::string place() const { return repository_.path().string(); }

  template <class Condition>
  std::optional<Release> newest(Condition&& condition) const {
    const auto found = std::find_if(others_.begin(), others_.end(), condition);
    return found == others_.end() ? std::nullopt : std::optional<Release>(*found);
  }

  // Nothing was found; if something may not have been fetched, that proves nothing.
  OlderRelease none(const std::string& why) const {
    const auto missing = repository_.what_may_be_missing();
    return missing.empty() ? OlderRelease{std::nullopt, why, true} : OlderRelease{std::nullopt, "it cannot be told whether there is an older release: " + missing, false};
  }

  bool comes_before_all() const {
    return std::all_of(others_.begin(), others_.end(), [&](const Release& release) { return repository_.ancestry(head_, release.commit) == Ancestry::yes; });
  }

  // `reachable`: a release that is older for sure, though perhaps not the newest of them.
  OlderRelease by_version(const std::string& because, const std::optional<Release>& reachable) const {
    const std::string text = one_line(label_());
    const auto version = Version::parse(text);
    // What is not released yet is newer than the release whose label it carries.
    if (version) {
      if (auto release = newest([&](const Release& each) { return each.version <= *version; })) return {std::move(release), "", true};
      if (!reachable) return none("there is no release older than its label, " + text + ", in " + place());
    }
    if (reachable) return {reachable, "", true};
    // A checkout of which all is committed is that commit, whoever names it by its path.
    if (is_changed() || has_no_commit()) return {others_.front(), "", true};
    const auto missing = repository_.what_may_be_missing();
    return {std::nullopt,
            "it cannot be told which release is older than " + head_.substr(0, 12) + ": " + because + (missing.empty() ? "" : ", as " + missing) +
                (text.empty() ? ", and its compose file has no version label" : ", and its label, " + text + ", is no version"),
            false};
  }

  const RecipeRepository& repository_;
  const ResolvedRef& under_test_;
  const std::string head_;
  const std::function<std::string()>& label_;
  Releases others_;
};

}  // namespace

OlderRelease older_release(const RecipeRepository& repository, const ResolvedRef& under_test, const std::function<std::string()>& label) {
  return Search(repository, under_test, label).go();
}

}  // namespace simmer
