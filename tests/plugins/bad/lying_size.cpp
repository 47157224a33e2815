// A tag that claims to be larger than its section.
#include "good_recipe.hpp"
constexpr simmer::PluginTag tag() {
  auto tag = simmer::plugin_detail::make_tag("lying-size", "1.0.0", {"lying-size"});
  tag.size = 0xfffffff0u;
  return tag;
}
HANDMADE_PLUGIN(tag(), GOOD_MAGIC, sizeof(simmer_plugin_descriptor_t), simmer::plugin_api_major, simmer::plugin_api_minor,
                &simmer_plugin_tag, &simmer::plugin_detail::create<GoodRecipe>);
