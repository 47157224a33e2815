// A handful of rules that a maintainer is glad to hear of before a user is bitten. docs/formats/recipe.md lists them.
#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include <config/config.hpp>
#include <recipes/compose.hpp>
#include <recipes/env_file.hpp>
#include <recipes/proxy_labels.hpp>
#include <recipes/recipe_tree.hpp>
#include <simmer/error.hpp>
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

// Docker takes a number here and prints it its own way (1.10 is 1.1).
void lint_environment(const YamlValue& service, const std::string& name, std::vector<LintFinding>& findings) {
  const YamlValue* environment = service.find("environment");
  if (environment == nullptr) return;
  for (const auto& entry : environment->entries)
    if (entry.value.is_scalar() && !entry.value.quoted) findings.push_back({"R009", false, "service " + name + ": " + entry.key + " is a number; put it in quotes"});
}

// Nothing would ask: it is started now and then by others, or does one thing and ends.
bool rests_or_ends(const ServiceFacts& service, const YamlValue* written) {
  const YamlValue* deploy = written != nullptr ? written->find("deploy") : nullptr;
  const YamlValue* mode = deploy != nullptr ? deploy->find("mode") : nullptr;
  return service.replicas == 0 || (mode != nullptr && mode->text.ends_with("-job"));
}

// SECRET_DB_PASSWORD_VERSION for db_password.
std::string version_variable(const std::string& secret) {
  std::string name = "SECRET_" + secret + "_VERSION";
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return c == '-' ? '_' : std::toupper(c); });
  return name;
}

// What reading said of the variable that the name of `resource` lacks; "" where it said nothing.
std::string unset_in_name(const RecipeTree& tree, const std::string& section, const std::string& resource) {
  const YamlValue* all = tree.compose.find(section);
  const YamlValue* found = all != nullptr ? all->find(resource) : nullptr;
  const YamlValue* name = found != nullptr ? found->find("name") : nullptr;
  if (name == nullptr) return "";
  const std::string place = name->place() + ": ", taken = ", taken as empty";
  for (std::string warning : tree.warnings) {
    if (!warning.starts_with(place)) continue;
    if (const auto at = warning.find(taken); at != std::string::npos) return warning.erase(at, taken.size()).substr(place.size());
  }
  return "";
}

// A name made as …_${X_VERSION} ends in '_' when nobody says the version.
bool lacks_version(const ResourceFacts& resource) {
  const std::string& name = resource.resolved_name;
  return !name.empty() && (name.back() == '_' || (name.size() > 2 && name.compare(name.size() - 2, 2, "_v") == 0));
}

void lint_versions(const RecipeTree& tree, std::vector<LintFinding>& findings) {
  const auto missing = [](const std::string& kind, const ResourceFacts& resource) { return kind + " " + resource.name + " has no version in its name '" + resource.resolved_name + "': "; };
  for (const auto& config : tree.facts.configs) {
    if (!lacks_version(config)) continue;
    const std::string unset = unset_in_name(tree, "configs", config.name);
    // Where a line of abra.sh is named already, "export it" would be no news.
    const bool is_told = unset.ends_with(")");
    findings.push_back({"S002", true, missing("config", config) + unset + (is_told ? "" : (unset.empty() ? "" : "; ") + std::string("export it in abra.sh"))});
  }
  for (const auto& secret : tree.facts.secrets)
    if (lacks_version(secret)) findings.push_back({"S003", true, missing("secret", secret) + "set " + version_variable(secret.name) + " in .env.sample"});
}

// Overlays too, that COMPOSE_FILE does not name: what serves them alone may stand in .env.sample all the same.
std::string text_of_all_compose_files(const RecipeTree& tree) {
  std::string all;
  std::error_code failed;
  for (std::filesystem::directory_iterator entry(tree.dir, failed), end; !failed && entry != end; entry.increment(failed)) {
    const std::string extension = entry->path().extension().string(), name = entry->path().filename().string();
    if (extension != ".yml" && extension != ".yaml") continue;
    try {
      all += read_recipe_file(tree.dir, name).value_or("");
    } catch (const Error&) {
      continue;  // nobody named it: it is none of the recipe's
    }
  }
  return all;
}

// abra makes a secret from the comment behind its version; one without is neither made nor raised.
void lint_secrets(const RecipeTree& tree, std::vector<LintFinding>& findings) {
  const std::string texts = text_of_all_compose_files(tree);
  std::set<std::string> versions, secrets;
  for (const auto& rule : tree.secret_rules) versions.insert(version_variable(rule.name));
  for (const auto& secret : tree.facts.secrets) {
    const std::string variable = version_variable(secret.name);
    secrets.insert(variable);
    const bool from_a_file = secret.options.count("file") != 0;
    const bool said = std::any_of(findings.begin(), findings.end(), [&](const LintFinding& finding) { return finding.rule == "S003" && finding.message.find("secret " + secret.name + " ") == 0; });
    if (versions.count(variable) == 0 && !from_a_file && !said)
      findings.push_back({"S006", false, "secret " + secret.name + ": .env.sample has no " + variable + ", so nobody knows its length, and abra makes none"});
  }
  for (const auto& variable : versions)
    if (secrets.count(variable) == 0 && texts.find(variable) == std::string::npos)
      findings.push_back({"S005", false, ".env.sample sets " + variable + ", and no compose file has such a secret"});
}

