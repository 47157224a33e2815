// The one file that Docker gets, from a recipe to its text, without a Docker: what Simmer adds is there, and what the recipe says is not lost.
#include <gmock/gmock.h>

#include <swarm/stack_file.hpp>
#include <unit/recipes/recipe_folder.hpp>

namespace simmer::swarm {
namespace {

using testing_recipes::RecipeFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* stack = "cust-abc123_example_org";

DeploySpec spec_of(const std::string& compose, const std::map<std::string, std::string>& files = {}) {
  RecipeFolder folder(compose);
  for (const auto& [name, text] : files) folder.write(name, text);
  const auto tree = folder.read();
  DeploySpec spec;
  spec.stack = stack;
  spec.domain = "cust-abc123.example.org";
  spec.run_id = "run-1";
  spec.facts = tree.facts;
  spec.facts.version = "1.0.0+1";
  spec.facts.commit = "c1";
  spec.compose = one_file(tree);
  spec.asked_limits = tree.limits;
  spec.objects = tree.objects;
  return spec;
}

std::string text_of(const DeploySpec& spec) { return stack_file(spec, "NODE", "instance"); }

// The file, read again.
class Written {
 public:
  explicit Written(const DeploySpec& spec) : text_(text_of(spec)), yaml_(parse_yaml(text_, "written")) {}
  // "services web deploy": what stands there; "(nothing)" if nothing does, "{…}" and "[…]" for the size of a map or list.
  std::string at(std::vector<std::string> path) const {
    const YamlValue* value = &yaml_;
    for (const auto& key : path) {
      if (value->is_list() && std::stoul(key) < value->items.size()) value = &value->items[std::stoul(key)];
      else if ((value = value->find(key)) == nullptr) return "(nothing)";
    }
    if (value->is_map()) return "{" + std::to_string(value->entries.size()) + "}";
    return value->is_list() ? "[" + std::to_string(value->items.size()) + "]" : value->text;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  YamlValue yaml_;
};

const std::string web = "version: \"3.9\"\nservices:\n  web:\n    image: x:1\n";

TEST(StackFile, IsOneVersionAndBlocksThatEveryReaderTakesAlike) {
  for (const char* version : {"version: \"3.8\"\n", "version: '3'\n", "\"version\": \"3.2\"\n", "# version: \"3.8\"\n", ""})
    EXPECT_THAT(text_of(spec_of(std::string(version) + "services: {web: {image: \"x:1\"}}\n")), StartsWith("version: \"3.9\"\n")) << version;
  EXPECT_THAT(text_of(spec_of("{\"version\": \"3.8\", \"services\": {\"web\": {\"image\": \"x:1\"}}}")), StartsWith("version: \"3.9\"\n"));
  EXPECT_THAT(text_of(spec_of("version: \"3.13\"\nservices: {web: {image: \"x:1\", healthcheck: {test: [CMD, \"true\"], start_interval: 1s}}}\n")), StartsWith("version: \"3.13\"\n")) << "what 3.9 cannot say";
}

TEST(StackFile, LimitsAreTheTighterOfBoth) {
  const auto limited = [](const std::string& recipes, ServiceLimits limits) {
    auto spec = spec_of(web + (recipes.empty() ? "" : "    deploy: {resources: {limits: {" + recipes + "}, reservations: {memory: 8m}}}\n"));
    spec.limits = limits;
    return Written(spec);
  };
  const std::vector<std::string> in = {"services", "web", "deploy", "resources", "limits"};
  const auto limit = [&](const Written& file, const std::string& key) {
    auto path = in;
    path.push_back(key);
    return file.at(path);
  };
  const ServiceLimits ours{100, 64 << 20, 1.5};
  const auto none_of_its_own = limited("", ours);
  EXPECT_EQ(limit(none_of_its_own, "pids"), "100");
  EXPECT_EQ(limit(none_of_its_own, "memory"), std::to_string(64 << 20));
  EXPECT_EQ(limit(none_of_its_own, "cpus"), "1.5");
  const auto tighter = limited("pids: 5, memory: 16m, cpus: \"0.25\"", ours);
  EXPECT_EQ(limit(tighter, "pids"), "5");
  EXPECT_EQ(limit(tighter, "memory"), std::to_string(16 << 20));
  EXPECT_EQ(limit(tighter, "cpus"), "0.25");
  EXPECT_EQ(tighter.at({"services", "web", "deploy", "resources", "reservations", "memory"}), std::to_string(8 << 20)) << "beside it";
  for (const char* wider : {"pids: 500, memory: 1g, cpus: \"8\"", "pids: -1, memory: \"0\", cpus: \"0\"", "pids: 0"}) {
    const auto held = limited(wider, ours);
    EXPECT_EQ(limit(held, "pids"), "100") << wider;
    EXPECT_EQ(limit(held, "memory"), std::to_string(64 << 20)) << wider;
    EXPECT_EQ(limit(held, "cpus"), "1.5") << wider;
  }
  const auto partly = limited("memory: 1g", {0, 64 << 20, 0});
  EXPECT_EQ(limit(partly, "pids"), "(nothing)");
  EXPECT_EQ(limit(partly, "cpus"), "(nothing)");
}

TEST(StackFile, ALiveAppHasTheRecipesLimitsAndNetworksAndNoMarksInItsContainers) {
  auto spec = spec_of(web + "    networks: [back]\nnetworks: {back: {}}\n");
  spec.run_id.clear();
  spec.limits = {100, 64 << 20, 1};
  spec.internal_networks = true;
  const Written file(spec);
  EXPECT_EQ(file.at({"services", "web", "deploy", "resources"}), "(nothing)");
  EXPECT_EQ(file.at({"services", "web", "labels"}), "(nothing)");
  EXPECT_EQ(file.at({"services", "web", "deploy", "labels", "simmer.stack"}), stack);
  EXPECT_EQ(file.at({"networks", "back", "internal"}), "(nothing)");
}

TEST(StackFile, WithEgressDeniedARunsOwnNetworksAreInternal) {
  const std::string networks = "    networks: [back, proxy]\n  side: {image: \"x:1\"}\nnetworks: {back: {driver_opts: {encrypted: \"\"}}, proxy: {external: true}}\n";
  auto spec = spec_of(web + networks);
  EXPECT_EQ(Written(spec).at({"networks", "back", "internal"}), "(nothing)");
  spec.internal_networks = true;
  const Written file(spec);
  EXPECT_EQ(file.at({"networks", "back", "internal"}), "true");
  EXPECT_EQ(file.at({"networks", "default", "internal"}), "true") << "that of a service which names none";
  EXPECT_EQ(file.at({"networks", "proxy", "internal"}), "(nothing)");
  EXPECT_EQ(file.at({"networks", "back", "driver_opts", "encrypted"}), "");
}

TEST(StackFile, LabelsAreAddedAndNoneIsTakenAway) {
  const auto spec = spec_of(web + "    labels: {of.the.container: a, simmer.run: forged}\n    volumes: [\"data:/data\"]\n    networks: [back]\n    deploy: {labels: [\"of.the.service=b\"]}\n"
                                  "volumes: {data: {labels: {of.the.volume: c}, driver_opts: {type: tmpfs, device: tmpfs}}}\n"
                                  "networks: {back: {internal: true, attachable: true, labels: [\"of.the.network=d\"], ipam: {config: [{subnet: 10.77.0.0/24}]}}}\n");
  const Written file(spec);
  EXPECT_EQ(file.at({"services", "web", "labels", "of.the.container"}), "a");
  EXPECT_EQ(file.at({"services", "web", "labels", "simmer.run"}), "run-1") << "Simmer's own word";
  EXPECT_EQ(file.at({"services", "web", "deploy", "labels", "of.the.service"}), "b");
  EXPECT_EQ(file.at({"services", "web", "deploy", "labels", "simmer.instance"}), "instance");
  EXPECT_EQ(file.at({"services", "web", "deploy", "labels", "simmer.version"}), "1.0.0+1");
  EXPECT_EQ(file.at({"services", "web", "deploy", "labels", "simmer.commit"}), "c1");
  EXPECT_EQ(file.at({"services", "web", "deploy", "labels", "simmer.domain"}), "cust-abc123.example.org");
  EXPECT_EQ(file.at({"volumes", "data", "labels", "of.the.volume"}), "c");
  EXPECT_EQ(file.at({"volumes", "data", "labels", "simmer.run"}), "run-1");
  EXPECT_EQ(file.at({"volumes", "data", "labels", "simmer.volume"}), "data");
  EXPECT_EQ(file.at({"volumes", "data", "driver_opts", "type"}), "tmpfs");
  EXPECT_EQ(file.at({"networks", "back", "labels", "of.the.network"}), "d");
  EXPECT_EQ(file.at({"networks", "back", "labels", "simmer.stack"}), stack);
  EXPECT_EQ(file.at({"networks", "back", "internal"}), "true");
  EXPECT_EQ(file.at({"networks", "back", "attachable"}), "true");
  EXPECT_EQ(file.at({"networks", "back", "ipam", "config", "0", "subnet"}), "10.77.0.0/24");
}

TEST(StackFile, PlacementIsAppended) {
  auto spec = spec_of(web + "    deploy: {placement: {constraints: [\"node.role == manager\"], preferences: [{spread: node.id}]}}\n");
  EXPECT_EQ(Written(spec).at({"services", "web", "deploy", "placement", "constraints", "1"}), "node.id == NODE") << "it is asked directly";
  EXPECT_EQ(Written(spec).at({"services", "web", "deploy", "placement", "constraints", "0"}), "node.role == manager");
  EXPECT_EQ(Written(spec).at({"services", "web", "deploy", "placement", "preferences", "0", "spread"}), "node.id");
  spec.asked_directly = false;
  EXPECT_EQ(Written(spec).at({"services", "web", "deploy", "placement", "constraints"}), "[1]") << "Swarm's business";
  spec.kept = true;
  EXPECT_EQ(Written(spec).at({"services", "web", "deploy", "placement", "constraints"}), "[2]");
}

// The client interpolates once more; nothing may be left for it, and no reader may take a character for another.
TEST(StackFile, DollarsAreDoubledAndWhatIsNotPlainIsANumber) {
  const auto spec = spec_of(web + "    command: [\"echo\", \"$$HOME $${X:-y} \\\"q\\\" \\\\ \\t\\a\", \"\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x8D\xB2 \\x85 \\u2028 \\x7f\"]\n    environment: {A$$B: c}\n    labels: {'k$$v': '$$1', \"no\": \"yes\"}\n");
  const auto text = text_of(spec);
  EXPECT_THAT(text, AllOf(HasSubstr("\"$$HOME $${X:-y} \\\"q\\\" \\\\ \\U00000009\\U00000007\""), HasSubstr("\"\\U000000E4 \\U000020AC \\U0001F372 \\U00000085 \\U00002028 \\U0000007F\"")));
  EXPECT_THAT(text, AllOf(HasSubstr("\"no\": \"yes\"\n")));
  EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](unsigned char c) { return c == '\n' || (c >= ' ' && c < 0x7f); })) << text;
  for (auto at = text.find('$'); at != std::string::npos; at = text.find('$', at + 2)) ASSERT_EQ(text.substr(at, 2), "$$") << text.substr(at, 20);
  EXPECT_EQ(Written(spec).at({"services", "web", "command", "2"}), "\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x8D\xB2 \xC2\x85 \xE2\x80\xA8 \x7f");
}

