// Which label makes an HTTP router of the proxy's: what people reach an app by.
#pragma once

#include <algorithm>
#include <string>

#include <simmer/recipe_facts.hpp>

namespace simmer {

inline bool is_router_label(const std::string& label) { return label.starts_with("traefik.http.routers."); }

inline bool has_router(const ServiceFacts& service) {
  return std::any_of(service.labels.begin(), service.labels.end(), [](const auto& label) { return is_router_label(label.first); });
}

}  // namespace simmer
