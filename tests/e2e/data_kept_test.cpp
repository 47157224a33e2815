// Heads that lose or hide the data of the version before them, each in a way of its own: all red, cold and quick, and kept out of promotion. What
// a head says of its own volumes does not count; the base's word does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>

#include <base/files.hpp>
#include <e2e/simmer_world.hpp>

namespace simmer::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Files are made once; a canonical's users bring their own, where a recipe has users.
const std::string make_data = "[ -e $V/db ] || { mkdir -p $V/uploads; for i in 1 2 3 4 5 6 7 8 9 10; do echo upload-$i > $V/uploads/$i; done; echo rows > $V/db; }; ";
const std::string make_users = "case $D in warm-*) [ -e $V/db2 ] || { for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do echo $i > $V/user-$i; done; echo x > $V/db2; };; esac; ";

struct Keeper {
  std::string version = "2.0.0+2";
  std::string before;                               // what it does before it looks for its data
  std::string mounts = "    volumes: [\"content:/data\"]\n";
  std::string volumes = "volumes: {content: {}}\n";
  std::string v = "${VOLUME_content}";
  std::string deploy;
  std::string simmer_yml;
  bool has_users = false;
  std::string stays = "exec sleep 100000";
};

// For the shell, not for Docker.
std::string doubled(const std::string& text) { return std::regex_replace(text, std::regex("\\$"), "$$$$"); }

std::string compose(const Keeper& keeper) {
  return "version: \"3.8\"\nservices:\n  app:\n    image: example/keeper:1\n    healthcheck: {test: [CMD, \"true\"]}\n" + keeper.mounts + "    deploy:\n      labels: [\"coop-cloud.${STACK_NAME}.version=" +
         keeper.version + "\"]\n" + keeper.deploy + "    x-simmer-local:\n      command: [sh, -c, '" + doubled(keeper.before + make_data + (keeper.has_users ? make_users : "")) + keeper.stays + "']\n      environment: {V: \"" + keeper.v +
         "\", D: \"${DOMAIN}\"}\n  other:\n    image: example/other:1\n    healthcheck: {test: [CMD, \"true\"]}\n    x-simmer-local: {command: [sh, -c, 'exec sleep 100000']}\n" + keeper.volumes;
}

void sh(const fs::path& folder, const std::string& script) {
  const auto done = run_command({{"sh", "-euc", "commit() { git add -A; git -c user.name=a -c user.email=a@b commit -qm change; }; tag() { git -c user.name=a -c user.email=a@b tag -am $1 $1; }; " + script}, {}, false, folder, ""},
                                Limit::in(std::chrono::seconds(30)));
  if (done.exit_code != 0) throw std::runtime_error(script + ": " + done.out + done.err);
}

void write(const fs::path& folder, const Keeper& keeper) {
  std::ofstream(folder / "compose.yml") << compose(keeper);
  std::error_code none;
  fs::remove(folder / "simmer.yml", none);
  if (!keeper.simmer_yml.empty()) std::ofstream(folder / "simmer.yml") << keeper.simmer_yml;
}

struct Loser {
  std::string branch;
  Keeper keeper;
  std::string check;  // that is red
  std::string said;
};

