// A folder to read a recipe in, outside of the state and gone at the end; what a SIGKILL leaves is cleared by `gc`.
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <regex>
#include <string>

#include <base/files.hpp>

namespace simmer {

class TemporaryFolder {
 public:
  // `name` is what people see of it while it is there.
  explicit TemporaryFolder(const std::string& name) {
    std::string pattern = (fs::temp_directory_path() / (name + "-XXXXXX")).string();
    if (::mkdtemp(pattern.data()) == nullptr) throw_errno("cannot make a temporary folder", errno);
    path_ = pattern;
    alive_ = Fd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (alive_) ::flock(alive_.get(), LOCK_EX | LOCK_NB);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const fs::path& path() const { return path_; }

  // Was `path` made by one that lives no more? A minute passes before it is asked: a folder is made first, then locked.
  static bool is_abandoned(const fs::path& path) {
    static const std::regex name("simmer-(show|verify)-[A-Za-z0-9]{6}");
    struct stat status {};
    if (!std::regex_match(path.filename().string(), name) || ::lstat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return false;
    if (status.st_uid != ::geteuid() || std::time(nullptr) - status.st_mtime < 60) return false;
    const Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    return folder && ::flock(folder.get(), LOCK_EX | LOCK_NB) == 0;
  }

 private:
  fs::path path_;
  Fd alive_;  // locked as long as this lives
};

}  // namespace simmer
