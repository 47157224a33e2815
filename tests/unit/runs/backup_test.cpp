// What a recipe's backup labels select, and that it stays within the recipe's own volumes.
#include <gmock/gmock.h>
#include <runs/backup.hpp>
#include <simmer/error.hpp>

namespace simmer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Labels = std::map<std::string, std::string>;

ServiceFacts service(const std::string& name, const std::vector<MountFacts>& mounts, const Labels& labels) {
  ServiceFacts facts;
  facts.name = name;
  facts.mounts = mounts;
  facts.labels = labels;
  return facts;
}
MountFacts volume(const std::string& name, const std::string& target) { return {"volume", name, target, false}; }

RecipeFacts recipe(std::vector<ServiceFacts> services) {
  RecipeFacts facts;
  facts.services = std::move(services);
  return facts;
}
// One service with the volumes data (at /data) and cache (at /data/cache).
RecipeFacts one(Labels labels) {
  labels.emplace("backupbot.backup", "true");
  return recipe({service("app", {volume("data", "/data"), volume("cache", "/data/cache")}, labels)});
}

std::vector<std::string> parts_of(const RecipeFacts& facts) {
  std::vector<std::string> parts;
  const auto plan = backup_plan_of(facts).value();
  for (const auto& part : plan.parts) parts.push_back(part.volume + ":" + part.path);
  return parts;
}
std::vector<std::string> words(const std::vector<BackupHook>& hooks) {
  std::vector<std::string> said;
  for (const auto& hook : hooks) said.push_back(hook.service + ": " + hook.command);
  return said;
}

TEST(BackupPlan, IsNoneWithoutTheLabel) {
  EXPECT_FALSE(backup_plan_of(recipe({})));
  EXPECT_FALSE(backup_plan_of(recipe({service("app", {volume("data", "/data")}, {})})));
  EXPECT_FALSE(backup_plan_of(
      recipe({service("app", {volume("data", "/data")}, {{"backupbot.backup", "false"}, {"backupbot.backup.pre-hook", "x"}})})));
}

// Docker makes its volumes with its first task, and no command can run in it.
TEST(BackupPlan, LeavesOutAServiceAtRest) {
  auto cron = service("cron", {volume("data", "/data"), volume("only-crons", "/c")}, {{"backupbot.backup", "true"}, {"backupbot.backup.pre-hook", "x"}});
  cron.replicas = 0;
  const auto facts = recipe({service("app", {volume("data", "/data")}, {}), cron});
  EXPECT_THAT(parts_of(facts), ElementsAre("data:"));
  EXPECT_THAT(backup_plan_of(facts)->pre, IsEmpty());
}

TEST(BackupPlan, TakesEveryVolumeOfTheStackOnceThoughOneServiceCarriesTheLabel) {
  const auto facts = recipe(
      {service("web",
               {volume("data", "/d"), {"bind", "/etc", "/etc", true}, {"tmpfs", "", "/tmp", false}, volume("", "/anonymous")},
               {}),
       service("db", {volume("data", "/other"), volume("base", "/var/lib/db")}, {{"backupbot.backup", "true"}})});
  EXPECT_THAT(parts_of(facts), UnorderedElementsAre("data:", "base:"));
}

TEST(BackupPlan, LeavesOutWhatIsExcludedWhicheverServiceSaysSo) {
  EXPECT_THAT(parts_of(one({{"backupbot.backup.volumes.cache", "false"}})), ElementsAre("data:"));
  EXPECT_THAT(parts_of(one({{"backupbot.backup.volumes.cache", "true"}})), UnorderedElementsAre("data:", "cache:"));
  EXPECT_THAT(parts_of(recipe({service("web", {volume("data", "/d"), volume("cache", "/c")}, {}),
                               service("db", {}, {{"backupbot.backup", "true"}, {"backupbot.backup.volumes.cache", "false"}})})),
              ElementsAre("data:"));
  EXPECT_THAT(parts_of(one({{"backupbot.backup.volumes.cache", "false"}, {"backupbot.backup.volumes.data", "false"}})),
              IsEmpty());
}

TEST(BackupPlan, NarrowsAVolumeToAPathInIt) {
  EXPECT_THAT(parts_of(one({{"backupbot.backup.volumes.data.path", "dump.sql"}})),
              UnorderedElementsAre("data:dump.sql", "cache:"));
  EXPECT_THAT(parts_of(one({{"backupbot.backup.volumes.data.path", "/inner/dump/"}})),
              UnorderedElementsAre("data:inner/dump", "cache:"));
}

