#include <base/interruption.hpp>

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace simmer {

Interruption::Interruption() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), end_(::eventfd(0, EFD_CLOEXEC)) {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&signals, number);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  thread_ = std::thread([this] { listen(); });
}

Interruption::~Interruption() {
  const std::uint64_t one = 1;
  if (::write(end_.get(), &one, sizeof one) < 0) thread_.detach();
  else thread_.join();
}

void Interruption::listen() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&signals, number);
  const Fd incoming(::signalfd(-1, &signals, SFD_CLOEXEC));
  while (true) {
    pollfd wait[2] = {{incoming.get(), POLLIN, 0}, {end_.get(), POLLIN, 0}};
    if (::poll(wait, 2, -1) < 0) continue;
    if (wait[1].revents != 0) return;
    signalfd_siginfo info;
    if (::read(incoming.get(), &info, sizeof info) != sizeof info) continue;
    ++count_;
    source_.request_stop();
    const std::uint64_t one = 1;
    if (::write(event_.get(), &one, sizeof one) < 0) continue;
  }
}

}  // namespace simmer
