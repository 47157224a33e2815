// A folder to read a recipe in, outside of the state and gone at the end.
#pragma once

#include <stdlib.h>

#include <base/files.hpp>

namespace simmer {

class TemporaryFolder {
 public:
  // `name` is what people see of it while it is there.
  explicit TemporaryFolder(const std::string& name) {
    std::string pattern = (fs::temp_directory_path() / (name + "-XXXXXX")).string();
    if (::mkdtemp(pattern.data()) == nullptr) throw_errno("cannot make a temporary folder", errno);
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace simmer
