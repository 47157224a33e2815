// What a maintainer needs to know of a recipe before a run: read, judged and linted as a cold run of this app would, with nothing deployed
// and nothing kept. `simmer recipe show` prints it.
#pragma once

#include <string>
#include <vector>

#include <recipes/recipe_repository.hpp>
#include <recipes/recipe_tree.hpp>
#include <runs/run_command.hpp>

namespace simmer {

struct RecipeView {
  std::string app, recipe;
  ResolvedRef ref;
  std::vector<std::string> versions, odd_tags;  // of the repository; empty: none is known
  RecipeTree tree;                              // its `dir` is gone by now
  std::string stack, domain;                    // as a cold run's, but for the random part

  // Everything that reaches out of the run; `allowed`: by apps.<app>.allow, else the run is red at `policy`. Never, where `in_any_case`.
  struct Judged {
    PolicyViolation violation;
    bool allowed = false;
  };
  std::vector<Judged> policy;

  struct Router {
    std::string service, name, protocol, rule;
    std::vector<std::string> hosts;  // names and patterns in the rule
  };
  std::vector<Router> routers;

  struct Secret {
    std::string name;
    bool is_ruled = false;  // by a SECRET_…_VERSION in .env.sample; else the defaults hold
    SecretRule rule;
  };
  std::vector<Secret> secrets;

  // What Docker calls it.
  struct DockerName {
    std::string kind, name, docker_name;
    bool external = false;
  };
  std::vector<DockerName> names;

  struct File {
    std::string name;
    bool is_read = false;
    std::string why;  // what it is read for, or why it is not
  };
  std::vector<File> files;

  std::string notes;  // of this release
  std::vector<LintFinding> lint;
};

// `name`: an app, a recipe or a path; `ref` empty: the newest release, or the working tree as it is. Error(recipe) for one that cannot be
// read, Error(usage) for what the caller named.
RecipeView view_recipe(const Session& session, const std::string& name, const std::string& ref);

// The names and patterns in the Host… matchers of a Traefik rule, as they are written.
std::vector<std::string> hosts_in_rule(const std::string& rule);

}  // namespace simmer
