// The power goes, again and again, while an app is seeded, run, restored and promoted: at every cut the known-good on the disk is
// the old or the new one, whole, and retained data that is not called dirty is equal to it (promises P1, P2, P3).
//
// A cut is an image of the disk as it is at that moment: what nobody flushed lies in memory and is not in it. The state is on a
// file system of its own whose disk is a file on an XFS, which can copy that file in an instant, with all writes before it
// and none after it. Each time that something has reached the disk such a copy is made; later each is mounted and judged.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <iostream>
#include <thread>

#include <base/files.hpp>
#include <base/mounts.hpp>
#include <e2e/simmer_world.hpp>
#include <simmer/error.hpp>
#include <snapshots/copy.hpp>
#include <snapshots/fork.hpp>
#include <state/journal.hpp>
#include <state/known_good.hpp>
#include <unit/snapshots/test_tree.hpp>

namespace simmer::e2e {

namespace {

const std::string app = "custom-html";

// A loop device lets go of its file a moment later than it is unmounted, and whoever looks at all mounts of a machine keeps them busy.
void unmount(const fs::path& folder) {
  const Limit limit = Limit::in(std::chrono::seconds(20));
  while (!limit.passed()) {
    try {
      return unmount_below(folder);
    } catch (const Error&) {
      ::usleep(5000);
    }
  }
  ADD_FAILURE() << folder << " stays mounted";
}

// A disk that remembers what it was. `why_not`: mounting is not possible here.
class Disk {
 public:
  explicit Disk(const std::string& type) : type_(type) {
    why_not = test::mount_filesystem("xfs", scratch_ / "outer", "4G");
    if (why_not.empty()) why_not = test::mount_filesystem(type, folder(), type == "xfs" ? "320M" : "96M");
  }
  ~Disk() {
    stop();
    unmount(folder());
    unmount(scratch_ / "outer");
  }

  fs::path folder() const { return scratch_ / "outer/disk"; }

  // From now on every state of the disk is kept, under the number of the chapter that it belongs to.
  void record() {
    keep_ = true;
    recorder_ = std::thread([this] {
      while (keep_) {
        keep_if_changed();
        ::usleep(500);
      }
      keep_if_changed();
    });
  }
  // Returns when all that has reached the disk is kept.
  void stop() {
    keep_ = false;
    if (recorder_.joinable()) recorder_.join();
  }
  void begin_chapter(std::size_t number) {
    stop();
    chapter_ = number;
    record();
  }

  // The chapters of the cuts, in their order.
  const std::vector<std::size_t>& cuts() const { return cuts_; }

  // Mounts one of them, as a machine does that comes up again; unmounts it at the end.
  class Up {
   public:
    Up(const Disk& disk, std::size_t cut) : folder_(disk.scratch_ / "up") {
      fs::create_directories(folder_);
      test::run({"mount", "-o", disk.type_ == "xfs" ? "loop,nouuid" : "loop", disk.image(cut).string(), folder_.string()});
    }
    ~Up() { unmount(folder_); }
    const fs::path& folder() const { return folder_; }

   private:
    fs::path folder_;
  };

  std::string why_not;

