#include <runs/result.hpp>

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include <base/files.hpp>
#include <base/json_text.hpp>
#include <base/printable.hpp>
#include <runs/error_kind.hpp>

namespace simmer {

namespace {

using Json = nlohmann::json;

Json json_of(const TierReport& tier) {
  Json checks = Json::array();
  for (const auto& check : tier.checks)
    checks.push_back({{"name", check.name}, {"required", check.required}, {"outcome", to_string(check.outcome)}, {"message", check.message}, {"ms", check.took.count()}});
  return {{"outcome", to_string(tier.outcome)}, {"reason", tier.why}, {"ms", tier.took.count()}, {"checks", checks}};
}

Json tiers_of(const AttemptReport& attempt) {
  Json tiers = Json::object();
  for (const auto& [tier, report] : attempt.tiers) tiers[std::string(to_string(tier))] = json_of(report);
  return tiers;
}

Json timings_of(const AttemptReport& attempt) {
  Json timings = {{"total_ms", attempt.took.count()}};
  auto own = attempt.took;
  for (const auto& [name, took] : attempt.timings) {
    timings[name + "_ms"] = took.count();
    // The app's own starting and stopping, and windows, are not Simmer's time.
    if (name == "app_start" || name == "app_stop" || name == "window") own -= took;
  }
  timings["own_ms"] = own.count();
  return timings;
}

Json level_of(const AttemptReport& attempt) {
  const auto level = climb(attempt);
  Json rungs = Json::array();
  for (const auto& rung : level.rungs) rungs.push_back({{"rung", rung.name}, {"outcome", to_string(rung.outcome)}, {"reason", rung.reason}});
  return {{"level", level.level}, {"rungs", rungs}};
}

Json inventory_of(const std::vector<EngineObject>& objects) {
  Json all = Json::array();
  for (const auto& object : objects) all.push_back({{"kind", object.kind}, {"id", object.id}, {"name", object.name}});
  return all;
}

Json keys_of(const AttemptReport& attempt, const std::string& map) {
  Json keys = Json::array();
  if (const auto found = attempt.fact_maps.find(map); found != attempt.fact_maps.end())
    for (const auto& [key, value] : found->second) keys.push_back(key);
  return keys;
}

// What a service's image is: as the recipe names it, and what the engine found under that name.
struct ImageOf {
  std::string reference, digest;

  // "host:5000/web" of "host:5000/web:1@sha256:…"
  std::string repository() const {
    const auto name = reference.substr(0, reference.find('@'));
    const auto colon = name.rfind(':');
    return colon == std::string::npos || name.find('/', colon) != std::string::npos ? name : name.substr(0, colon);
  }
  // "nginx:1.22.0@sha256:…"
  std::string text() const {
    const auto at = digest.find("sha256:");
    return reference + (at == std::string::npos || reference.find('@') != std::string::npos ? "" : "@" + digest.substr(at));
  }
};

std::map<std::string, ImageOf> images_of(const AttemptReport& attempt, const std::string& prefix, bool with_digests) {
  std::map<std::string, ImageOf> images;
  const auto references = attempt.fact_maps.find(prefix + "images"), digests = attempt.fact_maps.find(prefix + "digests");
  if (references == attempt.fact_maps.end()) return images;
  for (const auto& [service, reference] : references->second) {
    auto& image = images[service];
    image.reference = reference;
    if (!with_digests || digests == attempt.fact_maps.end()) continue;
    if (const auto found = digests->second.find(service); found != digests->second.end()) image.digest = found->second;
  }
  return images;
}

fs::path begun_file(const StateFolder& state, const std::string& run_id) { return state.run(run_id) / "begun.json"; }

std::string fact(const AttemptReport& attempt, const std::string& key) {
  const auto found = attempt.facts.find(key);
  return found == attempt.facts.end() ? "" : found->second;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '"') out += "&quot;";
    else if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') out += c;
  }
  return out;
}

}  // namespace

