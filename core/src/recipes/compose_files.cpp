// Several compose files into one, by Docker's rules: mappings are merged, lists appended (mounts and
// the like by what they are about), commands replaced.
#include <algorithm>
#include <cctype>
#include <set>

#include <recipes/compose.hpp>
#include <recipes/inside.hpp>
#include <recipes/interpolation.hpp>
#include <simmer/error.hpp>

namespace simmer {
namespace {

// Lists that may also be written as mappings.
bool is_mapping_key(const std::string& key) {
  static const std::set<std::string> keys = {"environment", "labels", "sysctls", "args", "annotations"};
  return keys.count(key) != 0;
}

bool is_replaced(const std::string& key) {
  static const std::set<std::string> keys = {"command", "entrypoint", "test"};
  return keys.count(key) != 0;
}

// What an item of the list `key` is about: a later item about the same thing takes its place.
std::string subject_of(const std::string& key, const YamlValue& item) {
  if (key == "volumes") return read_mount(item).target;
  if (key == "secrets" || key == "configs") {
    if (item.is_scalar()) return item.text;
    const YamlValue* target = item.find("target");
    const YamlValue* about = target != nullptr ? target : item.find("source");
    return about != nullptr && about->is_scalar() ? about->text : "";
  }
  if (key == "ports") {
    const PortFacts port = read_port(item);
    // A host address tells two published ports apart, but only the short notation puts it in the text.
    return item.is_scalar() ? item.text : port.published + ":" + port.target + "/" + port.protocol + " " + port.mode;
  }
  return item.is_scalar() ? item.text : "";
}

void append(const std::string& key, YamlValue& base, YamlValue over) {
  std::map<std::string, std::size_t> standing;
  for (std::size_t i = 0; i < base.items.size(); ++i) standing.emplace(subject_of(key, base.items[i]), i);
  for (auto& item : over.items) {
    const std::string subject = subject_of(key, item);
    const auto same = standing.find(subject);
    if (!subject.empty() && same != standing.end())
      base.items[same->second] = std::move(item);
    else
      base.items.push_back(std::move(item));
  }
}

// Names as the keys of a mapping with null values, for `networks` and `depends_on`.
YamlValue names_as_mapping(const YamlValue& value, const std::string& name) {
  if (value.is_map()) return value;
  YamlValue map = value;
  map.kind = YamlValue::Kind::map;
  map.items.clear();
  for (const auto& one : read_names(&value, name)) map.set(one, YamlValue());
  return map;
}

void merge(const std::string& key, YamlValue& base, YamlValue over) {
  if (over.is_null()) return;
  if (base.is_null() || (is_replaced(key) && !(base.is_map() && over.is_map()))) {
    base = std::move(over);
    return;
  }
  if (is_mapping_key(key)) {
    base = as_mapping(base, key);
    over = as_mapping(over, key);
  } else if ((key == "networks" || key == "depends_on") && base.kind != over.kind) {
    base = names_as_mapping(base, key);
    over = names_as_mapping(over, key);
  }
  if (base.is_map() && over.is_map()) {
    std::map<std::string, std::size_t> standing;
    for (std::size_t i = 0; i < base.entries.size(); ++i) standing.emplace(base.entries[i].key, i);
    for (auto& entry : over.entries) {
      const auto same = standing.find(entry.key);
      if (same == standing.end())
        base.entries.push_back(std::move(entry));
      else
        merge(entry.key, base.entries[same->second].value, std::move(entry.value));
    }
  } else if (base.is_list() && over.is_list()) {
    append(key, base, std::move(over));
  } else {
    base = std::move(over);
  }
}

// Two spellings of one list are one before anything reads them.
void normalise_service(YamlValue& service) {
  const auto normalise = [](YamlValue& map, const std::string& key) {
    if (YamlValue* value = map.find(key)) *value = as_mapping(*value, key);
  };
  for (const char* key : {"environment", "labels", "sysctls"}) normalise(service, key);
  if (YamlValue* deploy = service.find("deploy")) normalise(*deploy, "labels");
}

class ComposeFolder {
 public:
  ComposeFolder(const std::filesystem::path& dir, const std::map<std::string, std::string>& env,
                std::vector<std::string>& warnings)
      : dir_(dir), env_(env), warnings_(warnings) {}

