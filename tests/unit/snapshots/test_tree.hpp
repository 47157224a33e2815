// Folders for the snapshot tests, and a comparison of trees that shares no code with what it judges: plain paths, lstat,
// readlink, llistxattr, whole contents.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <base/files.hpp>
#include <base/limit.hpp>
#include <snapshots/snapshot_store.hpp>

namespace simmer::test {

// A scratch folder of one test; unmounts what is mounted below it and removes it.
class Scratch {
 public:
  explicit Scratch(const fs::path& parent = {});  // empty: ::testing::TempDir()
  ~Scratch();
  const fs::path& path() const { return path_; }
  fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

// Path -> everything about what is there, in words. Two trees are equal when their images are.
using Image = std::map<std::string, std::string>;
struct ImageOptions {
  bool holes = true;    // where data and holes lie
  bool sockets = true;  // tar knows none
};
Image image_of(const fs::path& root, const ImageOptions& options = {});
// The first differences, for a failed expectation; empty when equal.
std::string differences(const Image& found, const Image& expected);

Limit a_minute();
bool is_root();

void write_bytes(const fs::path& path, std::string_view bytes);
void write_at(const fs::path& path, std::uint64_t offset, std::string_view bytes);
void set_xattr(const fs::path& path, const std::string& name, const std::string& value);
void set_mtime(const fs::path& path, std::int64_t sec, long nsec);
// The kernel's binary form: owner, one named user, group, mask, others.
std::string binary_acl(std::uint32_t user, unsigned permissions);
std::string some_bytes(std::size_t size, unsigned seed = 1);

// A snapshot of `root` as volume "data", prepared and committed.
SnapshotMeta take(SnapshotStore& store, const fs::path& root, const std::string& version = "1.0.0+1");
std::vector<std::string> files_below(const fs::path& folder);
// Runs a program to its end and expects success; its output.
std::string run(const std::vector<std::string>& argv);
// Extracts a tar as the documentation tells an operator to.
void extract_with_tar(const fs::path& tar, const fs::path& to);
std::string text(const std::vector<SnapshotFault>& faults);

// A file system of its own on `folder`, made in a file (`type` ext4 or xfs) or in memory (tmpfs). Empty when
// mounted, else why it cannot be.
std::string mount_filesystem(const std::string& type, const fs::path& folder, const std::string& size,
                             const std::string& options = "");

}  // namespace simmer::test
