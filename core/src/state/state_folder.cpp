#include <state/state_folder.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include <base/files.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {

constexpr const char* readme =
    R"(This is Simmer's state: the known-good of every app lives here. Do not edit it while Simmer runs.

canonical/<app>/canonical.json   which version is the known-good of a canonical, and whether it is deployed
canonical/<app>/snapshot/        the known-good itself: meta.json names everything that belongs to it
canonical/<app>/volumes/         the retained data, equal to the snapshot unless `dirty` is there
canonical/<app>/journal.json     the change in flight; `simmer recover` finishes or undoes it
runs/<run id>/                   result.json, junit.xml and log of each run
alerts/                          open alerts; acknowledged ones in alerts/seen/
recipes/                         recipe repositories, unless recipes_dir is configured
forks/                           copies of retained data lent to a run; gone when it ends
engines/                         what engines keep about deployments
locks/                           who is doing what; a lock is held by a living process, the files are nothing

Get data back without Simmer: tar --xattrs --xattrs-include='*' --acls -xpf canonical/<app>/snapshot/volumes/<volume>.tar
and the recipe that it was deployed from: tar -xpf canonical/<app>/snapshot/recipe.<run id>.tar
)";

std::string formatted_time(const char* format) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, format, &parts);
  return text;
}

}  // namespace

std::vector<std::string> folders_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code failed;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed))
    if (entry->is_directory(failed)) names.push_back(entry->path().filename());
  if (failed && failed != std::errc::no_such_file_or_directory)
    throw Error(ErrorKind::unavailable, "cannot list " + folder.string() + ": " + failed.message());
  std::sort(names.begin(), names.end());
  return names;
}

std::string utc_stamp() { return formatted_time("%Y%m%dT%H%M%SZ"); }
std::string utc_time() { return formatted_time("%Y-%m-%dT%H:%M:%SZ"); }

fs::path StateFolder::default_root() {
  if (::geteuid() == 0) return "/var/lib/simmer";
  if (const char* xdg = std::getenv("XDG_STATE_HOME"); xdg != nullptr && *xdg == '/') return fs::path(xdg) / "simmer";
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0')
    throw Error(ErrorKind::usage, "no place for Simmer's state: HOME is not set; name one with --state DIR");
  return fs::path(home) / ".local/state/simmer";
}

void StateFolder::prepare() const {
  while_doing("preparing the state folder; another one can be named with --state DIR", [&] {
    for (const auto& folder : {root_, canonical(), runs(), forks(), locks(), alerts(), alerts() / "seen", root_ / "engines"}) {
      make_folders(folder);
      if (::access(folder.c_str(), R_OK | W_OK | X_OK) != 0) throw_errno("cannot use " + folder.string(), errno);
    }
    if (!fs::exists(root_ / "README")) write_file_beside(root_ / "README", readme);
  });
}

std::vector<std::string> StateFolder::canonical_apps() const { return folders_in(canonical()); }
std::vector<std::string> StateFolder::run_ids() const { return folders_in(runs()); }

}  // namespace simmer