  YamlValue read(const std::string& file) {
    const auto text = read_recipe_file(dir_, file);
    if (!text) refuse_recipe("there is no " + file + " in the recipe, but COMPOSE_FILE names it");
    YamlValue compose = parse_yaml(*text, file);
    if (compose.is_null()) return compose;
    compose.need_map("a compose file");
    check_version(compose);
    interpolate_compose(compose, env_, warnings_);
    if (YamlValue* services = compose.find("services")) {
      services->need_map("services");
      for (auto& entry : services->entries) {
        entry.value.need_map("service " + entry.key);
        normalise_service(entry.value);
      }
      for (auto& entry : services->entries) follow_extends(entry.value, compose, file, 0);
    }
    return compose;
  }

 private:
  // Docker knows `x-…` keys from 3.7 on; below, the whole file would be refused at the deploy.
  static void check_version(const YamlValue& compose) {
    const YamlValue* version = compose.find("version");
    const YamlValue* services = compose.find("services");
    if (version == nullptr || services == nullptr) return;
    const std::string& text = version->need_text("version");
    const auto dot = text.find('.');
    const auto number = [&](const std::string& digits) {
      const bool fine = !digits.empty() && digits.size() < 6 && std::all_of(digits.begin(), digits.end(), ::isdigit);
      if (!fine) version->refuse("'" + text + "' is no compose version (like \"3.8\")");
      return std::stoi(digits);
    };
    const int major = number(text.substr(0, dot)), minor = dot == std::string::npos ? 0 : number(text.substr(dot + 1));
    if (major > 3 || (major == 3 && minor >= 7)) return;
    for (const auto& service : services->entries)
      if (service.value.find("x-simmer-local") != nullptr)
        service.value.find("x-simmer-local")
            ->refuse("x-simmer-local needs compose version \"3.7\" or later; this file says \"" + text + "\"");
  }

  // Puts what `extends` names under the service. What cannot be followed stays in place, for the
  // policy to refuse and Docker to name.
  void follow_extends(YamlValue& service, const YamlValue& compose, const std::string& file, int depth) {
    const YamlValue* extends = service.find("extends");
    if (extends == nullptr) return;
    if (depth > 10) extends->refuse("extends leads in circles");
    const YamlValue* name = extends->is_map() ? extends->find("service") : extends;
    const YamlValue* from = extends->find("file");
    if (name == nullptr || !name->is_scalar() || (from != nullptr && !from->is_scalar()))
      extends->refuse("extends must name a service, and may name a file");
    if (from != nullptr && !stays_inside(dir_, from->text)) {
      warnings_.push_back(extends->place() + ": extends a file outside of the recipe; not followed");
      return;
    }
    YamlValue other;
    if (from != nullptr && from->text != file) {
      if (++files_read_ > 20) extends->refuse("extends too many files");
      other = read(from->text);
    }
    const YamlValue& source = from != nullptr && from->text != file ? other : compose;
    const YamlValue* services = source.find("services");
    const YamlValue* base = services != nullptr ? services->find(name->text) : nullptr;
    if (base == nullptr) extends->refuse("extends '" + name->text + "', which there is not");
    YamlValue result = *base;
    follow_extends(result, source, from != nullptr ? from->text : file, depth + 1);
    service.remove("extends");
    merge("", result, std::move(service));
    service = std::move(result);
  }

  const std::filesystem::path& dir_;
  const std::map<std::string, std::string>& env_;
  std::vector<std::string>& warnings_;
  int files_read_ = 0;
};

}  // namespace

YamlValue load_compose(const std::filesystem::path& dir, const std::vector<std::string>& files,
                       const std::map<std::string, std::string>& env, std::vector<std::string>& warnings) {
  ComposeFolder folder(dir, env, warnings);
  YamlValue merged;
  for (const auto& file : files) {
    YamlValue next = folder.read(file);
    if (YamlValue* services = merged.find("services"))
      for (auto& entry : services->entries) entry.value.need_map("service " + entry.key);
    merge("", merged, std::move(next));
  }
  if (merged.is_null()) refuse_recipe(files.front() + ": empty");
  return merged;
}

}  // namespace simmer