std::vector<Loser> losers() {
  const auto does = [](const std::string& before) {
    Keeper keeper;
    keeper.before = before;
    return keeper;
  };
  std::vector<Loser> all;
  const auto add = [&](const std::string& branch, Keeper keeper, const std::string& check, const std::string& said) { all.push_back({branch, std::move(keeper), check, said}); };
  Keeper unmounts;
  unmounts.mounts = "    volumes: [\"fresh:/data\"]\n";
  unmounts.volumes = "volumes: {content: {}, fresh: {}}\n";
  unmounts.v = "${VOLUME_fresh}";
  add("unmounts", unmounts, "data-is-dropped", "volume content (");
  Keeper undeclares = unmounts;
  undeclares.volumes = "volumes: {fresh: {}}\n";
  add("undeclares", undeclares, "data-is-dropped", "is declared no more");
  Keeper renames;
  renames.volumes = "volumes: {content: {name: \"${STACK_NAME}_elsewhere\"}}\n";
  add("renames", renames, "data-is-dropped", "is another one now");
  Keeper worthless;
  worthless.simmer_yml = "volumes_without_value: [content]\n";
  add("calls-it-worthless", worthless, "data-is-dropped", "is called without value now");
  Keeper turning;
  turning.before = "find $V -mindepth 1 -not -name \"simmer*\" -delete; touch $V/db; ";
  turning.simmer_yml = "volumes_that_turn_over: [content]\n";
  add("says-itself-that-it-turns-over", turning, "data-is-kept", "volume content lost 11 of 12 entries");
  Keeper at_rest;
  at_rest.deploy = "      replicas: 0\n";
  add("is-at-rest", at_rest, "data-is-dropped", "is mounted by no service that runs any more");
  Keeper in_memory;
  in_memory.volumes = "volumes: {content: {driver_opts: {type: tmpfs, device: tmpfs}}}\n";
  add("is-in-memory", in_memory, "data-is-dropped", "is in memory alone now");
  add("removes-what-it-sees-and-begins-anew", does("rm -rf $V/*; "), "marker-is-intact", "simmer-marker is gone");
  add("removes-files-and-begins-anew", does("find $V -type f -delete; "), "marker-is-intact", "simmer-marker is gone");
  add("removes-folders-and-begins-anew", does("find $V -mindepth 1 -type d -prune -exec rm -rf {} +; rm $V/db; "), "marker-is-intact", "simmer_marker/simmer-marker is gone");
  add("spares-the-markers", does("find $V -mindepth 1 -not -name \"simmer*\" -delete; touch $V/db; "), "data-is-kept", "volume content lost 11 of 12 entries");
  add("removes-more-than-half", does("rm $V/uploads/1 $V/uploads/2 $V/uploads/3 $V/uploads/4 $V/uploads/5 $V/uploads/6 $V/uploads/7; "), "data-is-kept", "lost 7 of 12 entries");
  add("empties-files", does("for i in $V/uploads/*; do : > $i; done; "), "data-is-kept", "for one");
  add("moves-it-away", does("mkdir $V/old; mv $V/uploads $V/old/; "), "data-is-kept", "lost 11 of 12 entries");
  Keeper lies;
  lies.before = "rm -rf $V/*; ";
  lies.simmer_yml = "commands:\n  seed: {service: app, argv: [\"true\", \"${NONCE}\"]}\n  verify: {service: app, argv: [\"true\", \"${NONCE}\"]}\n  wipe: {service: app, argv: [\"true\"]}\n";
  Keeper elsewhere;
  elsewhere.mounts = "    volumes: [\"content:/elsewhere\"]\n";
  add("mounts-it-elsewhere", elsewhere, "data-is-dropped", "is mounted at /elsewhere instead of /data");
  add("brings-a-word-of-its-own", lies, "marker-is-intact", "simmer-marker is gone");
  add("writes-over-the-marker", does("for i in $V/simmer-marker; do echo mine > $i; done; "), "marker-is-intact", "saw 'mine'");
  return all;
}

const std::string config = "apps: {keeper: {role: canonical}}\n";

fs::path make_keeper(const World& world, const std::string& simmer_yml = "", bool has_users = false) {
  const fs::path folder = world.recipes() / "keeper";
  make_folders(folder);
  std::ofstream(folder / ".env.sample") << "DOMAIN=keeper.example.org\n";
  Keeper first;
  first.version = "1.0.0+1";
  first.simmer_yml = simmer_yml;
  first.has_users = has_users;
  write(folder, first);
  sh(folder, "git init -q -b main .; commit; tag 1.0.0+1");
  return folder;
}

