// The retained data of a known-good, lent to one run: equal to the snapshot when it is lent, and the
// known-good untouched when it comes back.
#pragma once

#include <map>
#include <string>

#include <runs/run_context.hpp>
#include <snapshots/fork.hpp>
#include <state/known_good.hpp>

namespace simmer {

class KnownGoodFork {
 public:
  // Restores the retained data first where it is dirty, chooses the way (spec.fork), and makes the fork. A
  // promotion may not use an overlay.
  KnownGoodFork(RunContext& run, KnownGood& known_good, bool may_overlay);

  ForkWay way() const { return way_; }
  std::map<std::string, VolumeSource> volume_sources() const;
  const std::map<std::string, fs::path>& folders() const { return folders_; }

  // Drops a copy or a mount. In ForkWay::restore the data stays dirty and is restored before its next use.
  void discard();

 private:
  RunContext& run_;
  ForkWay way_ = ForkWay::restore;
  std::map<std::string, fs::path> folders_;
};

// Makes the retained data equal to the snapshot where it is not. Reports what it did.
void settle_retained_data(RunContext& run, KnownGood& known_good);

}  // namespace simmer
