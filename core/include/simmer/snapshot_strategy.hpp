// How an app's state is captured, verified and restored, and how a bad upgrade is undone.
//
// A strategy *says*; core *does*, under its journal. The host hands out two ready ones (see
// ReadyStrategies); a plugin may bring its own, and is then held to the same tests.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace simmer {

// When the state may be captured.
enum class CaptureWhen {
  never,    // there is no state: the version alone is the known-good
  stopped,  // after the undeploy, when nothing can write any more
  running,  // the app makes a consistent copy itself (a database dump)
};

// One step of the way back from a bad upgrade, executed in order by core.
enum class WayBackStep {
  undeploy,          // end the new version, keep the volumes
  restore,           // put the snapshot back into the volumes
  deploy,            // deploy the last good version by its recorded digests
  deploy_in_place,   // deploy the last good version over the running one
  probe,             // healthy and steady for a window, or the way back has failed
};

class SnapshotStrategy {
 public:
  virtual ~SnapshotStrategy() = default;

  // For results and logs: "raw-volumes", "version-only", or the plugin's own.
  virtual std::string name() const = 0;
  virtual CaptureWhen capture_when() const = 0;

  // The volumes whose raw content is the state, by compose name. Core copies them, verified.
  virtual std::vector<std::string> volumes() const = 0;

  // For CaptureWhen::running: write into / check / put back from an empty `folder` on this machine,
  // which core then treats as one more volume of the snapshot. Never called otherwise.
  virtual void capture(const std::string& folder) = 0;
  virtual void verify(const std::string& folder) = 0;
  virtual void restore(const std::string& folder) = 0;

  // Never empty; ends with `probe`.
  virtual std::vector<WayBackStep> way_back() const = 0;
};

// What the host offers. Whoever asks owns what is returned.
class ReadyStrategies {
 public:
  virtual ~ReadyStrategies() = default;
  // undeploy -> restore -> redeploy. Every volume of the recipe but those in `without_value`.
  virtual std::unique_ptr<SnapshotStrategy> raw_volumes(const std::vector<std::string>& without_value) = 0;
  // For stateless apps: the old version is redeployed in place, nothing is undeployed.
  virtual std::unique_ptr<SnapshotStrategy> version_only() = 0;
};

}  // namespace simmer
