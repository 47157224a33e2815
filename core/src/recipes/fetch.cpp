#include <recipes/fetch.hpp>

#include <unistd.h>

#include <algorithm>
#include <map>
#include <sstream>

#include <base/crash_point.hpp>
#include <base/files.hpp>
#include <base/process.hpp>
#include <recipes/git_handles.hpp>
#include <recipes/git_kinds.hpp>
#include <recipes/yaml_value.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {

constexpr milliseconds grace = std::chrono::seconds(10);
constexpr std::string_view half_clone = ".simmer-clone";

// A URL may carry a password: what git says is shown, what it was asked for is not.
std::string without_credentials(std::string text, const std::string& source) {
  const auto scheme = source.find("://"), at = source.find('@');
  if (scheme == std::string::npos || at == std::string::npos || source.find('/', scheme + 3) < at) return text;
  const std::string secret = source.substr(scheme + 3, at - scheme - 3);
  for (auto found = text.find(secret); !secret.empty() && found != std::string::npos; found = text.find(secret)) text.replace(found, secret.size(), "***");
  return text;
}

// Ours, without what would lead git to another repository, configuration or program: Simmer may be called by a git hook.
// How to get through to the source (ssh, certificates, proxies, the operator's own configuration) stays.
std::map<std::string, std::string> environment_of_git() {
  static const std::vector<std::string> kept = {"GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"};
  std::map<std::string, std::string> env;
  for (const auto& entry : environment_with({})) {
    const auto equals = entry.find('=');
    const std::string name = entry.substr(0, equals);
    if (name.starts_with("GIT_") && !name.starts_with("GIT_SSL_") && std::find(kept.begin(), kept.end(), name) == kept.end()) continue;
    env[name] = entry.substr(equals + 1);
  }
  env["GIT_TERMINAL_PROMPT"] = "0";
  env["GIT_ASKPASS"] = env["SSH_ASKPASS"] = "/bin/false";
  env["GIT_ALLOW_PROTOCOL"] = "file:git:http:https:ssh";
  env["GIT_NO_LAZY_FETCH"] = "1";
  env["LC_ALL"] = "C";
  return env;
}

// Tells the next holder of the lock that git is, or was, at work.
class Mark {
 public:
  explicit Mark(fs::path file) : file_(std::move(file)) {
    make_folders(file_.parent_path());
    write_file_durably(file_, "");
    since_ = fs::last_write_time(file_);
  }
  // The time of the file stays that of the beginning: what is older was not made by this git.
  void name(const ProcessId& git) const {
    crash_point("before a fetch is named");
    write_file_durably(file_, std::to_string(git.pid) + " " + std::to_string(git.start_time) + " " + git.boot_id + "\n");
    fs::last_write_time(file_, since_);
  }
  void remove() const { remove_durably(file_); }

 private:
  fs::path file_;
  fs::file_time_type since_;
};

void run_git(std::vector<std::string> arguments, const std::string& doing, const std::string& source, const fs::path& repository, const fs::path& mark_file, const Limit& limit) {
  if (source.empty() || source[0] == '-') throw Error(ErrorKind::usage, "'" + one_line(source) + "' is no URL of a repository");
  const std::vector<std::string> settings = {"safe.directory=*", "core.hooksPath=/dev/null", "core.fsmonitor=false", "gc.autoDetach=false", "maintenance.autoDetach=false"};
  // Nothing of git runs before the mark names it: it waits for a word from us, and if we die first there is none.
  std::vector<std::string> argv = {"sh", "-c", "read -r go && exec \"$@\"", "sh", "git"};
  for (const auto& setting : settings) argv.insert(argv.end(), {"-c", setting});
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const Mark mark(mark_file);
  Command command;
  command.argv = std::move(argv);
  command.env = environment_of_git();
  command.clean_env = true;
  command.input = "go\n";
  command.grace = grace;
  command.started = [&](const ProcessId& git) { mark.name(git); };
  CommandResult result;
  try {
    result = run_command(command, limit);
  } catch (const Error& error) {
    clear_killed_fetch(repository, mark_file, false, Limit::in(grace));
    if (error.kind() == ErrorKind::interrupted) throw Error(ErrorKind::interrupted, "interrupted, and git was ended");
    if (limit.passed()) throw Error(ErrorKind::unavailable, one_line(without_credentials("cannot " + doing + " " + source + ": timed out, and git was ended", source)));
    throw;
  }
  if (result.exit_code > 128) clear_killed_fetch(repository, mark_file, false, Limit::in(grace));
  mark.remove();
  if (result.exit_code == 0) return;
  const std::string said = result.exit_code > 128 ? "git was ended by signal " + std::to_string(result.exit_code - 128) : result.err.substr(0, result.err.find('\n'));
  throw Error(ErrorKind::unavailable, one_line(without_credentials("cannot " + doing + " " + source + ": " + said, source)));
}

