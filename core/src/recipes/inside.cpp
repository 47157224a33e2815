// std::filesystem::weakly_canonical() does not follow a link whose target is missing, so that two links
// could leave together what neither leaves alone: the walk is made here, one name at a time.
#include <recipes/inside.hpp>

#include <list>
#include <vector>

namespace simmer {

bool stays_inside(const std::filesystem::path& dir, const std::string& relative) {
  namespace fs = std::filesystem;
  if (relative.empty() || relative.front() == '/' || relative.front() == '~') return false;
  if (relative.find('\\') != std::string::npos || relative.size() > 4096) return false;
  const fs::path start = relative;
  std::list<fs::path> ahead(start.begin(), start.end());
  std::vector<fs::path> below;  // names from `dir` to where the walk stands, no links among them
  for (int links = 0; !ahead.empty();) {
    const fs::path name = ahead.front();
    ahead.pop_front();
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      if (below.empty()) return false;
      below.pop_back();
      continue;
    }
    fs::path here = dir;
    for (const auto& part : below) here /= part;
    std::error_code not_a_link;
    const fs::path target = fs::read_symlink(here / name, not_a_link);
    if (not_a_link) {
      below.push_back(name);
      continue;
    }
    if (target.is_absolute() || ++links > 40) return false;
    ahead.insert(ahead.begin(), target.begin(), target.end());
  }
  return true;
}

}  // namespace simmer
