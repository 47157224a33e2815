#include <recipes/fetch.hpp>

#include <unistd.h>

#include <base/files.hpp>
#include <base/process.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {

// A URL may carry a password: what git says is shown, what it was asked for is not.
std::string without_credentials(std::string text, const std::string& source) {
  const auto scheme = source.find("://"), at = source.find('@');
  if (scheme == std::string::npos || at == std::string::npos || source.find('/', scheme + 3) < at) return text;
  const std::string secret = source.substr(scheme + 3, at - scheme - 3);
  for (auto found = text.find(secret); !secret.empty() && found != std::string::npos; found = text.find(secret)) text.replace(found, secret.size(), "***");
  return text;
}

void run_git(std::vector<std::string> arguments, const std::string& doing, const std::string& source, const Limit& limit) {
  if (source.empty() || source[0] == '-') throw Error(ErrorKind::usage, "'" + source + "' is no URL of a repository");
  arguments.insert(arguments.begin(), {"git", "-c", "safe.directory=*"});
  const auto result = run_command({arguments, {{"GIT_TERMINAL_PROMPT", "0"}}, false, {}, ""}, limit);
  if (result.exit_code == 0) return;
  const std::string said = result.err.substr(0, result.err.find('\n'));
  throw Error(ErrorKind::unavailable, without_credentials("cannot " + doing + " " + source + ": " + said, source));
}

}  // namespace

void clone_recipe(const std::string& source, const std::filesystem::path& repository, const Limit& limit) {
  make_folders(repository.parent_path());
  const fs::path beside = repository.parent_path() / ("." + repository.filename().string() + ".new-" + std::to_string(::getpid()));
  try {
    run_git({"clone", "--quiet", "--bare", "--", source, beside.string()}, "clone", source, limit);
    rename_durably(beside, repository);
  } catch (...) {
    remove_tree(beside);
    throw;
  }
}

void fetch_recipe(const std::string& source, const std::filesystem::path& repository, const Limit& limit) {
  run_git({"-C", repository.string(), "fetch", "--quiet", "--force", "--tags", "--update-head-ok", "--", source, "+refs/heads/*:refs/heads/*"}, "fetch", source, limit);
}

}  // namespace simmer
