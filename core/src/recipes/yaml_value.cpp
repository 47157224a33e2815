// Turning yaml-cpp's shared nodes into finite values: merges done, twice refused, size bounded.
#include <recipes/yaml_value.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>

#include <base/files.hpp>
#include <base/printable.hpp>
#include <base/utf8.hpp>
#include <recipes/inside.hpp>
#include <recipes/odd_text.hpp>
#include <simmer/error.hpp>

namespace simmer {

std::string one_line(const std::string& text) {
  const std::string shown = printable_line(text);
  if (shown.size() <= 500) return shown;
  std::size_t end = 500;
  while (!is_utf8(shown.substr(0, end))) --end;
  return shown.substr(0, end) + "…";
}

static const char* const too_large = ": shorten it; a compose file: split it into files that COMPOSE_FILE names";

void refuse_recipe(const std::string& message) { throw Error(ErrorKind::recipe, one_line(message)); }

std::optional<std::size_t> YamlValue::position_of(std::string_view key) const {
  if (!places_.empty() && places_.size() == entries.size()) {
    const auto found = places_.find(key);
    return found == places_.end() ? std::nullopt : std::optional(found->second);
  }
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (entries[i].key == key) return i;
  return std::nullopt;
}

void YamlValue::index_if_large() {
  if (entries.size() < 32 || places_.size() == entries.size()) return;
  places_.clear();
  for (std::size_t i = 0; i < entries.size(); ++i) places_.emplace(entries[i].key, i);
}

const YamlValue* YamlValue::find(std::string_view key) const {
  const auto position = kind == Kind::map ? position_of(key) : std::nullopt;
  return position && !entries[*position].value.is_null() ? &entries[*position].value : nullptr;
}

YamlValue* YamlValue::find(std::string_view key) {
  return const_cast<YamlValue*>(static_cast<const YamlValue*>(this)->find(key));
}

YamlValue& YamlValue::set(const std::string& key, YamlValue value) {
  kind = Kind::map;
  index_if_large();
  if (const auto position = position_of(key)) return entries[*position].value = std::move(value);
  entries.push_back({key, std::move(value)});
  if (!places_.empty()) places_.emplace(key, entries.size() - 1);
  return entries.back().value;
}

bool YamlValue::remove(std::string_view key) {
  places_.clear();
  return std::erase_if(entries, [&](const YamlEntry& entry) { return entry.key == key; }) > 0;
}

std::string YamlValue::place() const {
  const std::string name = file ? *file : std::string("compose.yml");
  return line == 0 ? name : name + ":" + std::to_string(line) + ":" + std::to_string(column);
}

void YamlValue::refuse(const std::string& what) const { refuse_recipe(place() + ": " + what); }

const YamlValue& YamlValue::need_map(const std::string& name) const {
  if (!is_map()) refuse(name + " must be a mapping (key: value)");
  return *this;
}

const YamlValue& YamlValue::need_list(const std::string& name) const {
  if (!is_list()) refuse(name + " must be a list");
  return *this;
}

const std::string& YamlValue::need_text(const std::string& name) const {
  if (!is_scalar()) refuse(name + " must be a single value");
  return text;
}

bool YamlValue::need_bool(const std::string& name) const {
  static const std::set<std::string> yes = {"true", "yes", "on", "y", "1"}, no = {"false", "no", "off", "n", "0", ""};
  std::string word = need_text(name);
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return std::tolower(c); });
  if (yes.count(word) != 0) return true;
  if (no.count(word) == 0) refuse(name + " must be true or false, not '" + text + "'");
  return false;
}

YamlValue YamlValue::of_text(std::string text, const YamlValue& from) {
  YamlValue value;
  value.kind = Kind::scalar;
  value.quoted = true;
  value.text = std::move(text);
  value.file = from.file;
  value.line = from.line;
  value.column = from.column;
  return value;
}

YamlValue YamlValue::empty_map(const YamlValue& from) {
  YamlValue map = of_text("", from);
  map.kind = Kind::map;
  return map;
}

