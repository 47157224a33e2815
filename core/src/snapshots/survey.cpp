#include <snapshots/survey.hpp>

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include <base/mounts.hpp>
#include <simmer/error.hpp>
#include <snapshots/inode.hpp>

namespace simmer::snapshots {
namespace {

[[noreturn]] void refuse(const std::string& shown, const std::string& why) {
  throw Error(ErrorKind::unavailable, "cannot snapshot " + shown + ": " + why);
}

std::vector<gid_t> our_groups() {
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(0, ::getgroups(0, nullptr))));
  const int got = groups.empty() ? 0 : ::getgroups(static_cast<int>(groups.size()), groups.data());
  groups.resize(static_cast<std::size_t>(std::max(0, got)));
  groups.push_back(::getegid());
  return groups;
}

class Surveyor {
 public:
  Surveyor(std::string volume, bool judge, const Limit& limit) : volume_(std::move(volume)), judge_(judge), limit_(limit) {}

  Survey survey(const fs::path& root) {
    const Fd folder = open_volume(root, false);
    const struct stat status = status_of(folder.get(), root.string());
    look_at(folder.get(), ".", status);
    walk(folder.get());
    return survey_;
  }

 private:
  std::string shown() const { return shown_path(volume_, path_); }

  void walk(int folder) {
    for (const std::string& name : sorted_names(folder, shown())) {
      check_limit(limit_, "looking at the volumes");
      const std::size_t length = path_.size();
      if (!path_.empty()) path_ += '/';
      path_ += name;
      struct stat status;
      if (is_mount_point(folder, name)) refuse(shown(), "something is mounted there");
      if (status_at(folder, name, status, shown())) {
        look_at(folder, name, status);
        if (S_ISDIR(status.st_mode)) walk(open_folder(folder, name, false, shown()).get());
      }
      path_.resize(length);
    }
  }

  void look_at(int folder, const std::string& name, const struct stat& status) {
    ++survey_.entries;
    if (S_ISREG(status.st_mode)) {
      const auto size = static_cast<std::uint64_t>(status.st_size);
      survey_.largest_file = std::max(survey_.largest_file, size);
      survey_.allocated += std::min<std::uint64_t>(size, static_cast<std::uint64_t>(status.st_blocks) * 512);
    }
    if (S_ISCHR(status.st_mode) && status.st_rdev == 0) survey_.overlay_mark = shown();
    if (S_ISDIR(status.st_mode)) {
      char value[8];
      const std::string path = handle_path(folder) + "/" + name;
      for (const char* mark : {"trusted.overlay.opaque", "trusted.overlay.redirect"})
        if (::lgetxattr(path.c_str(), mark, value, sizeof value) >= 0 || errno == ERANGE) survey_.overlay_mark = shown();
    }
    if (judge_ && ::geteuid() != 0) judge(folder, name, status);
  }

  // What only root could put back.
  void judge(int folder, const std::string& name, const struct stat& status) const {
    if (status.st_uid != ::geteuid())
      refuse(shown(), "it belongs to user " + std::to_string(status.st_uid) + ", and only root could give it back");
    if (std::find(groups_.begin(), groups_.end(), status.st_gid) == groups_.end())
      refuse(shown(), "it belongs to group " + std::to_string(status.st_gid) + ", and only root could give it back");
    if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) refuse(shown(), "it is a device, and only root could make it again");
    const int wanted = S_ISDIR(status.st_mode) ? R_OK | X_OK : R_OK;
    if ((S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) && ::faccessat(folder, name.c_str(), wanted, AT_EACCESS) != 0)
      refuse(shown(), "it cannot be read");
    const Fd inode = open_inode(folder, name, shown());
    for (const auto& [key, value] : read_metadata(inode.get(), status, shown()).xattrs)
      if (!key.starts_with("user.") && !key.starts_with("system.posix_acl_"))
        refuse(shown(), "it has the xattr " + key + ", and only root could set it");
  }

  std::string volume_, path_;
  bool judge_;
  const Limit& limit_;
  std::vector<gid_t> groups_ = our_groups();
  Survey survey_;
};

}  // namespace

Survey survey_volume(const std::string& volume, const fs::path& root, const Limit& limit) {
  return Surveyor(volume, true, limit).survey(root);
}

Survey measure_volume(const std::string& volume, const fs::path& root, const Limit& limit) {
  return Surveyor(volume, false, limit).survey(root);
}

}  // namespace simmer::snapshots
