// abra's checkout of a recipe, made out of repositories of every kind, without abra and without Docker.
#include <gmock/gmock.h>

#include <abra/recipe_checkout.hpp>
#include <base/process.hpp>
#include <unit/recipes/recipe_folder.hpp>

namespace simmer::abra {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing_recipes::RecipeFolder;

class RecipeCheckout : public ::testing::Test {
 protected:
  RecipeCheckout() {
    sh("mkdir origin && cd origin && git init -q -b main && echo one > compose.yml && " + commit + " && " + tag + " 1.0.0+1 && echo two > compose.yml && " + commit +
       " && git tag 1.1.0+1 && git tag not-a-release && " + tag + " nested/1.0.0+1 && git pack-refs --all && echo three > compose.yml && " + commit + " && " + tag + " 2.0.0+1");
  }
  std::string sh(const std::string& script) const {
    const auto done = run_command({{"sh", "-euc", "cd " + here_.path().string() + " && " + script}, {}, false, {}, ""}, limit());
    EXPECT_EQ(done.exit_code, 0) << script << ": " << done.err;
    return done.out.substr(0, done.out.find('\n'));
  }
  static Limit limit() { return Limit::in(milliseconds(30000)); }
  // Of `repository` at `commit`, with the files of the folder `files` (".": of the repository).
  bool check_out(const std::string& repository, const std::string& commit, const std::string& version) {
    DeploySpec spec;
    spec.facts.recipe = "sample";
    spec.facts.commit = commit;
    spec.facts.version = version;
    if (!repository.empty()) spec.repository = here_.path() / repository;
    spec.recipe_dir = here_.path() / "files";
    if (fs::exists(spec.recipe_dir)) remove_tree(spec.recipe_dir);
    sh("mkdir files && cp origin/compose.yml files/");
    return check_out_recipe(spec, out(), limit());
  }
  fs::path out() const { return here_.path() / "out"; }
  std::vector<std::string> tags() const {
    std::istringstream all(run_command({{"git", "-C", out().string(), "tag", "--list"}, {}, false, {}, ""}, limit()).out);
    std::vector<std::string> names;
    for (std::string name; std::getline(all, name);) names.push_back(name);
    return names;
  }
  std::string status() const { return sh("git -C out status --porcelain"); }
  std::string head(const std::string& repository) const { return sh("git -C " + repository + " rev-parse HEAD"); }

