// The caller's end of a supervisor's socket: JSON lines, each bounded by a Limit.
#pragma once

#include <optional>
#include <string>

#include <base/files.hpp>
#include <base/limit.hpp>
#include <local/stack_folder.hpp>

namespace simmer::local {

// Waits until `fd` has one of `events` (poll(2)). False when the limit passed first; Error(interrupted)
// at once when cancelled.
bool wait_ready(int fd, short events, const Limit& limit, const std::string& what);

class Channel {
 public:
  // Nothing when nobody answers there. Works for paths of any length, which a socket's address does not.
  static std::optional<Channel> connect(const StackFolder& folder);

  // Throws Error(unavailable) when the other side is gone.
  void send(const std::string& line, const Limit& limit);
  // Nothing when the other side closed. Error(unavailable) at the limit.
  std::optional<std::string> receive(const Limit& limit);

 private:
  explicit Channel(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
  std::string received_;
};

// Both sides make sure that the other is the same user, or root.
bool is_peer_trusted(int socket);

}  // namespace simmer::local
