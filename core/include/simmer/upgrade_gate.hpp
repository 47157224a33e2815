// May this upgrade happen unattended? The host's own rules (major versions, manual steps in the
// release notes) are always asked first; a plugin may add to them, never weaken them.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace simmer {

struct UpgradeProposal {
  std::string app;
  std::string current;
  std::string target;
  // (version, text) of every release after `current` up to `target`, oldest first; text may be empty.
  std::vector<std::pair<std::string, std::string>> release_notes;
};

struct GateVerdict {
  bool hold = false;
  std::string reason;  // for the operator; empty when nothing is held
};

class UpgradeGate {
 public:
  virtual ~UpgradeGate() = default;
  virtual GateVerdict judge(const UpgradeProposal& proposal) = 0;
};

}  // namespace simmer
