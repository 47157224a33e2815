// A backup label may name a path that no volume holds: a run says so, runs the hooks all the same, and backs the rest up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <base/files.hpp>
#include <e2e/simmer_world.hpp>

namespace simmer::e2e {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

TEST(BackupPath, InNoVolumeIsLeftOutWithAWarningAndItsHooksRun) {
  World world;
  const fs::path recipe = world.root() / "custom-html", hooked = world.root() / "hooked";
  fs::copy(world.recipes() / "custom-html", recipe, fs::copy_options::recursive);
  std::string compose = read_file(recipe / "compose.yml");
  const std::string label = "- \"backupbot.backup=true\"\n";
  const auto at = compose.find(label);
  ASSERT_NE(at, std::string::npos);
  compose.insert(at, "- \"backupbot.backup.path=/tmp/dump.sql,/srv/content\"\n        - \"backupbot.backup.pre-hook=echo pre >> " + hooked.string() +
                         "\"\n        - \"backupbot.restore.post-hook=echo post >> " + hooked.string() + "\"\n        ");
  write_file_beside(recipe / "compose.yml", compose);
  const auto ran = world.run({"run", recipe.string(), "--tiers", "backup,restore"});
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_EQ(ran.tier("backup")["outcome"], "pass") << ran.all();
  EXPECT_EQ(ran.tier("restore")["outcome"], "pass") << ran.all();
  EXPECT_THAT(ran.result["warnings"], Contains(Json("backup label of service app names the path /tmp/dump.sql, which lies in no volume: it is not backed up")));
  EXPECT_THAT(ran.err, HasSubstr("/tmp/dump.sql, which lies in no volume"));
  EXPECT_EQ(read_file(hooked), "pre\npost\n");
}

}  // namespace
}  // namespace simmer::e2e