Json image_changes_of(const AttemptReport& attempt, const std::string& engine) {
  const auto base = images_of(attempt, "base_", engine != "local"), head = images_of(attempt, "", engine != "local");
  if (base.empty() || head.empty()) return Json();
  Json changes = Json::array();
  for (const auto& [service, to] : head) {
    const auto found = base.find(service);
    if (found == base.end()) {
      changes.push_back({{"service", service}, {"from", Json()}, {"to", to.text()}});
      continue;
    }
    const auto& from = found->second;
    const bool known = !from.digest.empty() && !to.digest.empty();
    if (from.repository() != to.repository() || (known ? from.digest != to.digest : from.reference != to.reference)) changes.push_back({{"service", service}, {"from", from.text()}, {"to", to.text()}});
  }
  for (const auto& [service, from] : base)
    if (!head.contains(service)) changes.push_back({{"service", service}, {"from", from.text()}, {"to", Json()}});
  return changes;
}

Json result_of(const RunRecord& record) {
  const auto& spec = record.spec;
  const AttemptReport none;
  const AttemptReport& last = record.attempts.empty() ? none : record.attempts.back();
  Json attempts = Json::array();
  for (const auto& attempt : record.attempts)
    attempts.push_back({{"verdict", to_string(judge(attempt, spec.tiers))},
                        {"reason", reason_of(attempt)},
                        {"tiers", tiers_of(attempt)},
                        {"deploy_count", attempt.deploy_count},
                        {"timings", timings_of(attempt)},
                        {"failure_kind", attempt.failed ? Json(to_text(*attempt.failed)) : Json()}});
  const bool quick = spec.mode == RunMode::quick;
  Json tools = record.tools;
  tools["simmer"] = SIMMER_VERSION;
  const auto digests = last.fact_maps.find("digests");
  return {{"schema", 1},
          {"run_id", spec.run_id},
          {"app", spec.app},
          {"recipe", spec.recipe},
          {"ref", spec.head.asked},
          {"commit", spec.head.commit},
          {"version", spec.head.version.empty() ? fact(last, "label") : spec.head.version},
          {"is_release", spec.head.is_release},
          {"base_version", spec.base_version.empty() ? Json() : Json(spec.base_version)},
          {"base_commit", spec.base_commit.empty() ? Json() : Json(spec.base_commit)},
          {"digests", digests == last.fact_maps.end() ? Json::object() : Json(digests->second)},
          {"image_changes", image_changes_of(last, spec.engine)},
          {"engine", spec.engine},
          {"domain", spec.domain},
          {"mode", quick ? "quick" : "cold"},
          {"mode_asked", record.mode_asked},
          {"mode_reason", record.mode_reason},
          {"authoritative", !quick},
          {"full", record.full},
          {"verdict", to_string(record.verdict)},
          {"reason", record.reason},
          {"exit_code", record.exit_code},
          {"level", level_of(last)["level"]},
          {"rungs", level_of(last)["rungs"]},
          {"tiers", tiers_of(last)},
          {"attempts", attempts},
          {"timings", timings_of(last)},
          {"deploy_count", last.deploy_count},
          {"deploys_expected", last.deploys_expected},
          {"leases", Json::array()},
          {"fork", quick ? Json(fact(last, "fork")) : Json()},
          {"canonical",
           {{"outcome", record.canonical_outcome},
            {"reason", record.canonical_reason},
            {"before", record.canonical_before},
            {"after", record.canonical_after},
            {"deploy_count", record.promotion_deploys},
            {"ms", record.promotion_took.count()}}},
          {"environment", keys_of(last, "environment")},
          {"since_green", record.since_green},
          {"teardown", {{"before", inventory_of(record.inventory_before)}, {"after", inventory_of(record.inventory_after)}, {"residue", record.residue}}},
          {"warnings", last.warnings},
          {"plugin", {{"name", fact(last, "plugin")}, {"version", fact(last, "plugin_version")}, {"file", fact(last, "plugin_file")}}},
          {"tools", tools},
          {"started_at", record.started_at},
          {"ended_at", record.ended_at}};
}

