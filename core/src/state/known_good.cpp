#include <state/known_good.hpp>

#include <algorithm>

#include <nlohmann/json.hpp>

#include <base/crash_point.hpp>
#include <base/files.hpp>
#include <base/mounts.hpp>
#include <simmer/error.hpp>
#include <snapshots/fork.hpp>
#include <snapshots/recipe_archive.hpp>

namespace simmer {

namespace {

using Values = std::map<std::string, std::string>;

nlohmann::json parse(const fs::path& file) {
  const auto json = nlohmann::json::parse(read_file(file), nullptr, false);
  if (!json.is_object()) throw Error(ErrorKind::needs_operator, file.string() + " is damaged: it is no JSON object");
  return json;
}

Values read_values(const fs::path& file) {
  Values values;
  const auto json = parse(file);
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) throw Error(ErrorKind::needs_operator, file.string() + " is damaged: a value is no text");
    values[key] = value.get<std::string>();
  }
  return values;
}

// A link to one is none.
bool is_folder(const fs::path& path) { return fs::is_directory(fs::symlink_status(path)); }

// The values must come back as they are, and JSON holds UTF-8 alone.
void write_values(const fs::path& file, const Values& values, const std::string& what) {
  for (const auto& [key, value] : values) {
    try {
      nlohmann::json(value).dump();
    } catch (const nlohmann::json::type_error&) {
      throw Error(ErrorKind::recipe, "the " + what + " " + key + " is no UTF-8 text and cannot be kept; encode it, as base64 for instance");
    }
  }
  write_file_durably(file, nlohmann::json(values).dump(2) + "\n", 0600);
}

std::string say_mounted(const fs::path& point) { return "something is mounted over the retained data: unmount " + point.string(); }

std::string field(const nlohmann::json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Error when any part of it is not what it should be.
CanonicalRecord record_from(const fs::path& file) {
  if (!fs::is_regular_file(fs::status(file))) throw Error(ErrorKind::needs_operator, file.string() + " is damaged: it is no file");
  const auto json = parse(file);
  for (const char* key : {"recipe", "domain", "version", "commit", "status", "promoted_at", "run_id"})
    if (const auto found = json.find(key); found == json.end() || !found->is_string()) throw Error(ErrorKind::needs_operator, file.string() + " is damaged: " + key + " is missing or no text");
  CanonicalRecord record{field(json, "recipe"), field(json, "domain"),      field(json, "version"), field(json, "commit"),
                         field(json, "status"), field(json, "promoted_at"), field(json, "run_id")};
  if (record.status != "idle" && record.status != "deployed") throw Error(ErrorKind::needs_operator, file.string() + " is damaged: its status is neither idle nor deployed");
  return record;
}

}  // namespace

fs::path known_good_lock(const StateFolder& state, const std::string& app) { return state.locks() / ("known-good-" + app); }
fs::path run_lock(const StateFolder& state, const std::string& run_id) { return state.locks() / ("run-" + run_id); }
fs::path repository_lock(const StateFolder& state, const std::string& recipe) { return state.locks() / ("repository-" + recipe); }

KnownGood::KnownGood(const StateFolder& state, std::string app)
    : app_(std::move(app)), folder_(state.canonical(app_)), store_(folder_ / "snapshot") {}

std::optional<CanonicalRecord> KnownGood::record() const {
  const fs::path file = folder_ / "canonical.json";
  if (fs::symlink_status(file).type() == fs::file_type::not_found) return std::nullopt;
  try {
    return record_from(file);
  } catch (const std::exception& error) {
    CanonicalRecord derived;
    derived.damage = error.what();
    try {
      const auto meta = store_.meta();
      derived = {meta.recipe, "", meta.version, meta.commit, "", meta.taken_at, meta.run_id, derived.damage};
    } catch (const Error&) {
      // Who needs the snapshot will be told.
    }
    return derived;
  }
}

