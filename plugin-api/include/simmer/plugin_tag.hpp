// The tag of a plugin: what Simmer reads from the ELF file before it loads anything.
//
// It promises that a host of any version can tell what a file is, and refuse it in words, without
// running a single instruction of it: a plugin of another compiler, string ABI or with a sanitizer
// can end the host inside dlopen(), before any check in C++ had a chance.
//
// Layout, frozen for all API versions: PluginTag, in the section `.simmer_plugin`, little endian.
// `text` is lines of `key=value`, ended by NUL; unknown keys are ignored. The author never fills it
// in: SIMMER_PLUGIN (simmer/plugin.hpp) does, at compile time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#if __has_include(<version>)
#include <version>
#endif

namespace simmer {

// The API these headers are. A plugin is loaded by a host of the same major and of the same or a
// higher minor. Changing a public header means changing one of them: see plugin-api/CHANGELOG.md.
inline constexpr std::uint32_t plugin_api_major = 1;
inline constexpr std::uint32_t plugin_api_minor = 0;

inline constexpr std::size_t plugin_magic_size = 16;
inline constexpr std::string_view plugin_magic{"SIMMER-PLUGIN\0\0\0", plugin_magic_size};
inline constexpr const char* plugin_tag_section = ".simmer_plugin";
// The recipe that stands for every recipe without a plugin of its own.
inline constexpr std::string_view any_recipe = "*";

struct PluginTag {
  char magic[plugin_magic_size];
  std::uint32_t size;  // sizeof(PluginTag) as the author's header had it
  std::uint32_t api_major;
  std::uint32_t api_minor;
  char text[996];  // name, version, recipes (separated by blanks), then the ABI: see append_abi()
};
static_assert(sizeof(PluginTag) == 1024 && offsetof(PluginTag, text) == 28);

namespace plugin_detail {

// Not constexpr, so that reaching it at compile time is an error that shows the text.
inline void tag_error(const char*) {}

struct TagText {
  char* to;
  std::size_t room;
  std::size_t used = 0;

  constexpr void add(std::string_view text) {
    for (const char c : text) {
      if (used + 1 >= room) {
        tag_error("name, version and recipes do not fit into the tag");
        return;
      }
      to[used++] = c;
    }
  }
  constexpr void add_number(long number) {
    char digits[20] = {};
    std::size_t count = 0;
    do digits[count++] = static_cast<char>('0' + number % 10);
    while ((number /= 10) > 0);
    while (count > 0) add({&digits[--count], 1});
  }
};

// What two C++ programs must have in common before they exchange a std::string. Every line is
// compared by the host, and all differences are told at once.
constexpr void append_abi(TagText& text) {
  text.add("compiler=");
#if defined(__clang__)
  text.add("clang ");
  text.add_number(__clang_major__);
#else
  text.add("gcc ");
  text.add_number(__GNUC__);
#endif
#if defined(_LIBCPP_VERSION)
  text.add("\nlibrary=libc++\nstrings=libc++");
#elif _GLIBCXX_USE_CXX11_ABI
  text.add("\nlibrary=libstdc++\nstrings=cxx11");
#else
  text.add("\nlibrary=libstdc++\nstrings=before-cxx11");
#endif
#if defined(_GLIBCXX_DEBUG)
  text.add("\ncontainers=debug");
#else
  text.add("\ncontainers=plain");
#endif
  text.add("\nlanguage=C++");
  text.add_number(__cplusplus);
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIMMER_TAG_SANITIZER "address"
#elif __has_feature(thread_sanitizer)
#define SIMMER_TAG_SANITIZER "thread"
#elif __has_feature(memory_sanitizer)
#define SIMMER_TAG_SANITIZER "memory"
#endif
#endif
#if !defined(SIMMER_TAG_SANITIZER)
#if defined(__SANITIZE_ADDRESS__)
#define SIMMER_TAG_SANITIZER "address"
#elif defined(__SANITIZE_THREAD__)
#define SIMMER_TAG_SANITIZER "thread"
#else
#define SIMMER_TAG_SANITIZER "none"
#endif
#endif
  text.add("\nsanitizer=" SIMMER_TAG_SANITIZER "\n");
#undef SIMMER_TAG_SANITIZER
}

// Names stand in messages, file names and lines of the tag: so they are plain.
constexpr void require_plain_name(std::string_view name) {
  if (name.empty() || name.size() > 64) tag_error("a plugin's or recipe's name has 1 to 64 characters");
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                       c == '.' || c == '+';
    if (!plain) tag_error("a plugin's name, version and recipes are made of letters, digits, '-', '_', '.' and '+'");
  }
}

constexpr PluginTag make_tag(std::string_view name, std::string_view version, std::initializer_list<std::string_view> recipes) {
  PluginTag tag = {};
  for (std::size_t i = 0; i < plugin_magic_size; ++i) tag.magic[i] = plugin_magic[i];
  tag.size = sizeof(PluginTag);
  tag.api_major = plugin_api_major;
  tag.api_minor = plugin_api_minor;
  TagText text{tag.text, sizeof tag.text};
  require_plain_name(name);
  require_plain_name(version);
  if (recipes.size() == 0) tag_error("name at least one recipe that the plugin serves");
  text.add("name=");
  text.add(name);
  text.add("\nversion=");
  text.add(version);
  text.add("\nrecipes=");
  bool first = true;
  for (const auto recipe : recipes) {
    if (recipe != any_recipe) require_plain_name(recipe);
    if (!first) text.add(" ");
    text.add(recipe);
    first = false;
  }
  text.add("\n");
  append_abi(text);
  return tag;
}

}  // namespace plugin_detail
}  // namespace simmer
