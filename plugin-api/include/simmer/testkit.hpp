// Everything with which a plugin is tested without a server: FakeHost and the conformance checks.
// Header-only and without a test framework: use it from whichever you like.
#pragma once

#include <simmer/testkit/conformance.hpp>
#include <simmer/testkit/fake_host.hpp>
