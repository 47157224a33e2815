// Its constructor throws: a std::exception, or something else.
#include <stdexcept>

#include "good_recipe.hpp"
struct Throws : GoodRecipe {
  Throws() { throw THROWN; }
};
SIMMER_PLUGIN(Throws, PLUGIN_NAME, "1.0.0", PLUGIN_NAME);
