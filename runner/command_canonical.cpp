// `simmer canonical …` and `simmer snapshot …`.
#include <commands.hpp>

#include <iostream>
#include <nlohmann/json.hpp>

#include <runs/deployable.hpp>
#include <runs/run_target.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {

using Json = nlohmann::json;

Json json_of(const KnownGood& known_good) {
  const auto meta = known_good.snapshot().meta();
  const auto record = known_good.record();
  const auto dirty = known_good.dirty();
  return {{"app", known_good.app()},
          {"recipe", meta.recipe},
          {"version", meta.version},
          {"commit", meta.commit},
          {"run_id", meta.run_id},
          {"promoted_at", meta.taken_at},
          {"status", !record ? "idle" : record->damage.empty() ? record->status : "unknown"},
          {"problem_of_record", record && !record->damage.empty() ? Json(record->damage + ": the next command that changes " + known_good.app() + ", or simmer recover, writes it again") : Json()},
          {"domain", record ? record->domain : ""},
          {"dirty", dirty ? Json(dirty->by) : Json()},
          {"volumes", meta.volumes},
          {"entries", meta.entries},
          {"bytes", meta.bytes},
          {"digests", meta.digests}};
}

std::string size_text(std::uint64_t bytes) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  return text;
}

// What an operator is about to lose or to overwrite, also where it is damaged.
std::string in_words(const Session& session, const std::string& app) {
  try {
    const auto meta = KnownGood(session.state, app).snapshot().meta();
    return meta.version + " of " + meta.taken_at + " (recipe " + meta.recipe + ", " + std::to_string(meta.entries) + " entries, " + size_text(meta.bytes) + ")";
  } catch (const Error& error) {
    return std::string("of which nothing can be read: ") + error.what();
  }
}

int list(const Invocation& call) {
  call.at_most(2);
  Json all = Json::array();
  for (const auto& app : call.session.state.canonical_apps()) {
    try {
      const KnownGood known_good(call.session.state, app);
      if (known_good.exists()) all.push_back(json_of(known_good));
    } catch (const Error& error) {
      all.push_back({{"app", app}, {"problem", error.what()}});
    }
  }
  if (call.json) {
    print_json(all);
    return 0;
  }
  for (const auto& each : all) {
    if (each.contains("problem")) {
      std::cout << each["app"].get<std::string>() << "  damaged: " << each["problem"].get<std::string>() << "\n";
      continue;
    }
    std::cout << each["app"].get<std::string>() << "  " << each["version"].get<std::string>() << "  " << each["status"].get<std::string>() << "  since "
              << each["promoted_at"].get<std::string>() << (each["dirty"].is_null() ? "" : "  (retained data differs from the snapshot: restored before its next use)")
              << (each["problem_of_record"].is_null() ? "" : "  (" + each["problem_of_record"].get<std::string>() + ")") << "\n";
  }
  if (all.empty()) std::cout << "no canonicals yet; seed one with: simmer canonical seed RECIPE\n";
  return 0;
}

void show(const Invocation& call, const std::string& app) {
  const auto json = json_of(KnownGood(call.session.state, app));
  if (call.json) return print_json(json);
  std::cout << "app       " << app << "\nrecipe    " << json["recipe"].get<std::string>() << "\nversion   " << json["version"].get<std::string>() << "\ncommit    "
            << json["commit"].get<std::string>() << "\nstatus    " << json["status"].get<std::string>() << "\ndomain    " << json["domain"].get<std::string>() << "\npromoted  "
            << json["promoted_at"].get<std::string>() << " by run " << json["run_id"].get<std::string>() << "\nvolumes   ";
  bool first = true;
  for (const auto& volume : json["volumes"]) {
    std::cout << (first ? "" : ", ") << volume.get<std::string>();
    first = false;
  }
  std::cout << "\ndata      " << json["entries"].get<std::uint64_t>() << " entries, " << size_text(json["bytes"].get<std::uint64_t>()) << "\nretained  "
            << (json["dirty"].is_null() ? "equal to the snapshot" : "may differ from the snapshot (by a " + json["dirty"].get<std::string>() + ")") << "\n";
}

