// What a supervisor's clients ask of it, and what they are told.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include <local/channel.hpp>
#include <local/supervisor_parts.hpp>
#include <local/wire.hpp>
#include <nlohmann/json.hpp>

namespace simmer::local {

using nlohmann::json;
using State = Convergence::State;

namespace {

constexpr std::size_t longest_request = 64 << 20;

}  // namespace

void Supervisor::accept_clients() {
  while (true) {
    Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) return;
    if (!is_peer_trusted(fd.get())) continue;
    const int number = fd.get();
    watch(number, EPOLLIN);
    clients_[number].fd = std::move(fd);
  }
}

void Supervisor::read_client(Client& client) {
  char buffer[65536];
  const int number = client.fd.get();
  while (true) {
    const ssize_t got = ::recv(number, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0 || client.received.size() > longest_request) {
      clients_.erase(number);
      return;
    }
    client.received.append(buffer, static_cast<std::size_t>(got));
    for (auto end = client.received.find('\n'); end != std::string::npos; end = client.received.find('\n')) {
      const std::string line = client.received.substr(0, end);
      client.received.erase(0, end + 1);
      json answer;
      try {
        answer = handle(client, json::parse(line));
      } catch (const Error& error) {
        answer = failure(error);
      } catch (const std::exception& error) {
        answer = failure(Error(ErrorKind::internal, std::string("a supervisor could not use a request: ") + error.what()));
      }
      if (!answer.is_null()) reply(client, answer);
    }
  }
}

void Supervisor::reply(Client& client, const json& answer) {
  client.unsent += dump_line(answer) + "\n";
  flush(client);
}

void Supervisor::flush(Client& client) {
  while (!client.unsent.empty()) {
    const ssize_t put = ::send(client.fd.get(), client.unsent.data(), client.unsent.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put > 0)
      client.unsent.erase(0, static_cast<std::size_t>(put));
    else if (errno != EINTR)
      break;
  }
  if (client.unsent.size() > (1 << 20)) client.unsent.clear(), client.watches = false;  // a watcher that does not read
  epoll_event event{};
  event.events = EPOLLIN | (client.unsent.empty() ? 0U : static_cast<std::uint32_t>(EPOLLOUT));
  event.data.fd = client.fd.get();
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, client.fd.get(), &event);
}

json Supervisor::handle(Client& client, const json& request) {
  const auto op = request.at("op").get<std::string>();
  if (op == "status") return status();
  if (op == "watch") {
    client.watches = true;
    return status();
  }
  if (op == "service") return describe_service(request.at("name"));
  if (op == "end") {
    client.waits_for_end = true;
    end_all(milliseconds(request.at("within_ms").get<std::int64_t>()));
    return nullptr;
  }
  if (ending_) throw Error(ErrorKind::busy, blueprint_.stack + " is being ended");
  if (op == "apply") {
    apply(blueprint_from(request.at("blueprint").get<std::string>()),
          request.at("secrets").get<std::map<std::string, std::string>>());
    return {{"ok", true}};
  }
  if (op == "stop") {
    client.waits_for_stop = true;
    if (!stopped_) killed_.clear();
    stop_all(milliseconds(request.at("within_ms").get<std::int64_t>()));
    return nullptr;
  }
  if (op == "start") {
    start_all();
    return {{"ok", true}};
  }
  throw Error(ErrorKind::internal, "a supervisor does not know \"" + op + "\"");
}

json Supervisor::describe_service(const std::string& name) const {
  const auto service = services_.find(name);
  if (service == services_.end())
    throw Error(ErrorKind::unavailable, blueprint_.stack + " has no service " + name + " on the local engine");
  if (!service->second.runs())
    throw Error(ErrorKind::unavailable,
                "service " + name + " of " + blueprint_.stack + " does not run: " + service->second.reason());
  return {{"env", service->second.expanded().env},
          {"working_dir", service->second.expanded().working_dir},
          {"entrances", service->second.entrances()}};
}

