// What the author of a plugin includes: the interfaces, and the one macro that makes a shared object
// a plugin. docs/plugin-guide.md walks through a whole one; docs/plugin-abi.md is the contract.
//
//   class MyRecipe : public simmer::Recipe { … };
//   SIMMER_PLUGIN(MyRecipe, "my-plugin", "1.0.0", "my-recipe", "its-sibling")
//
// Host and plugin shake hands in C, and agree on magic, sizes and versions before any C++ object is
// touched. The macro defines two exported symbols, both strong, so that two macros in one shared
// object are an error of the linker and not a surprise at run time:
//   simmer_plugin_tag         what the host reads from the file, see simmer/plugin_tag.hpp
//   simmer_plugin_descriptor  what the host asks for once the file is loaded
#pragma once

#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <type_traits>

#include <simmer/check.hpp>
#include <simmer/data_contract.hpp>
#include <simmer/error.hpp>
#include <simmer/health_probe.hpp>
#include <simmer/host.hpp>
#include <simmer/lease_provider.hpp>
#include <simmer/plugin_tag.hpp>
#include <simmer/recipe.hpp>
#include <simmer/recipe_facts.hpp>
#include <simmer/snapshot_strategy.hpp>
#include <simmer/tier.hpp>
#include <simmer/upgrade_gate.hpp>
#include <simmer/version.hpp>

extern "C" {

// Members are only ever added at the end; `struct_size` tells how many there are.
struct simmer_plugin_descriptor_t {
  char magic[simmer::plugin_magic_size];
  std::uint32_t struct_size;
  std::uint32_t api_major;
  std::uint32_t api_minor;
  const simmer::PluginTag* tag;  // the one in the file
  // A new Recipe, owned by the caller; or nullptr, and why in `error` (`error_size` bytes, ended by
  // NUL). Called once per process, from the thread that uses the Recipe.
  simmer::Recipe* (*create)(char* error, std::size_t error_size) noexcept;
};

// Defined by SIMMER_PLUGIN, once in a plugin. Declared here so that a test which is linked with the
// plugin's sources can call the factory as the host does.
__attribute__((visibility("default"))) extern const simmer::PluginTag simmer_plugin_tag;
__attribute__((visibility("default"))) extern const simmer_plugin_descriptor_t simmer_plugin_descriptor;

}  // extern "C"

namespace simmer::plugin_detail {

// An author's constructor may throw whatever it likes: nothing of it crosses the C handshake.
template <class Plugin>
Recipe* create(char* error, std::size_t error_size) noexcept {
  static_assert(std::is_base_of_v<Recipe, Plugin>, "SIMMER_PLUGIN needs a class that derives from simmer::Recipe");
  static_assert(std::is_default_constructible_v<Plugin>, "SIMMER_PLUGIN needs a class with a default constructor");
  const char* why = "no reason given";
  try {
    return std::make_unique<Plugin>().release();
  } catch (const std::exception& failure) {
    std::snprintf(error, error_size, "%s", failure.what());
    return nullptr;
  } catch (...) {
    why = "threw something that is not a std::exception";
  }
  std::snprintf(error, error_size, "%s", why);
  return nullptr;
}

}  // namespace simmer::plugin_detail

#define SIMMER_PLUGIN(Class, plugin_name, plugin_version, ...)                                           \
  extern "C" {                                                                                           \
  __attribute__((used, section(".simmer_plugin"))) constinit const simmer::PluginTag simmer_plugin_tag = \
      simmer::plugin_detail::make_tag(plugin_name, plugin_version, {__VA_ARGS__});                       \
  __attribute__((used)) constinit const simmer_plugin_descriptor_t simmer_plugin_descriptor = {          \
      {'S', 'I', 'M', 'M', 'E', 'R', '-', 'P', 'L', 'U', 'G', 'I', 'N'},                                 \
      sizeof(simmer_plugin_descriptor_t),                                                                \
      simmer::plugin_api_major,                                                                          \
      simmer::plugin_api_minor,                                                                          \
      &simmer_plugin_tag,                                                                                \
      &simmer::plugin_detail::create<Class>};                                                            \
  }                                                                                                      \
  static_assert(true, "so that a semicolon may follow")
