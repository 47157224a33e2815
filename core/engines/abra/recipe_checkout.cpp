#include <abra/recipe_checkout.hpp>

#include <algorithm>
#include <map>
#include <sstream>

#include <base/files.hpp>
#include <base/process.hpp>
#include <simmer/error.hpp>
#include <swarm/stack_driver.hpp>

namespace simmer::abra {

namespace {

// In a repository of ours, and as if nobody had configured anything: a machine that signs commits or has hooks for all repositories
// is none of its business.
CommandResult run_git(std::vector<std::string> arguments, const fs::path& folder, const Limit& limit, const std::string& input = "") {
  arguments.insert(arguments.begin(), {"git", "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "user.name=simmer", "-c", "user.email=simmer@localhost", "-C", folder.string()});
  Command command;
  command.argv = std::move(arguments);
  command.clean_env = true;
  command.env = {{"GIT_CONFIG_NOSYSTEM", "1"}, {"GIT_CONFIG_GLOBAL", "/dev/null"}, {"GIT_TERMINAL_PROMPT", "0"}, {"LC_ALL", "C"}};
  command.input = input;
  return run_command(command, limit);
}

void git(const std::vector<std::string>& arguments, const fs::path& folder, const Limit& limit) {
  const auto done = run_git(arguments, folder, limit);
  if (done.exit_code != 0) throw Error(ErrorKind::infrastructure, "git " + arguments[0] + " failed in " + folder.string() + ": " + swarm::one_line(done.err));
}

bool is_object_id(const std::string& text) { return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string::npos; }

// Such as releases have; git knows more names, and forbids some of those.
bool is_tag_name(const std::string& name) {
  const auto plain = [](unsigned char c) { return (c < 0x80 && std::isalnum(c) != 0) || c == '.' || c == '_' || c == '+' || c == '-'; };
  return !name.empty() && std::all_of(name.begin(), name.end(), plain) && name.front() != '.' && name.front() != '-' && name.back() != '.' && name.find("..") == std::string::npos && !name.ends_with(".lock");
}

std::string first_line(const std::string& text) {
  const std::string line = text.substr(0, text.find('\n'));
  return line.substr(0, line.find_last_not_of(" \r") + 1);
}

// Where a repository (bare or not, a linked worktree too) keeps what all of its working trees share.
fs::path common_folder(const fs::path& repository) {
  fs::path folder = fs::absolute(repository) / ".git";
  if (fs::is_regular_file(folder)) {
    const std::string line = first_line(read_file(folder)), begin = "gitdir: ";
    folder = line.starts_with(begin) ? repository / line.substr(begin.size()) : repository;
  } else if (!fs::is_directory(folder)) {
    folder = fs::absolute(repository);
  }
  if (const auto common = read_file_if_there(folder / "commondir")) folder = folder / first_line(*common);
  return folder.lexically_normal();
}

std::map<std::string, std::string> tags_of(const fs::path& common) {
  std::map<std::string, std::string> tags;
  const std::string prefix = "refs/tags/";
  std::istringstream packed(read_file_if_there(common / "packed-refs").value_or(""));
  for (std::string line; std::getline(packed, line);)
    if (line.size() > 41 && line.compare(41, prefix.size(), prefix) == 0) tags[line.substr(41 + prefix.size())] = line.substr(0, 40);
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(common / "refs/tags", none))
    if (entry.is_regular_file()) tags[entry.path().filename().string()] = first_line(read_file(entry.path()));
  std::erase_if(tags, [](const auto& tag) { return !is_tag_name(tag.first) || !is_object_id(tag.second); });
  return tags;
}

// The commits that objects (tags or commits themselves) lead to, of those that are here.
std::map<std::string, std::string> commits_of(const std::vector<std::string>& ids, const fs::path& folder, const Limit& limit) {
  std::string asked;
  for (const auto& id : ids) asked += id + "^{commit}\n";
  const auto done = run_git({"cat-file", "--batch-check=%(objectname)"}, folder, limit, asked);
  std::map<std::string, std::string> found;
  std::istringstream answers(done.out);
  std::string answer;
  for (const auto& id : ids)
    if (std::getline(answers, answer) && is_object_id(answer)) found[id] = answer;
  return found;
}

}  // namespace

bool check_out_recipe(const DeploySpec& spec, const fs::path& folder, const Limit& limit) {
  if (fs::exists(folder)) remove_tree(folder);
  make_folders(folder);
  git({"init", "--quiet", "--template="}, folder, limit);
  const std::string base = spec.facts.commit.substr(0, 40);  // a dirty tree is "<commit>+U"
  std::string release;  // the commit of the tag that is called as `spec` is
  bool is_known = false;
  if (!spec.repository.empty()) {
    const fs::path common = common_folder(spec.repository);
    make_folders(folder / ".git/objects/info");
    write_file_beside(folder / ".git/objects/info/alternates", (common / "objects").string() + "\n", 0600);
    if (const auto shallow = read_file_if_there(common / "shallow")) write_file_beside(folder / ".git/shallow", *shallow, 0600);
    const auto tags = tags_of(common);
    std::vector<std::string> ids;
    for (const auto& [name, id] : tags) ids.push_back(id);
    if (is_object_id(base)) ids.push_back(base);
    auto here = commits_of(ids, folder, limit);
    std::string packed;  // abra finds versions by tags
    for (const auto& [name, id] : tags)
      if (here.contains(id)) packed += id + " refs/tags/" + name + "\n";
    if (!packed.empty()) write_file_beside(folder / ".git/packed-refs", packed, 0600);
    if (const auto tag = tags.find(spec.facts.version); tag != tags.end()) release = here[tag->second];
    // Of a commit whose folders are not all here (a partial clone) there is no index to be had: it is made anew, as one that is not known.
    is_known = here[base] == base && run_git({"read-tree", base}, folder, limit).exit_code == 0;
  }
  if (is_known) git({"update-ref", "--no-deref", "HEAD", base}, folder, limit);
  fs::copy(spec.recipe_dir, folder, fs::copy_options::recursive | fs::copy_options::copy_symlinks | fs::copy_options::overwrite_existing);
  if (!is_known) {
    git({"add", "--all", "--force"}, folder, limit);
    git({"commit", "--quiet", "--allow-empty", "--message", "a working tree: " + spec.facts.commit}, folder, limit);
  }
  return spec.facts.commit == base && is_known && release == base;
}

}  // namespace simmer::abra
