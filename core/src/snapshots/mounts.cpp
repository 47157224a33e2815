#include <snapshots/mounts.hpp>

#include <fcntl.h>
#include <sys/mount.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>

#include <simmer/error.hpp>
#include <snapshots/inode.hpp>

namespace simmer::snapshots {
namespace {

bool is_octal(char c) { return c >= '0' && c <= '7'; }

}  // namespace

void mount_overlay(const fs::path& lower, const fs::path& upper, const fs::path& work, const fs::path& target) {
  const Fd lower_fd = open_file(lower, O_PATH | O_DIRECTORY), upper_fd = open_file(upper, O_PATH | O_DIRECTORY),
           work_fd = open_file(work, O_PATH | O_DIRECTORY);
  const std::string options = "index=on,redirect_dir=on,metacopy=off,lowerdir=" + handle_path(lower_fd.get()) +
                              ",upperdir=" + handle_path(upper_fd.get()) + ",workdir=" + handle_path(work_fd.get());
  if (::mount("overlay", target.c_str(), "overlay", 0, options.c_str()) != 0)
    throw_errno("cannot mount an overlay of " + lower.string() + " on " + target.string(), errno);
}

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
  // One look after the other: what is mounted over something else shows the same point twice.
  for (int round = 0; round < 1000; ++round) {
    const std::vector<std::string> points = mounts_below(folder);
    if (points.empty()) return;
    for (const std::string& point : points) {
      if (::umount2(point.c_str(), UMOUNT_NOFOLLOW) != 0 && errno != EINVAL)
        throw Error(ErrorKind::needs_operator, "cannot unmount " + point + ": " + std::strerror(errno));
    }
  }
  throw Error(ErrorKind::needs_operator, "something keeps mounting below " + folder.string());
}

}  // namespace simmer::snapshots
