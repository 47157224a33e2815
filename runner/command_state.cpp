// `simmer status`, `recover`, `gc` and `alerts …`.
#include <commands.hpp>

#include <iostream>
#include <nlohmann/json.hpp>

#include <base/files.hpp>
#include <runs/deployable.hpp>
#include <runs/engine_of.hpp>
#include <runs/janitor.hpp>
#include <runs/past_runs.hpp>
#include <runs/run_target.hpp>
#include <simmer/error.hpp>
#include <state/alerts.hpp>
#include <state/journal.hpp>

namespace simmer {

namespace {

using Json = nlohmann::json;

Json run_status(const StateFolder& state, const std::string& id) {
  const auto text = read_file_if_there(state.run(id) / "result.json");
  const auto result = text ? Json::parse(*text, nullptr, false) : Json();
  Json each = {{"run_id", id}, {"alive", Lock::is_held(run_lock(state, id))}};
  each["verdict"] = result.is_object() ? result.value("verdict", Json()) : Json();
  std::string reason = result.is_object() ? result.value("reason", "") : "";
  reason = reason.substr(0, reason.find('\n'));  // an app's last words may have many lines
  each["reason"] = reason;
  each["journal"] = fs::exists(journal_of_run(state, id));
  return each;
}

// Whether its data and all that a deployment needs is here, as far as can be told at once. An engine that did not answer once is not asked again.
void say_how_it_is(const Session& session, const KnownGood& known_good, Json& each, milliseconds& patience) {
  const auto damage = known_good.check();
  if (!damage.empty()) {
    each["damaged"] = damage.front();
    return;
  }
  const auto deployable = judge_deployable(session, known_good, patience);
  if (!deployable.not_asked.empty()) patience = milliseconds(0);
  if (!deployable.faults.empty()) each["cannot_be_deployed"] = deployable.faults.front();
}

}  // namespace

int command_status(const Invocation& call) {
  call.at_most(1);
  const auto& state = call.session.state;
  Json apps = Json::array(), runs = Json::array();
  milliseconds patience(2000);
  for (const auto& app : state.canonical_apps()) {
    const KnownGood known_good(state, app);
    Json each = {{"app", app}, {"role", "canonical"}, {"holder", Lock::holder(known_good_lock(state, app))}, {"journal", fs::exists(journal_of_canonical(state, app))}};
    try {
      const auto record = known_good.record();
      each["version"] = known_good.exists() ? Json(known_good.snapshot().meta().version) : Json();
      each["status"] = !record ? "idle" : record->damage.empty() ? record->status : "unknown";
      each["dirty"] = known_good.dirty().has_value();
      if (known_good.exists()) say_how_it_is(call.session, known_good, each, patience);
      if (record && !record->damage.empty()) each["problem_of_record"] = record->damage + ": simmer recover writes it again";
    } catch (const Error& error) {
      each["problem"] = error.what();
    }
    apps.push_back(each);
  }
  const auto ids = state.run_ids();
  for (std::size_t i = ids.size() > 10 ? ids.size() - 10 : 0; i < ids.size(); ++i) runs.push_back(run_status(state, ids[i]));
  const auto open = fs::exists(state.alerts()) ? list_alerts(state, false).size() : 0;
  Json lanes = Json::object();
  for (const auto& [recipe, lane] : fast_lanes(state)) lanes[recipe] = {{"pairs", lane.pairs}, {"wrong", lane.wrong}};
  const Json status = {{"fast_lanes", lanes}, {"state", state.root().string()}, {"engine", call.session.config.engine}, {"apps", apps}, {"runs", runs}, {"open_alerts", open}, {"disk_used_percent", percent_used(state.root())}};
  if (call.json) {
    print_json(status);
    return 0;
  }
  std::cout << "state   " << state.root().string() << " (disk " << status["disk_used_percent"] << " % used), engine " << call.session.config.engine << "\n";
  for (const auto& app : apps)
    std::cout << "app     " << app["app"].get<std::string>() << "  canonical  " << (app.contains("problem") ? app["problem"].get<std::string>() : app["version"].is_null() ? "no known-good" : app["version"].get<std::string>() + "  " + app["status"].get<std::string>())
              << (app.contains("damaged") ? "  damaged: " + app["damaged"].get<std::string>() : "")
              << (app.contains("cannot_be_deployed") ? "  cannot be deployed: " + app["cannot_be_deployed"].get<std::string>() : "")
              << (app.contains("problem_of_record") ? "  (" + app["problem_of_record"].get<std::string>() + ")" : "") << (app.value("dirty", false) ? "  dirty" : "") << (app["journal"].get<bool>() ? "  change in flight" : "") << (app["holder"].get<std::string>().empty() ? "" : "  in use by " + app["holder"].get<std::string>()) << "\n";
  for (const auto& run : runs)
    std::cout << "run     " << run["run_id"].get<std::string>() << "  "
              << (run["alive"].get<bool>() ? "running" : run["journal"].get<bool>() ? "killed: simmer recover" : run["verdict"].is_string() ? run["verdict"].get<std::string>() : "no result")
              << (run["reason"].get<std::string>().empty() ? "" : "  " + run["reason"].get<std::string>()) << "\n";
  for (const auto& [recipe, lane] : lanes.items())
    std::cout << "quick   " << recipe << "  wrong in " << lane["wrong"] << " of " << lane["pairs"] << " changes that a cold run tested as well\n";
  std::cout << "alerts  " << open << " open" << (open > 0 ? " (see: simmer alerts list)" : "") << "\n";
  return 0;
}

int command_recover(const Invocation& call) {
  call.at_most(2);
  auto& session = call.session;
  const std::string app = call.line.words.size() > 1 ? call.line.words[1] : "";
  if (call.line.words.size() > 1) find_app(session, app, NameOf::app_alone);
  if (!app.empty() && !fs::exists(session.state.canonical(app)) && !session.config.apps.contains(app))
    throw Error(ErrorKind::usage, "no app '" + app + "'" + did_you_mean(app, session.state.canonical_apps()));
  session.state.prepare();
  const auto engine = session.make_engine();
  engine->check(Limit::in(session.config.deadlines.teardown, session.interruption->token()));
  Json lines = Json::array();
  auto problems = recover_dead(session.state, *engine, app, session.recover_options(call.line.has("dry-run")), [&](const std::string& line) {
    lines.push_back(line);
    if (!call.json) std::cout << line << std::endl;
  });
  // Not in flight, but out of this engine's reach: not a word of "recovered" while it runs elsewhere.
  for (const auto& name : app.empty() ? session.state.canonical_apps() : std::vector<std::string>{app}) {
    try {
      if (!fs::exists(journal_of_canonical(session.state, name))) require_engine_of(session.state, name, *engine, Limit::in(session.config.deadlines.teardown, session.interruption->token()));
    } catch (const Error& error) {
      problems.push_back(error.what());
      std::cerr << "simmer: " << error.what() << std::endl;
    }
  }
  if (call.json) print_json({{"dry_run", call.line.has("dry-run")}, {"done", lines}, {"problems", problems}});
  else if (lines.empty() && problems.empty()) std::cout << "nothing to recover\n";
  return problems.empty() ? 0 : 5;
}

int command_gc(const Invocation& call) {
  call.at_most(1);
  Json lines = Json::array();
  const bool dry_run = call.line.has("dry-run");
  const auto problems = collect_garbage(call.session, dry_run, [&](const std::string& line) {
    lines.push_back(line);
    if (!call.json) std::cout << line << std::endl;
  });
  if (call.json) print_json({{"dry_run", dry_run}, {"done", lines}, {"problems", problems}});
  else if (lines.empty()) std::cout << "nothing to clear away\n";
  return problems.empty() ? 0 : 5;
}

int command_alerts(const Invocation& call) {
  const std::string what = call.word(1, "list, show or ack");
  const auto& state = call.session.state;
  const auto json_of = [](const Alert& alert) {
    Json json = {{"id", alert.id}, {"kind", alert.kind}, {"app", alert.app}, {"at", alert.at}, {"acknowledged", alert.acknowledged}};
    for (const auto& [key, value] : alert.fields) json[key] = value;
    return json;
  };
  if (what == "list") {
    call.at_most(2);
    const auto alerts = fs::exists(state.alerts()) ? list_alerts(state, call.line.has("all")) : std::vector<Alert>{};
    Json all = Json::array();
    for (const auto& alert : alerts) all.push_back(json_of(alert));
    if (call.json) print_json(all);
    else if (alerts.empty()) std::cout << "no open alerts\n";
    else
      for (const auto& alert : alerts) std::cout << alert.id << "  " << (alert.fields.contains("detail") ? alert.fields.at("detail") : "") << (alert.acknowledged ? "  (acknowledged)" : "") << "\n";
    return 0;
  }
  if (what != "show" && what != "ack") throw Error(ErrorKind::usage, "no command 'alerts " + what + "'" + did_you_mean(what, {"list", "show", "ack"}));
  const std::string id = call.word(2, "the id of an alert");
  call.at_most(3);
  const auto alert = fs::exists(state.alerts()) ? find_alert(state, id) : std::nullopt;
  if (!alert) throw Error(ErrorKind::usage, "no alert '" + id + "' (see: simmer alerts list --all)");
  if (what == "ack") acknowledge_alert(state, id);
  const auto json = json_of(*find_alert(state, id));
  if (call.json || what == "show") print_json(json);
  else std::cout << id << ": acknowledged\n";
  return 0;
}

}  // namespace simmer
