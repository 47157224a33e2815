#include <loader/loaded_plugin.hpp>

#include <dlfcn.h>

#include <cstring>
#include <deque>
#include <utility>

// The one file that includes it.
#include <boost/dll/shared_library.hpp>

#include <simmer/plugin.hpp>

namespace simmer {
namespace {

[[noreturn]] void fail(const PluginFile& file, const std::string& why) {
  throw Error(ErrorKind::plugin, "plugin " + file.path.string() + " " + why);
}

bool is_same_file(const PluginFile& now, const PluginFile& then) {
  return now.device == then.device && now.inode == then.inode && now.size == then.size &&
         now.modified.tv_sec == then.modified.tv_sec && now.modified.tv_nsec == then.modified.tv_nsec;
}

void check_descriptor(const PluginFile& file, const simmer_plugin_descriptor_t& descriptor) {
  const auto& tag = *file.tag;
  if (std::string_view(descriptor.magic, plugin_magic_size) != plugin_magic) fail(file, "has a descriptor with the wrong magic");
  if (descriptor.struct_size < sizeof descriptor)
    fail(file, "has a descriptor of " + std::to_string(descriptor.struct_size) + " bytes, expected " +
                   std::to_string(sizeof descriptor));
  if (descriptor.api_major != tag.api_major || descriptor.api_minor != tag.api_minor)
    fail(file, "contradicts itself: its tag says plugin API " + std::to_string(tag.api_major) + "." +
                   std::to_string(tag.api_minor) + ", its descriptor " + std::to_string(descriptor.api_major) + "." +
                   std::to_string(descriptor.api_minor));
  if (!descriptor.tag || std::memcmp(descriptor.tag, tag.bytes.data(), tag.bytes.size()) != 0)
    fail(file, "contradicts itself: its descriptor names another tag than the one in the file");
  if (!descriptor.create) fail(file, "has no factory");
}

}  // namespace

LoadedPlugin load_plugin(const PluginFile& file) {
  if (!file.is_loadable()) throw Error(ErrorKind::plugin, "refused: " + file.refusal());
  SafeFolders folders;
  if (const auto now = inspect_plugin_file(file.path, folders); !now.is_loadable() || !is_same_file(now, file))
    fail(file, "has changed since it was looked at; run the command again");

  using boost::dll::load_mode::rtld_local;
  using boost::dll::load_mode::rtld_now;
  boost::dll::fs::error_code trouble;
  // Never destroyed, so never unloaded; held by a static, so that a leak checker knows it as meant.
  static auto& loaded = *new std::deque<boost::dll::shared_library>;
  auto& library = loaded.emplace_back();
  ::dlerror();
  library.load(boost::dll::fs::path(file.real_path.string()), rtld_now | rtld_local, trouble);
  if (trouble) {
    // Boost says "bad file descriptor" whatever happened.
    const char* truth = ::dlerror();
    fail(file, std::string("cannot be loaded: ") + (truth ? truth : trouble.message().c_str()));
  }
  if (!library.has("simmer_plugin_descriptor")) fail(file, "has lost its descriptor");
  const auto* descriptor = &library.get<const simmer_plugin_descriptor_t>("simmer_plugin_descriptor");
  check_descriptor(file, *descriptor);
  return LoadedPlugin(file, descriptor);
}

std::unique_ptr<Recipe> LoadedPlugin::create_recipe() const {
  char error[512] = {};
  std::unique_ptr<Recipe> recipe(descriptor_->create(error, sizeof error));
  error[sizeof error - 1] = '\0';
  if (recipe) return recipe;
  for (char& c : error)
    if (c != '\0' && static_cast<unsigned char>(c) < ' ') c = ' ';
  fail(file_, "(" + file_.tag->name + " " + file_.tag->version +
                  ") did not make a recipe: " + (error[0] != '\0' ? error : "its factory returned nothing and no reason"));
}

}  // namespace simmer
