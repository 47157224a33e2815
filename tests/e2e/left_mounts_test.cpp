// An app that runs as root binds a folder of the host into its run folder or its volume, and leaves it there. Whatever Simmer runs it
// for, and however it ends: the host's folder stays as it is, no mount is left, and who left one is told. Needs root.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include <base/files.hpp>
#include <e2e/simmer_world.hpp>

namespace simmer::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string app = "custom-html";

struct Combination {
  std::string name;
  std::string folder;  // the app's, in the words of its script
  std::string fork;
  std::vector<std::string> arguments;
  std::string where = "*";  // the app does so where its volume lies in such a place
  bool is_killed = false;
};

void sh(const fs::path& folder, const std::string& script) {
  const auto done = run_command({{"sh", "-euc", script}, {}, false, folder, ""}, Limit::in(std::chrono::seconds(30)));
  if (done.exit_code != 0) throw std::runtime_error(script + ": " + done.out + done.err);
}

class LeftMounts : public ::testing::TestWithParam<Combination> {};

TEST_P(LeftMounts, AreUndoneAndTheHostsFilesStay) {
  if (::geteuid() != 0) GTEST_SKIP() << "mounting needs root";
  const auto& combination = GetParam();
  World world("health: {window: 20ms}\nfork: " + combination.fork + "\n");
  const fs::path host = world.root() / "host";
  make_folders(host / "deep");
  write_file_beside(host / "precious", "precious");
  write_file_beside(host / "deep/precious", "precious");
  sh(world.recipes() / app, "git tag -d 1.3.0+1.22.1");
  const auto seeded = world.run({"canonical", "seed", app});
  ASSERT_EQ(seeded.code, 0) << seeded.all();
  sh(world.recipes() / app, "git checkout -q main; sed -i '/^set -eu/a case \"$(readlink -f \"${CONTENT_DIR:-/srv/content}\")\" in " + combination.where + ") mkdir -p \"" + combination.folder + "/left\"; mount --bind " +
                                host.string() + " \"" + combination.folder + "/left\";; esac' start.sh; git -c user.name=a -c user.email=a@b commit -qam mounts; git tag 1.3.0+1.22.1");

  std::map<std::string, std::string> env;
  if (combination.is_killed) {
    // When the app runs with its mount: at the point where its removal begins, which a whole run before tells.
    const fs::path points = world.root() / "points";
    env = {{"SIMMER_CRASH_COUNT", points.string()}};
    world.run(combination.arguments, env);
    const std::string passed = read_file(points);
    const auto lines = std::count(passed.begin(), passed.begin() + static_cast<std::ptrdiff_t>(passed.find("removing warm-")), '\n');
    env["SIMMER_CRASH_AT"] = std::to_string(lines + 1);
    remove_durably(points);
    const auto restored = world.simmer({"canonical", "restore", app, "--yes"});
    ASSERT_EQ(restored.code, 0) << restored.all();
  }
  const auto ran = world.run(combination.arguments, env);
  const auto recovered = world.simmer({"recover"});
  EXPECT_EQ(recovered.code, 0) << recovered.all();
  EXPECT_EQ(read_file_if_there(host / "precious"), "precious") << ran.all();
  EXPECT_EQ(read_file_if_there(host / "deep/precious"), "precious") << ran.all();
  EXPECT_THAT(world.left_behind(), IsEmpty()) << ran.all() << recovered.all();
  EXPECT_THAT(ran.all() + recovered.all(), HasSubstr("/left"));
  if (combination.is_killed) {
    EXPECT_EQ(ran.code, 137) << ran.all();
  } else {
    EXPECT_NE(ran.code, 0) << ran.all();
  }
  const auto verified = world.simmer({"canonical", "verify", app});
  EXPECT_EQ(verified.code, 0) << verified.all();
}

std::vector<Combination> combinations() {
  std::vector<Combination> all;
  for (const auto& [where, folder] : std::map<std::string, std::string>{{"run_folder", "$NGINX_DIR"}, {"volume", "$CONTENT_DIR"}}) {
    all.push_back({"cold_" + where, folder, "auto", {"run", app, "--ref", "main"}});
    all.push_back({"quick_overlay_" + where, folder, "overlay", {"run", app, "--quick", "--ref", "main"}});
    all.push_back({"quick_restore_" + where, folder, "restore", {"run", app, "--quick", "--ref", "main"}});
    all.push_back({"promote_restore_" + where, folder, "restore", {"run", app}, "*/canonical/*"});
    all.push_back({"killed_quick_restore_" + where, folder, "restore", {"run", app, "--quick", "--ref", "main"}, "*", true});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Of, LeftMounts, ::testing::ValuesIn(combinations()), [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace simmer::e2e
