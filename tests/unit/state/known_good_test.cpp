// The known-good of an app: what follows from the snapshot can be written again from any half-way state, and what is
// missing or damaged is said before anybody builds on it.
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <base/mounts.hpp>
#include <simmer/error.hpp>
#include <unit/base/flush_recorder.hpp>
#include <unit/state/known_good_fixture.hpp>

namespace simmer {
namespace {

using namespace test;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;
using Values = std::map<std::string, std::string>;

struct Unmounter {
  fs::path folder;
  ~Unmounter() { undo_mounts(folder); }
};

TEST_F(KnownGoods, ThatWereNeverMadeAreNone) {
  EXPECT_FALSE(good.exists());
  EXPECT_FALSE(good.record());
  EXPECT_FALSE(good.dirty());
  EXPECT_THAT(good.check(), ElementsAre(HasSubstr("no snapshot")));
  EXPECT_FALSE(fs::exists(good.folder())) << "looking must not make anything";
}

TEST_F(KnownGoods, AreCommittedWithAllThatIsNeededToHaveTheAppBack) {
  promote("1.0.0+1", "run-1", "first");
  EXPECT_THAT(good.check(), IsEmpty());
  const auto meta = good.snapshot().meta();
  EXPECT_EQ(meta.app, "custom-html");
  EXPECT_EQ(meta.version, "1.0.0+1");
  EXPECT_EQ(meta.nonce, "marker");
  EXPECT_THAT(good.env(), ElementsAre(Pair("LANG", "1.0.0+1")));
  EXPECT_THAT(good.secrets(), ElementsAre(Pair("password", "secret of run-1")));
  EXPECT_THAT(good.volumes(),
              ElementsAre(Pair("content", good.volumes_folder() / "content"), Pair("empty", good.volumes_folder() / "empty")));
  EXPECT_EQ(page(), "first");
  const auto record = good.record().value();
  EXPECT_EQ(record.recipe + " " + record.domain + " " + record.version + " " + record.commit + " " + record.status + " " +
                record.run_id,
            "custom-html warm-custom-html.example.org 1.0.0+1 c0ffee idle run-1");
  EXPECT_EQ(record.promoted_at, meta.taken_at);
}

TEST_F(KnownGoods, KeepEnvironmentAndSecretsFromOthers) {
  promote("1.0.0+1", "run-1", "first");
  for (const std::string name : {"env.run-1", "secrets.run-1"}) {
    struct stat info {};
    ASSERT_EQ(::stat((good.snapshot().folder() / name).c_str(), &info), 0) << name;
    EXPECT_EQ(info.st_mode & 07777, 0600u) << name;
  }
}

TEST_F(KnownGoods, AreUntouchedByASnapshotThatIsNotCommitted) {
  promote("1.0.0+1", "run-1", "first");
  const std::string meta = read_file(good.snapshot().folder() / "meta.json"),
                    record = read_file(good.folder() / "canonical.json");
  const fs::path fork = state.fork("run-2");
  make_folders(fork / "volumes/content");
  write_file_beside(fork / "volumes/content/index.html", "second");
  good.prepare(about("2.0.0+2", "run-2"), {{"content", fork / "volumes/content"}}, {}, {{"password", "other"}}, a_minute());
  EXPECT_EQ(read_file(good.snapshot().folder() / "meta.json"), meta);
  EXPECT_THAT(good.secrets(), ElementsAre(Pair("password", "secret of run-1")));
  good.snapshot().drop_unreferenced();
  EXPECT_THAT(names_in(good.snapshot().folder()), Not(Contains(AnyOf("env.run-2", "secrets.run-2"))));
  EXPECT_EQ(read_file(good.folder() / "canonical.json"), record);
  EXPECT_THAT(good.check(), IsEmpty());
  EXPECT_THAT(good.snapshot().verify(a_minute()), IsEmpty());
  EXPECT_EQ(page(), "first");
}

TEST_F(KnownGoods, ThatArePromotedHoldNothingOfTheOldOneAnyMore) {
  promote("1.0.0+1", "run-1", "first");
  promote("2.0.0+2", "run-2", "second");
  EXPECT_EQ(page(), "second");
  EXPECT_EQ(good.record().value().version, "2.0.0+2");
  EXPECT_THAT(good.secrets(), ElementsAre(Pair("password", "secret of run-2")));
  EXPECT_THAT(names_in(good.snapshot().folder()), Not(Contains(AnyOf("env.run-1", "secrets.run-1"))));
  EXPECT_THAT(names_in(good.folder()), ElementsAre("canonical.json", "snapshot", "volumes"));
}

// What is said of the retained data is said of the folders themselves, not of what lies over them: the operator unmounts that.
TEST_F(KnownGoods, UnderAMountAreNeitherWholeNorRestored) {
  promote("1.0.0+1", "run-1", "old");
  for (const fs::path& over : {good.volumes_folder() / "content", good.volumes_folder()}) {
    const Unmounter unmounter{scratch.path()};
    make_folders(scratch / "same");
    if (::mount((over == good.volumes_folder() ? scratch / "same" : over).c_str(), over.c_str(), nullptr, MS_BIND, nullptr) != 0) GTEST_SKIP() << "may not mount";
    EXPECT_THAT(good.check(), Contains(HasSubstr("unmount " + over.string())));
    good.set_dirty("run", "run-2");
    try {
      good.restore(a_minute());
      ADD_FAILURE() << "was restored under a mount on " << over;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::needs_operator);
      EXPECT_THAT(error.message(), HasSubstr("unmount " + over.string()));
    }
    EXPECT_TRUE(good.dirty());
    EXPECT_TRUE(fs::exists(scratch / "same"));
  }
  good.restore(a_minute());
  EXPECT_THAT(good.check(), IsEmpty());
  EXPECT_EQ(page(), "old");
}

TEST_F(KnownGoods, AreRestoredWhereAnAppMountedSomethingInThem) {
  promote("1.0.0+1", "run-1", "old");
  const Unmounter unmounter{scratch.path()};
  make_folders(scratch / "host");
  write_file_beside(scratch / "host/precious", "precious");
  const fs::path extra = good.volumes_folder() / "content/extra", inner = good.volumes_folder() / "content/inner", unknown = good.volumes_folder() / "unknown/deep";
  for (const fs::path& point : {extra, inner, unknown}) {
    make_folders(point);
    if (::mount((scratch / "host").c_str(), point.c_str(), nullptr, MS_BIND, nullptr) != 0) GTEST_SKIP() << "may not mount";
  }
  good.set_dirty("run", "run-2");
  take_undone_mounts();
  good.restore(a_minute());
  EXPECT_THAT(take_undone_mounts(), UnorderedElementsAre(extra.string(), inner.string(), unknown.string()));
  EXPECT_EQ(read_file_if_there(scratch / "host/precious"), "precious");
  EXPECT_FALSE(fs::exists(extra));
  EXPECT_THAT(good.snapshot().compare(good.volumes(), a_minute(), 5), IsEmpty());
}

// The three moments of adopt_volumes() at which Simmer can be killed; whoever comes after calls it again.
TEST_F(KnownGoods, AdoptTheNewDataFromEveryHalfWayState) {
  promote("1.0.0+1", "run-1", "first");
  const fs::path old = good.folder() / "volumes.old";
  int number = 2;
  const auto half_way = [&](const std::string& at, const std::function<void(const fs::path& fork)>& leave) {
    const std::string run_id = "run-" + std::to_string(number), page_now = "page " + std::to_string(number);
    ++number;
    const fs::path fork = commit("2.0.0+2", run_id, page_now);
    leave(fork);
    EXPECT_TRUE(good.dirty()) << at;
    const bool adopted = good.adopt_volumes(fork);
    EXPECT_EQ(page(), page_now) << at;
    EXPECT_FALSE(good.adopt_volumes(fork)) << at << ": nothing to adopt a second time";
    EXPECT_EQ(page(), page_now) << at;
    EXPECT_FALSE(fs::exists(old)) << at << ": the old data takes room for ever";
    EXPECT_THAT(good.snapshot().compare(good.volumes(), a_minute()), IsEmpty()) << at;
    good.clear_dirty();
    return adopted;
  };
  EXPECT_TRUE(half_way("before the first rename", [](const fs::path&) {}));
  EXPECT_TRUE(half_way("an old folder is left of an earlier death", [&](const fs::path&) {
    make_folders(old / "content");
    write_file_beside(old / "content/index.html", "ancient");
  }));
  EXPECT_TRUE(half_way("between the renames", [&](const fs::path&) { rename_durably(good.volumes_folder(), old); }));
  half_way("after both renames", [&](const fs::path& fork) {
    rename_durably(good.volumes_folder(), old);
    rename_durably(fork / "volumes", good.volumes_folder());
  });
}

TEST_F(KnownGoods, WithoutAForkKeepTheDataThatTheyHave) {
  promote("1.0.0+1", "run-1", "first");
  EXPECT_FALSE(good.adopt_volumes(state.fork("none")));
  EXPECT_EQ(page(), "first");
}

TEST_F(KnownGoods, SayThatTheirDataIsDirtyAndByWhom) {
  promote("1.0.0+1", "run-1", "first");
  good.set_dirty("deploy", "run-2");
  const auto mark = KnownGood(state, "custom-html").dirty().value();
  EXPECT_EQ(mark.by, "deploy");
  EXPECT_EQ(mark.run_id, "run-2");
  EXPECT_THAT(mark.at, HasSubstr("T"));
  good.clear_dirty();
  good.clear_dirty();
  EXPECT_FALSE(good.dirty());
}

// That the mark is there is what counts: one that a full disk or an operator's `touch` left empty is one.
TEST_F(KnownGoods, AreDirtyWhateverTheMarkHolds) {
  promote("1.0.0+1", "run-1", "first");
  for (const std::string text : {"", "{\"by\"", "[]", "{\"by\": 7}"}) {
    write_file_beside(good.folder() / "dirty", text);
    EXPECT_TRUE(good.dirty()) << text;
    EXPECT_NE(good.dirty()->by, "deploy") << text;
  }
}

struct Mishap {
  std::string name;
  std::function<void(const fs::path& volumes, const fs::path& elsewhere)> done;
};
std::ostream& operator<<(std::ostream& out, const Mishap& mishap) { return out << mishap.name; }

class KnownGoodAfter : public KnownGoods, public ::testing::WithParamInterface<Mishap> {};

TEST_P(KnownGoodAfter, IsRestoredAndCleanAgain) {
  promote("1.0.0+1", "run-1", "first");
  make_folders(scratch / "precious");
  write_file_beside(scratch / "precious/data", "data");
  good.set_dirty("run", "run-2");
  GetParam().done(good.volumes_folder(), scratch / "precious");
  good.restore(a_minute());
  EXPECT_THAT(good.snapshot().compare(good.volumes(), a_minute()), IsEmpty());
  EXPECT_THAT(names_in(good.volumes_folder()), ElementsAre("content", "empty"));
  EXPECT_THAT(names_in(good.volumes_folder() / "empty"), IsEmpty());
  EXPECT_FALSE(fs::is_symlink(good.volumes_folder() / "content"));
  EXPECT_FALSE(good.dirty());
  EXPECT_EQ(page(), "first");
  EXPECT_EQ(read_file(scratch / "precious/data"), "data");
  EXPECT_THAT(names_in(scratch / "precious"), ElementsAre("data"));
}

const Mishap mishaps[] = {
    {"nothing", [](const fs::path&, const fs::path&) {}},
    {"a_changed_page",
     [](const fs::path& volumes, const fs::path&) { write_file_beside(volumes / "content/index.html", "changed"); }},
    {"a_volume_that_is_gone", [](const fs::path& volumes, const fs::path&) { remove_tree(volumes / "content"); }},
    {"no_data_at_all", [](const fs::path& volumes, const fs::path&) { remove_tree(volumes); }},
    {"volumes_and_files_that_were_not_there",
     [](const fs::path& volumes, const fs::path&) {
       make_folders(volumes / "of the new version/inner");
       write_file_beside(volumes / "a file", "");
       write_file_beside(volumes / "empty/extra", "");
     }},
    {"a_file_where_a_volume_was",
     [](const fs::path& volumes, const fs::path&) {
       remove_tree(volumes / "empty");
       write_file_beside(volumes / "empty", "");
     }},
    {"a_link_where_a_volume_was",
     [](const fs::path& volumes, const fs::path& elsewhere) {
       remove_tree(volumes / "content");
       fs::create_directory_symlink(elsewhere, volumes / "content");
     }},
};
INSTANTIATE_TEST_SUITE_P(, KnownGoodAfter, ::testing::ValuesIn(mishaps), [](const auto& info) { return info.param.name; });

TEST_F(KnownGoods, AreMarkedDirtyFromBeforeARestoreUntilItIsDone) {
  promote("1.0.0+1", "run-1", "first");
  write_file_beside(good.volumes_folder() / "content/index.html", "changed");
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(good.restore(Limit::in(milliseconds(60000), stop.get_token())), Error);
  EXPECT_TRUE(good.dirty());
  good.restore(a_minute());
  EXPECT_FALSE(good.dirty());
  EXPECT_EQ(page(), "first");
}

TEST_F(KnownGoods, KeepWhoMadeThemDirtyWhileTheyAreRestored) {
  promote("1.0.0+1", "run-1", "first");
  good.set_dirty("run", "run-2");
  std::stop_source stop;
  stop.request_stop();
  write_file_beside(good.volumes_folder() / "content/index.html", "changed");
  EXPECT_THROW(good.restore(Limit::in(milliseconds(60000), stop.get_token())), Error);
  EXPECT_EQ(good.dirty().value().run_id, "run-2");
}

TEST_F(KnownGoods, HaveTheirRecordWrittenAgainFromTheSnapshot) {
  promote("1.0.0+1", "run-1", "first");
  const std::string whole = read_file(good.folder() / "canonical.json");
  remove_durably(good.folder() / "canonical.json");
  good.write_record("warm-custom-html.example.org", "idle");
  EXPECT_EQ(read_file(good.folder() / "canonical.json"), whole);
  write_file_beside(good.folder() / "canonical.json", "{\"version\": \"9.9.9+9\"}");
  good.write_record("warm-custom-html.example.org", "idle");
  EXPECT_EQ(read_file(good.folder() / "canonical.json"), whole);
  good.write_record("warm-custom-html.example.org", "deployed");
  EXPECT_EQ(good.record().value().status, "deployed");
}

// P6 compares bytes, inodes and times: what is right already is not written.
TEST_F(KnownGoods, WhoseRecordIsRightAreNotWritten) {
  promote("1.0.0+1", "run-1", "first");
  struct stat before {
  }, after{};
  ASSERT_EQ(::stat((good.folder() / "canonical.json").c_str(), &before), 0);
  good.write_record("warm-custom-html.example.org", "idle");
  ASSERT_EQ(::stat((good.folder() / "canonical.json").c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
}

// It follows from meta.json: whatever is there in its place, nobody is kept from anything.
TEST_F(KnownGoods, WhoseRecordIsDamagedHaveOneAllTheSame) {
  promote("1.0.0+1", "run-1", "first");
  const fs::path file = good.folder() / "canonical.json";
  const std::string whole = read_file(file);
  const std::map<std::string, std::function<void()>> damages = {
      {"empty", [&] { write_file_beside(file, ""); }},
      {"half", [&] { write_file_beside(file, whole.substr(0, whole.size() / 2)); }},
      {"not json", [&] { write_file_beside(file, std::string("\0\xff", 2)); }},
      {"a list", [&] { write_file_beside(file, "[]"); }},
      {"wrong types", [&] { write_file_beside(file, R"({"recipe": 1, "domain": null, "version": [], "commit": {}, "status": true, "promoted_at": 2, "run_id": 3})"); }},
      {"another status", [&] { write_file_beside(file, std::string(whole).replace(whole.find("idle"), 4, "gone")); }},
      {"a folder", [&] { make_folders(file / "with something in it"); }},
      {"a link to nothing", [&] { fs::create_symlink("nowhere", file); }},
      {"a link in a circle", [&] { fs::create_symlink("canonical.json", file); }},
  };
  for (const auto& [name, damage] : damages) {
    remove_tree(file);
    damage();
    const auto record = good.record();
    ASSERT_TRUE(record) << name;
    EXPECT_THAT(record->damage, HasSubstr("canonical.json")) << name;
    EXPECT_EQ(record->version, "1.0.0+1") << name;
    EXPECT_EQ(record->run_id, "run-1") << name;
    EXPECT_EQ(record->status, "") << name;
    good.write_record("warm-custom-html.example.org", "idle");
    EXPECT_EQ(read_file(file), whole) << name;
    EXPECT_EQ(good.record()->damage, "") << name;
  }
  write_file_beside(file, "{");
  write_file_beside(good.snapshot().folder() / "meta.json", "{");
  EXPECT_THAT(good.record()->damage, HasSubstr("canonical.json"));
}

TEST_F(KnownGoods, LieInFoldersThatAPowerCutDoesNotTakeAway) {
  flushed().clear();
  promote("1.0.0+1", "run-1", "first");
  for (const auto& folder : {good.snapshot().folder(), good.folder(), state.canonical(), state.root(), state.root().parent_path()})
    EXPECT_THAT(flushed(), Contains(fs::canonical(folder)));
}

struct Damage {
  std::string name;
  std::function<void(KnownGood& good)> done;
  std::string said;
};
std::ostream& operator<<(std::ostream& out, const Damage& damage) { return out << damage.name; }

fs::path first_segment(KnownGood& good) {
  return good.snapshot().folder() / "volumes" / good.snapshot().meta().segments.at(0).file;
}

class DamagedKnownGood : public KnownGoods, public ::testing::WithParamInterface<Damage> {};

TEST_P(DamagedKnownGood, IsFoundOutByCheck) {
  promote("1.0.0+1", "run-1", "first");
  ASSERT_THAT(good.check(), IsEmpty());
  GetParam().done(good);
  const auto faults = good.check();
  EXPECT_THAT(faults, Contains(HasSubstr(GetParam().said)));
  for (const auto& fault : faults) EXPECT_THAT(fault, Not(HasSubstr("secret of"))) << "a secret in a message";
}

const Damage damages[] = {
    {"meta_gone", [](KnownGood& good) { remove_durably(good.snapshot().folder() / "meta.json"); }, "no snapshot"},
    {"meta_cut",
     [](KnownGood& good) {
       const auto file = good.snapshot().folder() / "meta.json";
       write_file_beside(file, read_file(file).substr(0, 100));
     },
     "meta.json"},
    {"meta_changed",
     [](KnownGood& good) {
       const auto file = good.snapshot().folder() / "meta.json";
       auto text = read_file(file);
       text.replace(text.find("1.0.0+1"), 7, "9.0.0+9");
       write_file_beside(file, text);
     },
     "meta.json"},
    {"manifest_gone", [](KnownGood& good) { remove_durably(good.snapshot().folder() / good.snapshot().meta().manifest); },
     "manifest"},
    {"manifest_changed",
     [](KnownGood& good) {
       const auto file = good.snapshot().folder() / good.snapshot().meta().manifest;
       auto text = read_file(file);
       text.at(text.size() / 2) ^= 1;
       write_file_beside(file, text);
     },
     "manifest"},
    {"segment_gone", [](KnownGood& good) { remove_durably(first_segment(good)); }, "content"},
    {"segment_cut", [](KnownGood& good) { fs::resize_file(first_segment(good), fs::file_size(first_segment(good)) - 1); },
     "content"},
    {"env_gone", [](KnownGood& good) { remove_durably(good.snapshot().folder() / "env.run-1"); }, "env.run-1"},
    {"secrets_gone", [](KnownGood& good) { remove_durably(good.snapshot().folder() / "secrets.run-1"); }, "secrets.run-1"},
    {"secrets_cut", [](KnownGood& good) { fs::resize_file(good.snapshot().folder() / "secrets.run-1", 10); }, "secrets.run-1"},
    {"secrets_of_another_kind",
     [](KnownGood& good) { write_file_beside(good.snapshot().folder() / "secrets.run-1", "{\"password\": {\"secret of\": 1}}"); },
     "secrets.run-1"},
    {"volume_gone", [](KnownGood& good) { remove_tree(good.volumes_folder() / "empty"); }, "retained volume empty is missing"},
    {"all_volumes_gone", [](KnownGood& good) { remove_tree(good.volumes_folder()); }, "retained volume content is missing"},
};
INSTANTIATE_TEST_SUITE_P(, DamagedKnownGood, ::testing::ValuesIn(damages), [](const auto& info) { return info.param.name; });

// While data is dirty it is going to be restored anyway: what is missing then is no damage.
TEST_F(KnownGoods, WhoseDataIsDirtyNeedNoVolumes) {
  promote("1.0.0+1", "run-1", "first");
  good.set_dirty("run", "run-2");
  remove_tree(good.volumes_folder());
  EXPECT_THAT(good.check(), IsEmpty());
}

// A value that no file of ours can hold is refused before the commit, as an Error: it must neither be changed on the way
// nor end Simmer.
TEST_F(KnownGoods, RefuseASecretThatCannotBeKeptAsItIs) {
  const std::string value = "v\xe4lue-in-latin1";
  try {
    const auto meta = good.prepare(about("1.0.0+1", "run-1"), {}, {}, {{"password", value}}, a_minute());
    good.commit(meta);
    EXPECT_EQ(good.secrets().at("password"), value);
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), Not(HasSubstr("latin1")));
    EXPECT_FALSE(good.exists());
  }
}

}  // namespace
}  // namespace simmer
