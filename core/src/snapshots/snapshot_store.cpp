#include <snapshots/snapshot_store.hpp>

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include <simmer/error.hpp>
#include <snapshots/capture.hpp>
#include <snapshots/compare.hpp>
#include <snapshots/export.hpp>
#include <snapshots/restore.hpp>
#include <snapshots/snapshot_meta.hpp>
#include <snapshots/survey.hpp>
#include <snapshots/verify.hpp>

namespace simmer {

using namespace snapshots;

namespace {

constexpr char meta_name[] = "meta.json";
constexpr char volumes_name[] = "volumes";

void check_volume_name(const std::string& name) {
  const auto is_plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' || c == '.';
  };
  if (name.empty() || name.size() > 200 || name[0] == '.' || !std::all_of(name.begin(), name.end(), is_plain))
    throw Error(ErrorKind::internal, "\"" + shown_path(name, "") + "\" cannot be the name of a volume in a snapshot");
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    names.push_back(entry->path().filename().string());
  if (error && error != std::errc::no_such_file_or_directory)
    throw Error(ErrorKind::unavailable, "cannot list " + folder.string() + ": " + error.message());
  return names;
}

std::vector<std::string> segments_of(const SnapshotMeta& meta, const std::string& volume) {
  std::vector<std::string> files;
  for (const auto& segment : meta.segments)
    if (segment.volume == volume) files.push_back(segment.file);
  return files;
}

// Space for the new snapshot beside the old one, with headers, manifest and a margin, or an Error before anything is written.
void require_space(const fs::path& folder, std::uint64_t data, std::uint64_t entries) {
  const std::uint64_t needed = data + data / 1024 + entries * 2048 + (1 << 20);
  const std::uint64_t free = free_bytes(folder);
  if (free < needed)
    throw Error(ErrorKind::infrastructure, "no space for a snapshot in " + folder.string() + ": " + std::to_string(needed >> 20) +
                                               " MiB needed, " + std::to_string(free >> 20) + " MiB free");
}

void require_sound(const std::vector<SnapshotFault>& faults, const fs::path& folder) {
  if (faults.empty()) return;
  const SnapshotFault& first = faults.front();
  throw Error(ErrorKind::needs_operator, "the snapshot " + folder.string() + " is damaged: " + first.volume +
                                             (first.path.empty() ? "" : "/") + first.path + (first.volume.empty() ? "" : ": ") +
                                             first.what);
}

// Reads every segment of `meta` against its manifest.
std::vector<SnapshotFault> read_everything(const fs::path& folder, const SnapshotMeta& meta, const Limit& limit) {
  std::vector<SnapshotFault> faults;
  ManifestReader manifest(folder / meta.manifest);
  std::vector<std::string> volumes;
  while (manifest.next_volume()) {
    volumes.push_back(manifest.volume());
    if (manifest.segments() != segments_of(meta, manifest.volume())) {
      faults.push_back({manifest.volume(), "", "meta.json and the manifest name different segments"});
      continue;
    }
    verify_volume(manifest, SegmentReader(folder / volumes_name, manifest.segments()), faults, limit);
  }
  if (volumes != meta.volumes) faults.push_back({"", "", "meta.json and the manifest name different volumes"});
  return faults;
}

// Segments have their sizes, the manifest its digest.
std::vector<SnapshotFault> check_data(const fs::path& folder, const SnapshotMeta& meta) {
  std::vector<SnapshotFault> faults;
  for (const auto& segment : meta.segments) {
    std::error_code error;
    const std::uint64_t size = fs::file_size(folder / volumes_name / segment.file, error);
    if (error)
      faults.push_back({segment.volume, "", "segment " + segment.file + ": " + error.message()});
    else if (size != segment.size)
      faults.push_back(
          {segment.volume, "",
           "segment " + segment.file + " has " + std::to_string(size) + " bytes, expected " + std::to_string(segment.size)});
  }
  try {
    if (digest_of_file(folder / meta.manifest) != meta.manifest_digest)
      faults.push_back({"", "", "the manifest does not match its digest"});
  } catch (const Error& error) {
    faults.push_back({"", "", error.message()});
  }
  return faults;
}

// What check() promises: the caller's files are there as well.
std::vector<SnapshotFault> check_files(const fs::path& folder, const SnapshotMeta& meta) {
  std::vector<SnapshotFault> faults = check_data(folder, meta);
  for (const std::string& name : {meta.env_file, meta.secrets_file}) {
    std::error_code error;
    if (!name.empty() && !fs::is_regular_file(folder / name, error)) faults.push_back({"", "", name + " is missing"});
  }
  if (meta.recipe_file.empty()) return faults;
  try {
    if (digest_of_file(folder / meta.recipe_file) != meta.recipe_digest)
      faults.push_back({"", "", "the recipe, " + meta.recipe_file + ", does not match its digest"});
  } catch (const Error& error) {
    faults.push_back({"", "", std::string("the recipe: ") + error.what()});
  }
  return faults;
}

// Files of an attempt that may still fail: removed again unless kept.
class Attempt {
 public:
  void add(fs::path path) { paths_.push_back(std::move(path)); }
  void keep() { paths_.clear(); }
  ~Attempt() {
    for (const fs::path& path : paths_) {
      std::error_code ignored;  // drop_unreferenced() finds whatever stays
      fs::remove(path, ignored);
    }
  }

