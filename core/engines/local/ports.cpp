#include <local/ports.hpp>

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <random>

#include <local/stack_folder.hpp>

namespace simmer::local {

namespace {

constexpr int first_port = 20000, last_port = 31999;
constexpr char tcp_listen[] = "0A";

// Ours, and nobody else may put files into it: a folder in /tmp could be a trap.
bool is_usable(const fs::path& folder) {
  try {
    make_folders(folder, 0700);
  } catch (const Error&) {
    return false;
  }
  struct stat info;
  return ::lstat(folder.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == ::geteuid() && (info.st_mode & 0022) == 0;
}

}  // namespace

fs::path ports_folder() {
  const uid_t user = ::geteuid();
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  const std::string own = "/tmp/simmer-ports-" + std::to_string(user);
  std::vector<fs::path> candidates;
  if (user == 0) candidates.emplace_back("/run/lock/simmer-ports");
  if (user != 0 && runtime != nullptr && *runtime == '/') candidates.push_back(fs::path(runtime) / "simmer-ports");
  candidates.emplace_back(own);
  for (const auto& folder : candidates)
    if (is_usable(folder)) return folder;
  throw Error(ErrorKind::infrastructure,
              "no place for port locks: " + own + " cannot be used (is it somebody else's? remove it)");
}

std::optional<PortLease> PortLease::take(int port) {
  const fs::path file = ports_folder() / std::to_string(port);
  while (true) {
    Fd lock = open_file(file, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (!try_lock(lock)) return std::nullopt;
    if (is_same_file(lock, file)) return PortLease(std::move(lock), file, port);
    // Its former holder removed it between our open and our lock: what we locked is no longer the file.
  }
}

PortLease PortLease::take_any(const std::set<int>& avoid) {
  static std::mt19937 random{std::random_device{}()};
  std::uniform_int_distribution<int> distribution(first_port, last_port);
  for (int tries = 0; tries < 2000; ++tries) {
    const int port = distribution(random);
    if (avoid.contains(port) || !is_port_free(port)) continue;
    if (auto lease = take(port)) return std::move(*lease);
  }
  throw Error(ErrorKind::infrastructure, "no free port between " + std::to_string(first_port) + " and " +
                                             std::to_string(last_port) + ": end what listens there (`ss -ltnp`)");
}

PortLease& PortLease::operator=(PortLease&& other) noexcept {
  if (this != &other) {
    release();
    lock_ = std::move(other.lock_);
    file_ = std::move(other.file_);
    port_ = other.port_;
  }
  return *this;
}

void PortLease::release() {
  if (lock_) ::unlink(file_.c_str());  // while it is still locked: nobody can have taken it in between
  lock_.reset();
}

bool is_port_free(int port) {
  const Fd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!probe) throw_errno("cannot make a socket", errno);
  // With this, connections of a former listener that are still winding down do not count.
  const int yes = 1;
  ::setsockopt(probe.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  return ::bind(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

std::set<std::uint64_t> listening_sockets(int port) {
  // Addresses as /proc writes them: 32 bit words in the machine's byte order, in hexadecimal.
  static const std::set<std::string> reachable{"0100007F", "00000000", "00000000000000000000000000000000",
                                               "0000000000000000FFFF00000100007F"};
  std::set<std::uint64_t> inodes;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::istringstream lines(read_file_if_there(table).value_or(""));
    std::string line;
    std::getline(lines, line);  // the heading
    while (std::getline(lines, line)) {
      std::istringstream fields(line);
      std::string slot, local, remote, state, queues, timer, retransmits, uid, timeout;
      std::uint64_t inode = 0;
      fields >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> uid >> timeout >> inode;
      const auto colon = local.find(':');
      if (!fields || state != tcp_listen || colon == std::string::npos) continue;
      if (std::strtol(local.c_str() + colon + 1, nullptr, 16) == port && reachable.contains(local.substr(0, colon)))
        inodes.insert(inode);
    }
  }
  return inodes;
}

bool any_holds(const std::vector<pid_t>& processes, const std::set<std::uint64_t>& sockets) {
  for (const pid_t pid : processes) {
    const std::string folder = "/proc/" + std::to_string(pid) + "/fd";
    DIR* descriptors = ::opendir(folder.c_str());
    if (descriptors == nullptr) continue;
    bool holds = false;
    while (const dirent* entry = ::readdir(descriptors)) {
      char target[64];
      const ssize_t length = ::readlinkat(::dirfd(descriptors), entry->d_name, target, sizeof target - 1);
      if (length <= 0) continue;
      const std::string_view text(target, static_cast<std::size_t>(length));
      if (!text.starts_with("socket:[")) continue;
      if (sockets.contains(std::strtoull(std::string(text.substr(8)).c_str(), nullptr, 10))) holds = true;
    }
    ::closedir(descriptors);
    if (holds) return true;
  }
  return false;
}

}  // namespace simmer::local
