#include <runs/backup.hpp>

#include <algorithm>
#include <sstream>

#include <base/files.hpp>
#include <base/process.hpp>
#include <simmer/error.hpp>
#include <snapshots/copy.hpp>

namespace simmer {

namespace {

constexpr std::string_view prefix = "backupbot.backup";

bool is_true(const std::string& value) { return value == "true" || value == "1" || value == "yes"; }

std::string label(const ServiceFacts& service, const std::string& name) {
  const auto found = service.labels.find(name);
  return found == service.labels.end() ? "" : found->second;
}

// A path within a volume. One that climbs out of it would make Simmer read, and at the restore write, files of the server.
std::string path_in_volume(std::string path, const std::string& asked, const ServiceFacts& service) {
  while (!path.empty() && path.front() == '/') path.erase(0, 1);
  while (!path.empty() && path.back() == '/') path.pop_back();
  for (const auto& part : fs::path(path))
    if (part == "..") throw Error(ErrorKind::recipe, "backup label of service " + service.name + " names the path " + asked + ", which climbs with '..'");
  return path;
}

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t\n");
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(" \t\n") + 1 - begin);
}

// `backupbot.backup.path`: paths in the container, mapped to the volume mounted above them.
void add_container_paths(const ServiceFacts& service, const std::string& paths, BackupPlan& plan) {
  std::istringstream list(paths);
  std::string path;
  while (std::getline(list, path, ',')) {
    path = trimmed(path);
    if (path.empty()) continue;
    const MountFacts* best = nullptr;
    for (const auto& mount : service.mounts)
      if (mount.type == "volume" && (path == mount.target || path.starts_with(mount.target + "/")) &&
          (best == nullptr || mount.target.size() > best->target.size()))
        best = &mount;
    if (best == nullptr) {
      plan.warnings.push_back("backup label of service " + service.name + " names the path " + path + ", which lies in no volume: it is not backed up");
      continue;
    }
    plan.parts.push_back({best->source, path_in_volume(path.substr(best->target.size()), path, service)});
  }
}

void run_hooks(const std::vector<BackupHook>& hooks, const std::string& what, Engine& engine, const std::string& stack, const Limit& limit) {
  for (const auto& hook : hooks) {
    ExecResult result;
    try {
      result = engine.exec(stack, {hook.service, {"sh", "-c", hook.command}, "", limit.remaining()}, limit);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::unavailable) throw;
      throw Error(ErrorKind::recipe, what + " in service " + hook.service + " could not run: " + error.what());
    }
    if (result.exit_code == 0) continue;
    std::string said = result.err.empty() ? result.out : result.err;
    while (!said.empty() && said.back() == '\n') said.pop_back();
    if (said.size() > 300) said = "…" + said.substr(said.size() - 300);
    throw Error(ErrorKind::recipe, what + " in service " + hook.service + " exited " + std::to_string(result.exit_code) + (said.empty() ? "" : ": " + said));
  }
}

// An empty `path` must not become a trailing slash.
fs::path below(const fs::path& folder, const std::string& path) { return path.empty() ? folder : folder / path; }

// The same in a volume, where the app may have laid a link to anywhere.
fs::path below_without_links(const fs::path& volume, const std::string& path) {
  fs::path at = volume;
  for (const auto& part : fs::path(path)) {
    at /= part;
    if (fs::is_symlink(fs::symlink_status(at)))
      throw Error(ErrorKind::recipe, "the backup selects " + path + ", and " + at.lexically_relative(volume).string() + " is a link there; select what it leads to");
  }
  return at;
}

fs::path folder_of(Engine& engine, const std::string& stack, const std::string& volume, const Limit& limit) {
  return engine.volume(stack, volume, limit).path;
}

}  // namespace

std::string volumes_backed_up_in_part(const BackupPlan& plan, const std::vector<std::string>& volumes) {
  std::string all;
  for (const auto& volume : volumes)
    if (std::none_of(plan.parts.begin(), plan.parts.end(), [&](const BackupPlan::Part& part) { return part.volume == volume && part.path.empty(); }))
      all += (all.empty() ? "volume " : ", volume ") + volume;
  return all;
}

