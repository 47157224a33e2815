#include <state/journal.hpp>

#include <nlohmann/json.hpp>

#include <base/crash_point.hpp>
#include <base/json_text.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {

nlohmann::json to_json(const ProcessId& id) { return {{"pid", id.pid}, {"start_time", id.start_time}, {"boot_id", id.boot_id}}; }

ProcessId process_from(const nlohmann::json& json) {
  return {json.at("pid").get<pid_t>(), json.at("start_time").get<std::uint64_t>(), json.at("boot_id").get<std::string>()};
}

nlohmann::json to_json(const JournalEntry& entry) {
  return {{"schema", 1},
          {"operation", entry.operation},
          {"run_id", entry.run_id},
          {"app", entry.app},
          {"recipe", entry.recipe},
          {"engine", entry.engine},
          {"engine_id", entry.engine_id},
          {"command", entry.command},
          {"started_at", entry.started_at},
          {"parent", to_json(entry.parent)},
          {"child", to_json(entry.child)},
          {"stacks", entry.stacks},
          {"kept_stack", entry.kept_stack},
          {"was_dirty", entry.was_dirty},
          {"step", entry.step},
          {"sequence", entry.sequence}};
}

}  // namespace

fs::path journal_of_run(const StateFolder& state, const std::string& run_id) { return state.run(run_id) / "journal.json"; }
fs::path journal_of_canonical(const StateFolder& state, const std::string& app) { return state.canonical(app) / "journal.json"; }

std::optional<JournalEntry> read_journal(const fs::path& file) {
  const auto text = read_file_if_there(file);
  if (!text) return std::nullopt;
  try {
    const auto json = nlohmann::json::parse(*text);
    if (json.at("schema") != 1)
      throw Error(ErrorKind::needs_operator, file.string() + " was written by another version of Simmer (schema " + json.at("schema").dump() + ")");
    JournalEntry entry;
    json.at("operation").get_to(entry.operation);
    json.at("run_id").get_to(entry.run_id);
    json.at("app").get_to(entry.app);
    json.at("recipe").get_to(entry.recipe);
    json.at("engine").get_to(entry.engine);
    entry.engine_id = json.value("engine_id", "");
    json.at("command").get_to(entry.command);
    json.at("started_at").get_to(entry.started_at);
    entry.parent = process_from(json.at("parent"));
    entry.child = process_from(json.at("child"));
    json.at("stacks").get_to(entry.stacks);
    json.at("kept_stack").get_to(entry.kept_stack);
    json.at("was_dirty").get_to(entry.was_dirty);
    json.at("step").get_to(entry.step);
    json.at("sequence").get_to(entry.sequence);
    return entry;
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorKind::needs_operator, file.string() + " is damaged: " + error.what());
  }
}

Journal::Journal(const StateFolder& state, JournalEntry entry, bool in_app_folder) : Journal(state, std::move(entry), in_app_folder, true) {}

Journal::Journal(const StateFolder& state, JournalEntry entry, bool in_app_folder, bool write_now)
    : state_(state), entry_(std::move(entry)), in_app_folder_(in_app_folder) {
  if (write_now) write();
}

Journal Journal::resume(const StateFolder& state, const std::string& run_id) {
  auto entry = read_journal(journal_of_run(state, run_id));
  if (!entry) throw Error(ErrorKind::internal, "run " + run_id + " has no journal");
  const bool in_app_folder = fs::exists(journal_of_canonical(state, entry->app)) &&
                             read_journal(journal_of_canonical(state, entry->app))->run_id == run_id;
  return Journal(state, std::move(*entry), in_app_folder, false);
}

void Journal::write() {
  ++entry_.sequence;
  const std::string text = json_document(to_json(entry_));
  const auto put = [&](const fs::path& file) {
    crash_point("before " + file.parent_path().parent_path().filename().string() + " journal: " + entry_.operation + ": " + entry_.step);
    write_file_durably(file, text);
    crash_point("after " + file.parent_path().parent_path().filename().string() + " journal: " + entry_.operation + ": " + entry_.step);
  };
  if (in_app_folder_) {
    make_folders(state_.canonical(entry_.app));
    put(journal_of_canonical(state_, entry_.app));
  }
  if (!entry_.run_id.empty()) put(journal_of_run(state_, entry_.run_id));
}

void Journal::begin_step(const std::string& step) {
  entry_.step = step;
  write();
}

void Journal::add_stack(const std::string& stack, const std::string& step, bool kept) {
  if (std::find(entry_.stacks.begin(), entry_.stacks.end(), stack) == entry_.stacks.end()) entry_.stacks.push_back(stack);
  if (kept) entry_.kept_stack = stack;
  begin_step(step);
}

void Journal::set_child(const ProcessId& child) {
  entry_.child = child;
  write();
}

void Journal::finish() {
  crash_point("before the end of the journal: " + entry_.operation);
  if (in_app_folder_) remove_durably(journal_of_canonical(state_, entry_.app));
  crash_point("between the ends of the journals: " + entry_.operation);
  if (!entry_.run_id.empty()) remove_durably(journal_of_run(state_, entry_.run_id));
  crash_point("after the end of the journal: " + entry_.operation);
}

}  // namespace simmer