void KnownGood::write_record(const std::string& domain, const std::string& status) {
  const auto meta = store_.meta();
  const nlohmann::json json = {{"recipe", meta.recipe}, {"domain", domain},  {"version", meta.version},      {"commit", meta.commit},
                               {"status", status},      {"run_id", meta.run_id}, {"promoted_at", meta.taken_at}};
  const std::string text = json.dump(2) + "\n";
  const fs::path file = folder_ / "canonical.json";
  if (fs::is_regular_file(fs::symlink_status(file))) {
    if (read_file_if_there(file) == text) return;
  } else {
    remove_tree(file);  // a folder would be in the way of the rename
  }
  crash_point("before canonical.json");
  write_file_durably(file, text);
  crash_point("after canonical.json");
}

std::map<std::string, std::string> KnownGood::env() const {
  const auto meta = store_.meta();
  return meta.env_file.empty() ? Values{} : read_values(store_.folder() / meta.env_file);
}

std::map<std::string, std::string> KnownGood::secrets() const {
  const auto meta = store_.meta();
  return meta.secrets_file.empty() ? Values{} : read_values(store_.folder() / meta.secrets_file);
}

std::map<std::string, fs::path> KnownGood::volumes() const {
  std::map<std::string, fs::path> folders;
  for (const auto& volume : store_.meta().volumes) folders[volume] = volumes_folder() / volume;
  return folders;
}

std::optional<DirtyMark> KnownGood::dirty() const {
  if (!fs::exists(folder_ / "dirty")) return std::nullopt;
  // Whatever it says, its being there is what counts.
  const auto json = nlohmann::json::parse(read_file(folder_ / "dirty"), nullptr, false);
  if (!json.is_object()) return DirtyMark{"run", "", ""};
  return DirtyMark{field(json, "by"), field(json, "run_id"), field(json, "at")};
}

void KnownGood::set_dirty(const std::string& by, const std::string& run_id) {
  const nlohmann::json json = {{"by", by}, {"run_id", run_id}, {"at", utc_time()}};
  crash_point("before the dirty mark");
  write_file_durably(folder_ / "dirty", json.dump() + "\n");
  crash_point("after the dirty mark");
}

void KnownGood::clear_dirty() {
  // An app that ran here flushed what it liked, and what was found equal may still be in memory: the mark goes when all is on the disk.
  if (is_folder(volumes_folder())) flush_file_system(volumes_folder());
  crash_point("before the dirty mark goes");
  remove_durably(folder_ / "dirty");
  crash_point("after the dirty mark went");
}

// The first of the retained data's own folders that something is mounted on; empty: none. An operator's, or an app's: it is not ours to say.
fs::path KnownGood::mounted_over_data() const {
  if (is_mount_point(volumes_folder())) return volumes_folder();
  for (const auto& [volume, folder] : volumes())
    if (is_mount_point(folder)) return folder;
  return {};
}

std::vector<std::string> KnownGood::check() const {
  std::vector<std::string> faults;
  try {
    if (!store_.exists()) return {"there is no snapshot"};
    const auto say = [](const SnapshotFault& fault) {
      return (fault.volume.empty() ? "" : "volume " + fault.volume + ": ") + (fault.path.empty() ? "" : fault.path + ": ") + fault.what;
    };
    for (const auto& fault : store_.check()) faults.push_back(say(fault));
    env();
    secrets();
    if (const fs::path point = mounted_over_data(); !point.empty()) faults.push_back(say_mounted(point));
    if (!dirty())
      for (const auto& [volume, folder] : volumes())
        if (!is_folder(folder)) faults.push_back("the retained volume " + volume + " is missing");
  } catch (const Error& error) {
    faults.push_back(error.what());
  }
  return faults;
}

RestoreReport KnownGood::restore(const Limit& limit) {
  return while_doing("restoring the retained data of " + app_ + " from its snapshot", [&] {
    if (const fs::path point = mounted_over_data(); !point.empty()) throw Error(ErrorKind::needs_operator, say_mounted(point));
    if (!dirty()) set_dirty("restore", "");
    const auto wanted = volumes();
    make_folders(volumes_folder());
    undo_mounts_inside(volumes_folder());  // an app's
    for (const auto& entry : fs::directory_iterator(volumes_folder()))
      if (!wanted.contains(entry.path().filename()) || !is_folder(entry.path())) remove_tree(entry.path());
    const auto report = store_.restore(wanted, limit);
    flush_folder(volumes_folder());
    clear_dirty();
    return report;
  });
}

