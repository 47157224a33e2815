// How often a test of many random cases tries: under a sanitizer each case costs five to fifteen times as much, and what a sanitizer
// finds lies on a path through the code, not in the values that the plain build has gone through by then.
#pragma once

namespace simmer::test {

constexpr int rounds(int plain) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return plain / 6;
#else
  return plain;
#endif
}

}  // namespace simmer::test
