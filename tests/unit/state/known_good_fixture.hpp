// The known-good of one app in a state folder of its own, promoted as a promotion does it.
#pragma once

#include <gtest/gtest.h>

#include <state/known_good.hpp>
#include <unit/base/scratch_folder.hpp>

namespace simmer::test {

class KnownGoods : public ::testing::Test {
 protected:
  KnownGoods() { state.prepare(); }

  SnapshotMeta about(const std::string& version, const std::string& run_id) {
    SnapshotMeta meta;
    meta.recipe = "custom-html";
    meta.version = version;
    meta.commit = "c0ffee";
    meta.run_id = run_id;
    meta.nonce = "marker";
    return meta;
  }
  // Writes a fork that holds `page`, and takes and commits the snapshot of it: as a promotion does, up to the commit.
  fs::path commit(const std::string& version, const std::string& run_id, const std::string& page) {
    const fs::path fork = state.fork(run_id);
    make_folders(fork / "volumes/content/inner");
    make_folders(fork / "volumes/empty");
    write_file_beside(fork / "volumes/content/index.html", page);
    write_file_beside(fork / "volumes/content/inner/more", page + page);
    const auto meta =
        good.prepare(about(version, run_id), {{"content", fork / "volumes/content"}, {"empty", fork / "volumes/empty"}},
                     {{"LANG", version}}, {{"password", "secret of " + run_id}}, a_minute());
    good.set_dirty("promote", run_id);
    good.commit(meta);
    return fork;
  }
  void promote(const std::string& version, const std::string& run_id, const std::string& page) {
    EXPECT_TRUE(good.adopt_volumes(commit(version, run_id, page)));
    good.clear_dirty();
    good.write_record("warm-custom-html.example.org", "idle");
    good.snapshot().drop_unreferenced();
  }
  std::string page() { return read_file_if_there(good.volumes_folder() / "content/index.html").value_or("none"); }

  ScratchFolder scratch{memory_folder()};
  StateFolder state{scratch / "state"};
  KnownGood good{state, "custom-html"};
};

}  // namespace simmer::test
