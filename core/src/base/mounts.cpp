#include <base/mounts.hpp>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <set>
#include <sstream>
#include <utility>

#include <base/printable.hpp>
#include <simmer/error.hpp>

namespace simmer {

namespace {

bool is_octal(char c) { return c >= '0' && c <= '7'; }

std::mutex undone_guard;
std::vector<std::string> undone;

// What is unmounted below a shared mount would go wherever that is shared: the host's own /proc, for an app that bound all of `/`.
void keep_to_ourselves(const std::vector<std::string>& points) {
  for (auto point = points.rbegin(); point != points.rend(); ++point) ::mount(nullptr, point->c_str(), nullptr, MS_PRIVATE, nullptr);
}

// False when nothing could be unmounted although something is.
bool unmount_all(const std::vector<std::string>& points, int flags, std::string& first_that_stays, int& why) {
  bool any = false;
  first_that_stays.clear();
  keep_to_ourselves(points);
  for (const std::string& point : points) {
    if (::umount2(point.c_str(), flags | UMOUNT_NOFOLLOW) == 0) {
      any = true;
    } else if (first_that_stays.empty()) {  // below something that is mounted over it, for instance
      why = errno;
      first_that_stays = point;
    }
  }
  return any;
}

// The same point is there twice when something is mounted over something else: one look after the other.
void unmount_rounds(const fs::path& folder, int flags, std::set<std::string>& gone) {
  for (int round = 0; round < 1000; ++round) {
    const std::vector<std::string> points = mounts_below(folder);
    if (points.empty()) return;
    std::string stays;
    int why = 0;
    gone.insert(points.begin(), points.end());
    if (!unmount_all(points, flags, stays, why))
      throw Error(ErrorKind::needs_operator, "cannot unmount " + printable_line(stays) + ": " + std::strerror(why));
  }
  throw Error(ErrorKind::needs_operator, "something keeps mounting below " + folder.string());
}

}  // namespace

std::uint64_t mount_of(int fd) {
  struct statx info;
  if (::statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_MNT_ID, &info) != 0) throw_errno("cannot look at an open file", errno);
  return (info.stx_mask & STATX_MNT_ID) != 0 ? info.stx_mnt_id : 0;
}

bool is_mount_point(int in, const std::string& name) {
  struct statx info;
  return ::statx(in, name.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, 0, &info) == 0 &&
         (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}
bool is_mount_point(const fs::path& path) { return is_mount_point(AT_FDCWD, path.string()); }

std::string unescape_mount_point(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) && is_octal(text[i + 3])) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::vector<std::string> mounts_below(const fs::path& folder) {
  const fs::path absolute = fs::absolute(folder).lexically_normal();
  const std::string root = fs::weakly_canonical(absolute.filename().empty() ? absolute.parent_path() : absolute).string();
  std::vector<std::string> found;
  std::istringstream lines(read_file("/proc/self/mountinfo"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string field;
    for (int i = 0; i < 5; ++i) fields >> field;  // id, parent, device, root, mount point
    const std::string point = unescape_mount_point(field);
    if (point == root || point.starts_with(root + "/")) found.push_back(point);
  }
  std::stable_sort(found.begin(), found.end(), [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
  return found;
}

void unmount_below(const fs::path& folder) {
  std::set<std::string> gone;
  unmount_rounds(folder, 0, gone);
}

std::vector<std::string> undo_mounts(const fs::path& folder) {
  std::set<std::string> gone;
  unmount_rounds(folder, MNT_DETACH, gone);
  std::vector<std::string> names;
  for (const auto& point : gone) names.push_back(printable_line(point));
  const std::lock_guard lock(undone_guard);
  undone.insert(undone.end(), names.begin(), names.end());
  return names;
}

void undo_mounts_inside(const fs::path& folder) {
  const fs::path self = fs::weakly_canonical(folder);
  for (const std::string& point : mounts_below(folder))
    if (point != self) undo_mounts(point);
}

std::vector<std::string> take_undone_mounts() {
  const std::lock_guard lock(undone_guard);
  return std::exchange(undone, {});
}

}  // namespace simmer
