// Which images a change brings: what a maintainer looks at before anything else.
#include <gmock/gmock.h>

#include <runs/result.hpp>

namespace simmer {
namespace {

using nlohmann::json;
using Values = std::map<std::string, std::string>;

AttemptReport attempt_with(Values base, Values head, Values base_digests = {}, Values digests = {}) {
  AttemptReport attempt;
  attempt.fact_maps = {{"base_images", std::move(base)}, {"images", std::move(head)}};
  if (!base_digests.empty()) attempt.fact_maps["base_digests"] = std::move(base_digests);
  if (!digests.empty()) attempt.fact_maps["digests"] = std::move(digests);
  return attempt;
}
json changes(const AttemptReport& attempt, const std::string& engine = "swarm") { return image_changes_of(attempt, engine); }
json change(const json& from, const json& to) { return json::array({{{"service", "web"}, {"from", from}, {"to", to}}}); }

TEST(ImageChanges, AreThoseOfTheDigestOrTheRepository) {
  const Values one = {{"web", "nginx:1.22.0"}}, two = {{"web", "nginx:1.22.1"}};
  EXPECT_EQ(changes(attempt_with(one, two, {{"web", "nginx@sha256:aa"}}, {{"web", "nginx@sha256:bb"}})), change("nginx:1.22.0@sha256:aa", "nginx:1.22.1@sha256:bb"));
  EXPECT_EQ(changes(attempt_with(one, one, {{"web", "nginx@sha256:aa"}}, {{"web", "nginx@sha256:bb"}})), change("nginx:1.22.0@sha256:aa", "nginx:1.22.0@sha256:bb")) << "the tag has moved";
  EXPECT_EQ(changes(attempt_with(one, two, {{"web", "sha256:aa"}}, {{"web", "sha256:aa"}})), json::array()) << "the same under another tag";
  EXPECT_EQ(changes(attempt_with(one, {{"web", "evil/nginx:1.22.0"}}, {{"web", "sha256:aa"}}, {{"web", "sha256:aa"}})), change("nginx:1.22.0@sha256:aa", "evil/nginx:1.22.0@sha256:aa"));
  EXPECT_EQ(changes(attempt_with({{"web", "localhost:5000/web"}}, {{"web", "localhost:5001/web"}}, {{"web", "sha256:aa"}}, {{"web", "sha256:aa"}})).size(), 1u) << "a port is no tag";
}

TEST(ImageChanges, AreThoseOfTheNameWhereNoDigestIsKnown) {
  const Values one = {{"web", "nginx:1.22.0"}}, two = {{"web", "nginx:1.22.1"}};
  EXPECT_EQ(changes(attempt_with(one, two)), change("nginx:1.22.0", "nginx:1.22.1")) << "nothing came to run";
  EXPECT_EQ(changes(attempt_with(one, two, {{"web", "nginx@sha256:aa"}})), change("nginx:1.22.0@sha256:aa", "nginx:1.22.1"));
  EXPECT_EQ(changes(attempt_with(one, one, {{"web", "nginx@sha256:aa"}})), json::array());
  EXPECT_EQ(changes(attempt_with({{"web", "nginx@sha256:aa"}}, {{"web", "nginx@sha256:bb"}})), change("nginx@sha256:aa", "nginx@sha256:bb")) << "said by the recipe";
  // The local engine's digests are those of executables.
  EXPECT_EQ(changes(attempt_with(one, two, {{"web", "aa"}}, {{"web", "aa"}}), "local"), change("nginx:1.22.0", "nginx:1.22.1"));
  EXPECT_EQ(changes(attempt_with(one, one, {{"web", "aa"}}, {{"web", "bb"}}), "local"), json::array());
}

TEST(ImageChanges, NameServicesThatCameAndWent) {
  EXPECT_EQ(changes(attempt_with({{"db", "mariadb:10"}}, {{"db", "mariadb:10"}, {"web", "nginx:1"}})), change(nullptr, "nginx:1"));
  EXPECT_EQ(changes(attempt_with({{"db", "mariadb:10"}, {"web", "nginx:1"}}, {{"db", "mariadb:10"}})), change("nginx:1", nullptr));
}

TEST(ImageChanges, AreNotKnownWithoutABase) {
  AttemptReport attempt;
  EXPECT_TRUE(changes(attempt).is_null());
  attempt.fact_maps["images"] = {{"web", "nginx:1"}};
  EXPECT_TRUE(changes(attempt).is_null()) << "null is not \"none\"";
}

}  // namespace
}  // namespace simmer
