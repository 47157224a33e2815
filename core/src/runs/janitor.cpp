#include <runs/janitor.hpp>

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <regex>

#include <base/files.hpp>
#include <runs/recipe_source.hpp>
#include <runs/temporary_folder.hpp>
#include <simmer/error.hpp>
#include <state/journal.hpp>
#include <state/lock.hpp>

namespace simmer {

namespace {

// Enough to look back, not enough to fill a disk.
constexpr std::size_t runs_kept = 200;

// The names of canonicals are never candidates: neither the configured nor the recorded ones.
void spare_canonicals(const Session& session, std::map<std::string, std::string>& stacks) {
  for (const auto& app : session.state.canonical_apps()) {
    stacks.erase(stack_of_domain(session.config.domain_of(session.config.app(app))));
    try {
      const auto record = KnownGood(session.state, app).record();
      if (record && !record->damage.empty()) throw Error(ErrorKind::needs_operator, record->damage);
      if (record) stacks.erase(stack_of_domain(record->domain));
      if (const auto journal = read_journal(journal_of_canonical(session.state, app))) stacks.erase(journal->kept_stack);
    } catch (const Error&) {
      // What cannot be read may own anything: then nothing is an orphan beyond doubt.
      stacks.clear();
      return;
    }
  }
}

// The 6 hex of "<up to 4 characters>-<6 hex>_<base domain>", as cold stacks alone are called; of any other name: nothing.
std::string hex_of_cold_name(const std::string& stack, const std::string& base_domain) {
  const std::string tail = "_" + stack_of_domain(base_domain);
  if (!stack.ends_with(tail)) return "";
  const std::string label = stack.substr(0, stack.size() - tail.size());
  const auto dash = label.rfind('-');
  if (dash == std::string::npos || dash == 0 || dash > 4 || label.starts_with("warm-")) return "";
  const std::string hex = label.substr(dash + 1);
  const bool is_hex = hex.size() == 6 && hex.find_first_not_of("0123456789abcdef") == std::string::npos;
  return is_hex ? hex : "";
}

// Its lock, if its writer is dead: a living one holds it (base/files.cpp), and one that has just begun begins anew.
Fd lock_of_half_written(const fs::path& file) {
  static const std::regex name(".+\\.new-([0-9a-f]{12}|[0-9]+-[0-9]+)");
  if (!std::regex_match(file.filename().string(), name) || !fs::is_regular_file(fs::symlink_status(file))) return Fd();
  Fd fd(::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  return fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0 ? std::move(fd) : Fd();
}

// In the folders where Simmer itself writes; data of apps is none of them.
void clear_half_written(const StateFolder& state, bool dry_run, const RecoverLog& say) {
  std::vector<fs::path> folders = {state.root(), state.alerts(), state.alerts() / "seen", state.locks(), state.engine("local")};
  for (const auto& app : state.canonical_apps()) folders.push_back(state.canonical(app));
  for (const auto& run_id : state.run_ids()) folders.push_back(state.run(run_id));
  for (const auto& folder : folders) {
    std::error_code failed;
    for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed)) {
      const Fd held_until_it_is_gone = lock_of_half_written(entry->path());
      if (!held_until_it_is_gone) continue;
      say("removing the half-written file " + entry->path().string());
      if (!dry_run) remove_durably(entry->path());
    }
  }
}

void clear_temporary_folders(bool dry_run, const RecoverLog& say) {
  std::error_code failed;
  for (fs::directory_iterator entry(fs::temp_directory_path(failed), failed), end; !failed && entry != end; entry.increment(failed)) {
    if (!TemporaryFolder::is_abandoned(entry->path())) continue;
    say("removing " + entry->path().string() + ", in which a killed command read a recipe");
    if (!dry_run) remove_tree(entry->path());
  }
}

bool is_of_a_living_run(const StateFolder& state, const std::string& hex) {
  const auto runs = state.run_ids();
  return std::any_of(runs.begin(), runs.end(), [&](const std::string& id) { return id.ends_with("-" + hex) && Lock::is_held(run_lock(state, id)); });
}

}  // namespace

std::vector<std::string> collect_garbage(Session& session, bool dry_run, const RecoverLog& say) {
  session.state.prepare();
  const auto engine = session.make_engine();
  const Limit limit = Limit::in(session.config.deadlines.teardown, session.interruption->token());
  engine->check(limit);
  auto problems = recover_dead(session.state, *engine, "", session.recover_options(dry_run), say);
  std::map<std::string, std::string> stacks;
  for (const auto& object : engine->inventory("", limit)) {
    const auto stack = object.labels.find("stack"), run = object.labels.find("run_id");
    if (stack != object.labels.end() && run != object.labels.end()) stacks[stack->second] = run->second;
  }
  spare_canonicals(session, stacks);
  for (const auto& stack : engine->unmarked_stacks(limit)) {
    const auto hex = hex_of_cold_name(stack, session.config.base_domain);
    if (hex.empty() || is_of_a_living_run(session.state, hex)) continue;
    say("removing what is left of the cold deployment " + stack);
    if (!dry_run) engine->remove(stack, Limit::in(session.config.deadlines.teardown, session.interruption->token()));
  }
  for (const auto& [stack, run_id] : stacks) {
    if (run_id.empty() || Lock::is_held(run_lock(session.state, run_id))) continue;
    say("removing the orphaned deployment " + stack + " of run " + run_id);
    if (!dry_run) engine->remove(stack, Limit::in(session.config.deadlines.teardown, session.interruption->token()));
  }
  for (const auto& app : session.state.canonical_apps()) {
    auto lock = Lock::try_acquire(known_good_lock(session.state, app), Lock::Mode::exclusive, session.command_line);
    if (!lock || dry_run) continue;
    try {
      KnownGood known_good(session.state, app);
      if (known_good.exists()) known_good.snapshot().drop_unreferenced();
    } catch (const Error& error) {
      problems.push_back(app + ": " + error.what());
      say(problems.back());
    }
  }
  clear_killed_fetches(session, dry_run, say);
  clear_half_written(session.state, dry_run, say);
  clear_temporary_folders(dry_run, say);
  const auto runs = session.state.run_ids();
  for (std::size_t i = 0; i + runs_kept < runs.size(); ++i) {
    if (Lock::is_held(run_lock(session.state, runs[i])) || fs::exists(journal_of_run(session.state, runs[i]))) continue;
    say("removing the old run " + runs[i]);
    if (!dry_run) remove_tree(session.state.run(runs[i]));
  }
  return problems;
}

}  // namespace simmer
