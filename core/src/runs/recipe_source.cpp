#include <runs/recipe_source.hpp>

#include <set>

#include <base/files.hpp>
#include <recipes/fetch.hpp>
#include <runs/bounded_reading.hpp>
#include <simmer/error.hpp>
#include <state/lock.hpp>

namespace simmer {

namespace {

constexpr milliseconds fetch_deadline = std::chrono::minutes(5);
constexpr std::string_view mark_end = ".fetch";

fs::path mark_of(const StateFolder& state, const std::string& recipe) {
  fs::path mark = repository_lock(state, recipe);
  mark += mark_end;
  return mark;
}

// Where the recipe's repository is, bare or not; empty: nowhere.
fs::path existing_repository(const Config& config, const std::string& recipe) {
  for (const auto& name : {recipe, recipe + ".git"})
    if (fs::is_directory(config.recipes() / name)) return config.recipes() / name;
  return {};
}
fs::path bare_repository(const Config& config, const std::string& recipe) { return config.recipes() / (recipe + ".git"); }

// With the lock held.
std::vector<std::string> clear_killed(const Session& session, const std::string& recipe, bool dry_run, const Limit& limit) {
  const auto existing = existing_repository(session.config, recipe);
  return clear_killed_fetch(existing.empty() ? bare_repository(session.config, recipe) : existing, mark_of(session.state, recipe), dry_run, limit);
}

// Holds the repository's lock, with what a killed predecessor left cleared away.
class SourceOf {
 public:
  SourceOf(const Session& session, std::string recipe)
      : session_(session), recipe_(std::move(recipe)), mark_(mark_of(session.state, recipe_)) {
    session_.state.prepare();
    lock_ = Lock::acquire(repository_lock(session_.state, recipe_), Lock::Mode::exclusive, "the repository of recipe " + recipe_, session_.command_line + ", fetching", session_.wait_limit());
    for (const auto& done : clear_killed(session_, recipe_, false, limit())) say(done);
  }

  fs::path existing() const { return existing_repository(session_.config, recipe_); }
  fs::path bare() const { return bare_repository(session_.config, recipe_); }

  void clone(const std::string& url) const { clone_recipe(url, bare(), mark_, limit()); }
  void fetch(const std::string& url) const {
    keep_known_goods();
    fetch_recipe(url, existing(), mark_, limit());
  }

 private:
  Limit limit() const { return Limit::in(fetch_deadline, session_.interruption->token()); }
  void say(const std::string& what) const {
    if (session_.progress != nullptr) session_.progress->line(LogLevel::info, what);
  }

  // Said at each promotion already; but one that was killed, or a repository that was replaced, may lack it.
  void keep_known_goods() const {
    for (const auto& app : session_.state.canonical_apps()) {
      try {
        const KnownGood known_good(session_.state, app);
        if (!known_good.exists()) continue;
        const auto meta = known_good.snapshot().meta();
        if (meta.recipe != recipe_) continue;
        const auto repository = read_bounded(session_, "reading " + existing().string(), {}, [&](const Limit&) { return RecipeRepository(existing()); });
        repository.keep(app, meta.commit);
      } catch (const Error& error) {
        say("the commit of the known-good of " + app + " cannot be kept: " + error.what());
      }
    }
  }

  const Session& session_;
  const std::string recipe_;
  const fs::path mark_;
  std::optional<Lock> lock_;
};

}  // namespace

void fetch_source(const Session& session, const std::string& app, const std::string& recipe) {
  const auto source = session.config.app(app).source;
  if (source.empty() || session.config.offline) return;
  if (session.progress != nullptr) session.progress->phase("fetching the recipe " + recipe);
  const SourceOf repository(session, recipe);
  if (repository.existing().empty()) repository.clone(source);
  else repository.fetch(source);
}

fs::path add_recipe(const Session& session, const std::string& recipe, const std::string& url) {
  const SourceOf repository(session, recipe);
  if (!repository.existing().empty()) throw Error(ErrorKind::usage, "there is a recipe '" + recipe + "' already, in " + session.config.recipes().string());
  repository.clone(url);
  return repository.bare();
}

void keep_only_known_good(const Config& config, const std::string& app, const std::string& recipe, const std::string& commit) {
  const auto repository = recipe.empty() ? fs::path() : existing_repository(config, recipe);
  if (!repository.empty()) RecipeRepository(repository).keep_only(app, commit);
}

void clear_killed_fetches(const Session& session, bool dry_run, const RecoverLog& say) {
  std::set<std::string> recipes;
  std::error_code failed;
  for (fs::directory_iterator entry(session.config.recipes(), failed), end; !failed && entry != end; entry.increment(failed)) recipes.insert(recipe_of_half_clone(entry->path().filename()));
  const std::string begin = repository_lock(session.state, "").filename();
  for (const auto& entry : fs::directory_iterator(session.state.locks()))
    if (const std::string name = entry.path().filename(); name.starts_with(begin) && name.ends_with(mark_end)) recipes.insert(name.substr(begin.size(), name.size() - begin.size() - mark_end.size()));
  recipes.erase("");
  for (const auto& recipe : recipes) {
    const auto lock = Lock::try_acquire(repository_lock(session.state, recipe), Lock::Mode::exclusive, session.command_line);
    if (!lock) continue;
    for (const auto& done : clear_killed(session, recipe, dry_run, Limit::in(session.config.deadlines.teardown, session.interruption->token()))) say(done);
  }
}

}  // namespace simmer