TEST(BackupPlan, FindsTheVolumeUnderAPathOfTheContainer) {
  EXPECT_THAT(parts_of(one({{"backupbot.backup.path", "/data/pages"}})), ElementsAre("data:pages"));
  EXPECT_THAT(parts_of(one({{"backupbot.backup.path", "/data"}})), ElementsAre("data:"));
  EXPECT_THAT(parts_of(one({{"backupbot.backup.path", "/data/cache/x"}})), ElementsAre("cache:x")) << "the innermost mount";
  EXPECT_THAT(parts_of(one({{"backupbot.backup.path", "/data/cached"}})), ElementsAre("data:cached"))
      << "a name that only begins like a mount";
  EXPECT_THAT(parts_of(one({{"backupbot.backup.path", "/data/a,/data/b"}})), ElementsAre("data:a", "data:b"));
  EXPECT_THAT(parts_of(one({{"backupbot.backup.path", "/data/a, /data/b"}})), ElementsAre("data:a", "data:b"));
}

// A hook may well write what no volume holds; the rest of the backup is none the worse for it.
TEST(BackupPlan, LeavesOutAPathInNoVolumeAndSaysSo) {
  for (const std::string path : {"/etc/passwd", "/dat", "data"}) {
    const auto facts = one({{"backupbot.backup.path", path + ",/data/kept"}, {"backupbot.backup.pre-hook", "dump"}});
    EXPECT_THAT(parts_of(facts), ElementsAre("data:kept"));
    const auto plan = backup_plan_of(facts).value();
    EXPECT_THAT(plan.warnings, ElementsAre("backup label of service app names the path " + path + ", which lies in no volume: it is not backed up"));
    EXPECT_THAT(words(plan.pre), ElementsAre("app: dump"));
  }
  EXPECT_THAT(backup_plan_of(one({{"backupbot.backup.path", "/data"}})).value().warnings, IsEmpty());
}

// Promise P16: Simmer itself, often as root, reads what is backed up and writes it back. A label that climbs out of the
// volume would read, and at the restore replace, files of the server.
TEST(BackupPlan, RefusesAPathThatClimbsOutOfItsVolume) {
  for (const std::string path : {"/data/../../../etc", "/data/..", "/data/a/../../b", "/data/cache/../../x"})
    EXPECT_THROW(backup_plan_of(one({{"backupbot.backup.path", path}})), Error) << path;
  for (const std::string path : {"..", "../../etc", "a/../../b", "/../x"})
    EXPECT_THROW(backup_plan_of(one({{"backupbot.backup.volumes.data.path", path}})), Error) << path;
}

TEST(BackupPlan, TakesNamesThatOnlyLookLikeClimbing) {
  EXPECT_THAT(parts_of(one({{"backupbot.backup.volumes.data.path", "..old/x..y"}})),
              UnorderedElementsAre("data:..old/x..y", "cache:"));
}

TEST(BackupPlan, HasTheHooksOfEveryServiceAsTheyAreWritten) {
  const auto plan = backup_plan_of(recipe({service("db", {volume("base", "/b")},
                                                   {{"backupbot.backup", "true"},
                                                    {"backupbot.backup.pre-hook", "sh -c 'dump > \"$FILE\"'"},
                                                    {"backupbot.backup.post-hook", "rm dump"},
                                                    {"backupbot.restore.pre-hook", "stop"},
                                                    {"backupbot.restore.post-hook", "load"}}),
                                           service("web", {}, {{"backupbot.backup.pre-hook", "pause"}})}))
                        .value();
  EXPECT_THAT(words(plan.pre), ElementsAre("db: sh -c 'dump > \"$FILE\"'", "web: pause"));
  EXPECT_THAT(words(plan.post), ElementsAre("db: rm dump"));
  EXPECT_THAT(words(plan.restore_pre), ElementsAre("db: stop"));
  EXPECT_THAT(words(plan.restore_post), ElementsAre("db: load"));
}

// A marker file in a volume of which a dump alone is backed up cannot come back: the message says why.
TEST(BackupPlans, SayWhatTheyDoNotTakeWhole) {
  BackupPlan plan;
  plan.parts = {{"content", ""}, {"db", "dump.sql"}};
  EXPECT_EQ(volumes_backed_up_in_part(plan, {"content"}), "");
  EXPECT_EQ(volumes_backed_up_in_part(plan, {"cache", "content", "db"}), "volume cache, volume db");
}

}  // namespace
}  // namespace simmer
