#include <swarm/blame.hpp>

namespace simmer::swarm {

bool is_machines_fault(const std::string& said) {
  static constexpr const char* words[] = {
      // gRPC between Docker and its swarm. InvalidArgument and AlreadyExists are the recipe's, and so is Unknown: by it Swarm
      // refuses constraints.
      "code = Unavailable", "code = DeadlineExceeded", "code = Canceled", "code = Internal", "code = Aborted", "code = DataLoss", "code = Unauthenticated", "code = PermissionDenied", "update out of sequence",
      // Docker is not there, is no manager, or does not answer in time.
      "Cannot connect to the Docker daemon", "This node is not a swarm manager", "does not have a leader", "context deadline exceeded", "connection refused", "i/o timeout", "TLS handshake timeout", "Bad response from Docker engine",
      // What the recipe expects to be there is not there, or taken by somebody else.
      "could not be found. You need to create a", "declared as external, but", "secret not found", "already in use by service", "address already in use", "port is already allocated",
      // What the machine has too little of. ("Pool overlaps" is not in it: a subnet that the recipe asks for.)
      "no space left", "non-overlapping", "could not find an available", "failed to allocate", "network allocation", "CPUs available", "no suitable node", "No such image"};
  for (const char* each : words)
    if (said.find(each) != std::string::npos) return true;
  return false;
}

ErrorKind kind_of_refusal(int status, const std::string& said) {
  const bool about_the_wish = status == 400 || status == 409 || status == 413 || (status == 500 && said.find("code = InvalidArgument") != std::string::npos);
  return about_the_wish && !is_machines_fault(said) ? ErrorKind::recipe : ErrorKind::unavailable;
}

}  // namespace simmer::swarm