fs::path place_beside(const fs::path& repository) {
  std::string name = repository.filename();
  if (name.ends_with(".git")) name.resize(name.size() - 4);
  return repository.parent_path() / ("." + name + std::string(half_clone));
}

fs::path git_folder_of(const fs::path& repository) { return fs::is_directory(repository / ".git") ? repository / ".git" : repository; }

// Of git's own files those that a fetch makes and takes away again: index.lock and the like are a working tree's.
bool is_leftover(const fs::path& file, const fs::path& git_folder) {
  const std::string name = file.filename(), where = file.parent_path().lexically_relative(git_folder).string();
  if (where == "objects/pack") return name.starts_with("tmp_") || name.ends_with(".lock");
  if (!name.ends_with(".lock")) return false;
  if (where == "refs" || where.starts_with("refs/") || where == "objects/info" || where.starts_with("objects/info/")) return true;
  return where == "." && (name == "packed-refs.lock" || name == "HEAD.lock" || name == "shallow.lock" || name == "FETCH_HEAD.lock" || name == "gc.pid.lock");
}

std::vector<fs::path> leftovers_in(const fs::path& git_folder, fs::file_time_type since) {
  std::vector<fs::path> found;
  std::error_code failed;
  for (fs::recursive_directory_iterator entry(git_folder, failed), end; !failed && entry != end; entry.increment(failed)) {
    std::error_code gone;
    if (!is_leftover(entry->path(), git_folder) || !fs::is_regular_file(fs::symlink_status(entry->path(), gone))) continue;
    const auto at = fs::last_write_time(entry->path(), gone);
    if (!gone && at >= since) found.push_back(entry->path());
  }
  return found;
}

// What the source had when it was last fetched from, branches and tags: so that what it has withdrawn since is told from what is somebody's own.
const std::string source_refs = "refs/simmer/source/";

git::Repository open_checked(const fs::path& path) {
  git::refuse_special_files(path);
  git::Repository repository = git::open_repository(path);
  if (!repository) throw Error(ErrorKind::config, path.string() + " is no git repository");
  return repository;
}

// By what stands behind `source_refs`: heads/main.
std::map<std::string, std::string> seen_at_source(git_repository* repository) {
  std::map<std::string, std::string> seen;
  git_reference_iterator* references = nullptr;
  if (git_reference_iterator_glob_new(&references, repository, (source_refs + "*").c_str()) != 0) throw Error(ErrorKind::config, "cannot list the references: " + git::last_error());
  for (git_reference* reference = nullptr; git_reference_next(&reference, references) == 0; git_reference_free(reference))
    if (const git_oid* target = git_reference_target(reference)) seen[std::string(git_reference_name(reference)).substr(source_refs.size())] = git::to_hex(*target);
  git_reference_iterator_free(references);
  return seen;
}

