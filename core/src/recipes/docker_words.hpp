// The little languages inside of a compose file, as docker/cli reads them (20.10 and 28): commands, mounts, ports, durations,
// sizes. Each function refuses, with the value's place, what Docker refuses and what its versions read differently.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <recipes/yaml_value.hpp>

namespace simmer {

// "1m30s", "500ms", "2h", "1d"; nothing when it is no such duration. `bare_seconds`: "30" is 30 s. For Simmer's own words and for
// TIMEOUT; a duration of Docker's is parse_go_duration().
std::optional<std::chrono::milliseconds> parse_span(const std::string& text, bool bare_seconds);

// Go's time.ParseDuration: "1h2m3.5s", "0", "-1s".
std::optional<std::chrono::nanoseconds> parse_go_duration(const std::string& text);

// Splits as google/shlex does: blanks, quotes, backslashes, `#` at the beginning of a word ends the line. Nothing when a quote
// is open or a backslash stands last.
std::optional<std::vector<std::string>> split_words(const std::string& text);

// A command: a list of values, or a string that is split. Refuses other shapes.
std::vector<std::string> read_command(const YamlValue& value, const std::string& name);

// "source:target[:options]" as the long form: type, source, target, read_only, bind, volume.
YamlValue expand_mount(const YamlValue& text);

// "[address:][published:]target[/protocol]", ranges included, as the long form: mode, target, published, protocol.
std::vector<YamlValue> expand_ports(const YamlValue& value);

// "1.5g", "512 MiB", "100": bytes, as go-units reads them.
std::optional<std::int64_t> parse_bytes(const std::string& text);

}  // namespace simmer