namespace {

bool is_printable(const std::string& text) {
  return std::none_of(text.begin(), text.end(), [](unsigned char c) { return (c < ' ' && c != '\n' && c != '\t') || c == 0x7f; });
}

// Hears where documents begin, and nothing else.
class DocumentStarts : public YAML::EventHandler {
 public:
  std::optional<YAML::Mark> last;
  void OnDocumentStart(const YAML::Mark& mark) override { last = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

// Docker reads the first document and drops the rest in silence; what was dropped was not judged. Not by
// LoadAll(): behind a %YAML line without a document it finds documents without end, and keeps them all.
void refuse_second_document(const std::string& text, const std::string& shown_name) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentStarts starts;
  if (!parser.HandleNextDocument(starts) || !parser.HandleNextDocument(starts)) return;
  const std::string line = starts.last ? ":" + std::to_string(std::max(starts.last->line, 0) + 1) : "";
  refuse_recipe(shown_name + line + ": a second YAML document begins here, and only one is read: put all into the first");
}

}  // namespace

class YamlConversion {
 public:
  YamlConversion(const std::string& text, const std::string& shown_name) : text_(text), file_(std::make_shared<const std::string>(shown_name)) {}

  YamlValue convert(const YAML::Node& node, std::size_t depth = 0) {
    YamlValue value = at(node);
    refuse_odd_spelling(node, value);
    if (++count_ > yaml_max_values) value.refuse("too large once its aliases are followed (more than 20000 values)");
    if (depth > yaml_max_depth) value.refuse("nested too deeply (more than 100 levels; does an alias contain itself?)");
    switch (node.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        break;
      case YAML::NodeType::Scalar:
        convert_scalar(node, value);
        break;
      case YAML::NodeType::Sequence:
        value.kind = YamlValue::Kind::list;
        for (const auto& item : node) value.items.push_back(convert(item, depth + 1));
        break;
      case YAML::NodeType::Map:
        convert_map(node, value, depth);
        break;
    }
    return value;
  }

 private:
  YamlValue at(const YAML::Node& node) const {
    YamlValue value;
    value.file = file_;
    const YAML::Mark mark = node.Mark();
    value.line = mark.line >= 0 ? static_cast<std::size_t>(mark.line) + 1 : 1;
    value.column = mark.column >= 0 ? static_cast<std::size_t>(mark.column) + 1 : 1;
    return value;
  }

  // `!!binary` is decoded by Docker's reader, `!!float 1` printed otherwise, `! 0440` a number to one and text to the other,
  // `!reset` obeyed by some tools: what two readers take for two things cannot be judged. yaml-cpp tells only what a tag has
  // become, and takes escapes that Docker does not know: what is written is looked at.
  void refuse_odd_spelling(const YAML::Node& node, const YamlValue& here) const {
    if (node.Mark().pos < 0) return;
    auto at = static_cast<std::size_t>(node.Mark().pos);
    const auto skip = [&](const char* these) { at = std::min(text_.find_first_not_of(these, at), text_.size()); };
    const auto token_end = [&] { return std::min(text_.find_first_of(" \t\r\n,[]{}", at), text_.size()); };
    while (at < text_.size() && (text_[at] == '&' || text_[at] == '!')) {
      const std::string token = text_.substr(at, token_end() - at);
      if (token[0] == '!' && token != "!!str") here.refuse("the tag '" + token.substr(0, 100) + "' means different things to different tools; leave it out");
      at += token.size();
      skip(" \t\r\n");
    }
    if (at < text_.size() && text_[at] == '"' && node.IsScalar()) refuse_odd_escape(at, here);
    if (at < text_.size() && (text_[at] == '|' || text_[at] == '>') && node.IsScalar()) refuse_tab_as_indent(at, here);
    refuse_tab_before(node, here);
  }

  // How far a block is indented its first line tells, and a tab tells nothing to Docker; yaml-cpp takes it for text.
  void refuse_tab_as_indent(std::size_t at, const YamlValue& here) const {
    const auto line = text_.find('\n', at), header_end = text_.find_first_of(" \t\r\n", at);
    if (line == std::string::npos || text_.substr(at, header_end - at).find_first_of("123456789") != std::string::npos) return;
    const auto content = text_.find_first_not_of(" \r\n", line);
    if (content != std::string::npos && text_[content] == '\t') here.refuse("the block begins with a tab, which Docker does not read: indent it with blanks, or say how far (|2)");
  }

