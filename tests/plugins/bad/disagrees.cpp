// The descriptor names another tag than the one in the file.
#include "good_recipe.hpp"
static constexpr simmer::PluginTag other = simmer::plugin_detail::make_tag("disagrees", "9.9.9", {"something-else"});
HANDMADE_PLUGIN(simmer::plugin_detail::make_tag("disagrees", "1.0.0", {"disagrees"}), GOOD_MAGIC,
                sizeof(simmer_plugin_descriptor_t), simmer::plugin_api_major, simmer::plugin_api_minor, &other,
                &simmer::plugin_detail::create<GoodRecipe>);
