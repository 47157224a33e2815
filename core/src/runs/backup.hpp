// The recipe's own backup contract (backupbot.* labels, see abra.md), performed by Simmer: hooks inside the
// running services, and copies of the volumes and paths that the labels select.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <engine/engine.hpp>

namespace simmer {

struct BackupHook {
  std::string service, command;
};

struct BackupPlan {
  struct Part {
    std::string volume;
    std::string path;  // inside the volume; empty: all of it
  };
  std::vector<Part> parts;
  std::vector<BackupHook> pre, post, restore_pre, restore_post;
  std::vector<std::string> warnings;  // what the labels name and no backup can hold
};

// Nothing when no service carries backupbot.backup=true. A path that lies in no volume is left out with a warning: its hooks run all the same.
std::optional<BackupPlan> backup_plan_of(const RecipeFacts& facts);

// Those of `volumes` that `plan` does not take whole, for people: "volume db"; empty: none.
std::string volumes_backed_up_in_part(const BackupPlan& plan, const std::vector<std::string>& volumes);

struct BackupReport {
  std::uint64_t files = 0, bytes = 0;
};

// Takes the backup into the new folder `to`. Error(recipe) for what the recipe's contract does wrong: a hook
// that fails, a path that is not there, a backup that holds nothing.
BackupReport take_backup(const BackupPlan& plan, Engine& engine, const std::string& stack, const std::filesystem::path& to, const Limit& limit);
// Puts it back over the running app's volumes, as an operator would.
void restore_backup(const BackupPlan& plan, Engine& engine, const std::string& stack, const std::filesystem::path& from, const Limit& limit);

}  // namespace simmer
