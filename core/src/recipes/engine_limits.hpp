// What a Docker engine refuses of a compose file that its schema lets pass: a limit below what a kernel can hold, an image's name
// that no registry could know, two things at one place. Asked of the merged file on every engine, so that a recipe which Swarm would
// reject is not green on `local`, and so that it is told with file and line instead of in the words of a remote call.
//
// Each rule was seen on Docker 20.10: the service is refused, or its tasks are rejected, die before their first instruction, or wait
// for ever without a word. Not asked: what depends on the image (a user's name), on the machine (drivers, devices, free ports) or on
// Go's templates in `environment` and `hostname`.
#pragma once

#include <recipes/yaml_value.hpp>

namespace simmer {

// Throws Error(recipe) at the first one, with what to write instead.
void check_engine_limits(const YamlValue& compose);

}  // namespace simmer
