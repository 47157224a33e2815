// Built for an API that does not exist (yet).
#include "good_recipe.hpp"
constexpr simmer::PluginTag tag() {
  auto tag = simmer::plugin_detail::make_tag("wrong-api", "1.0.0", {"wrong-api"});
  tag.api_major = API_MAJOR;
  tag.api_minor = API_MINOR;
  return tag;
}
HANDMADE_PLUGIN(tag(), GOOD_MAGIC, sizeof(simmer_plugin_descriptor_t), API_MAJOR, API_MINOR, &simmer_plugin_tag,
                &simmer::plugin_detail::create<GoodRecipe>);