 private:
  fs::path image(std::size_t cut) const { return scratch_ / "outer" / ("cut-" + std::to_string(cut)); }
  void keep_if_changed() {
    struct stat now;
    const Fd disk(::open(folder().concat(".image").c_str(), O_RDONLY | O_CLOEXEC));
    if (!disk || ::fstat(disk.get(), &now) != 0) return;
    if (now.st_mtim.tv_sec == seen_.tv_sec && now.st_mtim.tv_nsec == seen_.tv_nsec) return;
    seen_ = now.st_mtim;
    const Fd copy(::open(image(cuts_.size()).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!copy || ::ioctl(copy.get(), FICLONE, disk.get()) != 0) return;
    cuts_.push_back(chapter_);
  }

  test::Scratch scratch_;
  std::string type_;
  std::thread recorder_;
  std::atomic<bool> keep_{false};
  std::size_t chapter_ = 0;
  timespec seen_{};
  std::vector<std::size_t> cuts_;
};

// Which known-good is in this state folder: its run's id; empty when there is none. A failed expectation when it is not
// whole, or when retained data that is called clean is not equal to it.
std::string judge(const fs::path& root, const std::string& where) {
  const KnownGood good(StateFolder(root), app);
  if (!good.exists()) return "";
  EXPECT_EQ(test::text(good.snapshot().verify(test::a_minute())), "") << where;
  if (!good.dirty()) {
    EXPECT_EQ(test::text(good.snapshot().compare(good.volumes(), test::a_minute(), 5)), "") << "called clean " << where;
  }
  return good.snapshot().meta().run_id;
}

std::string config_for(const std::string& type) {
  return "deadlines: {start: 15s, plugin: 20s, teardown: 30s}\nhealth: {window: 20ms}\nfork: " + std::string(type == "xfs" ? "reflink" : "restore") + "\n";
}

class PowerCut : public ::testing::TestWithParam<std::string> {};

TEST_P(PowerCut, LeavesTheOldOrTheNewKnownGoodAndNothingCleanThatIsNotEqual) {
  Disk disk(GetParam());
  if (!disk.why_not.empty()) GTEST_SKIP() << disk.why_not;
  struct Chapter {
    std::vector<std::string> arguments;
    bool is_released = false;
    std::string before{}, after{};  // which known-good there is
  };
  std::vector<Chapter> story = {{{"canonical", "seed", app}},
                                {{"run", app, "--quick", "--ref", "good"}},
                                {{"canonical", "restore", app, "--yes"}},
                                {{"run", app}, true},
                                {{"run", app, "--quick", "--ref", "good"}},
                                {{"canonical", "restore", app, "--yes"}}};
  const fs::path scratch_name = [&] {
    World world(config_for(GetParam()), disk.folder());
    const auto git = [&](std::vector<std::string> arguments) {
      arguments.insert(arguments.begin(), {"git", "-c", "safe.directory=*", "-C", (world.recipes() / app).string()});
      test::run(arguments);
    };
    // The app's own migration, of 1.2.0, writes files and flushes none.
    git({"branch", "newest", "1.3.0+1.22.1^{commit}"});
    git({"tag", "-d", "1.2.0+1.22.1", "1.3.0+1.22.1"});
    flush_file_system(disk.folder());
    std::string known_good;
    for (std::size_t number = 0; number < story.size(); ++number) {
      auto& chapter = story[number];
      if (chapter.is_released) git({"tag", "1.3.0+1.22.1", "newest"});
      disk.begin_chapter(number);
      const auto done = world.simmer(chapter.arguments);
      EXPECT_EQ(done.code, 0) << done.all();
      disk.stop();
      chapter.before = known_good;
      known_good = chapter.after = judge(world.state(), "before any cut");
      EXPECT_NE(known_good, "") << done.all();
    }
    EXPECT_NE(story[2].after, story[3].after) << "nothing was promoted";
    return world.root().filename();
  }();

  // Evenly over the story, where there are more than time allows to judge.
  constexpr std::size_t most = 160;
  const std::size_t all = disk.cuts().size(), judged = std::min(all, most);
  std::size_t clean = 0, new_ones = 0;
  for (std::size_t number = 0; number < judged && !HasFailure(); ++number) {
    const std::size_t cut = number * all / judged;
    const auto& chapter = story[disk.cuts()[cut]];
    const std::string where = "at cut " + std::to_string(cut) + ", in chapter " + std::to_string(disk.cuts()[cut]);
    const Disk::Up up(disk, cut);
    const fs::path root = up.folder() / scratch_name;
    const auto is_old_or_new = [&](const std::string& found) {
      EXPECT_TRUE(found == chapter.before || found == chapter.after) << "a known-good of nobody: " << found << " " << where;
    };
    const std::string found = judge(root / "state", where);
    is_old_or_new(found);
    if (found == chapter.after && found != chapter.before) ++new_ones;
    const KnownGood good(StateFolder(root / "state"), app);
    if (good.exists() && !good.dirty()) ++clean;
    const auto recovered = run_command({{SIMMER_PROGRAM, "--config", (root / "config.yml").string(), "--state", (root / "state").string(),
                                         "--recipes", (root / "recipes").string(), "recover"},
                                        {}, false, {}, ""},
                                       Limit::in(std::chrono::seconds(60)));
    EXPECT_EQ(recovered.exit_code, 0) << where << "\n" << recovered.out << recovered.err;
    EXPECT_EQ(judge(root / "state", where + " after recover"), found) << where;
    if (fs::exists(journal_of_canonical(StateFolder(root / "state"), app))) ADD_FAILURE() << "recover left the journal " << where;
  }
  std::cout << judged << " power cuts (of " << all << ") on " << GetParam() << ": " << new_ones << " of them just after a commit, " << clean << " are called clean" << std::endl;
  EXPECT_GE(judged, 100u) << "too few cuts to say anything";
}

// Who is killed in the middle of a restore has written much and flushed nothing; the next one finds it equal.
TEST_P(PowerCut, AfterARestoreThatFoundEverythingEqualLosesNothing) {
  Disk disk(GetParam());
  if (!disk.why_not.empty()) GTEST_SKIP() << disk.why_not;
  World world(config_for(GetParam()), disk.folder());
  const auto seeded = world.run({"canonical", "seed", app});
  ASSERT_EQ(seeded.code, 0) << seeded.all();
  KnownGood good(StateFolder(world.state()), app);
  fs::rename(good.volumes_folder(), world.root() / "moved");
  for (const auto& [name, folder] : good.volumes()) copy_tree(world.root() / "moved" / name, folder, false, test::a_minute());
  good.set_dirty("restore", "");
  const auto report = good.restore(test::a_minute());
  EXPECT_EQ(report.changed, 0u);
  disk.record();
  disk.stop();
  ASSERT_EQ(disk.cuts().size(), 1u);
  const Disk::Up up(disk, 0);
  EXPECT_NE(judge(up.folder() / world.root().filename() / "state", "after the restore"), "");
  EXPECT_FALSE(KnownGood(StateFolder(up.folder() / world.root().filename() / "state"), app).dirty());
}

INSTANTIATE_TEST_SUITE_P(On, PowerCut, ::testing::Values("ext4", "xfs"), [](const auto& info) { return info.param; });

}  // namespace

}  // namespace simmer::e2e
