// A known-good is whole or it says what it lacks: a damaged record is no obstacle to anything, and what a deployment would miss is told
// before one is tried.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <base/files.hpp>
#include <e2e/simmer_world.hpp>
#include <snapshots/recipe_archive.hpp>

namespace simmer::e2e {

namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Kept : public ::testing::Test {
 protected:
  Kept() { seed("custom-html"); }
  ~Kept() override { EXPECT_THAT(world_.left_behind(), IsEmpty()); }
  void seed(const std::string& app) const {
    const auto seeded = world_.run({"canonical", "seed", app});
    EXPECT_EQ(seeded.code, 0) << seeded.all();
  }
  fs::path canonical(const std::string& app = "custom-html") const { return world_.state() / "canonical" / app; }
  fs::path record() const { return canonical() / "canonical.json"; }
  std::string status() const { return Json::parse(read_file(record()))["status"]; }
  Json meta(const std::string& app) const { return Json::parse(read_file(canonical(app) / "snapshot/meta.json")); }
  World world_;
};

class DamagedRecord : public Kept {};

TEST_F(DamagedRecord, KeepsNobodyFromAnything) {
  const auto before = Json::parse(read_file(record()));
  write_file_beside(record(), "");
  const auto listed = world_.simmer({"canonical", "list"});
  EXPECT_THAT(listed.out, AllOf(HasSubstr("1.3.0+1.22.1  unknown"), HasSubstr("canonical.json is damaged")));
  EXPECT_THAT(world_.simmer({"status"}).out, AllOf(HasSubstr("1.3.0+1.22.1  unknown"), HasSubstr("simmer recover writes it again")));

  const auto quick = world_.run({"run", "custom-html", "--quick", "--ref", "good"});
  EXPECT_EQ(quick.code, 0) << quick.all();
  EXPECT_EQ(quick.result["mode"], "quick");
  EXPECT_THAT(quick.err, AllOf(HasSubstr("canonical.json is damaged"), HasSubstr("written again from snapshot/meta.json"))) << quick.all();
  EXPECT_EQ(Json::parse(read_file(record())), before);

  remove_tree(record());
  make_folders(record() / "a folder");
  const auto restored = world_.simmer({"canonical", "restore", "custom-html", "--yes"});
  EXPECT_EQ(restored.code, 0) << restored.all();
  EXPECT_EQ(Json::parse(read_file(record())), before);

  write_file_beside(record(), R"({"status": 1})");
  const auto deployed = world_.simmer({"canonical", "deploy", "custom-html"});
  EXPECT_EQ(deployed.code, 0) << deployed.all();
  // What is in no other file is asked of the engine.
  write_file_beside(record(), "{");
  const auto busy = world_.run({"run", "custom-html", "--quick", "--ref", "good"});
  EXPECT_EQ(busy.code, 6) << busy.all();
  EXPECT_EQ(status(), "deployed");
  write_file_beside(record(), "[]");
  const auto undeployed = world_.simmer({"canonical", "undeploy", "custom-html"});
  EXPECT_EQ(undeployed.code, 0) << undeployed.all();
  EXPECT_EQ(status(), "idle");

  write_file_beside(record(), "{");
  const auto dropped = world_.simmer({"canonical", "drop", "custom-html", "--yes"});
  EXPECT_EQ(dropped.code, 0) << dropped.all();
  EXPECT_FALSE(fs::exists(canonical()));
}

TEST_F(DamagedRecord, DoesNotThrowAGreenRunAway) {
  const auto published = run_command({{SIMMER_PUBLISH_SCRIPT, (world_.recipes() / "custom-html").string(), "good", "1.4.0+1.22.1"}, {}, false, {}, ""}, Limit::in(std::chrono::seconds(60)));
  ASSERT_EQ(published.exit_code, 0) << published.err;
  write_file_beside(record(), "{\"version\": ");
  const auto promoted = world_.run({"run", "custom-html"});
  EXPECT_EQ(promoted.code, 0) << promoted.all();
  EXPECT_EQ(Json::parse(read_file(record()))["version"], "1.4.0+1.22.1") << promoted.all();
}

class ToDeploy : public Kept {
 protected:
  void expect_said(const std::string& app, const std::string& what) const {
    const auto verified = world_.simmer({"canonical", "verify", app});
    EXPECT_EQ(verified.code, 5) << verified.all();
    EXPECT_THAT(verified.err, HasSubstr(what));
    EXPECT_THAT(world_.simmer({"status"}).out, HasSubstr(what));
  }
  // meta.json as its own digest has it.
  void rewrite_meta(const std::string& app, const std::function<void(Json& meta)>& change) const {
    auto json = meta(app);
    json.erase("digest");
    change(json);
    json["digest"] = digest_of_bytes(json.dump());
    write_file_beside(canonical(app) / "snapshot/meta.json", json.dump(2) + "\n", 0600);
  }
};

TEST_F(ToDeploy, AllIsHereOrItIsSaid) {
  const auto whole = world_.simmer({"canonical", "verify", "custom-html"});
  EXPECT_EQ(whole.code, 0) << whole.all();
  EXPECT_THAT(whole.out, HasSubstr("recipe, secrets and images to deploy it are here"));
  EXPECT_THAT(world_.simmer({"status"}).out, Not(AnyOf(HasSubstr("damaged"), HasSubstr("cannot be deployed"))));
  const fs::path recipe = canonical() / "snapshot" / meta("custom-html")["recipe_file"].get<std::string>();
  const std::string bytes = read_file(recipe);
  std::string flipped = bytes;
  flipped[700] ^= 1;
  write_file_beside(recipe, flipped, 0600);
  expect_said("custom-html", "does not match its digest");
  remove_durably(recipe);
  expect_said("custom-html", recipe.filename());
  write_file_beside(recipe, bytes, 0600);
  EXPECT_EQ(world_.simmer({"canonical", "verify", "custom-html"}).code, 0);

  // As an older Simmer left it: git has the recipe, or nobody.
  rewrite_meta("custom-html", [](Json& json) {
    json.erase("recipe_file");
    json.erase("recipe_digest");
  });
  const auto old = world_.simmer({"canonical", "verify", "custom-html"});
  EXPECT_EQ(old.code, 0) << old.all();
  EXPECT_EQ(world_.simmer({"canonical", "deploy", "custom-html"}).code, 0);
  EXPECT_EQ(world_.simmer({"canonical", "undeploy", "custom-html"}).code, 0);
  remove_tree(world_.recipes() / "custom-html");
  expect_said("custom-html", "cannot be deployed: its recipe is not here");
}

// On the local engine an image is a program of this machine.
TEST_F(ToDeploy, AnImageThatIsGoneIsSaid) {
  const auto about = meta("custom-html");
  const fs::path tree = world_.root() / "tree", tar = canonical() / "snapshot" / about["recipe_file"].get<std::string>();
  snapshots::unpack_recipe_archive(tar, about["recipe_digest"], tree);
  std::string compose = read_file(tree / "compose.yml");
  const std::string program = "${RECIPE_DIR}/start.sh";
  const auto at = compose.find(program);
  ASSERT_NE(at, std::string::npos) << compose;
  write_file_beside(tree / "compose.yml", compose.replace(at, program.size(), "gone-nginx"));
  remove_tree(tar);
  const auto digest = snapshots::write_recipe_archive(tree, tar);
  rewrite_meta("custom-html", [&](Json& json) { json["recipe_digest"] = digest; });
  expect_said("custom-html", "gone-nginx");
  const auto verified = world_.simmer({"canonical", "verify", "custom-html", "--json"});
  EXPECT_EQ(verified.result["whole"], true);
  EXPECT_EQ(verified.result["deployable"], false);
  EXPECT_THAT(verified.result["faults"].dump(), HasSubstr("cannot be deployed"));
}

TEST_F(ToDeploy, ASecretWithoutAValueIsSaid) {
  world_.write_config("apps:\n  notes: {role: canonical}\n");
  seed("notes");
  const fs::path secrets = canonical("notes") / "snapshot" / meta("notes")["secrets_file"].get<std::string>();
  auto values = Json::parse(read_file(secrets));
  ASSERT_FALSE(values.empty());
  const std::string name = values.begin().key();
  values.erase(name);
  write_file_beside(secrets, values.dump(), 0600);
  expect_said("notes", "cannot be deployed: the value of secret " + name + " is missing");
}

// What could not be looked at is not green.
TEST_F(ToDeploy, AnEngineThatDoesNotAnswerIsSaid) {
  world_.write_config("engine: swarm\ndocker: {host: unix:///nowhere/docker.sock}\n");
  const auto verified = world_.simmer({"canonical", "verify", "custom-html"});
  EXPECT_EQ(verified.code, 7) << verified.all();
  EXPECT_THAT(verified.out, HasSubstr("the snapshot is whole"));
  EXPECT_THAT(verified.err, HasSubstr("its images were not looked at"));
  EXPECT_EQ(world_.simmer({"status"}).code, 0);
  world_.write_config("");
}

}  // namespace

}  // namespace simmer::e2e
