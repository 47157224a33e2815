#include <child/app_host.hpp>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <base/files.hpp>
#include <child/http_client.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {

// Below `folder` and nowhere else: no "..", no symlink on the way (the app under test made the folder).
Fd open_beneath(const Fd& folder, const std::string& path, int flags, mode_t mode = 0) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC | O_NOFOLLOW);
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return Fd(static_cast<int>(::syscall(SYS_openat2, folder.get(), path.c_str(), &how, sizeof how)));
}

[[noreturn]] void refuse(const std::string& doing, const std::string& volume, const std::string& path) {
  throw_errno("cannot " + doing + " " + path + " in volume " + volume, errno);
}

std::pair<std::string, std::string> split(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

// Opens the folder, making what is missing, each level owned like the one above it.
Fd make_beneath(const Fd& root, const std::string& path, const std::string& volume) {
  Fd folder = open_beneath(root, ".", O_RDONLY | O_DIRECTORY);
  std::size_t at = 0;
  while (at < path.size()) {
    const auto end = std::min(path.find('/', at), path.size());
    const std::string name = path.substr(at, end - at);
    at = end + 1;
    if (name.empty() || name == ".") continue;
    struct stat above;
    const bool is_new = ::mkdirat(folder.get(), name.c_str(), 0755) == 0;
    Fd next = open_beneath(folder, name, O_RDONLY | O_DIRECTORY);
    if (!next) refuse("make folder", volume, path);
    if (is_new && ::fstat(folder.get(), &above) == 0 && ::fchown(next.get(), above.st_uid, above.st_gid) != 0 && ::geteuid() == 0)
      refuse("own folder", volume, path);
    folder = std::move(next);
  }
  return folder;
}

}  // namespace

AppHost::AppHost(AppContext app, std::map<std::string, std::string> secrets, std::map<std::string, std::string> env,
                 std::vector<std::string> volumes, Engine& engine, Reporter& report, std::stop_token stop, std::string proxy)
    : app_(std::move(app)),
      secrets_(std::move(secrets)),
      env_(std::move(env)),
      volumes_(std::move(volumes)),
      engine_(engine),
      report_(report),
      stop_(std::move(stop)),
      proxy_(std::move(proxy)) {}

HttpResponse AppHost::http(const HttpRequest& request) {
  Limit::in(milliseconds(0), stop_).check_stop("asking " + app_.domain);
  HttpRequest absolute = request;
  const bool own = request.url.starts_with("/");
  if (!own) return fetch(absolute, "");
  absolute.url = app_.url + request.url;
  const bool by_name = app_.url == "https://" + app_.domain || app_.url == "http://" + app_.domain;
  if (by_name) return fetch(absolute, "", proxy_);
  // Where the engine says now: a task that was replaced is somewhere else.
  absolute.url = engine_.endpoint(app_.stack, "", Limit::in(request.timeout, stop_));
  if (absolute.url.empty()) return {0, {}, "", "no task of the service runs"};
  absolute.url += request.url;
  return fetch(absolute, app_.domain);
}

ExecResult AppHost::exec(const ExecRequest& request) { return engine_.exec(app_.stack, request, Limit::in(request.timeout, stop_)); }

Fd AppHost::open_volume(const std::string& volume) {
  if (std::find(volumes_.begin(), volumes_.end(), volume) == volumes_.end())
    throw Error(ErrorKind::recipe, "the recipe has no volume '" + volume + "'");
  return open_file(engine_.volume(app_.stack, volume, Limit::in(milliseconds(10000), stop_)).path, O_RDONLY | O_DIRECTORY);
}

std::string AppHost::read_volume_file(const std::string& volume, const std::string& path) {
  const Fd root = open_volume(volume);
  const Fd file = open_beneath(root, path, O_RDONLY);
  if (!file) refuse("read", volume, path);
  std::string bytes;
  char buffer[65536];
  ssize_t got = 0;
  while ((got = ::read(file.get(), buffer, sizeof buffer)) > 0) bytes.append(buffer, static_cast<std::size_t>(got));
  if (got < 0) refuse("read", volume, path);
  return bytes;
}

void AppHost::write_volume_file(const std::string& volume, const std::string& path, const std::string& bytes) {
  const Fd root = open_volume(volume);
  const auto [folder_path, name] = split(path);
  const Fd folder = make_beneath(root, folder_path, volume);
  const std::string beside = ".simmer-new-" + std::to_string(::getpid());
  const Fd file = open_beneath(folder, beside, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (!file) refuse("write", volume, path);
  struct stat above;
  if (::fstat(folder.get(), &above) != 0 || (::geteuid() == 0 && ::fchown(file.get(), above.st_uid, above.st_gid) != 0)) refuse("own", volume, path);
  std::size_t put = 0;
  while (put < bytes.size()) {
    const ssize_t wrote = ::write(file.get(), bytes.data() + put, bytes.size() - put);
    if (wrote < 0) refuse("write", volume, path);
    put += static_cast<std::size_t>(wrote);
  }
  if (::renameat(folder.get(), beside.c_str(), folder.get(), name.c_str()) != 0) refuse("write", volume, path);
}

bool AppHost::volume_file_exists(const std::string& volume, const std::string& path) {
  const Fd root = open_volume(volume);
  const Fd file = open_beneath(root, path, O_PATH);
  if (!file && errno != ENOENT && errno != ENOTDIR) refuse("look for", volume, path);
  return static_cast<bool>(file);
}

void AppHost::remove_volume_file(const std::string& volume, const std::string& path) {
  const Fd root = open_volume(volume);
  const auto [folder_path, name] = split(path);
  const Fd folder = open_beneath(root, folder_path, O_RDONLY | O_DIRECTORY);
  if (!folder && (errno == ENOENT || errno == ENOTDIR)) return;
  if (!folder) refuse("open the folder of", volume, path);
  struct stat info;
  if (::fstatat(folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return;
    refuse("look at", volume, path);
  }
  if (::unlinkat(folder.get(), name.c_str(), S_ISDIR(info.st_mode) ? AT_REMOVEDIR : 0) != 0) refuse("remove", volume, path);
}

std::string AppHost::secret(const std::string& name) {
  const auto found = secrets_.find(name);
  if (found == secrets_.end()) throw Error(ErrorKind::recipe, "the recipe declares no secret '" + name + "'");
  return found->second;
}

std::optional<std::string> AppHost::env(const std::string& name) {
  const auto found = env_.find(name);
  if (found == env_.end()) return std::nullopt;
  return found->second;
}

void AppHost::log(LogLevel level, const std::string& text) { report_.log(level, text); }

void AppHost::wait(std::chrono::milliseconds duration) { wait_for(duration, stop_, "the plugin waited"); }

}  // namespace simmer
