#include <e2e/simmer_world.hpp>

#include <dirent.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <base/files.hpp>
#include <snapshots/fork.hpp>

namespace simmer::e2e {

namespace {

std::vector<std::string> processes_naming(const std::string& text) {
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string pid = entry.path().filename();
    if (pid.find_first_not_of("0123456789") != std::string::npos || std::stoi(pid) == ::getpid()) continue;
    for (const char* file : {"cmdline", "environ"}) {
      try {
        if (read_file(entry.path() / file).find(text) == std::string::npos) continue;
        std::string line = read_file(entry.path() / "cmdline");
        std::replace(line.begin(), line.end(), '\0', ' ');
        if (!line.empty()) found.push_back("process " + pid + ": " + line);
        break;
      } catch (const std::exception&) {
      }
    }
  }
  return found;
}

}  // namespace

World::World(const std::string& config, const fs::path& parent) {
  std::string pattern = ((parent.empty() ? fs::path(::testing::TempDir()) : parent) / "simmer-e2e-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  root_ = pattern;
  // Workers of a server that root started are nobody; they must get to the volumes.
  ::chmod(root_.c_str(), 0755);
  const auto built = run_command({{SIMMER_RECIPES_SCRIPT, recipes().string()}, {}, false, {}, ""}, Limit::in(std::chrono::seconds(60)));
  if (built.exit_code != 0) throw std::runtime_error("recipes: " + built.err);
  write_config(config);
}

World::~World() {
  try {
    simmer({"recover"});
    for (const auto& app : {"custom-html", "notes"})
      if (fs::exists(state() / "canonical" / app)) simmer({"canonical", "undeploy", app});
    discard_fork(state() / "forks");
    remove_tree(root_);
  } catch (const std::exception& error) {
    ADD_FAILURE() << "cleaning up " << root_ << ": " << error.what();
  }
}

void World::write_config(const std::string& config) const {
  std::string text;
  if (config.find("health:") == std::string::npos) text += "health: {window: 200ms}\n";
  if (config.find("deadlines:") == std::string::npos) text += "deadlines: {start: 15s, plugin: 20s, teardown: 30s}\n";
  write_file_beside(root_ / "config.yml", text + config);
}

fs::path World::plugins_of_the_build() const { return SIMMER_PLUGINS; }

std::vector<std::string> World::command(std::vector<std::string> arguments) const {
  std::vector<std::string> all = {SIMMER_PROGRAM, "--config", (root_ / "config.yml").string(), "--state", state().string(), "--recipes", recipes().string()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

Ran World::simmer(std::vector<std::string> arguments, std::map<std::string, std::string> env, std::chrono::seconds limit) const {
  const auto result = run_command({command(std::move(arguments)), std::move(env), false, root_, ""}, Limit::in(limit));
  Ran ran{result.exit_code, result.out, result.err, Json::parse(result.out, nullptr, false)};
  if (ran.result.is_discarded()) ran.result = Json();
  return ran;
}

Ran World::run(std::vector<std::string> arguments, std::map<std::string, std::string> env) const {
  arguments.push_back("--json");
  return simmer(std::move(arguments), std::move(env));
}

std::string World::known_good(const std::string& app) const {
  std::vector<fs::path> files = {state() / "canonical" / app / "canonical.json"};
  for (const auto& entry : fs::recursive_directory_iterator(state() / "canonical" / app / "snapshot"))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::string all;
  for (const auto& file : files) all += file.string() + " " + digest_of_file(file) + "\n";
  return digest_of_bytes(all);
}

std::vector<std::string> World::left_behind() const {
  auto left = processes_naming(root_.string());
  for (const auto& entry : fs::directory_iterator(state() / "forks")) left.push_back("left: " + entry.path().string());
  // What the engine keeps for ever begins with a dot: the ports of kept apps, its clients' lock.
  std::error_code not_used;
  for (const auto& entry : fs::directory_iterator(state() / "engines/local", not_used))
    if (entry.path().filename().string()[0] != '.') left.push_back("left: " + entry.path().string());
  // The control groups of its deployments, by the name that they have (core/engines/local/control_group.hpp).
  const std::string group = "simmer-" + digest_of_bytes(fs::weakly_canonical(state() / "engines/local").string()).substr(0, 8) + "-";
  for (fs::recursive_directory_iterator entry("/sys/fs/cgroup", fs::directory_options::skip_permission_denied, not_used), end; !not_used && entry != end; entry.increment(not_used)) {
    if (entry.depth() == 1 || !entry->is_directory(not_used) || entry->is_symlink(not_used)) entry.disable_recursion_pending();
    if (entry->path().filename().string().starts_with(group)) left.push_back("left: " + entry->path().string());
  }
  for (const auto& entry : fs::directory_iterator(state() / "locks"))
    if (entry.path().filename().string().starts_with("run-")) left.push_back("lock: " + entry.path().string());
  for (const auto& run : fs::directory_iterator(state() / "runs"))
    for (const char* name : {"work", "journal.json"})
      if (fs::exists(run.path() / name)) left.push_back("left: " + (run.path() / name).string());
  for (const auto& app : fs::directory_iterator(state() / "canonical"))
    for (const char* name : {"journal.json", "checkout", "volumes.old"})
      if (fs::exists(app.path() / name)) left.push_back("left: " + (app.path() / name).string());
  if (read_file("/proc/self/mountinfo").find(root_.string()) != std::string::npos) left.push_back("a mount below " + root_.string());
  return left;
}

}  // namespace simmer::e2e
