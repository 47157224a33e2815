#include <runs/janitor.hpp>

#include <algorithm>

#include <base/files.hpp>
#include <runs/recipe_source.hpp>
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
  const auto runs = session.state.run_ids();
  for (std::size_t i = 0; i + runs_kept < runs.size(); ++i) {
    if (Lock::is_held(run_lock(session.state, runs[i])) || fs::exists(journal_of_run(session.state, runs[i]))) continue;
    say("removing the old run " + runs[i]);
    if (!dry_run) remove_tree(session.state.run(runs[i]));
  }
  return problems;
}

}  // namespace simmer
