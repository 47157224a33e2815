// Random trees and random accidents, for the property tests. Everything follows from the generator given.
#pragma once

#include <random>

#include <base/files.hpp>

namespace simmer::test {

using Random = std::mt19937_64;

// From SIMMER_TEST_SEED, else chosen anew; printed, so that a failure can be had again.
std::uint64_t seed_of_this_run();

// Makes `root` and fills it with up to `max_entries` of every type there is, with odd names and metadata.
void grow_tree(const fs::path& root, Random& random, unsigned max_entries);
// Does to it what bad upgrades and operators do: some changes of every sort.
void damage_tree(const fs::path& root, Random& random, unsigned max_changes);

}  // namespace simmer::test