TEST(StackFile, ADefaultNetworkMayBeExternal) {
  const auto spec = spec_of(web + "networks: {default: {external: true, name: proxy}}\n");
  const Written file(spec);
  EXPECT_EQ(file.at({"networks", "default", "external"}), "true");
  EXPECT_EQ(file.at({"networks", "default", "name"}), "proxy");
  EXPECT_EQ(file.at({"networks", "default"}), "{2}") << "no marks on what is somebody else's";
}

TEST(StackFile, VolumesKeepTheirNames) {
  const auto spec = spec_of(web + "    volumes: [\"data:/data\", \"theirs:/theirs\"]\nvolumes: {data: {name: \"${STACK_NAME}_x\"}, theirs: {external: true, name: other}}\n");
  const Written file(spec);
  EXPECT_EQ(file.at({"volumes", "data", "name"}), std::string(stack) + "_x");
  EXPECT_EQ(file.at({"volumes", "data", "labels", "simmer.volume"}), "data");
  EXPECT_EQ(file.at({"volumes", "theirs"}), "{2}");
  EXPECT_EQ(file.at({"volumes", "theirs", "name"}), "other");
}

TEST(StackFile, ConfigsAndSecretsOfFilesAreExternalToIt) {
  const auto spec = spec_of(web + "    configs: [plain, named]\n    secrets: [key]\n"
                                  "configs: {plain: {file: a.conf}, named: {file: a.conf, name: \"${STACK_NAME}_conf_v1\", template_driver: golang, labels: {a: b}}}\nsecrets: {key: {file: ./key.pem}}\n",
                            {{"a.conf", "content of it"}, {"key.pem", "private"}});
  const Written file(spec);
  for (const auto& [section, key, name] : {std::tuple("configs", "plain", "_plain"), std::tuple("configs", "named", "_conf_v1"), std::tuple("secrets", "key", "_key")}) {
    EXPECT_EQ(file.at({section, key}), "{2}") << key;
    EXPECT_EQ(file.at({section, key, "external"}), "true") << key;
    EXPECT_EQ(file.at({section, key, "name"}), stack + std::string(name)) << key;
  }
  EXPECT_THAT(file.text(), AllOf(Not(HasSubstr("a.conf")), Not(HasSubstr("key.pem")), Not(HasSubstr("content of it")), Not(HasSubstr("private"))));
  ASSERT_EQ(spec.objects.size(), 3U);
}

