// How a recipe's data is written, recognised and lost. Upgrade, restore and quick tiers rest on it.
#pragma once

#include <string>

#include <simmer/tier.hpp>

namespace simmer {

// The nonce is the host's: a short string of [0-9a-z]. It is kept with the snapshot of the data.
// The host runs the negative control: after wipe(), verify() must fail, or the plugin is reported
// as blind to loss. None of these is ever called on a live app.
class DataContract {
 public:
  virtual ~DataContract() = default;

  // Writes records that a user would miss, recognisable by `nonce`. Throws when it cannot. Called
  // again with the same nonce it changes nothing.
  virtual void seed(const std::string& nonce) = 0;

  // Are exactly those records there? pass, or fail with what is missing or different.
  virtual CheckResult verify(const std::string& nonce) = 0;

  // Loses them, as an accident would.
  virtual void wipe() = 0;
};

}  // namespace simmer
