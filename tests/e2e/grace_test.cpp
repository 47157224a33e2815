// A service that does not end within the teardown's time is killed in every run; but what it may have left half written is never kept.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <base/files.hpp>
#include <e2e/simmer_world.hpp>

namespace simmer::e2e {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The newest release of custom-html, with a service beside the app that ignores SIGTERM.
void add_deaf_service(const World& world, const std::string& grace) {
  const fs::path recipe = world.recipes() / "custom-html";
  std::string compose = read_file(recipe / "compose.yml");
  const auto at = compose.find("\nvolumes:\n");
  ASSERT_NE(at, std::string::npos);
  compose.insert(at, "\n  deaf:\n    image: nginx:1.22.1\n    stop_grace_period: " + grace + "\n    healthcheck: {disable: true}\n    x-simmer-local: {command: [sh, -c, \"trap '' TERM; while :; do sleep 0.1; done\"]}\n");
  write_file_beside(recipe / "compose.yml", compose);
  const auto done = run_command({{"git", "-C", recipe.string(), "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qam", "deaf"}, {}, false, {}, ""}, Limit::in(std::chrono::seconds(20)));
  ASSERT_EQ(done.exit_code, 0) << done.err;
  const auto tagged = run_command({{"git", "-C", recipe.string(), "tag", "-f", "1.3.0+1.22.1"}, {}, false, {}, ""}, Limit::in(std::chrono::seconds(20)));
  ASSERT_EQ(tagged.exit_code, 0) << tagged.err;
}

TEST(Grace, DataOfAServiceThatWasKilledTooSoonIsNotKept) {
  World world("deadlines: {start: 15s, plugin: 20s, teardown: 4s}\n");
  ASSERT_NO_FATAL_FAILURE(add_deaf_service(world, "1h"));
  const auto seeded = world.run({"canonical", "seed", "custom-html"});
  EXPECT_NE(seeded.code, 0) << seeded.all();
  EXPECT_THAT(seeded.all(), HasSubstr("the data cannot be kept: service deaf was killed when 4.0 s for its end were nearly over"));
  EXPECT_THAT(seeded.result["warnings"], Contains(Json("service deaf did not end on SIGTERM within its grace and was killed")));
  EXPECT_NE(world.simmer({"canonical", "show", "custom-html"}).code, 0) << "nothing is known to be good";
  EXPECT_THAT(world.left_behind(), IsEmpty());
}

// It had the time that it asked for.
TEST(Grace, DataOfAServiceThatIgnoresItsOwnGraceIs) {
  World world;
  ASSERT_NO_FATAL_FAILURE(add_deaf_service(world, "500ms"));
  const auto seeded = world.run({"canonical", "seed", "custom-html"});
  EXPECT_EQ(seeded.code, 0) << seeded.all();
  EXPECT_THAT(seeded.result["warnings"], Contains(Json("service deaf did not end on SIGTERM within its grace and was killed")));
}

}  // namespace
}  // namespace simmer::e2e
