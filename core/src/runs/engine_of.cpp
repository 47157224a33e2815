#include <runs/engine_of.hpp>

#include <nlohmann/json.hpp>

#include <base/files.hpp>
#include <base/json_text.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {

fs::path mark_of(const StateFolder& state, const std::string& app) { return state.canonical(app) / "deployed-on"; }

std::string shown(const std::string& name, const std::string& id) { return id.empty() ? name : name + " (" + id + ")"; }

// `said_by`: the file that says so.
void require(const std::string& name, const std::string& id, Engine& engine, const std::string& subject, const fs::path& said_by, const Limit& limit) {
  const bool same_name = name.empty() || name == engine.name();
  if (same_name && (name.empty() || id.empty())) return;
  const auto today = engine.identity(limit);
  if (same_name && (today.empty() || id == today)) return;
  throw Error(ErrorKind::needs_operator, subject + " on the engine " + shown(name, id) + ", and today's is " + shown(engine.name(), today) +
                                             ", which knows nothing of it: nothing was touched; configure that engine again, or, if it is gone for good, remove " + said_by.string());
}

std::optional<JournalEntry> readable_journal(const fs::path& file) {
  try {
    return read_journal(file);
  } catch (const Error&) {
    return std::nullopt;  // whoever needs it says what is wrong with it
  }
}

}  // namespace

void require_engine_of(const StateFolder& state, const std::string& app, Engine& engine, const Limit& limit) {
  if (const auto entry = readable_journal(journal_of_canonical(state, app)); entry && !entry->kept_stack.empty())
    require(entry->engine, entry->engine_id, engine, app + ": a " + entry->operation + " was in flight", journal_of_canonical(state, app), limit);
  const auto text = read_file_if_there(mark_of(state, app));
  const auto mark = text ? nlohmann::json::parse(*text, nullptr, false) : nlohmann::json();
  const auto said = [&](const char* key) { return mark.is_object() && mark.contains(key) && mark[key].is_string() ? mark[key].get<std::string>() : std::string(); };
  require(said("engine"), said("engine_id"), engine, app + " is deployed", mark_of(state, app), limit);
}

void require_engine_of(const StateFolder& state, const JournalEntry& run, Engine& engine, const Limit& limit) {
  if (run.stacks.empty()) return;
  require(run.engine, run.engine_id, engine, "what run " + run.run_id + " deployed is", journal_of_run(state, run.run_id), limit);
}

void note_deployed_on(const StateFolder& state, const std::string& app, Engine& engine, const Limit& limit) {
  write_file_durably(mark_of(state, app), json_document({{"engine", engine.name()}, {"engine_id", engine.identity(limit)}, {"at", utc_time()}}));
}

void forget_deployed_on(const StateFolder& state, const std::string& app) { remove_durably(mark_of(state, app)); }

bool is_deployed(const StateFolder& state, const KnownGood& known_good) {
  if (fs::exists(mark_of(state, known_good.app()))) return true;
  const auto record = known_good.record();
  return record && record->status == "deployed";
}

}  // namespace simmer