// Accepted as a whole or not at all: what can fail comes first and is taken back.
void Supervisor::apply(Blueprint next, const std::map<std::string, std::string>& secrets) {
  std::map<std::string, PortLease> leases;
  assign_ports(next, leases);
  make_volumes(next);
  std::map<std::string, std::optional<std::string>> former;
  try {
    for (const auto& [name, value] : secrets) {
      former[name] = read_file_if_there(folder_.secret(name));
      if (former[name] != value) write_file_durably(folder_.secret(name), value, 0600);
    }
    write_file_durably(folder_.spec(), to_text(next), 0600);
  } catch (...) {
    for (const auto& [name, value] : former) {
      if (value)
        write_file_durably(folder_.secret(name), *value, 0600);
      else
        ::unlink(folder_.secret(name).c_str());
    }
    throw;
  }
  for (const auto& name : blueprint_.secrets)
    if (!next.secrets.contains(name)) ::unlink(folder_.secret(name).c_str());
  leases_.merge(leases);
  blueprint_ = std::move(next);
  replace_services();
}

void Supervisor::replace_services() {
  stopped_ = false;
  former_deaths_ = 0;
  const auto now = Clock::now();
  for (auto& [name, service] : services_) {
    service.forget_deaths();
    if (blueprint_.find(name) == nullptr) service.end(Service::Next::leave, service.blueprint().grace, now);
  }
  for (const auto& wanted : blueprint_.services) {
    const auto there = services_.find(wanted.name);
    if (there == services_.end()) {
      start_service(wanted);
      continue;
    }
    Service& service = there->second;
    const auto lease = leases_.find(wanted.name);
    const bool differs = service.blueprint().definition != wanted.definition;
    const milliseconds grace = service.blueprint().grace;
    service.redefine(wanted, expand_service(blueprint_, wanted, folder_, ports()),
                     lease == leases_.end() ? std::nullopt : std::optional(lease->second.port()));
    if (differs || !(service.runs() || service.phase() == Service::Phase::done)) service.end(Service::Next::start, grace, now);
  }
  say("now runs version " + blueprint_.version + ", commit " + blueprint_.commit);
}

Supervisor::Standing Supervisor::standing() const {
  if (ending_) return {State::gone, "", "being ended"};
  if (stopped_) return {State::failed, "", "stopped; `start` runs it again"};
  Standing worst;
  const auto weight = [](State state) {
    return state == State::failed ? 3 : state == State::infrastructure ? 2 : state == State::converging ? 1 : 0;
  };
  for (const auto& [name, service] : services_) {
    State state = State::converging;
    if (service.is_port_stolen())
      state = blueprint_.kept ? State::infrastructure : State::converging;
    else if (service.has_failed())
      state = State::failed;
    else if (service.has_converged())
      state = State::converged;
    if (weight(state) > weight(worst.state)) worst = {state, name, service.reason()};
  }
  return worst;
}

int Supervisor::deaths() const {
  int sum = former_deaths_;
  for (const auto& [name, service] : services_) sum += service.deaths();
  return sum;
}

json Supervisor::status() {
  const Standing now = standing();
  const auto service = services_.find(now.service);
  json leaders = json::object();
  for (const auto& [name, other] : services_) leaders[name] = other.leader();
  return {{"state", static_cast<int>(now.state)},
          {"service", now.service},
          {"reason", now.reason},
          {"log_tail", service == services_.end() ? "" : service->second.log().tail(20)},
          {"deaths", deaths()},
          {"generation", generation_},
          {"stopped", stopped_},
          {"ending", ending_},
          {"ports", ports()},
          {"leaders", leaders}};
}

void Supervisor::publish() {
  const Standing now = standing();
  const std::string line = dump_line({static_cast<int>(now.state), now.service, now.reason, deaths()});
  if (line == published_) return;
  published_ = line;
  ++generation_;
  const json answer = status();
  for (auto& [number, client] : clients_)
    if (client.watches) reply(client, answer);
}

}  // namespace simmer::local
