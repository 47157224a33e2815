// Recipes and repositories are read in this process, by libraries that can wait for ever where somebody put a pipe or where a file
// system does not answer. This is how every command reads them outside of a run's child.
#pragma once

#include <functional>
#include <string>

#include <base/last_resort.hpp>
#include <runs/run_command.hpp>

namespace simmer {

// Gives what `read` gives, which is called with a limit: five minutes, or Ctrl-C. Half a second beyond it the process ends, whatever `read`
// is waiting for, after `tidy` (see LastResort). Nothing that must not be left in the middle belongs into `read`: no writes
// but to what `tidy` removes, no deployment, no program that was started.
template <class Read>
auto read_bounded(const Session& session, const std::string& doing, std::function<void()> tidy, Read&& read) {
  const Limit limit = Limit::in(std::chrono::minutes(5), session.interruption == nullptr ? std::stop_token() : session.interruption->token());
  const LastResort last_resort(doing, limit, std::move(tidy), session.end);
  auto result = read(limit);
  limit.check_stop(doing);
  return result;
}

}  // namespace simmer
