// The descriptor is of another API than the tag says.
#include "good_recipe.hpp"
HANDMADE_PLUGIN(simmer::plugin_detail::make_tag("descriptor-api", "1.0.0", {"descriptor-api"}), GOOD_MAGIC,
                sizeof(simmer_plugin_descriptor_t), simmer::plugin_api_major + 6, 0, &simmer_plugin_tag,
                &simmer::plugin_detail::create<GoodRecipe>);