 private:
  std::vector<fs::path> paths_;
};

}  // namespace

SnapshotStore::SnapshotStore(fs::path folder) : folder_(std::move(folder)) {}

bool SnapshotStore::exists() const {
  const auto text = read_file_if_there(folder_ / meta_name);
  if (text) parse_meta(*text, folder_ / meta_name);
  return text.has_value();
}

SnapshotMeta SnapshotStore::meta() const {
  const auto text = read_file_if_there(folder_ / meta_name);
  if (!text) throw Error(ErrorKind::unavailable, "there is no snapshot in " + folder_.string());
  return parse_meta(*text, folder_ / meta_name);
}

SnapshotMeta SnapshotStore::prepare(const SnapshotMeta& about, const std::map<std::string, fs::path>& volumes,
                                    const Limit& limit) {
  make_folders(folder_ / volumes_name, 0700);
  drop_unreferenced_data();
  std::map<std::string, Survey> surveys;
  std::uint64_t data = 0, entries = 0;
  for (const auto& [name, root] : volumes) {
    check_volume_name(name);
    surveys[name] = survey_volume(name, root, limit);
    data += surveys[name].allocated;
    entries += surveys[name].entries;
  }
  require_space(folder_, data, entries);

  SnapshotMeta meta = about;
  meta.manifest.clear();
  meta.segments.clear();
  meta.volumes.clear();
  meta.entries = meta.bytes = 0;
  Attempt attempt;
  ManifestWriter manifest(folder_);
  for (const auto& [name, root] : volumes) {
    while_doing("taking a snapshot of volume " + name, [&] {
      const std::string file = unused_segment_name(name);
      manifest.begin_volume(name, {file});
      SegmentWriter segment(folder_ / volumes_name / file, surveys[name].allocated);
      attempt.add(folder_ / volumes_name / file);
      const VolumeSummary summary = capture_volume(name, root, segment, manifest, limit);
      meta.segments.push_back({name, file, summary.segment_sizes.front()});
      meta.volumes.push_back(name);
      meta.entries += summary.entries;
      meta.bytes += summary.bytes;
    });
  }
  meta.manifest_digest = manifest.finish();
  meta.manifest = "manifest." + meta.manifest_digest;
  attempt.add(folder_ / meta.manifest);
  flush_folder(folder_ / volumes_name);
  flush_folder(folder_);
  flush_folder(fs::absolute(folder_).parent_path());
  while_doing("reading the new snapshot back", [&] {
    require_sound(check_data(folder_, meta), folder_);
    require_sound(read_everything(folder_, meta, limit), folder_);
  });
  attempt.keep();
  return meta;
}

std::string SnapshotStore::unused_segment_name(const std::string& volume) const {
  std::string file = volume + ".tar";
  for (unsigned n = 1; fs::exists(fs::symlink_status(folder_ / volumes_name / file)); ++n)
    file = volume + "." + std::to_string(n) + ".tar";
  return file;
}

void SnapshotStore::commit(const SnapshotMeta& meta) {
  if (meta.manifest.empty()) throw Error(ErrorKind::internal, "a snapshot was committed that was not prepared");
  const std::string text = meta_text(meta);
  parse_meta(text, folder_ / meta_name);
  require_sound(check_files(folder_, meta), folder_);
  for (const std::string& name : {meta.env_file, meta.secrets_file, meta.recipe_file})
    if (!name.empty()) flush_file(folder_ / name);
  flush_folder(folder_);
  write_file_durably(folder_ / meta_name, text, 0600);
}

