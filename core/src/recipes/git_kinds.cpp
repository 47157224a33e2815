#include <recipes/git_kinds.hpp>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <base/files.hpp>
#include <base/lower.hpp>
#include <recipes/yaml_value.hpp>
#include <simmer/error.hpp>

namespace simmer::git {

namespace {

bool is_file(const fs::path& path) {
  std::error_code failed;
  const auto type = fs::status(path, failed).type();
  const char* what = type == fs::file_type::fifo ? "pipe" : type == fs::file_type::socket ? "socket" : type == fs::file_type::character || type == fs::file_type::block ? "device" : nullptr;
  if (what != nullptr) throw Error(ErrorKind::config, one_line(path.string() + " is a " + what + ", where git reads a file: remove it"));
  return type == fs::file_type::regular;
}

// The beginning of a file: what git writes into these is short.
std::string text_of(const fs::path& file) {
  if (!is_file(file)) return "";
  std::string text(std::size_t{1} << 20U, '\0');
  std::ifstream stream(file, std::ios::binary);
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(stream.gcount(), 0)));
  return text;
}

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t\r\n"), end = text.find_last_not_of(" \t\r\n");
  return begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
}

// The path of a value as git reads it; a comment behind it does not belong to it.
fs::path path_in(std::string value, const fs::path& file) {
  value = trimmed(value);
  if (value.starts_with('"')) value = value.substr(1, value.find('"', 1) - 1);
  else value = trimmed(value.substr(0, value.find_first_of("#;")));
  const char* home = std::getenv("HOME");
  if (value.starts_with("~/") && home != nullptr) return fs::path(home) / value.substr(2);
  return file.parent_path() / value;
}

// Conditions are not looked at: what one includes today, another one may tomorrow.
void look_at_includes(const fs::path& file, int depth) {
  std::istringstream lines(text_of(file));
  std::string section;
  for (std::string line; std::getline(lines, line);) {
    line = trimmed(line);
    if (line.starts_with('[')) {
      section = lower(line.substr(1, line.find_first_of(" \t\"]") - 1));
      line = line.substr(std::min(line.size(), line.rfind(']') + 1));
    }
    const auto equals = line.find('=');
    if (equals == std::string::npos) continue;
    const std::string key = lower(trimmed(line.substr(0, equals)));
    const bool includes = (section == "include" || section == "includeif") && key == "path";
    if (!includes && !(section == "core" && (key == "excludesfile" || key == "attributesfile"))) continue;
    const fs::path named = path_in(line.substr(equals + 1), file);
    if (is_file(named) && includes && depth < 10) look_at_includes(named, depth + 1);
  }
}

// No kind is asked of the system here that listing a folder does not tell: objects are many. The socket of git's own watcher of files
// is no file that anybody reads.
void look_at_all(const fs::path& folder) {
  std::error_code failed;
  for (fs::recursive_directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed))
    if (std::error_code gone; entry->path().filename() != "fsmonitor--daemon.ipc" && !entry->is_directory(gone) && (entry->is_symlink(gone) || !entry->is_regular_file(gone))) is_file(entry->path());
  for (const char* config : {"config", "config.worktree"}) look_at_includes(folder / config, 0);
}

}  // namespace

void refuse_special_files(const fs::path& path) {
  fs::path folder = path / ".git";
  std::error_code failed;
  if (is_file(folder)) {
    const std::string said = text_of(folder);
    if (!said.starts_with("gitdir:")) return;
    folder = path / trimmed(said.substr(7, said.find('\n') - 7));
  } else if (!fs::is_directory(folder, failed)) {
    folder = path;
    if (!fs::exists(folder / "HEAD", failed) || !fs::is_directory(folder / "objects", failed)) return;
  }
  look_at_all(folder);
  if (const std::string common = trimmed(text_of(folder / "commondir")); !common.empty()) look_at_all((folder / common).lexically_normal());
}

}  // namespace simmer::git
