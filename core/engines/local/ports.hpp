// Ports on 127.0.0.1 that no other Simmer of this machine uses: one locked file per port. They lie
// below the range from which the kernel takes the ports of outgoing connections (32768 to 60999).
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <base/files.hpp>

namespace simmer::local {

// A port that is ours while this lives. Move only.
class PortLease {
 public:
  // Takes this very port. Nothing when another Simmer holds it.
  static std::optional<PortLease> take(int port);
  // Takes any port that nobody holds and nobody listens on. Error(infrastructure) when there is none.
  static PortLease take_any(const std::set<int>& avoid);

  PortLease(PortLease&&) noexcept = default;
  PortLease& operator=(PortLease&& other) noexcept;
  ~PortLease() { release(); }
  int port() const { return port_; }

 private:
  PortLease(Fd lock, fs::path file, int port) : lock_(std::move(lock)), file_(std::move(file)), port_(port) {}
  void release();
  Fd lock_;
  fs::path file_;
  int port_;
};

// Could a program listen on it now?
bool is_port_free(int port);

// The sockets (inode numbers) that answer on 127.0.0.1:port: listening there or on all addresses.
std::set<std::uint64_t> listening_sockets(int port);

// Does one of these processes hold one of these sockets?
bool any_holds(const std::vector<pid_t>& processes, const std::set<std::uint64_t>& sockets);

// Where the locked files are. A user's own folder where the machine's cannot be used.
fs::path ports_folder();

}  // namespace simmer::local
