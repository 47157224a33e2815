// YAML as values of our own: what a compose file or a simmer.yml says, with the place of every word.
//
// yaml-cpp 0.7 leaves three things undone that a judge of hostile files cannot do without: it does not
// merge `<<`, it lets a key stand twice, and its nodes share (and may contain) each other, so that an
// alias can make a small file endless. Here merges are done, twice is refused, and size and depth are
// bounded; everything after the parser works on plain, finite values.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace simmer {

struct YamlEntry;

// A value; copied deeply. Where a function below says "here", it means file, line and column.
struct YamlValue {
  enum class Kind { null, scalar, list, map };

  Kind kind = Kind::null;
  bool quoted = false;  // written in quotes or as a block: a string whatever it looks like
  std::string text;     // of a scalar
  std::vector<YamlValue> items;
  std::vector<YamlEntry> entries;  // in the file's order, no key twice; entries come and go by set() and remove() alone
  std::shared_ptr<const std::string> file;
  std::size_t line = 0, column = 0;  // from 1; 0: made here

  bool is_null() const { return kind == Kind::null; }
  bool is_scalar() const { return kind == Kind::scalar; }
  bool is_list() const { return kind == Kind::list; }
  bool is_map() const { return kind == Kind::map; }

  // The value of `key`; nullptr when this is no map or has no such key (or only a null there).
  const YamlValue* find(std::string_view key) const;
  YamlValue* find(std::string_view key);
  // Is there such a key, with whatever value?
  bool has(std::string_view key) const { return position_of(key).has_value(); }
  // Sets or replaces; makes this a map.
  YamlValue& set(const std::string& key, YamlValue value);
  bool remove(std::string_view key);

  std::string place() const;  // "compose.yml:12:3"
  // Throws Error(recipe) "compose.yml:12:3: <what>".
  [[noreturn]] void refuse(const std::string& what) const;

  // Each refuses here, as "<name> must be a …", when the shape is another one.
  const YamlValue& need_map(const std::string& name) const;
  const YamlValue& need_list(const std::string& name) const;
  const std::string& need_text(const std::string& name) const;
  // Compose's words for booleans; anything else is refused.
  bool need_bool(const std::string& name) const;

  // Made here, of the place of `from`.
  static YamlValue of_text(std::string text, const YamlValue& from);
  static YamlValue empty_map(const YamlValue& from);

 private:
  friend class YamlConversion;
  std::optional<std::size_t> position_of(std::string_view key) const;
  void index_if_large();

  // Where each key of a large mapping stands (a small one has none): the largest legal files would take minutes otherwise. Ordered, not
  // hashed: nobody can make it slow by the choice of keys.
  std::map<std::string, std::size_t, std::less<>> places_;
};

struct YamlEntry {
  std::string key;
  YamlValue value;
  bool quoted_key = true;  // written in quotes, or made here: a string whatever it looks like
};

// Bounds that no published recipe comes near: what is beyond them is refused, not read.
inline constexpr std::size_t yaml_max_bytes = 1 << 20, yaml_max_values = 20000, yaml_max_depth = 100;

// What came out of a file may hold anything: in one line, control characters escaped, not endless.
std::string one_line(const std::string& text);
// Throws Error(recipe) with one_line(message).
[[noreturn]] void refuse_recipe(const std::string& message);

// Parses one document. Throws Error(recipe): "<shown_name>:12:3: …". An empty text is null.
YamlValue parse_yaml(const std::string& given, const std::string& shown_name);

// Writes it back, block style, stable; parse_yaml() of it gives the same value.
std::string write_yaml(const YamlValue& value);

// The text of a file of the recipe that stands inside `dir`, links resolved; nothing when it is not
// there. Error(recipe) when it leaves `dir`, is no regular file, or is larger than `yaml_max_bytes`.
std::optional<std::string> read_recipe_file(const std::filesystem::path& dir, const std::string& relative);

}  // namespace simmer
