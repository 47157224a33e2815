// A tag and no descriptor: as a version script that hides too much would leave it.
#include "good_recipe.hpp"
extern "C" __attribute__((used, section(".simmer_plugin"))) constinit const simmer::PluginTag simmer_plugin_tag =
    simmer::plugin_detail::make_tag("no-descriptor", "1.0.0", {"no-descriptor"});
