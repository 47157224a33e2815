// Needs a function that nobody has: only the dynamic loader can tell.
#include "good_recipe.hpp"
extern "C" void simmer_test_nobody_has_this();
struct Needy : GoodRecipe {
  Needy() { simmer_test_nobody_has_this(); }
};
SIMMER_PLUGIN(Needy, "missing-symbol", "1.0.0", "missing-symbol");