void lint_backup_labels(const RecipeTree& tree, const ServiceFacts& service, std::vector<LintFinding>& findings) {
  static const std::vector<std::string> known = {"backupbot.backup",           "backupbot.backup.path", "backupbot.backup.pre-hook", "backupbot.backup.post-hook",
                                                 "backupbot.restore.pre-hook", "backupbot.restore",     "backupbot.restore.post-hook"};
  static const std::string volumes = "backupbot.backup.volumes.", path = ".path";
  for (const auto& [label, value] : service.labels) {
    if (label.rfind("backupbot.", 0) != 0 || std::find(known.begin(), known.end(), label) != known.end()) continue;
    const std::string where = "service " + service.name + ": ";
    if (label.size() <= volumes.size() || label.rfind(volumes, 0) != 0) {
      findings.push_back({"S007", false, where + "no backup knows the label " + label + did_you_mean(label, known)});
      continue;
    }
    std::string volume = label.substr(volumes.size());
    if (volume.size() > path.size() && volume.ends_with(path)) volume.resize(volume.size() - path.size());
    std::vector<std::string> names;
    for (const auto& each : tree.facts.volumes) names.push_back(each.name);
    if (std::find(names.begin(), names.end(), volume) == names.end())
      findings.push_back({"S007", false, where + "the label " + label + " names the volume " + volume + ", which there is not" + did_you_mean(volume, names)});
  }
}

// All stacks share the proxy's names.
void lint_proxy_names(const RecipeTree& tree, std::vector<LintFinding>& findings) {
  const auto stack = tree.environment.find("STACK_NAME");
  if (stack == tree.environment.end() || stack->second.empty()) return;
  std::map<std::string, std::string> names;  // by service
  for (const auto& name : names_not_after(tree.compose, stack->second)) names[name.service] += (names[name.service].empty() ? "" : ", ") + name.section + "." + name.name;
  for (const auto& [service, listed] : names)
    findings.push_back({"S010", false, "service " + service + ": another stack can have these names of the proxy's, which would end both: " + listed + "; begin them with ${STACK_NAME}"});
}

// What `A= # x` and `A=x # y # z` mean to abra is seldom what was meant.
void lint_env_sample(const std::string& text, std::vector<LintFinding>& findings) {
  for (const auto& line : read_env_lines(text, ".env.sample"))
    if (line.bare && (line.value.rfind('#', 0) == 0 || line.value.find(" #") != std::string::npos || line.value.find("\t#") != std::string::npos))
      findings.push_back({"S009", false, ".env.sample:" + std::to_string(line.line) + ": " + line.name + ": abra takes a '#' of it into the value, since the comment begins at the last one behind a value; put the value in quotes"});
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
    const YamlValue* written = services != nullptr ? services->find(service.name) : nullptr;
    if (service.healthcheck.empty() && !rests_or_ends(service, written))
      findings.push_back({"R002", false, "service " + service.name + " has no healthcheck; add one, or disable it on purpose"});
    lint_image(service, findings);
    if (written != nullptr) lint_environment(*written, service.name, findings);
  }
  if (const auto sample = read_recipe_file(tree.dir, ".env.sample")) lint_env_sample(*sample, findings);
  else findings.push_back({"R008", true, "there is no .env.sample"});
  if (tree.version_label.empty())
    findings.push_back({"S001", true, "no service has the label coop-cloud.${STACK_NAME}.version"});
  else if (!Version::parse(tree.version_label))
    findings.push_back(
        {"S001", true, "the version label '" + tree.version_label + "' is no <recipe>+<app> version (like 1.2.0+3.4)"});
  else if (!tree.facts.version.empty() && tree.facts.version != tree.version_label)
    findings.push_back({"S008", true, "the release is tagged " + tree.facts.version + ", and the version label says " + tree.version_label});
  lint_versions(tree, findings);
  lint_secrets(tree, findings);
  for (const auto& service : tree.facts.services) lint_backup_labels(tree, service, findings);
  lint_proxy_names(tree, findings);
  if (!has_app) findings.push_back({"S004", false, "no service is called 'app', where operators look first"});
  for (auto& finding : findings) finding.message = one_line(finding.message);
  return findings;
}

}  // namespace simmer
