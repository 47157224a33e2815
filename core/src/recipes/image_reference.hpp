// The names of images, by Docker's own grammar (distribution/reference, as 20.10 has it).
#pragma once

#include <string>

namespace simmer {

// What is wrong with `image`, for people ("its repository has capitals"); empty: it can name an image.
std::string fault_of_image(const std::string& image);

}  // namespace simmer
