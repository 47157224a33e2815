// What lies in a volume while an app runs on it: enough to say later how much of it is still there. A walk without content, so it
// costs what listing costs. Changes while it walks are no errors: what has gone is not counted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include <base/limit.hpp>

namespace simmer {

// Files, folders and links by their path in the volume, with the size of files. No sockets, FIFOs and devices, which are made anew at
// each start, and no *.pid.
struct Census {
  std::map<std::string, std::uint64_t> sizes;
  std::uint64_t bytes() const;
  // Without what comes and goes with each start and stop: a database's log beside its tables (-wal, -shm, -journal), *.lock. Their bytes count.
  std::uint64_t entries() const;
};

// What a later census of the same volume lacks.
struct CensusLoss {
  std::uint64_t entries = 0;  // paths that are gone, of those that entries() counts
  std::uint64_t bytes = 0;    // what each folder's own files have become fewer by, together: a database moves bytes from its log to its tables
  std::string first;          // the first path that is gone, else the first that is shorter
};

// `left_out` says of a path whether it is none of the app's. Error(unavailable) when the root cannot be read; what below it cannot be read counts by
// its name alone. Nothing is followed, and no other file system is entered.
Census take_census(const std::filesystem::path& root, const std::function<bool(const std::string& path)>& left_out, const Limit& limit);

CensusLoss loss_between(const Census& before, const Census& after);

}  // namespace simmer