void each_is_red(const std::string& mode) {
  const World world(config);
  const auto folder = make_keeper(world);
  const bool quick = mode == "quick";
  if (quick) {
    const auto seeded = world.run({"canonical", "seed", "keeper"});
    ASSERT_EQ(seeded.code, 0) << seeded.all();
  }
  const auto before = quick ? world.known_good("keeper") : "";
  for (const auto& loser : losers()) {
    sh(folder, "git checkout -q -b " + loser.branch + " 1.0.0+1");
    write(folder, loser.keeper);
    sh(folder, "commit");
    std::vector<std::string> arguments = {"run", "keeper", "--ref", loser.branch};
    if (quick) arguments.push_back("--quick");
    else arguments.insert(arguments.end(), {"--tiers", "upgrade"});
    const auto ran = world.run(arguments);
    EXPECT_EQ(ran.code, 1) << mode << " " << loser.branch << ": " << ran.all();
    EXPECT_EQ(ran.verdict(), "fail") << loser.branch;
    EXPECT_THAT(ran.reason(), ::testing::StartsWith("upgrade: " + loser.check + ": ")) << loser.branch;
    EXPECT_THAT(ran.reason(), HasSubstr(loser.said)) << loser.branch;
    EXPECT_EQ(quick ? world.known_good("keeper") : "", before) << loser.branch;
  }
  EXPECT_THAT(world.left_behind(), IsEmpty());
}

TEST(DataKept, EveryLossIsRedInAColdRun) { each_is_red("cold"); }
TEST(DataKept, EveryLossIsRedInAQuickRun) { each_is_red("quick"); }

// What only a canonical's own data has is lost by nobody before its promotion: there it is seen.
TEST(DataKept, APromotionThatWouldLoseWhatUsersBroughtIsNone) {
  const World world(config);
  const auto folder = make_keeper(world, "", true);
  ASSERT_EQ(world.run({"canonical", "seed", "keeper"}).code, 0);
  const auto before = world.known_good("keeper");
  Keeper loses_users;
  loses_users.has_users = true;
  loses_users.before = "rm -f $V/user-*; ";
  write(folder, loses_users);
  sh(folder, "commit; tag 2.0.0+2");
  const auto ran = world.run({"run", "keeper"});
  EXPECT_NE(ran.code, 0) << ran.all();
  EXPECT_THAT(ran.all(), HasSubstr("data-is-kept: volume content lost 15 of"));
  EXPECT_EQ(world.known_good("keeper"), before);
  EXPECT_THAT(world.left_behind(), IsEmpty());
}

// What an app deletes as its last act is seen before anything is committed.
TEST(DataKept, APromotionThatLosesAtItsEndIsNone) {
  const World world(config);
  const auto folder = make_keeper(world);
  ASSERT_EQ(world.run({"canonical", "seed", "keeper"}).code, 0);
  const auto before = world.known_good("keeper");
  Keeper loses;
  loses.before = "trap \"find $V -mindepth 1 -not -name simmer\\* -delete; exit 0\" TERM; ";
  loses.stays = "while :; do sleep 0.05; done";
  write(folder, loses);
  sh(folder, "commit; tag 2.0.0+2");
  const auto ran = world.run({"run", "keeper"});
  EXPECT_NE(ran.code, 0) << ran.all();
  EXPECT_EQ(ran.result["canonical"]["outcome"], "failed") << ran.all();
  EXPECT_THAT(ran.all(), HasSubstr("once the app has ended: volume content lost 12 of 12 entries"));
  EXPECT_EQ(world.known_good("keeper"), before);
  EXPECT_EQ(world.run({"run", "keeper", "--quick", "--ref", "1.0.0+1"}).code, 0) << "the old one is there, with its data";
  EXPECT_THAT(world.left_behind(), IsEmpty());
}

