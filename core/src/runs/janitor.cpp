#include <runs/janitor.hpp>

#include <base/files.hpp>
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
      if (const auto record = KnownGood(session.state, app).record()) stacks.erase(stack_of_domain(record->domain));
      if (const auto journal = read_journal(journal_of_canonical(session.state, app))) stacks.erase(journal->kept_stack);
    } catch (const Error&) {
      // What cannot be read may own anything: then nothing is an orphan beyond doubt.
      stacks.clear();
      return;
    }
  }
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
  const auto runs = session.state.run_ids();
  for (std::size_t i = 0; i + runs_kept < runs.size(); ++i) {
    if (Lock::is_held(run_lock(session.state, runs[i])) || fs::exists(journal_of_run(session.state, runs[i]))) continue;
    say("removing the old run " + runs[i]);
    if (!dry_run) remove_tree(session.state.run(runs[i]));
  }
  return problems;
}

}  // namespace simmer
