// Nothing is wrong with it; RECIPE and friends are set by CMake.
#include "good_recipe.hpp"
SIMMER_PLUGIN(GoodRecipe, PLUGIN_NAME, "1.0.0", PLUGIN_RECIPES);