  const std::string commit = "git add -A && git -c user.name=a -c user.email=a@b commit -qm x", tag = "git -c user.name=a -c user.email=a@b tag -am x";
  RecipeFolder here_;
};

TEST_F(RecipeCheckout, AReleaseIsItsCommitWithAllReleaseTagsAndACleanTree) {
  EXPECT_TRUE(check_out("origin", head("origin"), "2.0.0+1"));
  EXPECT_EQ(head("out"), head("origin"));
  EXPECT_THAT(tags(), ElementsAre("1.0.0+1", "1.1.0+1", "2.0.0+1", "not-a-release"));
  EXPECT_THAT(status(), IsEmpty());
  sh("git -C out checkout -q --detach 1.1.0+1");  // as abra does it
  EXPECT_FALSE(check_out("origin", head("origin"), "1.1.0+1")) << "the tag is another commit's";
  EXPECT_FALSE(check_out("origin", head("origin"), ""));
  EXPECT_FALSE(check_out("origin", head("origin") + "+U", "2.0.0+1")) << "a tree that was changed";
  EXPECT_EQ(head("out"), head("origin"));
}

TEST_F(RecipeCheckout, ACommitThatIsNotThereBecomesOneOfItsOwn) {
  for (const char* repository : {"origin", ""}) {
    EXPECT_FALSE(check_out(repository, "tree-1234", "2.0.0+1"));
    EXPECT_FALSE(check_out(repository, std::string(40, 'a'), "2.0.0+1"));
    EXPECT_EQ(sh("git -C out log -1 --format=%s"), "a working tree: " + std::string(40, 'a'));
    EXPECT_THAT(status(), IsEmpty());
  }
}

TEST_F(RecipeCheckout, BareRepositoriesAndLinkedWorktreesAreRepositoriesToo) {
  sh("git clone -q --bare origin bare.git && git -C origin worktree add -q ../linked 1.1.0+1");
  EXPECT_TRUE(check_out("bare.git", head("bare.git"), "2.0.0+1"));
  EXPECT_TRUE(check_out("linked", head("linked"), "1.1.0+1"));
  EXPECT_EQ(head("out"), head("linked"));
  EXPECT_EQ(tags().size(), 4U);
}

TEST_F(RecipeCheckout, WhatAShallowOrPartialCloneLacksIsNotMissed) {
  sh("git -C origin config uploadpack.allowFilter true && git clone -q --depth 1 file://$PWD/origin shallow && git clone -q --filter=tree:0 --no-checkout file://$PWD/origin partial");
  EXPECT_TRUE(check_out("shallow", head("shallow"), "2.0.0+1"));
  EXPECT_THAT(tags(), ElementsAre("2.0.0+1"));
  EXPECT_THAT(status(), IsEmpty());
  EXPECT_EQ(sh("git -C out rev-list --count HEAD"), "1");
  // A tag whose commit the clone has cut off.
  sh("git -C origin rev-parse '1.0.0+1^{commit}' > shallow/.git/refs/tags/0.9.0+1");
  EXPECT_TRUE(check_out("shallow", head("shallow"), "2.0.0+1"));
  EXPECT_THAT(tags(), ElementsAre("2.0.0+1"));
  EXPECT_FALSE(check_out("partial", head("partial"), "2.0.0+1")) << "its folders are not here";
  EXPECT_THAT(status(), IsEmpty());
}

// A checkout is anybody's: whoever wrote its configuration runs nothing, and cannot hold anything up.
TEST_F(RecipeCheckout, WhatTheRepositorysConfigurationNamesIsNeitherRunNorRead) {
  sh("cp -r origin trapped && cd trapped && for key in core.fsmonitor core.sshCommand core.pager core.editor core.askPass core.alternateRefsCommand uploadpack.packObjectsHook diff.external "
     "filter.f.clean filter.f.process gpg.program credential.helper; do git config $key \"touch $PWD/../trap;\"; done && echo '* filter=f' > .git/info/attributes && "
     "git config core.hooksPath $PWD/hooks && mkdir hooks && for hook in post-checkout reference-transaction pre-commit post-index-change; do printf '#!/bin/sh\\ntouch ../trap\\n' > hooks/$hook; chmod +x hooks/$hook; done && "
     "git config extensions.partialClone origin && git config remote.origin.promisor true && git config remote.origin.url \"ext::touch $PWD/../trap\" && git config protocol.ext.allow always && "
     "mkfifo fifo && printf '[include]\\n\\tpath = ../fifo\\n' >> .git/config");
  EXPECT_TRUE(check_out("trapped", head("origin"), "2.0.0+1"));
  EXPECT_FALSE(check_out("trapped", std::string(40, 'a'), "2.0.0+1"));
  EXPECT_FALSE(fs::exists(here_.path() / "trap"));
}

// Nor is what the operator's own git is told for all repositories.
TEST_F(RecipeCheckout, TheOperatorsOwnConfigurationChangesNothing) {
  here_.write("home/.gitconfig", "[commit]\n\tgpgsign = true\n[gpg]\n\tprogram = false\n[core]\n\tautocrlf = true\n");
  const std::string home = std::getenv("HOME") == nullptr ? "" : std::getenv("HOME");
  ::setenv("HOME", (here_.path() / "home").c_str(), 1);
  ::setenv("GIT_DIR", "/nowhere", 1);
  EXPECT_NO_THROW(EXPECT_FALSE(check_out("", "tree-1", "")));
  ::unsetenv("GIT_DIR");
  ::setenv("HOME", home.c_str(), 1);
}

}  // namespace
}  // namespace simmer::abra