std::optional<BackupPlan> backup_plan_of(const RecipeFacts& facts) {
  BackupPlan plan;
  bool wanted = false;
  std::vector<std::string> excluded;
  for (const auto& service : facts.services) {
    for (const auto& [name, value] : service.labels) {
      if (name == prefix) wanted = wanted || is_true(value);
      const std::string volumes = std::string(prefix) + ".volumes.";
      if (name.starts_with(volumes) && !name.ends_with(".path") && !is_true(value)) excluded.push_back(name.substr(volumes.size()));
    }
  }
  if (!wanted) return std::nullopt;
  for (const auto& service : facts.services) {
    if (service.replicas == 0) continue;  // nothing of it runs: no command can, and its own volumes may not be there yet
    const auto hook = [&](const std::string& name, std::vector<BackupHook>& into) {
      if (const auto command = label(service, name); !command.empty()) into.push_back({service.name, command});
    };
    hook("backupbot.backup.pre-hook", plan.pre);
    hook("backupbot.backup.post-hook", plan.post);
    hook("backupbot.restore.pre-hook", plan.restore_pre);
    hook("backupbot.restore.post-hook", plan.restore_post);
    if (const auto paths = label(service, "backupbot.backup.path"); !paths.empty()) {
      add_container_paths(service, paths, plan);
      continue;
    }
    for (const auto& mount : service.mounts) {
      if (mount.type != "volume" || mount.source.empty()) continue;
      if (std::find(excluded.begin(), excluded.end(), mount.source) != excluded.end()) continue;
      const bool known = std::any_of(plan.parts.begin(), plan.parts.end(), [&](const auto& part) { return part.volume == mount.source; });
      if (!known) plan.parts.push_back({mount.source, ""});
    }
  }
  // A path inside a volume narrows it, whichever service says so.
  for (const auto& service : facts.services)
    for (auto& part : plan.parts)
      if (const auto path = label(service, "backupbot.backup.volumes." + part.volume + ".path"); !path.empty()) part.path = path_in_volume(path, path, service);
  return plan;
}

BackupReport take_backup(const BackupPlan& plan, Engine& engine, const std::string& stack, const fs::path& to, const Limit& limit) {
  run_hooks(plan.pre, "the backup's pre-hook", engine, stack, limit);
  BackupReport report;
  for (const auto& part : plan.parts) {
    const fs::path from = below_without_links(folder_of(engine, stack, part.volume, limit), part.path);
    if (!fs::exists(from))
      throw Error(ErrorKind::recipe, "the backup selects " + (part.path.empty() ? "volume " : part.path + " in volume ") + part.volume + ", which is not there");
    const fs::path target = below(to / part.volume, part.path);
    make_folders(target.parent_path(), 0700);
    if (fs::is_directory(from)) {
      const auto copied = copy_tree(from, target, true, limit);
      report.files += copied.files;
      report.bytes += copied.bytes;
    } else {
      fs::copy_file(from, target);
      report.files += 1;
      report.bytes += fs::file_size(target);
    }
  }
  run_hooks(plan.post, "the backup's post-hook", engine, stack, limit);
  if (report.files == 0) throw Error(ErrorKind::recipe, "the backup holds no file: its labels select nothing");
  return report;
}

void restore_backup(const BackupPlan& plan, Engine& engine, const std::string& stack, const fs::path& from, const Limit& limit) {
  run_hooks(plan.restore_pre, "the restore's pre-hook", engine, stack, limit);
  for (const auto& part : plan.parts) {
    const fs::path source = below(from / part.volume, part.path);
    const fs::path target = below_without_links(folder_of(engine, stack, part.volume, limit), part.path);
    const bool is_folder = fs::is_directory(source);
    make_folders(is_folder ? target : target.parent_path());
    // cp -a keeps everything that a backup holds, and lays it over what is there, as a restore in place does.
    const std::string what = is_folder ? source.string() + "/." : source.string();
    const auto result = run_command({{"cp", "-a", "--remove-destination", "--", what, is_folder ? target.string() + "/" : target.string()}, {}, false, {}, ""}, limit);
    if (result.exit_code != 0) throw Error(ErrorKind::infrastructure, "restoring the backup of volume " + part.volume + " failed: " + result.err);
  }
  run_hooks(plan.restore_post, "the restore's post-hook", engine, stack, limit);
}

}  // namespace simmer
