// A tag in the right place that begins with something else.
#include "good_recipe.hpp"
constexpr simmer::PluginTag tag() {
  auto tag = simmer::plugin_detail::make_tag("wrong-magic", "1.0.0", {"wrong-magic"});
  tag.magic[0] = 's';
  return tag;
}
HANDMADE_PLUGIN(tag(), GOOD_MAGIC, sizeof(simmer_plugin_descriptor_t), simmer::plugin_api_major, simmer::plugin_api_minor,
                &simmer_plugin_tag, &simmer::plugin_detail::create<GoodRecipe>);
