// The one place that speaks HTTP to apps.
#pragma once

#include <string>

#include <simmer/host.hpp>

namespace simmer {

// `request.url` absolute. `host_header`: the name the app is asked by; empty: the URL's own. What goes wrong
// is in the response (status 0), never thrown. Bodies above 64 MiB are cut.
HttpResponse fetch(const HttpRequest& request, const std::string& host_header);

}  // namespace simmer
