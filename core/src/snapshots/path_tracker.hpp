// The path of the entry that a manifest's stream is at: entries carry their depth and name only.
#pragma once

#include <string>
#include <vector>

#include <snapshots/manifest.hpp>

namespace simmer::snapshots {

class PathTracker {
 public:
  void enter(const Entry& entry) {
    const std::size_t depth = static_cast<std::size_t>(entry.depth);
    if (depth == 0) {
      ends_ = {0};
      text_.clear();
      return;
    }
    if (depth < ends_.size()) ends_.resize(depth);
    text_.resize(ends_.empty() ? 0 : ends_.back());
    if (!text_.empty()) text_ += '/';
    text_ += entry.name;
    ends_.push_back(text_.size());
  }
  const std::string& text() const { return text_; }

 private:
  std::vector<std::size_t> ends_;  // by depth: where that ancestor's path ends in text_
  std::string text_;
};

}  // namespace simmer::snapshots