// Every byte of the snapshot. `canonical`: also the retained data against it where it claims to be equal, and what else a deployment needs.
int verify(const Invocation& call, const std::string& app, bool canonical) {
  auto& session = call.session;
  const auto lock = Lock::acquire(known_good_lock(session.state, app), Lock::Mode::shared, app, session.command_line, session.wait_limit());
  const KnownGood known_good(session.state, app);
  const auto limit = Limit::in(std::chrono::hours(4), session.interruption->token());
  auto faults = known_good.snapshot().check();
  if (faults.empty()) faults = known_good.snapshot().verify(limit);
  for (const auto& fault : known_good.check())
    if (faults.empty()) faults.push_back({"", "", fault});
  const bool is_whole = faults.empty(), compared = canonical && is_whole && !known_good.dirty();
  if (compared) faults = known_good.snapshot().compare(known_good.volumes(), limit);
  Deployable deployable;
  if (canonical && is_whole) deployable = judge_deployable(session, known_good, session.config.deadlines.teardown);
  for (const auto& fault : deployable.faults) faults.push_back({"", "", "cannot be deployed: " + fault});
  const bool all_asked = deployable.not_asked.empty();
  if (call.json) {
    Json json = {{"app", app}, {"faults", Json::array()}, {"whole", is_whole && (!compared || faults.size() == deployable.faults.size())}, {"retained_compared", compared}};
    if (canonical) json.update({{"deployable", is_whole && all_asked ? Json(deployable.faults.empty()) : Json()}, {"images_not_looked_at", all_asked ? Json() : Json(deployable.not_asked)}});
    for (const auto& fault : faults) json["faults"].push_back({{"volume", fault.volume}, {"path", fault.path}, {"what", fault.what}});
    print_json(json);
  } else {
    for (const auto& fault : faults) std::cerr << "simmer: " << app << ": " << (fault.volume.empty() ? "" : fault.volume + "/") << fault.path << (fault.path.empty() ? "" : ": ") << fault.what << "\n";
    if (!all_asked) std::cerr << "simmer: " << app << ": its images were not looked at: " << deployable.not_asked << "\n";
    const auto meta = known_good.snapshot().meta();
    if (faults.empty())
      std::cout << app << " " << meta.version << ": the snapshot is whole (" << meta.entries << " entries, " << size_text(meta.bytes) << ", every byte read)"
                << (compared ? "; the retained data is equal to it" : canonical ? "; the retained data is dirty and was not compared" : "")
                << (canonical && all_asked ? "; recipe, secrets and images to deploy it are here" : "") << "\n";
  }
  return !faults.empty() ? 5 : all_asked ? 0 : 7;
}

int seed(const Invocation& call) {
  RunRequest request;
  request.target = call.word(2, "the recipe to seed");
  request.seed = true;
  request.fresh = call.line.has("fresh");
  const auto outcome = run_recipe(call.session, request);
  if (call.json) std::cout << outcome.result_json << std::flush;
  (call.json ? std::cerr : std::cout) << outcome.summary << "; log: " << outcome.log.string() << std::endl;
  return outcome.exit_code;
}

}  // namespace

int command_canonical(const Invocation& call) {
  static const std::vector<std::string> known = {"list", "show", "seed", "deploy", "undeploy", "verify", "restore", "drop"};
  const std::string what = call.word(1, "list, show, seed, deploy, undeploy, verify, restore or drop");
  if (std::find(known.begin(), known.end(), what) == known.end()) throw Error(ErrorKind::usage, "no command 'canonical " + what + "'" + did_you_mean(what, known));
  call.at_most(3);
  if (call.line.has("fresh") && what != "seed") throw Error(ErrorKind::usage, "option --fresh does not belong to: simmer canonical " + what);
  if (what == "list") return list(call);
  if (what == "seed") return seed(call);
  auto& session = call.session;
  const bool destroys = what == "undeploy" || what == "restore" || what == "drop";
  const std::string app = find_canonical(session, call.word(2, "the name of a canonical"), destroys ? NameOf::app_alone : NameOf::app_or_recipe, what == "drop");
  if (what == "show") show(call, app);
  if (what == "verify") return verify(call, app, true);
  const auto say = [&](const Json& json, const std::string& text) {
    if (call.json) print_json(json);
    else std::cout << text << std::endl;
  };
  if (what == "deploy") {
    const auto url = deploy_canonical(session, app);
    say({{"app", app}, {"url", url}, {"status", "deployed"}}, app + ": deployed at " + url + "; end it with: simmer canonical undeploy " + app);
  } else if (what == "undeploy") {
    undeploy_canonical(session, app);
    say({{"app", app}, {"status", "idle"}}, app + ": undeployed, its data is kept");
  } else if (what == "restore") {
    confirm(call, "The retained data of " + app + " will be put back to its snapshot, " + in_words(session, app) + ".");
    const auto report = restore_canonical(session, app);
    say({{"app", app}, {"entries", report.entries}, {"changed", report.changed}, {"removed", report.removed}},
        app + ": restored; " + std::to_string(report.changed) + " of " + std::to_string(report.entries) + " entries differed, " + std::to_string(report.removed) + " were removed");
  } else if (what == "drop") {
    confirm_by_name(call, "The known-good of " + app + ", " + in_words(session, app) + ", will be gone for ever, version and data.", app);
    drop_canonical(session, app);
    say({{"app", app}, {"status", "dropped"}}, app + ": dropped");
  }
  return 0;
}

int command_snapshot(const Invocation& call) {
  static const std::vector<std::string> known = {"show", "verify", "export"};
  const std::string what = call.word(1, "show, verify or export");
  if (std::find(known.begin(), known.end(), what) == known.end()) throw Error(ErrorKind::usage, "no command 'snapshot " + what + "'" + did_you_mean(what, known));
  call.at_most(3);
  auto& session = call.session;
  const std::string app = find_canonical(session, call.word(2, "the name of an app with a known-good"));
  if (what == "show") {
    show(call, app);
    return 0;
  }
  if (what == "verify") return verify(call, app, false);
  const auto to = call.line.value("to");
  if (!to) throw Error(ErrorKind::usage, "simmer snapshot export needs --to DIR");
  const auto lock = Lock::acquire(known_good_lock(session.state, app), Lock::Mode::shared, app, session.command_line, session.wait_limit());
  KnownGood(session.state, app).snapshot().export_to(fs::absolute(*to), Limit::in(std::chrono::hours(4), session.interruption->token()));
  if (call.json) print_json({{"app", app}, {"to", fs::absolute(*to).string()}});
  else std::cout << app << ": exported to " << fs::absolute(*to).string() << "\n";
  return 0;
}

}  // namespace simmer
