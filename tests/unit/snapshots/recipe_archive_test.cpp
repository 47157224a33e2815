// The recipe of a known-good in a file: what comes back is what was deployed, by Simmer and by tar alone, or nothing does.
#include <snapshots/recipe_archive.hpp>

#include <gmock/gmock.h>

#include <simmer/error.hpp>

#include "test_tree.hpp"

namespace simmer::snapshots {
namespace {

using namespace test;
using ::testing::HasSubstr;

class RecipeArchive : public ::testing::Test {
 protected:
  RecipeArchive() {
    fs::create_directories(tree / "release/empty");
    write_bytes(tree / "compose.yml", "services: {}\n");
    write_bytes(tree / "abra.sh", "export A=1\n");
    fs::permissions(tree / "abra.sh", fs::perms(0755));
    write_bytes(tree / "empty", "");
    write_bytes(tree / "block", std::string(512, 'x'));
    write_bytes(tree / "big", some_bytes(3 << 20));
    write_bytes(tree / "release" / (std::string(180, 'n') + "\xff"), "a long name");
    fs::create_symlink("../compose.yml", tree / "release/link");
    fs::create_symlink("release/" + std::string(180, 'n') + "\xff", tree / "long");
    for (const auto& folder : {tree, tree / "release", tree / "release/empty"}) fs::permissions(folder, fs::perms(0755));
    for (const auto& file : {"compose.yml", "empty", "block", "big"}) fs::permissions(tree / file, fs::perms(0644));
    fs::permissions(tree / "release" / (std::string(180, 'n') + "\xff"), fs::perms(0644));
  }
  // Path, kind, mode and content; times and owners are not the recipe's.
  static std::map<std::string, std::string> content_of(const fs::path& root) {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      const auto status = entry.symlink_status();
      auto& said = all[entry.path().lexically_relative(root)];
      if (entry.is_symlink())
        said = "link " + fs::read_symlink(entry.path()).string();
      else
        said = std::to_string(static_cast<unsigned>(status.permissions())) +
               (entry.is_directory() ? " folder" : " " + digest_of_file(entry.path()));
    }
    return all;
  }
  void expect_damaged(const fs::path& tar, const std::string& digest) {
    try {
      unpack_recipe_archive(tar, digest, scratch / "damaged");
      ADD_FAILURE() << "it was unpacked";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::needs_operator);
      EXPECT_THAT(error.what(), HasSubstr(tar.string()));
    }
    EXPECT_FALSE(fs::exists(scratch / "damaged"));
  }
  Scratch scratch;
  const fs::path tree = scratch / "tree", tar = scratch / "recipe.tar";
};

TEST_F(RecipeArchive, ComesBackAsItWas) {
  const auto digest = write_recipe_archive(tree, tar);
  unpack_recipe_archive(tar, digest, scratch / "back/here");
  EXPECT_EQ(content_of(scratch / "back/here"), content_of(tree));
  EXPECT_EQ(content_of(tree).size(), 10u);
}

TEST_F(RecipeArchive, ComesBackByTarAlone) {
  write_recipe_archive(tree, tar);
  fs::create_directories(scratch / "back");
  EXPECT_EQ(run({"tar", "-xpf", tar.string(), "-C", (scratch / "back").string()}), "") << "tar has nothing to say";
  EXPECT_EQ(content_of(scratch / "back"), content_of(tree));
}

TEST_F(RecipeArchive, OfOneContentIsOneFile) {
  const auto digest = write_recipe_archive(tree, tar);
  fs::create_directories(tree / ".git");
  write_bytes(tree / ".git/config", "not the recipe's");
  set_mtime(tree / "compose.yml", 1, 2);
  EXPECT_EQ(write_recipe_archive(tree, scratch / "again.tar"), digest);
  EXPECT_EQ(read_file(scratch / "again.tar"), read_file(tar));
  EXPECT_EQ(static_cast<unsigned>(fs::status(tar).permissions()), 0600u);
}

TEST_F(RecipeArchive, ThatIsDamagedGivesNothingBack) {
  const auto digest = write_recipe_archive(tree, tar);
  std::string bytes = read_file(tar);
  bytes[bytes.size() / 2] ^= 1;
  write_bytes(scratch / "flipped.tar", bytes);
  expect_damaged(scratch / "flipped.tar", digest);
  write_bytes(scratch / "cut.tar", std::string_view(bytes).substr(0, bytes.size() / 3));
  expect_damaged(scratch / "cut.tar", digest);
  expect_damaged(scratch / "cut.tar", digest_of_file(scratch / "cut.tar"));
  expect_damaged(scratch / "gone.tar", digest);
}

TEST_F(RecipeArchive, TakesNothingThatNoRecipeHolds) {
  run({"mkfifo", (tree / "pipe").string()});
  EXPECT_THROW(write_recipe_archive(tree, tar), Error);
  EXPECT_FALSE(fs::exists(tar)) << "half a recipe is none";
}

}  // namespace
}  // namespace simmer::snapshots