// Of what was there before and is not any more, that which nobody here has moved or stands on.
void remove_withdrawn(const fs::path& path, const std::map<std::string, std::string>& before) {
  const git::Repository repository = open_checked(path);
  const auto now = seen_at_source(repository.get());
  const auto remove = [&](const std::string& name, const std::string& seen) {
    git_reference* found = nullptr;
    if (git_reference_lookup(&found, repository.get(), name.c_str()) != 0) return;
    const git::Reference reference(found);
    const git_oid* target = git_reference_target(found);
    if (target == nullptr || git::to_hex(*target) != seen || (git_reference_is_branch(found) == 1 && git_branch_is_checked_out(found) == 1)) return;
    if (git_reference_delete(found) != 0) throw Error(ErrorKind::unavailable, "cannot remove " + one_line(name) + ", which the source has withdrawn: " + git::last_error());
  };
  for (const auto& [name, seen] : before) {
    if (now.contains(name)) continue;
    remove("refs/" + name, seen);
    // A name that is no branch is looked up there, too.
    if (name.starts_with("heads/")) remove("refs/remotes/origin/" + name.substr(6), seen);
  }
}

std::optional<ProcessId> process_in(const fs::path& mark) {
  std::istringstream words(read_file_if_there(mark).value_or(""));
  ProcessId git;
  if (words >> git.pid >> git.start_time >> git.boot_id) return git;
  return std::nullopt;
}

}  // namespace

std::string recipe_of_half_clone(const std::string& name) {
  if (name.size() <= half_clone.size() + 1 || name[0] != '.' || !name.ends_with(half_clone)) return "";
  return name.substr(1, name.size() - 1 - half_clone.size());
}

std::vector<std::string> clear_killed_fetch(const fs::path& repository, const fs::path& mark, bool dry_run, const Limit& limit) {
  std::vector<std::string> done;
  std::error_code failed;
  const bool was_killed = fs::exists(mark, failed);
  if (was_killed) {
    if (const auto git = process_in(mark); git && is_alive(*git)) {
      done.push_back("ending the fetch of a killed Simmer, pid " + std::to_string(git->pid));
      if (!dry_run) end_process_group_gently(*git, grace, limit);
    } else if (git && !dry_run) {
      end_process_group(*git, limit);  // its helpers
    }
    for (const auto& file : leftovers_in(git_folder_of(repository), fs::last_write_time(mark))) {
      done.push_back("removing " + file.string() + ", left by a killed fetch");
      if (!dry_run) remove_durably(file);
    }
  }
  if (const fs::path half = place_beside(repository); fs::exists(half, failed)) {
    done.push_back("removing the unfinished clone " + half.string());
    if (!dry_run) remove_tree(half);
  }
  if (was_killed && !dry_run) remove_durably(mark);
  return done;
}

void clone_recipe(const std::string& source, const fs::path& repository, const fs::path& mark, const Limit& limit) {
  while_doing("getting the recipe's repository " + repository.string(), [&] {
    make_folders(repository.parent_path());
    const fs::path beside = place_beside(repository);
    try {
      run_git({"clone", "--quiet", "--bare", "--template=", "--", source, beside.string()}, "clone", source, repository, mark, limit);
      rename_durably(beside, repository);
    } catch (...) {
      remove_tree(beside);
      throw;
    }
  });
}

void fetch_recipe(const std::string& source, const fs::path& repository, const fs::path& mark, const Limit& limit) {
  while_doing("fetching into " + repository.string(), [&] {
    const auto fetch = [&](bool prune, const std::string& from, const std::string& below, const std::string& to) {
      std::vector<std::string> arguments = {"-C", repository.string(), "fetch", "--quiet", "--force", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--update-head-ok"};
      if (prune) arguments.push_back("--prune");
      arguments.insert(arguments.end(), {"--", from});
      for (const std::string kind : {"heads/*", "tags/*"}) arguments.push_back("+" + below + kind + ":" + to + kind);
      run_git(arguments, "fetch", source, repository, mark, limit);
    };
    if (!fs::exists(repository / ".git")) return fetch(true, source, "refs/", "refs/");
    const auto before = seen_at_source(open_checked(repository).get());
    fetch(true, source, "refs/", source_refs);
    remove_withdrawn(repository, before);
    fetch(false, ".", source_refs, "refs/");
  });
}

}  // namespace simmer
