#include <snapshots/snapshot_meta.hpp>

#include <nlohmann/json.hpp>

#include <simmer/error.hpp>

namespace simmer::snapshots {
namespace {

using Json = nlohmann::json;
constexpr int format = 1;

// Keys are sorted and numbers whole, so the same content always has the same text.
std::string digest_without_itself(Json json) {
  json.erase("digest");
  return digest_of_bytes(json.dump());
}

[[noreturn]] void damaged(const fs::path& path, const std::string& why) {
  throw Error(ErrorKind::needs_operator, "the snapshot's " + path.string() + " is damaged: " + why);
}

// Files are looked for in the snapshot's own folder, nowhere else.
std::string plain_name(const std::string& name, const fs::path& path) {
  if (name.find('/') != std::string::npos || name == "." || name == ".." || name.find('\0') != std::string::npos)
    damaged(path, "it refers to a file elsewhere");
  return name;
}

}  // namespace

std::string meta_text(const SnapshotMeta& meta) {
  Json segments = Json::array();
  for (const auto& segment : meta.segments)
    segments.push_back({{"volume", segment.volume}, {"file", segment.file}, {"size", segment.size}});
  Json json = {{"format", format},          {"app", meta.app},
               {"recipe", meta.recipe},     {"version", meta.version},
               {"commit", meta.commit},     {"run_id", meta.run_id},
               {"nonce", meta.nonce},       {"taken_at", meta.taken_at},
               {"strategy", meta.strategy}, {"digests", meta.digests},
               {"env_file", meta.env_file}, {"secrets_file", meta.secrets_file},
               {"manifest", meta.manifest}, {"manifest_digest", meta.manifest_digest},
               {"segments", segments},      {"volumes", meta.volumes},
               {"entries", meta.entries},   {"bytes", meta.bytes}};
  if (!meta.recipe_file.empty()) {
    json["recipe_file"] = meta.recipe_file;
    json["recipe_digest"] = meta.recipe_digest;
  }
  try {
    json["digest"] = digest_without_itself(json);
    return json.dump(2) + "\n";
  } catch (const Json::exception& error) {
    throw Error(ErrorKind::internal, std::string("the snapshot's meta.json cannot be written: ") + error.what());
  }
}

SnapshotMeta parse_meta(std::string_view text, const fs::path& path) {
  try {
    const Json json = Json::parse(text);
    if (const int found = json.at("format").get<int>(); found != format)
      throw Error(ErrorKind::needs_operator, path.string() + " has format " + std::to_string(found) +
                                                 "; this Simmer reads format " + std::to_string(format));
    if (json.at("digest").get<std::string>() != digest_without_itself(json)) damaged(path, "it does not match its own digest");
    SnapshotMeta meta;
    json.at("app").get_to(meta.app);
    json.at("recipe").get_to(meta.recipe);
    json.at("version").get_to(meta.version);
    json.at("commit").get_to(meta.commit);
    json.at("run_id").get_to(meta.run_id);
    json.at("nonce").get_to(meta.nonce);
    json.at("taken_at").get_to(meta.taken_at);
    json.at("strategy").get_to(meta.strategy);
    json.at("digests").get_to(meta.digests);
    meta.env_file = plain_name(json.at("env_file").get<std::string>(), path);
    meta.secrets_file = plain_name(json.at("secrets_file").get<std::string>(), path);
    if (json.contains("recipe_file")) {
      meta.recipe_file = plain_name(json.at("recipe_file").get<std::string>(), path);
      json.at("recipe_digest").get_to(meta.recipe_digest);
    }
    meta.manifest = plain_name(json.at("manifest").get<std::string>(), path);
    json.at("manifest_digest").get_to(meta.manifest_digest);
    for (const Json& segment : json.at("segments"))
      meta.segments.push_back({segment.at("volume").get<std::string>(), plain_name(segment.at("file").get<std::string>(), path),
                               segment.at("size").get<std::uint64_t>()});
    json.at("volumes").get_to(meta.volumes);
    json.at("entries").get_to(meta.entries);
    json.at("bytes").get_to(meta.bytes);
    return meta;
  } catch (const Json::exception&) {
    damaged(path, "it is not the JSON that it should be");
  }
}

}  // namespace simmer::snapshots
