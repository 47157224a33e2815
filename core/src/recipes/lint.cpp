// A handful of rules that a maintainer is glad to hear of before a user is bitten. docs/formats/recipe.md lists them.
#include <algorithm>
#include <set>

#include <recipes/compose.hpp>
#include <recipes/recipe_tree.hpp>
#include <simmer/version.hpp>

namespace simmer {
namespace {

void lint_image(const ServiceFacts& service, std::vector<LintFinding>& findings) {
  static const std::set<std::string> moving = {"latest", "stable",  "edge",    "main",    "master",
                                               "dev",    "develop", "nightly", "unstable"};
  if (service.image.empty()) {
    findings.push_back({"R011", true, "service " + service.name + " has no image"});
    return;
  }
  if (service.image.find('@') != std::string::npos) return;  // pinned by digest
  const auto slash = service.image.rfind('/');
  const auto colon = service.image.find(':', slash == std::string::npos ? 0 : slash);
  const std::string tag = colon == std::string::npos ? "" : service.image.substr(colon + 1);
  if (tag.empty())
    findings.push_back({"R003", true, "service " + service.name + ": the image " + service.image + " has no tag"});
  else if (moving.count(tag) != 0)
    findings.push_back({"R004", true, "service " + service.name + ": the image tag '" + tag + "' moves; pin a version"});
  else if (tag.find_first_of("0123456789") == std::string::npos)
    findings.push_back({"R005", false, "service " + service.name + ": the image tag '" + tag + "' names no version"});
}

// Docker takes strings and numbers here; `on`, `yes` and `true` are booleans and refused, numbers lose their spelling (1.10).
void lint_environment(const YamlValue& service, const std::string& name, std::vector<LintFinding>& findings) {
  static const std::set<std::string> booleans = {"true", "false", "yes", "no", "on", "off", "True", "False", "TRUE", "FALSE",
                                                 "Yes",  "No",    "YES", "NO", "On", "Off", "ON",   "OFF",   "y",    "n"};
  const YamlValue* environment = service.find("environment");
  if (environment == nullptr || !environment->is_map()) return;
  for (const auto& entry : environment->entries) {
    if (!entry.value.is_scalar() || entry.value.quoted) continue;
    if (booleans.count(entry.value.text) != 0)
      findings.push_back({"R009", true, "service " + name + ": " + entry.key + " must be a string; put it in quotes"});
    else if (entry.value.text.find_first_not_of("0123456789.-+eE_") == std::string::npos)
      findings.push_back({"R009", false, "service " + name + ": " + entry.key + " is a number; put it in quotes"});
  }
}

// A name made as …_${X_VERSION} ends in '_' when nobody says the version.
void lint_versions(const std::vector<ResourceFacts>& resources, const std::string& rule, const std::string& kind,
                   const std::string& remedy, std::vector<LintFinding>& findings) {
  for (const auto& resource : resources) {
    const std::string& name = resource.resolved_name;
    if (!name.empty() && (name.back() == '_' || (name.size() > 2 && name.compare(name.size() - 2, 2, "_v") == 0)))
      findings.push_back({rule, true, kind + " " + resource.name + " has no version in its name '" + name + "': " + remedy});
  }
}

}  // namespace

std::vector<LintFinding> lint(const RecipeTree& tree) {
  std::vector<LintFinding> findings;
  const YamlValue& compose = tree.compose;
  if (compose.find("version") == nullptr) findings.push_back({"R001", false, "compose.yml says no version (like \"3.8\")"});
  bool has_app = false;
  const YamlValue* services = compose.find("services");
  for (const auto& service : tree.facts.services) {
    has_app = has_app || service.name == "app";
    if (service.healthcheck.empty())
      findings.push_back({"R002", false, "service " + service.name + " has no healthcheck; add one, or disable it on purpose"});
    lint_image(service, findings);
    const YamlValue* written = services != nullptr ? services->find(service.name) : nullptr;
    if (written != nullptr) lint_environment(*written, service.name, findings);
  }
  std::error_code failed;
  if (!std::filesystem::exists(tree.dir / ".env.sample", failed)) findings.push_back({"R008", true, "there is no .env.sample"});
  if (tree.version_label.empty())
    findings.push_back({"S001", true, "no service has the label coop-cloud.${STACK_NAME}.version"});
  else if (!Version::parse(tree.version_label))
    findings.push_back(
        {"S001", true, "the version label '" + tree.version_label + "' is no <recipe>+<app> version (like 1.2.0+3.4)"});
  lint_versions(tree.facts.configs, "S002", "config", "export it in abra.sh", findings);
  lint_versions(tree.facts.secrets, "S003", "secret", "set SECRET_…_VERSION in .env.sample", findings);
  if (!has_app) findings.push_back({"S004", false, "no service is called 'app', where operators look first"});
  for (auto& finding : findings) finding.message = one_line(std::move(finding.message));
  return findings;
}

}  // namespace simmer
