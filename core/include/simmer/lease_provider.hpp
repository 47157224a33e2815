// An optional ability of a plugin: its app lends something to each run (Keycloak: a realm with a
// client and a user). A Recipe that can do this also derives from LeaseProvider; the host finds it
// by dynamic_cast.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <simmer/host.hpp>

namespace simmer {

struct LeaseRequest {
  std::string id;      // "<recipe>-<6 hex>", the run's own hex
  std::string domain;  // of the app that will use it
  bool by_hand = false;  // marked so; spared by the reaper
};

struct Lease {
  std::string id;
  std::map<std::string, std::string> env;  // what the borrower's deployment gets; values may be secret
  std::string summary;                     // without secrets: "realm x at https://…"
};

class LeaseProvider {
 public:
  virtual ~LeaseProvider() = default;
  virtual Lease acquire(Host& host, const LeaseRequest& request) = 0;
  // Deleting what is not there is fine.
  virtual void release(Host& host, const std::string& id) = 0;
  // Only leases that carry Simmer's mark.
  virtual std::vector<Lease> list(Host& host) = 0;
};

}  // namespace simmer
