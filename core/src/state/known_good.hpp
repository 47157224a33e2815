// The known-good of one canonical app: its record, its snapshot, its retained data.
//
// The commit point is the rename of snapshot/meta.json; canonical.json and the retained volumes
// follow from it and can be written again. While `dirty` is there, the retained data may differ from
// the snapshot. All changing calls need the app's lock (known_good_lock) held exclusively.
#pragma once

#include <map>
#include <optional>
#include <string>

#include <snapshots/snapshot_store.hpp>
#include <state/lock.hpp>
#include <state/state_folder.hpp>

namespace simmer {

// canonical.json: what people and scripts read.
struct CanonicalRecord {
  std::string recipe, domain, version, commit, status, promoted_at, run_id;  // status: idle | deployed
  // Why canonical.json cannot be read. What meta.json says is then from there; domain and status are in no other file, and empty.
  std::string damage{};
};

// Who may have changed the retained data.
struct DirtyMark {
  std::string by;  // "run", "deploy" or "promote"
  std::string run_id;
  std::string at;
};

// A recipe's tree in a file of the snapshot's folder.
struct KeptRecipe {
  std::string file, digest;
};

class KnownGood {
 public:
  KnownGood(const StateFolder& state, std::string app);

  const std::string& app() const { return app_; }
  const fs::path& folder() const { return folder_; }
  SnapshotStore& snapshot() { return store_; }
  const SnapshotStore& snapshot() const { return store_; }

  // A committed snapshot is there (its parts may still be damaged: check()).
  bool exists() const { return store_.exists(); }
  // A damaged one is no obstacle to anything: it follows from meta.json, and mend_record() (recover.hpp) writes it again.
  std::optional<CanonicalRecord> record() const;
  // Writes canonical.json from meta.json, with this domain and status, where it is missing or says something else.
  void write_record(const std::string& domain, const std::string& status);

  std::map<std::string, std::string> env() const;
  std::map<std::string, std::string> secrets() const;

  // Name -> folder of each retained volume of the snapshot.
  std::map<std::string, fs::path> volumes() const;
  fs::path volumes_folder() const { return folder_ / "volumes"; }

  std::optional<DirtyMark> dirty() const;
  void set_dirty(const std::string& by, const std::string& run_id);
  // What the retained data holds is on the disk before the mark goes.
  void clear_dirty();

  // Cheap: nothing missing, everything whole (snapshots.md "verified before a quick run"). Faults in words.
  std::vector<std::string> check() const;

  // Makes the retained data equal to the snapshot, whatever it was, and clears the dirty mark. What an app has mounted inside of it is
  // undone (take_undone_mounts()); something mounted over its folders themselves is an Error(needs_operator) naming it.
  RestoreReport restore(const Limit& limit);

  // Keeps the recipe's tree as it was checked out, beside the snapshot that is to come (`about` then names it). Asked before the app can
  // write into it.
  KeptRecipe keep_recipe(const std::string& run_id, const fs::path& tree);
  // Writes the known-good's recipe to the new folder `to`, if it is of that commit and kept. False: it is not, and nothing was done.
  // Damaged: Error(needs_operator).
  bool unpack_recipe(const std::string& commit, const fs::path& to) const;

  // Takes the snapshot of `volumes` (see SnapshotStore::prepare) with env and secrets beside it.
  // Nothing is committed yet.
  SnapshotMeta prepare(SnapshotMeta about, const std::map<std::string, fs::path>& volumes, const std::map<std::string, std::string>& env,
                       const std::map<std::string, std::string>& secrets, const Limit& limit);
  // The point of no return.
  void commit(const SnapshotMeta& meta) { store_.commit(meta); }
  // After a commit: puts `<fork>/volumes` in place of the retained ones. Data of volumes that the new snapshot no longer has goes to aside/<run id>/, where
  // it stays until the next commit; what an earlier one put there goes. Can be killed and repeated. False when there is no such fork (any more).
  bool adopt_volumes(const fs::path& fork);
  fs::path aside_folder() const { return folder_ / "aside"; }

 private:
  fs::path mounted_over_data() const;
  void put_aside_what_was_dropped();
  void make_snapshot_folder() const;

  std::string app_;
  fs::path folder_;
  SnapshotStore store_;
};

fs::path known_good_lock(const StateFolder& state, const std::string& app);
// Held by a run from its first breath to its last; how others tell a live run from a dead one.
fs::path run_lock(const StateFolder& state, const std::string& run_id);
// Held by whoever clones or fetches a recipe's repository; the last in the order.
fs::path repository_lock(const StateFolder& state, const std::string& recipe);

}  // namespace simmer
