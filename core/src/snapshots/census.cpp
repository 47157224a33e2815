#include <snapshots/census.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include <base/mounts.hpp>
#include <snapshots/inode.hpp>

namespace simmer {

using namespace snapshots;

namespace {

class Counter {
 public:
  Counter(const std::function<bool(const std::string&)>& left_out, const Limit& limit) : left_out_(left_out), limit_(limit) {}

  Census count(const fs::path& root) {
    const Fd folder = open_volume(root, false);
    walk(folder.get(), "");
    return std::move(census_);
  }

 private:
  void walk(int folder, const std::string& above) {
    for (const std::string& name : sorted_names(folder, above)) {
      check_limit(limit_, "counting what is in the volumes");
      const std::string path = above.empty() ? name : above + "/" + name;
      struct stat status;
      if (left_out_(path) || path.ends_with(".pid") || is_mount_point(folder, name) || !status_at(folder, name, status, path)) continue;
      const bool is_folder = S_ISDIR(status.st_mode);
      if (!is_folder && !S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode)) continue;
      census_.sizes[path] = S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
      if (!is_folder) continue;
      const Fd below(::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (below) walk(below.get(), path);
    }
  }

  const std::function<bool(const std::string&)>& left_out_;
  const Limit& limit_;
  Census census_;
};

}  // namespace

namespace {

bool comes_and_goes(const std::string& path) {
  return path.ends_with("-wal") || path.ends_with("-shm") || path.ends_with("-journal") || path.ends_with(".lock");
}

std::map<std::string, std::uint64_t> by_folder(const Census& census) {
  std::map<std::string, std::uint64_t> bytes;
  for (const auto& [path, size] : census.sizes) bytes[path.substr(0, path.find_last_of('/') == std::string::npos ? 0 : path.find_last_of('/'))] += size;
  return bytes;
}

}  // namespace

std::uint64_t Census::bytes() const {
  std::uint64_t all = 0;
  for (const auto& [path, size] : sizes) all += size;
  return all;
}

std::uint64_t Census::entries() const {
  return static_cast<std::uint64_t>(std::count_if(sizes.begin(), sizes.end(), [](const auto& entry) { return !comes_and_goes(entry.first); }));
}

Census take_census(const fs::path& root, const std::function<bool(const std::string&)>& left_out, const Limit& limit) { return Counter(left_out, limit).count(root); }

CensusLoss loss_between(const Census& before, const Census& after) {
  CensusLoss loss;
  std::string gone, shorter;
  for (const auto& [path, size] : before.sizes) {
    const auto still = after.sizes.find(path);
    if (still == after.sizes.end() && !comes_and_goes(path) && loss.entries++ == 0) gone = path;
    if (still != after.sizes.end() && still->second < size && shorter.empty()) shorter = path;
  }
  loss.first = gone.empty() ? shorter : gone;
  const auto left = by_folder(after);
  for (const auto& [folder, bytes] : by_folder(before)) {
    const auto still = left.find(folder);
    loss.bytes += bytes - std::min(bytes, still == left.end() ? 0 : still->second);
  }
  return loss;
}

}  // namespace simmer
