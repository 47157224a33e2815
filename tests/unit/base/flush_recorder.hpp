// Which files and folders a test program flushes, by path: fsync(2) of our own in front of the C library's, which still does the
// work. To be included by one file of a program; libraries that it is linked with are seen too.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <string>

namespace simmer::test {

inline std::set<std::filesystem::path>& flushed() {
  static std::set<std::filesystem::path> paths;
  return paths;
}

}  // namespace simmer::test

extern "C" __attribute__((visibility("default"))) int fsync(int fd) {
  std::error_code failed;
  simmer::test::flushed().insert(std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), failed));
  return static_cast<int>(::syscall(SYS_fsync, fd));
}
