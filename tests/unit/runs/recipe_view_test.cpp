// Hosts of a router, as they are shown; whether they are allowed is the policy's to say.
#include <gmock/gmock.h>
#include <runs/recipe_view.hpp>

namespace simmer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(HostsInRule, AreTakenAsTheyAreWritten) {
  EXPECT_THAT(hosts_in_rule("Host(`a.example.org`, `b.example.org`) && PathPrefix(`/x`)"), ElementsAre("a.example.org", "b.example.org"));
  EXPECT_THAT(hosts_in_rule("HostSNI(\"a\") || HostRegexp(`^.+\\.b$`) || !Host( 'c' )"), ElementsAre("a", "^.+\\.b$", "c"));
  EXPECT_THAT(hosts_in_rule("PathPrefix(`/Host`)"), IsEmpty());
  for (const std::string odd : {"", "Host", "Host(", "Host(`", "Host(`a", "HostHostHost", "Host(a)"}) EXPECT_THAT(hosts_in_rule(odd), IsEmpty()) << odd;
}

}  // namespace
}  // namespace simmer
