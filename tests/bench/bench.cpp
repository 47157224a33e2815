// What Simmer costs, measured side by side in one run and printed; nothing here fails for being slow. On a
// loop-mounted ext4 with a journal where we may mount (a root file system without one would flatter us).
//
//   quick     a quick run from outside, less the app's own start and stop and the windows
//   snapshot  the first snapshot against `tar -c` and a flush
//   restore   the retained data put back after 1 % of it changed, every byte compared, against wipe and `tar -x`
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <random>

#include <base/files.hpp>
#include <e2e/simmer_world.hpp>
#include <snapshots/snapshot_store.hpp>

namespace simmer::e2e {

namespace {

milliseconds elapsed(const std::function<void()>& action) {
  const auto start = Clock::now();
  action();
  return std::chrono::duration_cast<milliseconds>(Clock::now() - start);
}

struct Spread {
  double least, median, most;
};

Spread spread(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values.front(), values[values.size() / 2], values.back()};
}

void print(const std::string& what, const Spread& s, const std::string& unit) {
  char line[200];
  std::snprintf(line, sizeof line, "%-66s min %8.1f  median %8.1f  max %8.1f %s", what.c_str(), s.least, s.median, s.most, unit.c_str());
  std::cout << line << std::endl;
}

void must(const std::vector<std::string>& argv) {
  const auto done = run_command({argv, {}, false, {}, ""}, Limit::in(std::chrono::minutes(5)));
  if (done.exit_code != 0) throw std::runtime_error(argv[0] + ": " + done.err);
}

// An ext4 with a journal in a file; or just a folder, which is said.
class Ground {
 public:
  explicit Ground(const fs::path& root) : folder_(root / "ground") {
    make_folders(folder_);
    if (::geteuid() != 0) {
      say("not root: on the file system of " + root.string());
      return;
    }
    try {
      must({"truncate", "-s", "3G", (root / "ext4.img").string()});
      must({"mkfs.ext4", "-q", "-F", (root / "ext4.img").string()});
      must({"mount", "-o", "loop", (root / "ext4.img").string(), folder_.string()});
      mounted_ = true;
      say("on a loop-mounted ext4 with a journal");
    } catch (const std::exception& error) {
      say(std::string("cannot mount one, on the file system at hand: ") + error.what());
    }
  }
  ~Ground() {
    if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
  }
  const fs::path& folder() const { return folder_; }

 private:
  static void say(const std::string& text) { std::cout << text << std::endl; }
  fs::path folder_;
  bool mounted_ = false;
};

TEST(Bench, QuickRun) {
  World world;
  const auto seeded = world.run({"canonical", "seed", "custom-html"});
  ASSERT_EQ(seeded.code, 0) << seeded.all();
  for (const std::string way : {"overlay", "restore"}) {
    if (way == "overlay" && ::geteuid() != 0) continue;
    world.write_config("fork: " + way + "\n");
    std::vector<double> own, starts;
    for (int i = 0; i < 11; ++i) {
      Ran ran;
      const auto wall = elapsed([&] { ran = world.run({"run", "custom-html", "--quick", "--ref", "good"}); });
      ASSERT_EQ(ran.code, 0) << ran.all();
      const auto& timings = ran.result["timings"];
      const double apps = timings.value("app_start_ms", 0) + timings.value("app_stop_ms", 0) + timings.value("window_ms", 0);
      if (i == 0) continue;  // warm-up
      own.push_back(static_cast<double>(wall.count()) - apps);
      starts.push_back(timings.value("app_start_ms", 0) + timings.value("app_stop_ms", 0));
    }
    print("quick run, " + way + ": Simmer's own time (target 250)", spread(own), "ms");
    print("quick run, " + way + ": the app's starts and stop, for comparison", spread(starts), "ms");
  }
}

void make_many_files(const fs::path& folder, int count) {
  std::mt19937 random(7);
  std::string content(20000, 'x');
  for (int i = 0; i < count; ++i) {
    const fs::path file = folder / ("d" + std::to_string(i % 50)) / ("f" + std::to_string(i));
    make_folders(file.parent_path());
    for (char& c : content) c = static_cast<char>(random());
    write_file_beside(file, std::string_view(content).substr(0, 200 + random() % 19800));
  }
}

void make_database(const fs::path& folder, int files, std::size_t size) {
  std::mt19937_64 random(7);
  std::string content(size, 'x');
  for (std::size_t i = 0; i + 8 <= size; i += 8) *reinterpret_cast<std::uint64_t*>(&content[i]) = random();
  for (int i = 0; i < files; ++i) {
    content[0] = static_cast<char>(i);
    write_file_beside(folder / ("table" + std::to_string(i) + ".ibd"), content);
  }
}

// 1 %: of many files every hundredth is rewritten, of big ones pages of 8 KiB at random places.
void change_one_percent(const fs::path& folder) {
  std::mt19937_64 random(11);
  int n = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const auto size = entry.file_size();
    if (size < 1 << 20) {
      if (n++ % 100 == 0) write_file_beside(entry.path(), "changed");
      continue;
    }
    const Fd fd = open_file(entry.path(), O_WRONLY);
    const std::string page(8192, 'y');
    for (std::uint64_t i = 0; i < size / 8192 / 100; ++i)
      if (::pwrite(fd.get(), page.data(), page.size(), static_cast<off_t>(random() % (size / 8192) * 8192)) < 0) throw_errno("cannot change a page", errno);
  }
}

