// The one place that speaks HTTP to apps.
#pragma once

#include <string>

#include <simmer/host.hpp>

namespace simmer {

// Where a name is reached, whatever DNS says of it: "127.0.0.1:443". Empty: as the URL says.
using HttpRoute = std::string;

// `request.url` absolute. `host_header`: the name the app is asked by; empty: the URL's own. With a `route` the connection
// goes there, and name, certificate and Host header stay those of the URL. Certificates are verified (SSL_CERT_FILE and
// SSL_CERT_DIR as OpenSSL reads them). What goes wrong is in the response (status 0), never thrown. Bodies above 64 MiB
// are cut.
HttpResponse fetch(const HttpRequest& request, const std::string& host_header, const HttpRoute& route = "");

}  // namespace simmer