// Segments and manifests only: the caller's files (env, secrets) may have been written for a commit that is still to come.
void SnapshotStore::drop_unreferenced_data() {
  std::set<std::string> kept;
  std::string manifest;
  if (exists()) {
    const SnapshotMeta committed = meta();
    manifest = committed.manifest;
    for (const auto& segment : committed.segments) kept.insert(segment.file);
  }
  for (const std::string& name : names_in(folder_ / volumes_name))
    if (!kept.count(name)) remove_tree(folder_ / volumes_name / name);
  for (const std::string& name : names_in(folder_))
    if (name.starts_with("manifest.") && name != manifest) remove_tree(folder_ / name);
}

void SnapshotStore::drop_unreferenced() {
  drop_unreferenced_data();  // throws, and drops nothing, when meta.json is damaged
  std::set<std::string> kept;
  if (exists()) {
    const SnapshotMeta committed = meta();
    kept = {meta_name, volumes_name, committed.manifest, committed.env_file, committed.secrets_file, committed.recipe_file};
  }
  for (const std::string& name : names_in(folder_))
    if (!kept.count(name)) remove_tree(folder_ / name);
}

std::vector<SnapshotFault> SnapshotStore::check() const {
  try {
    return check_files(folder_, meta());
  } catch (const Error& error) {
    return {{"", "", error.message()}};
  }
}

std::vector<SnapshotFault> SnapshotStore::verify(const Limit& limit) const {
  std::vector<SnapshotFault> faults = check();
  // A manifest that is not the one that was committed would only mislead; faults without a volume are its own.
  for (const SnapshotFault& fault : faults)
    if (fault.volume.empty()) return faults;
  const SnapshotMeta committed = meta();
  for (const auto& segment : committed.segments)
    if (!fs::exists(folder_ / volumes_name / segment.file)) return faults;
  for (SnapshotFault& fault : read_everything(folder_, committed, limit)) faults.push_back(std::move(fault));
  return faults;
}

RestoreReport SnapshotStore::restore(const std::map<std::string, fs::path>& volumes, const Limit& limit) const {
  const SnapshotMeta committed = meta();
  require_sound(check_files(folder_, committed), folder_);
  for (const auto& [name, root] : volumes)
    if (std::find(committed.volumes.begin(), committed.volumes.end(), name) == committed.volumes.end())
      throw Error(ErrorKind::unavailable, "the snapshot " + folder_.string() + " has no volume " + name);
  RestoreReport report;
  ManifestReader manifest(folder_ / committed.manifest);
  while (manifest.next_volume()) {
    const auto root = volumes.find(manifest.volume());
    if (root == volumes.end()) continue;
    const SegmentReader segments(folder_ / volumes_name, manifest.segments());
    while_doing("restoring volume " + manifest.volume(),
                [&] { restore_volume(manifest, segments, root->second, report, limit); });
  }
  return report;
}

std::vector<SnapshotFault> SnapshotStore::compare(const std::map<std::string, fs::path>& volumes, const Limit& limit,
                                                  std::size_t max_faults) const {
  const SnapshotMeta committed = meta();
  require_sound(check_files(folder_, committed), folder_);
  std::vector<SnapshotFault> faults;
  for (const auto& [name, root] : volumes)
    if (std::find(committed.volumes.begin(), committed.volumes.end(), name) == committed.volumes.end())
      faults.push_back({name, "", "not in the snapshot"});
  ManifestReader manifest(folder_ / committed.manifest);
  while (faults.size() < max_faults && manifest.next_volume()) {
    const auto root = volumes.find(manifest.volume());
    if (root == volumes.end()) continue;
    while_doing("comparing volume " + manifest.volume(),
                [&] { compare_volume(manifest, root->second, faults, max_faults, limit); });
  }
  return faults;
}

void SnapshotStore::export_to(const fs::path& to, const Limit& limit) const {
  const SnapshotMeta committed = meta();
  require_sound(check_files(folder_, committed), folder_);
  make_folders(to, 0700);
  for (const std::string& volume : committed.volumes)
    if (fs::exists(fs::symlink_status(to / (volume + ".tar"))))
      throw Error(ErrorKind::usage, (to / (volume + ".tar")).string() + " exists already: choose another folder");
  ManifestReader manifest(folder_ / committed.manifest);
  while (manifest.next_volume())
    while_doing("exporting volume " + manifest.volume(), [&] {
      export_volume(manifest, SegmentReader(folder_ / volumes_name, manifest.segments()), to / (manifest.volume() + ".tar"),
                    limit);
    });
  flush_folder(to);
}

}  // namespace simmer
