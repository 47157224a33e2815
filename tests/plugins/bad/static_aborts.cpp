// A static constructor that throws while the library is loaded: nobody can catch that, so it ends the
// process that loads it. Listing it is harmless.
#include <stdexcept>

#include "good_recipe.hpp"
struct Static {
  Static() { throw std::runtime_error("thrown by a static constructor"); }
};
static Static at_load_time;
SIMMER_PLUGIN(GoodRecipe, "static-aborts", "1.0.0", "static-aborts");
