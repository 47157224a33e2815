#include <runs/known_good_fork.hpp>

#include <base/crash_point.hpp>
#include <base/mounts.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {
milliseconds since(Clock::time_point start) { return std::chrono::duration_cast<milliseconds>(Clock::now() - start); }
// Restoring and copying are bounded by their data; a deadline only ends what hangs.
constexpr milliseconds data_deadline = std::chrono::hours(2);
}  // namespace

void settle_retained_data(RunContext& run, KnownGood& known_good) {
  const auto dirty = known_good.dirty();
  bool missing = false;
  for (const auto& [name, folder] : known_good.volumes()) missing = missing || !fs::is_directory(folder);
  if (!dirty && !missing) return;
  run.journal.begin_step("restoring the retained data");
  run.report.phase("restoring the retained data from the snapshot");
  const auto start = Clock::now();
  const auto report = known_good.restore(Limit::in(data_deadline, run.stop));
  run.report.timing("restore", since(start));
  for (const auto& mount : take_undone_mounts()) run.report.warning("an earlier run's app had left a mount on " + mount + ": it was undone");
  run.report.log(LogLevel::info, "restored the retained data: " + std::to_string(report.changed) + " of " + std::to_string(report.entries) +
                                     " entries differed, " + std::to_string(report.removed) + " removed");
}

KnownGoodFork::KnownGoodFork(RunContext& run, KnownGood& known_good, bool may_overlay) : run_(run) {
  settle_retained_data(run, known_good);
  const auto volumes = known_good.volumes();
  const auto start = Clock::now();
  ForkChoice choice;
  if (const auto asked = fork_way_from(run.spec.fork)) {
    choice = {*asked, "configured"};
    if (choice.way == ForkWay::overlay && !may_overlay) choice = {ForkWay::restore, "a promotion never uses an overlay"};
  } else {
    choice = choose_fork_way(volumes, run.state.forks(), may_overlay);
  }
  way_ = choice.way;
  run.report.log(LogLevel::info, "fork: " + std::string(to_string(way_)) + " (" + choice.reason + ")");
  run.report.fact("fork", std::string(to_string(way_)));
  run.journal.begin_step("forking the retained data by " + std::string(to_string(way_)));
  if (way_ == ForkWay::restore) {
    known_good.set_dirty("run", run.spec.run_id);
    folders_ = volumes;
  } else {
    folders_ = make_fork(way_, volumes, run.state.fork(run.spec.run_id), Limit::in(data_deadline, run.stop));
  }
  crash_point("after the fork");
  run.report.timing("fork", since(start));
}

std::map<std::string, VolumeSource> KnownGoodFork::volume_sources() const {
  std::map<std::string, VolumeSource> sources;
  for (const auto& [name, folder] : folders_)
    sources[name] = {way_ == ForkWay::restore ? VolumeSource::Kind::existing : VolumeSource::Kind::fork, folder};
  return sources;
}

void KnownGoodFork::discard() {
  const auto start = Clock::now();
  run_.journal.begin_step("discarding the fork");
  discard_fork(run_.state.fork(run_.spec.run_id));
  // What the app has mounted in the retained data, which stays.
  if (way_ == ForkWay::restore)
    for (const auto& [name, folder] : folders_) undo_mounts_inside(folder);
  for (const auto& mount : take_undone_mounts()) run_.report.residue("mount " + mount + ", which the app left and Simmer has undone");
  run_.report.timing("fork", since(start));
}

}  // namespace simmer
