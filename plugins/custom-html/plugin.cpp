#include "custom_html.hpp"

SIMMER_PLUGIN(custom_html::CustomHtml, "custom-html", "1.0.0", "custom-html");
