// The state folder: made once, never in somebody's way, and refused with one line when it cannot be used.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>

#include <simmer/error.hpp>
#include <state/known_good.hpp>
#include <state/state_folder.hpp>
#include <unit/base/scratch_folder.hpp>

namespace simmer {
namespace {

using namespace test;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;

TEST(StateFolderTest, IsMadeWithAReadmeThatSaysWhatEachThingIs) {
  ScratchFolder scratch;
  const StateFolder state(scratch / "deep/state");
  state.prepare();
  const auto readme = read_file(state.root() / "README");
  for (const std::string thing :
       {"canonical/", "snapshot/", "volumes/", "runs/", "alerts/", "recipes/", "forks/", "engines/", "locks/", "tar --xattrs"})
    EXPECT_THAT(readme, HasSubstr(thing));
  EXPECT_THAT(names_in(state.root()), ElementsAre("README", "alerts", "canonical", "engines", "forks", "locks", "runs"));
  EXPECT_THAT(state.canonical_apps(), IsEmpty());
  EXPECT_THAT(state.run_ids(), IsEmpty());
}

TEST(StateFolderTest, ThatIsThereIsLeftAsItIs) {
  ScratchFolder scratch;
  const StateFolder state(scratch / "state");
  state.prepare();
  write_file_beside(state.root() / "README", "mine");
  make_folders(state.canonical("custom-html") / "snapshot");
  write_file_beside(state.canonical("custom-html") / "snapshot/meta.json", "precious");
  state.prepare();
  EXPECT_EQ(read_file(state.root() / "README"), "mine");
  EXPECT_EQ(read_file(state.canonical("custom-html") / "snapshot/meta.json"), "precious");
}

TEST(StateFolderTest, ThatCannotBeMadeNamesThePlaceAndTheOption) {
  ScratchFolder scratch;
  write_file_beside(scratch / "file", "");
  try {
    StateFolder(scratch / "file/state").prepare();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unavailable);
    EXPECT_THAT(error.what(), AllOf(HasSubstr("file/state"), HasSubstr("--state")));
  }
}

TEST(StateFolderTest, ListsAppsByNameAndRunsOldestFirstAndFoldersOnly) {
  ScratchFolder scratch;
  const StateFolder state(scratch / "state");
  EXPECT_THAT(state.run_ids(), IsEmpty()) << "nothing there yet is nothing, no error";
  state.prepare();
  for (const std::string id : {"20261123T231500Z-custom-html-abc123", "20251123T231500Z-zzz-abc123"}) make_folders(state.run(id));
  write_file_beside(state.runs() / "a file", "");
  for (const std::string app : {"traefik", "custom-html"}) make_folders(state.canonical(app));
  EXPECT_THAT(state.run_ids(), ElementsAre("20251123T231500Z-zzz-abc123", "20261123T231500Z-custom-html-abc123"));
  EXPECT_THAT(state.canonical_apps(), ElementsAre("custom-html", "traefik"));
}

TEST(StateFolderTest, ThatCannotBeListedIsAnErrorAndNotEmpty) {
  ScratchFolder scratch;
  write_file_beside(scratch / "runs", "no folder");
  EXPECT_THROW(StateFolder(scratch.path()).run_ids(), Error);
}

TEST(StateFolderTest, KeepsThingsOfRunsAndAppsApart) {
  const StateFolder state("/s");
  std::set<fs::path> all = {state.canonical("x"),
                            state.run("x"),
                            state.work("x"),
                            state.fork("x"),
                            state.engine("x"),
                            state.canonical_checkout("x"),
                            known_good_lock(state, "x"),
                            run_lock(state, "x"),
                            state.alerts(),
                            state.recipes(),
                            known_good_lock(state, "run-x")};
  EXPECT_EQ(all.size(), 11u);
  for (const auto& path : all) EXPECT_TRUE(path.string().starts_with("/s/")) << path;
}

TEST(StateFolderTest, DefaultIsTheSystemsForRootAndTheUsersForOthers) {
  if (::geteuid() == 0) {
    EXPECT_EQ(StateFolder::default_root(), "/var/lib/simmer");
  }
  OtherProcess other([]() -> std::string {
    if (::geteuid() == 0 && ::seteuid(65534) != 0) return "no way to drop root";
    ::setenv("HOME", "/home/me", 1);
    ::setenv("XDG_STATE_HOME", "/xdg", 1);
    std::string said = StateFolder::default_root();
    for (const char* useless : {"", "relative"}) {
      ::setenv("XDG_STATE_HOME", useless, 1);
      said += " " + StateFolder::default_root().string();
    }
    ::unsetenv("HOME");
    try {
      StateFolder::default_root();
    } catch (const Error& error) {
      said += error.kind() == ErrorKind::usage ? " usage" : " other";
    }
    return said;
  });
  EXPECT_EQ(other.said(), "/xdg/simmer /home/me/.local/state/simmer /home/me/.local/state/simmer usage");
}

TEST(Stamps, AreUtcAndSortAsTimeDoes) {
  EXPECT_THAT(utc_stamp(), MatchesRegex("[0-9]{8}T[0-9]{6}Z"));
  EXPECT_THAT(utc_time(), MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"));
}

}  // namespace
}  // namespace simmer
