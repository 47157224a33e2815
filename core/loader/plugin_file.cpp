#include <loader/plugin_file.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <sstream>

#include <base/files.hpp>
#include <loader/elf_file.hpp>
#include <simmer/plugin.hpp>

namespace simmer {
namespace {

namespace files = std::filesystem;

constexpr const char* rebuild = "rebuild it with the simmer-plugin-api that came with this simmer";

std::string api_name(std::uint32_t major, std::uint32_t minor) { return std::to_string(major) + "." + std::to_string(minor); }

// A line of a tag goes into messages: nothing in it may move a cursor or pretend to be another line.
std::string printable(std::string_view text) {
  std::string shown;
  for (const char c : text.substr(0, 80)) shown += c < ' ' || c > '~' ? '?' : c;
  return shown;
}

std::map<std::string, std::string> lines_of(std::string_view text) {
  std::map<std::string, std::string> lines;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    if (const auto equals = line.find('='); equals != std::string_view::npos)
      lines.emplace(printable(line.substr(0, equals)), printable(line.substr(equals + 1)));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return lines;
}

// Owner and mode of one file or folder: whoever can write it runs code as root.
std::string unsafe_because(const struct stat& status, bool is_ancestor) {
  if (status.st_uid != 0 && status.st_uid != ::geteuid()) return "belongs to user " + std::to_string(status.st_uid);
  const bool others = (status.st_mode & S_IWOTH) || ((status.st_mode & S_IWGRP) && status.st_gid != 0);
  // In a sticky folder others cannot replace what is not theirs: fine above, not for the folder itself,
  // into which they could put a plugin.
  if (others && !(is_ancestor && (status.st_mode & S_ISVTX))) return "can be written by others";
  return {};
}

std::string unsafe_folder(const files::path& folder, SafeFolders& known) {
  if (const auto found = known.find(folder); found != known.end()) return found->second;
  std::string why;
  for (auto at = folder; why.empty(); at = at.parent_path()) {
    struct stat status {};
    if (::stat(at.c_str(), &status) != 0) {
      why = "folder " + at.string() + " cannot be looked at: " + std::strerror(errno);
    } else if (const auto reason = unsafe_because(status, at != folder); !reason.empty()) {
      why = "its folder " + at.string() + " " + reason + "; chown it to root and chmod go-w it";
    }
    if (at == at.root_path() || at.empty()) break;
  }
  known[folder] = why;
  return why;
}

void judge_permissions(PluginFile& plugin, const struct stat& status, SafeFolders& folders) {
  if (::geteuid() != 0) return;
  if (const auto reason = unsafe_because(status, false); !reason.empty())
    plugin.refusals.push_back("it " + reason + "; chown it to root and chmod go-w it, since it would run as root");
  // The folder where the link lies, and the one where the file lies.
  for (const auto& folder : {files::absolute(plugin.path).lexically_normal().parent_path(), plugin.real_path.parent_path()}) {
    const auto why = unsafe_folder(folder, folders);
    if (why.empty()) continue;
    plugin.refusals.push_back(why);
    break;
  }
}

std::optional<PluginTagFacts> parse_tag(const std::string& bytes, std::vector<std::string>& refusals) {
  PluginTag tag = {};
  if (bytes.size() < offsetof(PluginTag, text)) {
    refusals.push_back(std::string("its tag is cut off; ") + rebuild);
    return std::nullopt;
  }
  std::memcpy(&tag, bytes.data(), std::min(bytes.size(), sizeof tag));
  if (std::string_view(tag.magic, plugin_magic_size) != plugin_magic) {
    refusals.push_back(std::string("its tag begins with the wrong magic; ") + rebuild);
    return std::nullopt;
  }
  if (tag.size < offsetof(PluginTag, text) || tag.size > bytes.size()) {
    refusals.push_back("its tag claims a size of " + std::to_string(tag.size) + " bytes in " + std::to_string(bytes.size()) +
                       "; " + rebuild);
    return std::nullopt;
  }
  PluginTagFacts facts;
  facts.api_major = tag.api_major;
  facts.api_minor = tag.api_minor;
  facts.bytes = bytes.substr(0, tag.size);
  auto text = std::string_view(facts.bytes).substr(offsetof(PluginTag, text));
  auto lines = lines_of(text.substr(0, text.find('\0')));
  facts.name = lines["name"];
  facts.version = lines["version"];
  std::istringstream recipes(lines["recipes"]);
  for (std::string recipe; recipes >> recipe;) facts.recipes.push_back(recipe);
  for (const auto& [key, unused] : abi_of_this_program()) facts.abi[key] = lines.contains(key) ? lines[key] : "unknown";
  return facts;
}

void judge_tag(const PluginTagFacts& tag, std::vector<std::string>& refusals) {
  if (tag.name.empty() || tag.version.empty() || tag.recipes.empty())
    refusals.push_back("its tag does not give name, version and recipes; use SIMMER_PLUGIN");
  if (tag.api_major != plugin_api_major || tag.api_minor > plugin_api_minor)
    refusals.push_back(
        "it is built for plugin API " + api_name(tag.api_major, tag.api_minor) + ", this simmer has " +
        api_name(plugin_api_major, plugin_api_minor) + "; " +
        (tag.api_major > plugin_api_major || (tag.api_major == plugin_api_major && tag.api_minor > plugin_api_minor)
             ? "use a newer simmer, or " + std::string(rebuild)
             : std::string(rebuild)));
  std::string differences;
  for (const auto& [key, ours] : abi_of_this_program())
    if (const auto& theirs = tag.abi.at(key); theirs != ours)
      differences += (differences.empty() ? "" : ", ") + key + " " + theirs + " (this simmer: " + ours + ")";
  if (!differences.empty())
    refusals.push_back("it is built with another toolchain: " + differences + "; " + rebuild + " and the same compiler settings");
}

void judge_content(PluginFile& plugin, int fd) {
  const auto elf = read_elf(fd, {.section = plugin_tag_section,
                                 .section_limit = 4096,
                                 .symbol = "simmer_plugin_descriptor",
                                 .symbol_size = sizeof(simmer_plugin_descriptor_t)});
  plugin.bytes_read = elf.bytes_read;
  if (!elf.problem.empty()) {
    const bool cut =
        elf.problem.starts_with("truncated") || elf.problem.starts_with("was truncated") || elf.problem == "is empty";
    plugin.refusals.push_back(elf.problem +
                              (cut ? "; copy it again" : "; a plugin is a shared object built with simmer_add_plugin()"));
  }
  if (elf.has_section) {
    plugin.tag = parse_tag(elf.section, plugin.refusals);
    if (plugin.tag) judge_tag(*plugin.tag, plugin.refusals);
  }
  if (!elf.problem.empty()) return;
  if (!elf.has_section) {
    plugin.refusals.push_back(
        "is not a plugin: it has no Simmer tag; build it with SIMMER_PLUGIN, or keep other libraries elsewhere");
  } else if (!elf.has_symbol) {
    plugin.refusals.push_back(
        "it does not export simmer_plugin_descriptor; use SIMMER_PLUGIN and do not hide it with a version script");
  }
}

}  // namespace

const std::map<std::string, std::string>& abi_of_this_program() {
  static const std::map<std::string, std::string> ours = [] {
    char buffer[512] = {};
    plugin_detail::TagText text{buffer, sizeof buffer};
    plugin_detail::append_abi(text);
    return lines_of(buffer);
  }();
  return ours;
}

std::string PluginFile::refusal() const {
  std::string line;
  for (const auto& why : refusals) line += (line.empty() ? path.string() + ": " : "; ") + why;
  return line;
}

bool PluginFile::serves(const std::string& recipe) const {
  return tag && std::find(tag->recipes.begin(), tag->recipes.end(), recipe) != tag->recipes.end();
}

PluginFile inspect_plugin_file(const std::filesystem::path& path, SafeFolders& folders) {
  PluginFile plugin;
  plugin.path = path;
  std::error_code trouble;
  plugin.real_path = files::canonical(path, trouble);
  if (trouble) {
    plugin.refusals.push_back("cannot be found: " + trouble.message());
    return plugin;
  }
  // Not blocking: a pipe or device with a plugin's name must not stop the listing.
  const Fd fd(::open(plugin.real_path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) {
    plugin.refusals.push_back(std::string("cannot be read: ") + std::strerror(errno));
    return plugin;
  }
  if (!S_ISREG(status.st_mode)) {
    plugin.refusals.push_back("is not a regular file");
    return plugin;
  }
  plugin.device = status.st_dev;
  plugin.inode = status.st_ino;
  plugin.size = status.st_size;
  plugin.modified = status.st_mtim;
  judge_permissions(plugin, status, folders);
  judge_content(plugin, fd.get());
  return plugin;
}

}  // namespace simmer