  // Docker wants blanks where a line begins, and behind the '-', '?' and ':' that may stand there; yaml-cpp takes tabs.
  void refuse_tab_before(const YAML::Node& node, const YamlValue& here) const {
    if (node.Mark().pos < 0) return;
    const auto end = std::min(static_cast<std::size_t>(node.Mark().pos), text_.size());
    bool any = false;
    for (auto at = end; at > 0 && std::string_view(" \t\r\n-?:").find(text_[at - 1]) != std::string_view::npos; --at) {
      const char c = text_[at - 1];
      if (c == '\n' && any) break;
      any = any || c == '\t';
      // Only what stands first in its line; a tab behind "key:" is fine.
      if (any && (at == 1 || text_[at - 2] == '\n')) here.refuse("a tab that Docker does not read: indent with blanks");
    }
  }

  void refuse_odd_escape(std::size_t at, const YamlValue& here) const {
    for (++at; at + 1 < text_.size() && text_[at] != '"'; ++at) {
      if (text_[at] != '\\') continue;
      ++at;
      if (std::string_view("0abtnvfe \"\\xuU\r\n").find(text_[at]) == std::string_view::npos) here.refuse(std::string("the escape '\\") + text_[at] + "' is not known to every reader of YAML; write the character itself");
    }
  }

