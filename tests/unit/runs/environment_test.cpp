// What an app's configuration says is laid over the recipe's defaults, in words that fit every run's domain.
#include <gmock/gmock.h>
#include <runs/run_context.hpp>

namespace simmer {
namespace {

using ::testing::Pair;
using ::testing::UnorderedElementsAre;

TEST(EnvironmentOver, FillsInTheNamesOfTheRun) {
  const Values app = {{"EXTRA", "www.$DOMAIN"}, {"BUCKET", "${STACK_NAME}-files"}, {"PRICE", "5$ $OTHER ${DOMAIN:-x}"}, {"DOMAIN", "elsewhere.example.org"}};
  EXPECT_THAT(environment_over({{"KEPT", "$DOMAIN"}, {"EXTRA", "old"}, {"STACK_NAME", "old"}}, app, "docs-1a2b3c_example_org", "docs-1a2b3c.example.org"),
              UnorderedElementsAre(Pair("KEPT", "$DOMAIN"), Pair("EXTRA", "www.docs-1a2b3c.example.org"), Pair("BUCKET", "docs-1a2b3c_example_org-files"),
                                   Pair("PRICE", "5$ $OTHER ${DOMAIN:-x}"), Pair("DOMAIN", "docs-1a2b3c.example.org"), Pair("STACK_NAME", "docs-1a2b3c_example_org"),
                                   Pair("LETS_ENCRYPT_ENV", "")));
}

}  // namespace
}  // namespace simmer