void compare_with_tar(const std::string& name, const fs::path& ground, const std::function<void(const fs::path&)>& make) {
  const fs::path volume = ground / "volume", tarred = ground / "tarred", archive = ground / "volume.tar";
  make_folders(volume);
  make(volume);
  must({"cp", "-a", volume.string(), tarred.string()});
  std::vector<double> first_ratio, restore_ratio, ours_first, ours_restore;
  const Limit limit = Limit::in(std::chrono::minutes(10));
  for (int i = 0; i < 3; ++i) {
    const fs::path store_folder = ground / "store";
    remove_tree(store_folder);
    SnapshotStore store(store_folder);
    ::sync();
    const auto tar = elapsed([&] {
      must({"tar", "--xattrs", "--acls", "-C", tarred.string(), "-cf", archive.string(), "."});
      flush_file(archive);
    });
    SnapshotMeta about;
    about.app = about.recipe = "bench";
    about.run_id = "bench-" + std::to_string(i);
    ::sync();
    const auto first = elapsed([&] { store.commit(store.prepare(about, {{"volume", volume}}, limit)); });
    change_one_percent(volume);
    change_one_percent(tarred);
    ::sync();
    const auto untar = elapsed([&] {
      remove_tree(tarred);
      make_folders(tarred);
      must({"tar", "--xattrs", "--xattrs-include=*", "--acls", "-C", tarred.string(), "-xpf", archive.string()});
      must({"sync", "-f", tarred.string()});
    });
    const auto restored = elapsed([&] { store.restore({{"volume", volume}}, limit); });
    ASSERT_TRUE(store.compare({{"volume", volume}}, limit).empty());
    ours_first.push_back(static_cast<double>(first.count()));
    ours_restore.push_back(static_cast<double>(restored.count()));
    first_ratio.push_back(static_cast<double>(tar.count()) / static_cast<double>(std::max<std::int64_t>(1, first.count())));
    restore_ratio.push_back(static_cast<double>(untar.count()) / static_cast<double>(std::max<std::int64_t>(1, restored.count())));
  }
  print(name + ": first snapshot, read back", spread(ours_first), "ms");
  print(name + ": first snapshot, how many times as fast as tar -c and flush", spread(first_ratio), "x");
  print(name + ": restore after 1 %, every byte compared", spread(ours_restore), "ms");
  print(name + ": restore, how many times as fast as wipe and tar -x", spread(restore_ratio), "x");
}

TEST(Bench, SnapshotAgainstTar) {
  std::string pattern = (fs::path(::testing::TempDir()) / "simmer-bench-XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const fs::path root = pattern;
  for (const bool database : {false, true}) {
    {
      const Ground ground(root);
      if (database) compare_with_tar("database, 4 files, 256 MiB", ground.folder(), [](const fs::path& f) { make_database(f, 4, 64u << 20); });
      else compare_with_tar("5,000 small files, 50 MiB", ground.folder(), [](const fs::path& f) { make_many_files(f, 5000); });
    }
    remove_tree(root / "ground");
    remove_durably(root / "ext4.img");
  }
  remove_tree(root);
}

}  // namespace

}  // namespace simmer::e2e
