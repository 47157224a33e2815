// Labels that stand on an engine, whoever made them.
#pragma once

#include <set>
#include <string>

namespace simmer {

struct LabelsOfStack {
  std::string stack;            // empty: of no stack
  std::set<std::string> names;  // of the labels, without their values
};

}  // namespace simmer