// A database that moves what its log held into its tables has lost nothing.
TEST(DataKept, BytesMayMoveBetweenTheFilesOfAFolder) {
  const World world(config);
  const auto folder = make_keeper(world);
  Keeper writes;
  writes.version = "1.1.0+1";
  writes.before = "mkdir -p $V/uploads; for i in a b c d e; do echo x > $V/uploads/$i-wal; echo x > $V/uploads/$i-shm; echo x > $V/uploads/$i.lock; done; ";
  write(folder, writes);
  sh(folder, "commit; tag 1.1.0+1");
  Keeper checkpoints;
  checkpoints.before = "rm $V/uploads/*-wal $V/uploads/*-shm $V/uploads/*.lock; cat $V/uploads/1 $V/uploads/2 $V/uploads/3 $V/uploads/4 $V/uploads/5 $V/uploads/6 >> $V/uploads/7; for i in 1 2 3 4 5 6; do : > $V/uploads/$i; done; ";
  write(folder, checkpoints);
  sh(folder, "git checkout -q -b checkpoints; commit");
  const auto ran = world.run({"run", "keeper", "--ref", "checkpoints", "--tiers", "upgrade"});
  EXPECT_EQ(ran.code, 0) << ran.all();
}

// Less than half is a number; more is permitted by a release's own word, or by the operator's.
TEST(DataKept, WhatMayGoGoes) {
  {
    const World world(config);
    const auto folder = make_keeper(world);
    Keeper tidies;
    tidies.before = "rm $V/uploads/1 $V/uploads/2; ";
    write(folder, tidies);
    sh(folder, "git checkout -q -b tidies; commit");
    const auto ran = world.run({"run", "keeper", "--ref", "tidies", "--tiers", "upgrade"});
    EXPECT_EQ(ran.code, 0) << ran.all();
    EXPECT_THAT(ran.result.dump(), HasSubstr("content: 2 of 12 entries"));
  }
  {
    const World world(config);
    const auto folder = make_keeper(world, "volumes_that_turn_over: [content]\n");
    Keeper clears;
    clears.before = "rm -rf $V/uploads; ";
    write(folder, clears);
    sh(folder, "git checkout -q -b clears; commit");
    const auto ran = world.run({"run", "keeper", "--ref", "clears", "--tiers", "upgrade"});
    EXPECT_EQ(ran.code, 0) << ran.all();
    EXPECT_THAT(ran.result.dump(), HasSubstr("which simmer.yml expects"));
  }
}

// A volume that may be dropped is kept aside until the next promotion.
TEST(DataKept, ADroppedVolumeGoesAside) {
  const World world("apps: {keeper: {role: canonical, drops: {\"2.0.0+2\": [content]}}}\n");
  const auto folder = make_keeper(world, "", true);
  ASSERT_EQ(world.run({"canonical", "seed", "keeper"}).code, 0);
  Keeper moves;
  moves.has_users = true;
  moves.mounts = "    volumes: [\"fresh:/data\"]\n";
  moves.volumes = "volumes: {fresh: {}}\n";
  moves.v = "${VOLUME_fresh}";
  write(folder, moves);
  sh(folder, "commit; tag 2.0.0+2");
  const auto ran = world.run({"run", "keeper"});
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_EQ(ran.result["canonical"]["outcome"], "promoted") << ran.result.dump(2);
  const fs::path aside = world.state() / "canonical/keeper/aside";
  ASSERT_TRUE(fs::exists(aside)) << ran.all();
  const fs::path kept = fs::directory_iterator(aside)->path() / "content";
  EXPECT_EQ(read_file(kept / "user-15"), "15\n");
  EXPECT_TRUE(fs::exists(world.state() / "canonical/keeper/volumes/fresh/db"));
  EXPECT_FALSE(fs::exists(world.state() / "canonical/keeper/volumes/content"));
  EXPECT_EQ(world.run({"run", "keeper", "--quick", "--ref", "main"}).code, 0) << "the new known-good is whole";
  moves.version = "3.0.0+3";
  write(folder, moves);
  sh(folder, "commit; tag 3.0.0+3");
  EXPECT_EQ(world.run({"run", "keeper"}).code, 0);
  EXPECT_FALSE(fs::exists(aside)) << "until the next green";
  EXPECT_THAT(world.left_behind(), IsEmpty());
}

}  // namespace
}  // namespace simmer::e2e
