// Reading an ELF file as if its author were an enemy.
//
// It promises never to crash, to allocate without bound or to read beside the file, whatever the
// bytes say; and that a file without a problem has every section, segment and table that the dynamic
// loader will touch inside the file. A shared object cut in half is SIGBUS inside dlopen(): no error
// code, no message, so it must be noticed here. Only pread(2) is used: a mapped file that somebody
// truncates meanwhile would be that SIGBUS again.
//
// What it cannot promise: that code in a well-formed file is harmless. That is why only the child of
// a run loads plugins.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace simmer {

struct ElfReading {
  // Empty: a whole, loadable shared object for this machine. Else what is wrong, one line.
  std::string problem;
  bool has_section = false;      // the wanted one, loaded with the file
  std::string section;           // its bytes, at most `section_limit`
  bool has_symbol = false;       // the wanted one: defined, exported, data
  std::uint64_t bytes_read = 0;  // what all this cost
};

struct ElfWanted {
  std::string_view section;
  std::uint64_t section_limit = 4096;
  std::string_view symbol;
  std::uint64_t symbol_size = 0;  // it is at least this large
};

// Reads from an open descriptor of a regular file. Never throws for what the file contains.
ElfReading read_elf(int fd, const ElfWanted& wanted);

}  // namespace simmer
