#include <snapshots/mounts.hpp>

#include <fcntl.h>
#include <sys/mount.h>

#include <cerrno>

#include <snapshots/inode.hpp>

namespace simmer::snapshots {

void mount_overlay(const fs::path& lower, const fs::path& upper, const fs::path& work, const fs::path& target) {
  const Fd lower_fd = open_file(lower, O_PATH | O_DIRECTORY), upper_fd = open_file(upper, O_PATH | O_DIRECTORY),
           work_fd = open_file(work, O_PATH | O_DIRECTORY);
  const std::string options = "index=on,redirect_dir=on,metacopy=off,lowerdir=" + handle_path(lower_fd.get()) +
                              ",upperdir=" + handle_path(upper_fd.get()) + ",workdir=" + handle_path(work_fd.get());
  if (::mount("overlay", target.c_str(), "overlay", 0, options.c_str()) != 0)
    throw_errno("cannot mount an overlay of " + lower.string() + " on " + target.string(), errno);
}

}  // namespace simmer::snapshots