std::string junit_of(const RunRecord& record) {
  std::string cases;
  int tests = 0, failures = 0, skipped = 0;
  const AttemptReport none;
  const auto& last = record.attempts.empty() ? none : record.attempts.back();
  for (const auto& [tier, report] : last.tiers) {
    const std::string suite = record.spec.recipe + "." + std::string(to_string(tier));
    const auto add = [&](const std::string& name, Outcome outcome, bool required, const std::string& message, milliseconds took) {
      ++tests;
      cases += "  <testcase classname=\"" + escaped(suite) + "\" name=\"" + escaped(name) + "\" time=\"" + std::to_string(static_cast<double>(took.count()) / 1000) + "\">";
      if ((outcome == Outcome::fail || outcome == Outcome::unverified) && required) {
        ++failures;
        cases += "<failure message=\"" + escaped(message) + "\"/>";
      } else if (outcome == Outcome::skip) {
        ++skipped;
        cases += "<skipped message=\"" + escaped(message) + "\"/>";
      }
      cases += "</testcase>\n";
    };
    if (report.checks.empty()) add(std::string(to_string(tier)), report.outcome, true, report.why, report.took);
    for (const auto& check : report.checks) add(check.name, check.outcome, check.required, check.message, check.took);
  }
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"" + escaped(record.spec.run_id) + "\" tests=\"" + std::to_string(tests) +
         "\" failures=\"" + std::to_string(failures) + "\" skipped=\"" + std::to_string(skipped) + "\">\n" + cases + "</testsuite>\n";
}

std::string write_result(const StateFolder& state, const RunRecord& record) {
  const std::string text = json_document(result_of(record));
  write_file_beside(state.run(record.spec.run_id) / "junit.xml", junit_of(record));
  write_file_durably(state.run(record.spec.run_id) / "result.json", text);
  remove_durably(begun_file(state, record.spec.run_id));
  return text;
}

void write_begun(const StateFolder& state, const RunRecord& record) {
  write_file_durably(begun_file(state, record.spec.run_id), json_document(result_of(record)));
}

void write_killed_result(const StateFolder& state, const std::string& run_id, Json unknown, const std::string& reason) {
  const fs::path file = state.run(run_id) / "result.json";
  if (!fs::exists(file)) {
    const auto text = read_file_if_there(begun_file(state, run_id));
    auto json = text ? Json::parse(*text, nullptr, false) : Json();
    if (!json.is_object()) json = std::move(unknown);
    json["verdict"] = to_string(Verdict::error);
    json["reason"] = reason;
    json["exit_code"] = exit_code_of(ErrorKind::interrupted);
    json["ended_at"] = utc_time();
    write_file_durably(file, json_document(json));
  }
  remove_durably(begun_file(state, run_id));
}

struct RunLog::Sink {
  explicit Sink(const fs::path& file) : logger("run", std::make_shared<spdlog::sinks::basic_file_sink_st>(file.string())) {
    logger.set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    logger.set_level(spdlog::level::debug);
    logger.flush_on(spdlog::level::debug);
  }
  spdlog::logger logger;
};

RunLog::RunLog(fs::path file, Progress* next) : file_(std::move(file)), sink_(std::make_unique<Sink>(file_)), next_(next) {}
RunLog::~RunLog() = default;

void RunLog::line(LogLevel level, const std::string& text) {
  static constexpr spdlog::level::level_enum levels[] = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err};
  sink_->logger.log(levels[static_cast<int>(level)], "{}", printable(text));
  if (next_ != nullptr) next_->line(level, text);
}

void RunLog::phase(const std::string& text) {
  sink_->logger.info("phase: {}", printable(text));
  if (next_ != nullptr) next_->phase(text);
}

void RunLog::still(const std::string& phase, milliseconds for_how_long) {
  sink_->logger.info("still {}, for {} s", printable(phase), for_how_long.count() / 1000);
  if (next_ != nullptr) next_->still(phase, for_how_long);
}

}  // namespace simmer
