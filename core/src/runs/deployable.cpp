#include <runs/deployable.hpp>

#include <algorithm>

#include <recipes/yaml_value.hpp>
#include <runs/run_context.hpp>
#include <runs/temporary_folder.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {

class Judge {
 public:
  Judge(const Session& session, const KnownGood& known_good) : session_(session), known_good_(known_good) {}

  Deployable judge(milliseconds patience) {
    found_.faults = known_good_.check();
    try {
      meta_ = known_good_.snapshot().meta();
      const TemporaryFolder folder("simmer-verify");
      if (!take_recipe(folder.path() / "recipe")) return found_;
      const auto app = app_of();
      const auto stack = stack_of_domain(session_.config.domain_of(app));
      state_.dir = folder.path() / "recipe";
      state_.tree = read_recipe_tree(state_.dir, meta_.recipe,
                                     environment_over(known_good_.env(), app.env, stack, session_.config.domain_of(app)));
      state_.env = state_.tree.environment;
      const auto secrets = known_good_.secrets();
      for (const auto& name : missing_secrets(state_, secrets))
        found_.faults.push_back("the value of secret " + name + " is missing; it is never made anew");
      ask_for_images(spec_of(app, stack, secrets), patience);
    } catch (const Error& error) {
      // What check() says of a file it need not be told twice.
      const std::string said = one_line(error.what());
      if (std::find(found_.faults.begin(), found_.faults.end(), said) == found_.faults.end()) found_.faults.push_back(said);
    }
    return found_;
  }

 private:
  AppConfig app_of() const { return session_.config.app(known_good_.app()); }

  bool take_recipe(const fs::path& to) {
    if (!meta_.recipe_file.empty()) {
      // A damaged one has been named by check().
      try {
        return known_good_.unpack_recipe(meta_.commit, to);
      } catch (const Error&) {
        if (found_.faults.empty()) throw;
        return false;
      }
    }
    const auto known = known_recipes(session_.config);
    if (std::find(known.begin(), known.end(), meta_.recipe) != known.end()) {
      const RecipeRepository repository(find_recipe(session_.config, meta_.recipe));
      if (repository.is_whole(meta_.commit)) {
        repository.check_out(meta_.commit, to);
        return true;
      }
    }
    found_.faults.push_back("its recipe is not here: an older Simmer did not keep it, and its commit " +
                            meta_.commit.substr(0, 12) + " is in no repository of " + meta_.recipe + " in " +
                            session_.config.recipes().string());
    return false;
  }

  DeploySpec spec_of(const AppConfig& app, const std::string& stack, const Values& secrets) const {
    DeploySpec spec;
    spec.stack = stack;
    spec.domain = session_.config.domain_of(app);
    spec.kept = true;
    spec.recipe_dir = state_.dir;
    spec.facts = state_.tree.facts;
    spec.images = meta_.digests;
    spec.app = known_good_.app();
    spec.objects = state_.tree.objects;
    spec.env = state_.env;
    spec.secrets = secrets;
    for (const auto& object : state_.tree.objects)
      if (object.is_secret) spec.secrets[object.key] = object.content;
    return spec;
  }

  void ask_for_images(const DeploySpec& spec, milliseconds patience) {
    if (patience == milliseconds(0)) {
      found_.not_asked = "not asked for";
      return;
    }
    try {
      const auto engine = session_.make_engine();
      for (const auto& missing : engine->missing_images(
               spec, Limit::in(patience, session_.interruption == nullptr ? std::stop_token() : session_.interruption->token())))
        found_.faults.push_back(one_line(missing));
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      found_.not_asked = error.what();
    }
  }

  const Session& session_;
  const KnownGood& known_good_;
  SnapshotMeta meta_;
  RecipeState state_;
  Deployable found_;
};

}  // namespace

Deployable judge_deployable(const Session& session, const KnownGood& known_good, milliseconds patience) {
  return Judge(session, known_good).judge(patience);
}

}  // namespace simmer
