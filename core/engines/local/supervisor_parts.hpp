// The supervisor's parts, for its own files alone: supervisor.cpp has its life (begin, events, ending),
// supervisor_requests.cpp what its clients ask of it and are told.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include <engine/engine.hpp>
#include <local/service.hpp>
#include <nlohmann/json_fwd.hpp>

namespace simmer::local {

struct Client {
  Fd fd;
  std::string received, unsent;
  bool watches = false, waits_for_stop = false, waits_for_end = false;
};

class Supervisor {
 public:
  explicit Supervisor(StackFolder folder) : folder_(std::move(folder)) {}

  // Everything that can fail before the deployment is accepted.
  void begin();
  int run();

 private:
  void take_lock();
  void listen();
  void watch(int fd, std::uint32_t events);
  void assign_ports(const Blueprint& blueprint, std::map<std::string, PortLease>& leases);
  std::map<std::string, int> ports() const;
  void make_volumes(const Blueprint& blueprint) const;
  void start_service(const ServiceBlueprint& service);

  void on_readable(int fd);
  void accept_clients();
  void read_signals();
  void read_lock_events();
  void read_client(Client& client);
  void flush(Client& client);
  void reply(Client& client, const nlohmann::json& answer);

  nlohmann::json handle(Client& client, const nlohmann::json& request);
  nlohmann::json describe_service(const std::string& name) const;
  void apply(Blueprint next, const std::map<std::string, std::string>& secrets);
  void replace_services();
  void stop_all(milliseconds at_most);
  void end_all(milliseconds at_most);
  void start_all();

  void reap();
  void settle();
  void move_from_strangers();
  void move_from(const std::string& service);
  void end_orphans();
  void leave();
  milliseconds time_to_wait() const;

  struct Standing {
    Convergence::State state = Convergence::State::converged;
    std::string service, reason;
  };
  Standing standing() const;
  int deaths() const;
  nlohmann::json status();
  void publish();
  void write_leaders();

  StackFolder folder_;
  Fd lock_, epoll_, signals_, lock_events_, listener_;
  Blueprint blueprint_;
  std::map<std::string, PortLease> leases_;
  std::map<std::string, Service> services_;
  std::map<int, Client> clients_;
  bool stopped_ = false, ending_ = false, leave_record_ = false, has_left_ = false;
  std::optional<Clock::time_point> orphans_at_;
  std::set<std::string> killed_;
  int former_deaths_ = 0;  // of services that are gone since the last upgrade
  std::uint64_t generation_ = 0;
  std::string published_;
  std::string recorded_;
  bool has_record_ = false;
};

// A line in supervisor.log, which is begun anew at 1 MiB.
void say(const std::string& what);

}  // namespace simmer::local