SnapshotMeta KnownGood::prepare(SnapshotMeta about, const std::map<std::string, fs::path>& volumes, const Values& env, const Values& secrets,
                                const Limit& limit) {
  make_snapshot_folder();
  about.app = app_;
  about.taken_at = utc_time();
  about.env_file = "env." + about.run_id;
  about.secrets_file = "secrets." + about.run_id;
  crash_point("before the snapshot");
  write_values(store_.folder() / about.env_file, env, "setting");
  write_values(store_.folder() / about.secrets_file, secrets, "secret");
  auto meta = store_.prepare(about, volumes, limit);
  crash_point("after the snapshot");
  return meta;
}

// A committed snapshot is worth nothing below a folder that a power cut takes away: every entry on the way to it is flushed, also those that
// somebody else made and had no time to flush.
void KnownGood::make_snapshot_folder() const {
  make_folders(store_.folder());
  const fs::path top = fs::absolute(folder_).parent_path().parent_path();
  for (fs::path folder = fs::absolute(store_.folder()); folder != top; folder = folder.parent_path()) flush_folder(folder.parent_path());
  try {
    flush_folder(top.parent_path());
  } catch (const Error&) {
    // Not ours: the state folder may lie in one that we may not read.
  }
}

KeptRecipe KnownGood::keep_recipe(const std::string& run_id, const fs::path& tree) {
  make_snapshot_folder();
  const std::string file = "recipe." + run_id + ".tar";
  remove_tree(store_.folder() / file);
  crash_point("before the recipe is kept");
  const std::string digest = snapshots::write_recipe_archive(tree, store_.folder() / file);
  crash_point("after the recipe is kept");
  return {file, digest};
}

bool KnownGood::unpack_recipe(const std::string& commit, const fs::path& to) const {
  if (!store_.exists()) return false;
  const auto meta = store_.meta();
  if (meta.commit != commit || meta.recipe_file.empty()) return false;
  snapshots::unpack_recipe_archive(store_.folder() / meta.recipe_file, meta.recipe_digest, to);
  return true;
}

bool KnownGood::adopt_volumes(const fs::path& fork) {
  const fs::path incoming = fork / "volumes", old = folder_ / "volumes.old";
  if (!fs::exists(incoming)) {
    put_aside_what_was_dropped();
    return false;
  }
  // Only folders are renamed: at every instant the data is under one of the two names, and `dirty`
  // stands until the new one is in place.
  if (is_folder(volumes_folder())) remove_tree(old);  // of an earlier death
  if (fs::exists(volumes_folder())) rename_durably(volumes_folder(), old);
  crash_point("between the renames of the retained volumes");
  rename_durably(incoming, volumes_folder());
  crash_point("after the renames of the retained volumes");
  put_aside_what_was_dropped();
  return true;
}

void KnownGood::put_aside_what_was_dropped() {
  const auto meta = store_.meta();
  const fs::path old = folder_ / "volumes.old", aside = aside_folder() / meta.run_id;
  // The data as it was before the upgrade is the better one, where both are there.
  for (const auto& from : {old, volumes_folder()}) {
    if (!is_folder(from)) continue;
    for (const auto& name : folders_in(from)) {
      if (std::find(meta.volumes.begin(), meta.volumes.end(), name) != meta.volumes.end()) continue;
      if (fs::exists(aside / name)) {
        remove_tree(from / name);
        continue;
      }
      make_folders(aside);
      rename_durably(from / name, aside / name);
      crash_point("after a dropped volume went aside");
    }
  }
  if (is_folder(volumes_folder())) remove_tree(old);
  if (!is_folder(aside_folder())) return;
  for (const auto& run_id : folders_in(aside_folder()))
    if (run_id != meta.run_id) remove_tree(aside_folder() / run_id);
  std::error_code not_empty;
  fs::remove(aside_folder(), not_empty);
}

}  // namespace simmer
