// The images of a stack: those that its recipe names, or those that a known-good was proven with. A tag may move, and what no tag
// holds is pruned: so a known-good's have tags of their own, which nothing but Simmer knows.
#include <algorithm>
#include <cctype>

#include <base/process.hpp>
#include <simmer/error.hpp>
#include <swarm/swarm_engine.hpp>

namespace simmer {

using namespace swarm;

namespace {

using Json = nlohmann::json;

// Docker takes small letters in a repository's name; an app with another name gets a place of its own.
std::string kept_repository(const std::string& app) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  bool fits = !app.empty() && plain(app.front()) && plain(app.back());
  for (std::size_t i = 0; i < app.size() && fits; ++i) fits = plain(app[i]) || (app[i] == '-' && app[i - 1] != '-');
  return "simmer-kept/" + (fits ? app : "app--" + digest_of_bytes(app).substr(0, 12));
}

// "simmer-kept/<app>:<12 hex>" of "nginx@sha256:<64 hex>" or "sha256:<64 hex>"; empty of anything else, such as the digest of a
// program.
std::string kept_tag(const std::string& app, const std::string& digest) {
  const auto at = digest.find("sha256:");
  if (at == std::string::npos || digest.size() < at + 19) return "";
  return kept_repository(app) + ":" + digest.substr(at + 7, 12);
}

std::string id_of(const Json& image) { return image.is_object() ? image.value("Id", "") : ""; }

}  // namespace

std::string SwarmEngine::image_id(const std::string& reference, const Limit& limit) {
  return reference.empty() ? "" : id_of(api_.get_if_there("/images/" + url_encoded(reference) + "/json", limit));
}

// Empty: none was recorded, or none that Docker would know.
std::string SwarmEngine::recorded_image(const DeploySpec& spec, const std::string& service) const {
  const auto found = spec.images.find(service);
  return found == spec.images.end() || kept_tag(spec.app, found->second).empty() ? "" : found->second;
}

std::string SwarmEngine::recorded_image_id(const DeploySpec& spec, const std::string& recorded, const Limit& limit) {
  const auto id = image_id(recorded, limit);
  return id.empty() ? image_id(kept_tag(spec.app, recorded), limit) : id;
}

// Why it could not be pulled; empty: it is here now.
std::string SwarmEngine::pull(const std::string& image, const Limit& limit) {
  const auto pulled = run_command({{docker_, "pull", "-q", image}, api_.address().environment(), false, {}, ""}, limit);
  std::string why = pulled.exit_code == 0 ? "" : pulled.err.substr(0, 300) + " ";
  std::replace(why.begin(), why.end(), '\n', ' ');
  return why;
}

void SwarmEngine::make_images_present(const DeploySpec& spec, const Limit& limit) {
  driver_->refuse_unknown(spec, limit);
  for (const auto& service : spec.facts.services) {
    const auto recorded = recorded_image(spec, service.name);
    if (recorded.empty()) {
      if (service.image.empty() || !image_id(service.image, limit).empty()) continue;
      if (const auto why = pull(service.image, limit); !why.empty())
        throw Error(ErrorKind::infrastructure,
                    "the image " + service.image + " of service " + service.name + " is not here and cannot be pulled: " + why);
      continue;
    }
    if (!recorded_image_id(spec, recorded, limit).empty()) continue;
    // An id is known to no registry.
    const auto why = recorded.find('@') == std::string::npos ? "no registry knows it by that" : pull(recorded, limit);
    if (!why.empty())
      throw Error(ErrorKind::infrastructure, "the image " + recorded + " of service " + service.name +
                                                 ", with which the known-good of " + spec.app +
                                                 " was proven, is not here and cannot be pulled (" + why +
                                                 "): load it from where it was saved, or seed anew with --fresh");
  }
}

std::vector<std::string> SwarmEngine::missing_images(const DeploySpec& spec, const Limit& limit) {
  std::vector<std::string> missing;
  for (const auto& service : spec.facts.services) {
    const auto recorded = recorded_image(spec, service.name);
    if (!recorded.empty()) {
      if (recorded_image_id(spec, recorded, limit).empty())
        missing.push_back("the image " + recorded + " of service " + service.name + ", with which it was proven, is not here" +
                          (recorded.find('@') == std::string::npos ? "" : ": docker pull " + recorded));
    } else if (!service.image.empty() && image_id(service.image, limit).empty()) {
      missing.push_back("the image " + service.image + " of service " + service.name + " is not here: docker pull " +
                        service.image);
    }
  }
  return missing;
}

std::map<std::string, std::string> SwarmEngine::images_to_run(const DeploySpec& spec, const Limit& limit) {
  std::map<std::string, std::string> images;
  for (const auto& service : spec.facts.services) {
    const auto recorded = recorded_image(spec, service.name);
    if (recorded.empty()) continue;
    const auto id = recorded_image_id(spec, recorded, limit);
    // Where the recipe's own name still leads there, that is what runs: an upgrade to the same name restarts nothing.
    if (id.empty() || image_id(service.image, limit) == id) continue;
    images[service.name] = image_id(recorded, limit).empty() ? id : recorded;
  }
  return images;
}

void SwarmEngine::keep_images(const std::string& app, const std::map<std::string, std::string>& digests, const Limit& limit) {
  for (const auto& [service, digest] : digests) {
    const auto tag = kept_tag(app, digest);
    if (tag.empty() || !image_id(tag, limit).empty()) continue;
    const auto id = image_id(digest, limit);
    if (id.empty())
      throw Error(ErrorKind::infrastructure,
                  "the image " + digest + " of service " + service + " is not here, and cannot be kept for " + app);
    const auto colon = tag.rfind(':');
    api_.post("/images/" + url_encoded(id) + "/tag?repo=" + url_encoded(tag.substr(0, colon)) + "&tag=" + tag.substr(colon + 1),
              nullptr, limit);
  }
}

void SwarmEngine::keep_only_images(const std::string& app, const std::map<std::string, std::string>& digests,
                                   const Limit& limit) {
  keep_images(app, digests, limit);
  std::set<std::string> kept;
  for (const auto& [service, digest] : digests) kept.insert(kept_tag(app, digest));
  for (const auto& image : api_.list("/images/json", {{"reference", {kept_repository(app)}}}, limit)) {
    if (!image.contains("RepoTags") || !image["RepoTags"].is_array()) continue;
    for (const auto& tag : image["RepoTags"])
      if (tag.is_string() && tag.get<std::string>().starts_with(kept_repository(app) + ":") &&
          !kept.contains(tag.get<std::string>()))
        api_.remove("/images/" + url_encoded(tag.get<std::string>()) + "?noprune=true", limit);
  }
}

}  // namespace simmer