// By our labels things are found, spared and removed: a recipe cannot claim any of them.
TEST(StackFile, ALiveAppsContainersHaveNoLabelsOfOursEither) {
  auto spec = spec_of(web + "    labels: {simmer.run: forged, own: kept}\n");
  spec.run_id.clear();
  EXPECT_EQ(Written(spec).at({"services", "web", "labels"}), "{1}");
  EXPECT_EQ(Written(spec).at({"services", "web", "labels", "own"}), "kept");
}

TEST(StackFile, LabelsOfOursAreNotARecipesToSet) {
  const std::string theirs = "{simmer.replicas: 3x, simmer.given: folder, simmer.run: other, own: kept}";
  const Written file(spec_of("version: \"3.9\"\nservices:\n  web:\n    image: x:1\n    volumes: ['data:/data']\n    deploy: {labels: " + theirs + "}\n    labels: " + theirs + "\nvolumes: {data: {labels: " + theirs + "}}\n"));
  for (const std::vector<std::string>& place : {std::vector<std::string>{"services", "web", "deploy"}, {"services", "web"}, {"volumes", "data"}}) {
    const auto at = [&](const std::string& label) {
      auto path = place;
      path.insert(path.end(), {"labels", label});
      return file.at(path);
    };
    EXPECT_EQ(at("own"), "kept");
    EXPECT_EQ(at("simmer.run"), "run-1");
    EXPECT_EQ(at("simmer.replicas"), "(nothing)");
    EXPECT_EQ(at("simmer.given"), "(nothing)");
  }
}

}  // namespace
}  // namespace simmer::swarm
