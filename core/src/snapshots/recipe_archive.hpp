// The recipe of a known-good as one tar file beside its data: what was deployed, whatever becomes of the repository that it is
// from. `tar -xpf` alone gives it back (docs/formats/snapshot.md).
#pragma once

#include <string>

#include <base/files.hpp>

namespace simmer::snapshots {

// Writes the folders, files and links below `tree` to the new file `tar` (0600), flushes it, and reads it back from the disk.
// What two trees of one content give is the same, byte for byte. Returns the digest. Anything else in the tree: Error(recipe).
std::string write_recipe_archive(const fs::path& tree, const fs::path& tar);

// Writes the tree to the new folder `to`. Error(needs_operator), and nothing is left there, when the file is missing or not what
// was written.
void unpack_recipe_archive(const fs::path& tar, const std::string& digest, const fs::path& to);

}  // namespace simmer::snapshots
