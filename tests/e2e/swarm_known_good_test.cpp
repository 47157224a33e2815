// A known-good on a real Docker Swarm (or abra's stand-in, by SIMMER_STORY_ENGINE) runs by the image that it was proven with, wherever its
// tag has gone since; and says so when that image is not here any more. Needs no proxy: the app is asked directly.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include <base/files.hpp>
#include <e2e/swarm_world.hpp>

namespace simmer::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ProvenImage : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv("SIMMER_TEST_IMAGE") == nullptr) GTEST_SKIP() << "no image: ./test.sh swarm makes it";
  }
  std::string build(const std::string& content) const {
    const fs::path context = world_.root() / "image";
    make_folders(context);
    std::ofstream(context / "Dockerfile") << "FROM " << std::getenv("SIMMER_TEST_IMAGE") << "\nLABEL content=" << content << "-of-" << tag_ << "\n";
    docker({"build", "-q", "-t", tag_, context.string()});
    const auto id = docker({"image", "inspect", "--format", "{{.Id}}", tag_});
    return id.substr(0, id.find('\n'));
  }
  void release(const std::string& version) const {
    const fs::path folder = world_.recipes() / "proven";
    make_folders(folder);
    std::ofstream(folder / ".env.sample") << "DOMAIN=proven.example.org\n";
    std::ofstream(folder / "compose.yml") << "version: \"3.8\"\nservices:\n  app:\n    image: " << tag_
                                          << "\n    command: [\"sh\", \"-c\", \"echo hello > /content/index.html; httpd -f -p 80 -h /content & trap 'kill $$!; exit 0' TERM; wait\"]\n"
                                             "    volumes: [\"content:/content\"]\n"
                                             "    healthcheck: {test: [\"CMD\", \"wget\", \"-q\", \"-O\", \"/dev/null\", \"http://127.0.0.1/\"], interval: 300ms, retries: 50}\n"
                                             "    deploy: {endpoint_mode: dnsrr, restart_policy: {delay: 100ms}, labels: [\"traefik.http.routers.app.rule=Host(`${DOMAIN}`)\", \"coop-cloud.${STACK_NAME}.version="
                                          << version << "\"]}\nvolumes: {content: }\n";
    const auto done = run_command({{"sh", "-euc", "git init -q -b main . && git add -A && git -c user.name=a -c user.email=a@b commit -qm " + version + " && git -c user.name=a -c user.email=a@b tag -am " + version + " " + version},
                                   {}, false, folder, ""},
                                  Limit::in(std::chrono::seconds(30)));
    ASSERT_EQ(done.exit_code, 0) << done.err;
  }
  std::string kept() const { return docker({"images", "--format", "{{.Repository}}:{{.Tag}}", "simmer-kept/proven"}); }

  const std::string tag_ = "simmer-test/proven:" + std::to_string(::getpid());
  World world_{engine_config() + "base_domain: proven." + base_domain() + "\napps:\n  proven: {role: canonical}\nhealth: {window: 500ms}\ndeadlines: {start: 60s, plugin: 30s, teardown: 60s}\n"};
};

TEST_F(ProvenImage, IsWhatAKnownGoodRuns) {
  const std::string first = build("1");
  release("1.0.0+1");
  const auto seeded = world_.run({"canonical", "seed", "proven"});
  ASSERT_EQ(seeded.code, 0) << seeded.all();
  EXPECT_EQ(kept(), "simmer-kept/proven:" + first.substr(7, 12) + "\n");

  const std::string second = build("2");
  const auto verified = world_.simmer({"canonical", "verify", "proven"});
  EXPECT_EQ(verified.code, 0) << verified.all();
  const auto deployed = world_.simmer({"canonical", "deploy", "proven"});
  EXPECT_EQ(deployed.code, 0) << deployed.all();
  EXPECT_EQ(docker({"ps", "--no-trunc", "--filter", "label=com.docker.swarm.service.name=warm-proven_proven" + stack_suffix() + "_app", "--format", "{{.Image}}"}), first + "\n");
  EXPECT_EQ(world_.simmer({"canonical", "undeploy", "proven"}).code, 0);

  // The next release, with what the tag is by now: from the one image to the other, and that one is held from then on.
  release("1.1.0+2");
  const auto promoted = world_.run({"run", "proven"});
  EXPECT_EQ(promoted.code, 0) << promoted.all();
  EXPECT_EQ(promoted.result["canonical"]["outcome"], "promoted") << promoted.all();
  EXPECT_EQ(kept(), "simmer-kept/proven:" + second.substr(7, 12) + "\n");

  docker({"rmi", tag_, "simmer-kept/proven:" + second.substr(7, 12)});
  const auto gone = world_.simmer({"canonical", "verify", "proven"});
  EXPECT_EQ(gone.code, 5) << gone.all();
  EXPECT_THAT(gone.err, AllOf(HasSubstr("cannot be deployed: the image " + second), HasSubstr("with which it was proven, is not here")));
  EXPECT_THAT(world_.simmer({"status"}).out, HasSubstr("cannot be deployed: the image " + second));
  const auto refused = world_.simmer({"canonical", "deploy", "proven"});
  EXPECT_NE(refused.code, 0);
  EXPECT_THAT(refused.err, HasSubstr("with which the known-good of proven was proven, is not here"));
  EXPECT_EQ(world_.simmer({"canonical", "drop", "proven", "--yes"}).code, 0);
  EXPECT_EQ(kept(), "");
  EXPECT_THAT(world_.left_behind(), IsEmpty());
}

}  // namespace
}  // namespace simmer::e2e
