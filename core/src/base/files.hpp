// Files that matter: written beside, flushed, renamed. And the few file operations that
// std::filesystem does not offer with the guarantees we need.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace simmer {

namespace fs = std::filesystem;

// An owned file descriptor, closed on destruction. Move only.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd() { reset(); }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void reset();

 private:
  int fd_ = -1;
};

// Every failure of these is an Error naming path and reason: kind infrastructure for a full disk
// (ENOSPC, EDQUOT), unavailable otherwise.
[[noreturn]] void throw_errno(const std::string& doing, int error_number);

// open(2) with O_CLOEXEC added.
Fd open_file(const fs::path& path, int flags, mode_t mode = 0644);
std::string read_file(const fs::path& path);
// Nothing when it is not there; an Error when it cannot be read.
std::optional<std::string> read_file_if_there(const fs::path& path);

// Replaces `path` atomically and durably: written beside, flushed, renamed, folder flushed.
void write_file_durably(const fs::path& path, std::string_view bytes, mode_t mode = 0644);
// The same for a file that must not be there yet: false, and nothing changed, when something is.
bool write_new_file_durably(const fs::path& path, std::string_view bytes, mode_t mode = 0644);
// The same as write_file_durably without flushing: for what may be lost in a power cut.
void write_file_beside(const fs::path& path, std::string_view bytes, mode_t mode = 0644);

void flush_folder(const fs::path& folder);
void flush_file(const fs::path& file);
// Renames and flushes the folder(s) concerned.
void rename_durably(const fs::path& from, const fs::path& to);
// Like mkdir -p; new folders get `mode`.
void make_folders(const fs::path& path, mode_t mode = 0755);
// Like rm -rf without following links; making folders writable where needed. What is mounted at or below `path` is undone before
// (undo_mounts() in base/mounts.hpp, which keeps the names) and stays as it is; never is anything removed through a mount, and one
// that cannot be undone is an Error(needs_operator) that names it. What is not there is fine.
void remove_tree(const fs::path& path);
// Removes a file durably; what is not there is fine.
void remove_durably(const fs::path& path);

// Free bytes for the caller on the file system of `path` (or of its nearest existing parent).
std::uint64_t free_bytes(const fs::path& path);

// How full that file system is, 0 to 100, as df counts: what root alone may use is not there.
int percent_used(const fs::path& path);

// 32 hex characters: xxh3-128.
std::string digest_of_bytes(std::string_view bytes);
std::string digest_of_file(const fs::path& path);

}  // namespace simmer