  static bool is_quoted(const YAML::Node& node) { return node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str"; }

  static void refuse_odd_key(const std::string& name, const YamlValue& key) {
    constexpr std::size_t longest = 1000, enough_to_find_it = 60;
    if (name.empty()) key.refuse("an empty key: write a name before the ':'");
    if (name.size() > longest) key.refuse("the key '" + name.substr(0, enough_to_find_it) + "…' has " + std::to_string(name.size()) + " characters, and " + std::to_string(longest) + " are the most: make it shorter");
    if (!is_printable(name)) key.refuse("the key '" + name + "' holds a control character: leave it out");
  }

  static void convert_scalar(const YAML::Node& node, YamlValue& value) {
    value.kind = YamlValue::Kind::scalar;
    value.text = node.Scalar();
    value.quoted = is_quoted(node);
    if (!is_utf8(value.text)) value.refuse("an escape ('\\x…', '\\u…') that is no character of Unicode: write the character itself");
    // A NUL would end a name early for whoever hands it to the system.
    if (value.text.find('\0') != std::string::npos) value.refuse("a NUL character ('\\0'): leave it out");
  }

  void convert_map(const YAML::Node& node, YamlValue& value, std::size_t depth) {
    value.kind = YamlValue::Kind::map;
    std::set<std::string> seen;
    std::vector<YamlValue> merged;  // of `<<`, the first one wins
    for (const auto& pair : node) {
      const YamlValue key = at(pair.first);
      if (!pair.first.IsScalar()) key.refuse("a key must be a single word, no list or mapping");
      refuse_tab_before(pair.first, key);
      const std::string& name = pair.first.Scalar();
      refuse_odd_key(name, key);
      if (!seen.insert(name).second) key.refuse("'" + name + "' stands twice in one mapping: leave one of them out");
      const bool quoted = is_quoted(pair.first);
      if (name != "<<") {
        value.entries.push_back({name, convert(pair.second, depth + 1), quoted});
        continue;
      }
      if (quoted) key.refuse("'<<' in quotes is a name to one reader of YAML and a merge to another: write it without");
      collect_merges(convert(pair.second, depth + 1), merged);
      // Docker 20.10 lets what is merged replace the keys that stand before it, 28 does not.
      for (const auto& source : merged)
        for (const auto& entry : source.entries)
          if (seen.count(entry.key) != 0) key.refuse("'<<' brings '" + entry.key + "', which stands before it: Docker 20.10 and 28 read that differently; put '<<' first");
    }
    for (auto& source : merged)
      for (auto& entry : source.entries)
        if (seen.insert(entry.key).second) value.entries.push_back(std::move(entry));
    value.index_if_large();
  }

  static void collect_merges(YamlValue source, std::vector<YamlValue>& merged) {
    if (source.is_map()) {
      merged.push_back(std::move(source));
    } else if (source.is_list()) {
      for (auto& item : source.items) {
        if (!item.is_map()) item.refuse("'<<' can merge mappings only: name one with *, or write its keys here");
        merged.push_back(std::move(item));
      }
    } else {
      source.refuse("'<<' can merge mappings only: name one with *, or write its keys here");
    }
  }

  const std::string& text_;
  std::shared_ptr<const std::string> file_;
  std::size_t count_ = 0;
};

namespace {

void write_string(const std::string& text, std::string& out) {
  static const char* hex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < ' ' || byte == 0x7f) {
      out += "\\x";
      out += hex[byte >> 4];
      out += hex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

// Plain only what reads back as the same scalar beyond doubt.
bool may_be_plain(const YamlValue& value) {
  if (value.quoted || value.text.empty() || value.text == "null" || value.text == "Null" || value.text == "NULL") return false;
  if (value.text.front() == '-' || value.text.front() == '.') return false;
  return value.text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-") == std::string::npos;
}

void write_key(const std::string& key, std::string& out) {
  const bool plain =
      key.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == std::string::npos &&
      key.front() != '-' && key != "null" && key != "Null" && key != "NULL";
  if (plain)
    out += key;
  else
    write_string(key, out);
  out += ':';
}

// `out` stands behind "key:" or "-": what follows begins with a blank or a new line.
void write_value(const YamlValue& value, std::size_t indent, std::string& out) {
  switch (value.kind) {
    case YamlValue::Kind::null:
      out += " null\n";
      return;
    case YamlValue::Kind::scalar:
      out += ' ';
      if (may_be_plain(value))
        out += value.text;
      else
        write_string(value.text, out);
      out += '\n';
      return;
    case YamlValue::Kind::list:
      if (value.items.empty()) {
        out += " []\n";
        return;
      }
      out += '\n';
      for (const auto& item : value.items) {
        out.append(indent, ' ');
        out += '-';
        write_value(item, indent + 2, out);
      }
      return;
    case YamlValue::Kind::map:
      if (value.entries.empty()) {
        out += " {}\n";
        return;
      }
      out += '\n';
      for (const auto& entry : value.entries) {
        out.append(indent, ' ');
        write_key(entry.key, out);
        write_value(entry.value, indent + 2, out);
      }
      return;
  }
}

}  // namespace

YamlValue parse_yaml(const std::string& given, const std::string& shown_name) {
  const std::string text = given.starts_with("\xEF\xBB\xBF") ? given.substr(3) : given;
  if (text.size() > yaml_max_bytes) refuse_recipe(shown_name + ": larger than 1 MiB" + too_large);
  refuse_odd_characters(text, shown_name);
  try {
    refuse_second_document(text, shown_name);
    return YamlConversion(text, shown_name).convert(YAML::Load(text));
  } catch (const YAML::Exception& error) {
    refuse_as_no_yaml(text, shown_name, error.msg, static_cast<std::size_t>(std::max(error.mark.line, 0)), static_cast<std::size_t>(std::max(error.mark.column, 0)));
  }
}

std::string write_yaml(const YamlValue& value) {
  std::string out;
  write_value(value, 0, out);
  // The root stands behind nothing: drop the blank or new line that it was written with.
  return out.empty() ? out : out.substr(1);
}

std::optional<std::string> read_recipe_file(const std::filesystem::path& dir, const std::string& relative) {
  if (!stays_inside(dir, relative)) refuse_recipe("'" + one_line(relative) + "' leaves the recipe's folder: put the file itself there");
  // Opened once, and what was opened is looked at and read: a pipe is not waited for, and what grows is not followed.
  const Fd file(::open((dir / relative).c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) refuse_recipe("'" + one_line(relative) + "' is not a readable file: make it a plain file");
  std::string text;
  std::array<char, 65536> buffer;
  while (const ssize_t got = ::read(file.get(), buffer.data(), buffer.size())) {
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno("cannot read " + (dir / relative).string(), errno);
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > yaml_max_bytes) refuse_recipe("'" + one_line(relative) + "' is larger than 1 MiB" + too_large);
  }
  return text;
}

}  // namespace simmer
