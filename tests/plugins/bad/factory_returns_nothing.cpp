// Its factory returns nullptr and does not say why.
#include "good_recipe.hpp"
static simmer::Recipe* nothing(char*, std::size_t) noexcept { return nullptr; }
HANDMADE_PLUGIN(simmer::plugin_detail::make_tag("factory-returns-nothing", "1.0.0", {"factory-returns-nothing"}), GOOD_MAGIC,
                sizeof(simmer_plugin_descriptor_t), simmer::plugin_api_major, simmer::plugin_api_minor, &simmer_plugin_tag,
                &nothing);
