#include <local/channel.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace simmer::local {

bool wait_ready(int fd, short events, const Limit& limit, const std::string& what) {
  const Fd stopped(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stopped) throw_errno("cannot make an event", errno);
  const std::stop_callback wake(limit.stop(), [&stopped] {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(stopped.get(), &one, sizeof one);
  });
  while (true) {
    limit.check_stop(what);
    pollfd wait[2] = {{fd, events, 0}, {stopped.get(), POLLIN, 0}};
    const auto left = std::min<std::int64_t>(limit.remaining().count(), 3600'000);
    const int ready = ::poll(wait, 2, static_cast<int>(left));
    if (ready < 0 && errno != EINTR) throw_errno("cannot wait while " + what, errno);
    if (ready > 0 && wait[0].revents != 0) return true;
    if (ready == 0 && limit.passed()) return false;
  }
}

bool is_peer_trusted(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == ::geteuid() || peer.uid == 0;
}

std::optional<Channel> Channel::connect(const StackFolder& folder) {
  const Fd place(::open(folder.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!place) return std::nullopt;
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) throw_errno("cannot make a socket", errno);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", place.get(),
                folder.socket().filename().c_str());
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) return std::nullopt;
    throw_errno("cannot reach the supervisor of " + folder.stack(), errno);
  }
  if (!is_peer_trusted(fd.get()))
    throw Error(ErrorKind::needs_operator,
                "the supervisor of " + folder.stack() + " belongs to another user: run this as that user");
  return Channel(std::move(fd));
}

void Channel::send(const std::string& line, const Limit& limit) {
  const std::string bytes = line + "\n";
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t put = ::send(fd_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (put > 0) {
      sent += static_cast<std::size_t>(put);
    } else if (errno == EAGAIN) {
      if (!wait_ready(fd_.get(), POLLOUT, limit, "asking a supervisor"))
        throw Error(ErrorKind::unavailable, "a supervisor does not listen in time");
    } else if (errno != EINTR) {
      throw_errno("a supervisor went away", errno);
    }
  }
}

std::optional<std::string> Channel::receive(const Limit& limit) {
  while (true) {
    const auto end = received_.find('\n');
    if (end != std::string::npos) {
      std::string line = received_.substr(0, end);
      received_.erase(0, end + 1);
      return line;
    }
    char buffer[16384];
    const ssize_t got = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    if (got > 0) {
      received_.append(buffer, static_cast<std::size_t>(got));
    } else if (got < 0 && errno == EAGAIN) {
      if (!wait_ready(fd_.get(), POLLIN, limit, "waiting for a supervisor"))
        throw Error(ErrorKind::unavailable, "a supervisor does not answer in time");
    } else if (got == 0 || errno != EINTR) {
      return std::nullopt;
    }
  }
}

}  // namespace simmer::local
