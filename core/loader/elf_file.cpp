#include <loader/elf_file.hpp>

#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <vector>

namespace simmer {
namespace {

#if defined(__x86_64__)
constexpr Elf64_Half this_machine = EM_X86_64;
#elif defined(__aarch64__)
constexpr Elf64_Half this_machine = EM_AARCH64;
#elif defined(__riscv)
constexpr Elf64_Half this_machine = EM_RISCV;
#elif defined(__powerpc64__)
constexpr Elf64_Half this_machine = EM_PPC64;
#else
#error "add this machine's number from <elf.h>"
#endif
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "plugins are little endian");

// No honest table of a plugin comes near this; a hostile one stops here.
constexpr std::uint64_t largest_table = 64u << 20;
constexpr std::uint64_t largest_image = std::uint64_t{4} << 30;

struct Problem {
  std::string text;
};

[[noreturn]] void refuse(std::string text) { throw Problem{std::move(text)}; }

std::string machine_name(unsigned number) {
  switch (number) {
    case EM_X86_64:
      return "x86-64";
    case EM_AARCH64:
      return "aarch64";
    case EM_386:
      return "i386";
    case EM_ARM:
      return "arm";
    case EM_RISCV:
      return "riscv";
    case EM_PPC64:
      return "ppc64";
    case EM_S390:
      return "s390";
  }
  return "machine " + std::to_string(number);
}

class ElfReader {
 public:
  ElfReader(int fd, const ElfWanted& wanted, ElfReading& result) : fd_(fd), wanted_(wanted), result_(result) {}

  void read() {
    open();
    read_header();
    read_segments();
    read_sections();
    read_dynamic();
    find_section();
    find_symbol();
  }

 private:
  bool inside(std::uint64_t offset, std::uint64_t size) const { return offset <= size_ && size <= size_ - offset; }

  std::string bytes(std::uint64_t offset, std::uint64_t size, const std::string& what) {
    if (!inside(offset, size)) refuse("truncated: its " + what + " lies outside the file");
    if (size > largest_table) refuse("its " + what + " is larger than any plugin's");
    std::string buffer(size, '\0');
    std::uint64_t done = 0;
    while (done < size) {
      const auto got = ::pread(fd_, buffer.data() + done, size - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) refuse(std::string("cannot be read: ") + std::strerror(errno));
      if (got == 0) refuse("was truncated while it was read");
      done += static_cast<std::uint64_t>(got);
    }
    result_.bytes_read += size;
    return buffer;
  }

  template <class Entry>
  std::vector<Entry> table(std::uint64_t offset, std::uint64_t count, const std::string& what) {
    if (count > largest_table / sizeof(Entry)) refuse("its " + what + " is larger than any plugin's");
    const auto raw = bytes(offset, count * sizeof(Entry), what);
    std::vector<Entry> entries(count);
    if (count > 0) std::memcpy(entries.data(), raw.data(), raw.size());
    return entries;
  }

  void open() {
    struct stat status {};
    if (::fstat(fd_, &status) != 0) refuse(std::string("cannot be read: ") + std::strerror(errno));
    size_ = static_cast<std::uint64_t>(status.st_size);
    if (size_ == 0) refuse("is empty");
  }

  void read_header() {
    const auto start = bytes(0, std::min<std::uint64_t>(size_, sizeof header_), "header");
    if (std::string_view(start).substr(0, SELFMAG) != std::string_view(ELFMAG, SELFMAG)) {
      if (start.size() < SELFMAG && std::string_view(ELFMAG, SELFMAG).starts_with(start))
        refuse("truncated: not even a header is there");
      refuse("is not an ELF file");
    }
    if (start.size() < sizeof header_) refuse("truncated: its header lies outside the file");
    std::memcpy(&header_, start.data(), sizeof header_);
    if (header_.e_ident[EI_CLASS] != ELFCLASS64 || header_.e_ident[EI_DATA] != ELFDATA2LSB || header_.e_machine != this_machine) {
      const auto bits = header_.e_ident[EI_CLASS] == ELFCLASS64 ? "64" : header_.e_ident[EI_CLASS] == ELFCLASS32 ? "32" : "?";
      const auto order = header_.e_ident[EI_DATA] == ELFDATA2LSB ? "little" : "big";
      refuse("is built for another architecture: " + machine_name(header_.e_machine) + ", " + bits + " bit, " + order +
             " endian; this machine is " + machine_name(this_machine));
    }
    if (header_.e_ident[EI_VERSION] != EV_CURRENT || header_.e_version != EV_CURRENT) refuse("has an unknown ELF version");
    if (header_.e_type != ET_DYN) refuse("is an ELF file, but not a shared object");
    if (header_.e_phentsize != sizeof(Elf64_Phdr) || header_.e_phnum == 0) refuse("is damaged: it has no segments");
    if (header_.e_shoff == 0 || header_.e_shnum == 0) refuse("has no section table (stripped of it, or damaged)");
    if (header_.e_shentsize != sizeof(Elf64_Shdr) || header_.e_shstrndx >= header_.e_shnum)
      refuse("is damaged: its section table makes no sense");
  }

  void read_segments() {
    segments_ = table<Elf64_Phdr>(header_.e_phoff, header_.e_phnum, "segment table");
    std::uint64_t end_of_last = 0;
    bool any = false;
    for (const auto& segment : segments_) {
      if (segment.p_type == PT_NULL) continue;
      if (segment.p_filesz > 0 && !inside(segment.p_offset, segment.p_filesz))
        refuse("truncated: a segment lies outside the file");
      if (segment.p_type != PT_LOAD) continue;
      if (segment.p_filesz > segment.p_memsz || segment.p_memsz > largest_image || segment.p_vaddr > largest_image ||
          (segment.p_align > 1 && (segment.p_align & (segment.p_align - 1)) != 0) ||
          (segment.p_align > 1 && (segment.p_vaddr - segment.p_offset) % segment.p_align != 0) ||
          (any && segment.p_vaddr < end_of_last))
        refuse("is damaged: a segment makes no sense");
      end_of_last = segment.p_vaddr + segment.p_memsz;
      any = true;
    }
    if (!any) refuse("is damaged: nothing of it would be loaded");
  }

  void read_sections() {
    sections_ = table<Elf64_Shdr>(header_.e_shoff, header_.e_shnum, "section table");
    for (const auto& section : sections_)
      if (section.sh_type != SHT_NULL && section.sh_type != SHT_NOBITS && !inside(section.sh_offset, section.sh_size))
        refuse("truncated: a section lies outside the file");
    const auto& names = sections_[header_.e_shstrndx];
    if (names.sh_type != SHT_STRTAB) refuse("is damaged: its section names are none");
    names_ = bytes(names.sh_offset, names.sh_size, "table of section names");
  }

  std::string_view section_name(const Elf64_Shdr& section) const {
    if (section.sh_name >= names_.size()) refuse("is damaged: a section's name lies outside the table");
    const auto rest = std::string_view(names_).substr(section.sh_name);
    return rest.substr(0, rest.find('\0'));
  }

  // Where `size` bytes at a virtual address lie in the file; nothing when they are not all there.
  std::optional<std::uint64_t> offset_of(std::uint64_t address, std::uint64_t size) const {
    for (const auto& segment : segments_) {
      if (segment.p_type != PT_LOAD || address < segment.p_vaddr) continue;
      const auto into = address - segment.p_vaddr;
      if (into <= segment.p_filesz && size <= segment.p_filesz - into) return segment.p_offset + into;
    }
    return std::nullopt;
  }

  // What the dynamic loader follows. Addresses of tables, each with the entry that holds its size.
  void read_dynamic() {
    const Elf64_Phdr* dynamic = nullptr;
    for (const auto& segment : segments_)
      if (segment.p_type == PT_DYNAMIC) dynamic = &segment;
    if (!dynamic) refuse("is not a shared object: it has no dynamic section");
    if (!offset_of(dynamic->p_vaddr, dynamic->p_filesz)) refuse("truncated: its dynamic section lies outside the file");
    for (const auto& entry : table<Elf64_Dyn>(dynamic->p_offset, dynamic->p_filesz / sizeof(Elf64_Dyn), "dynamic section")) {
      if (entry.d_tag == DT_NULL) break;
      dynamic_[entry.d_tag] = entry.d_un.d_val;
    }
    if (value(DT_FLAGS_1) & DF_1_PIE) refuse("is a program, not a shared object");
    if (value(DT_FLAGS_1) & DF_1_NOOPEN) refuse("was linked so that it may not be loaded (-z nodlopen)");
    if (!dynamic_.contains(DT_STRTAB) || !dynamic_.contains(DT_SYMTAB)) refuse("is damaged: it has no dynamic symbols");
    static constexpr std::pair<Elf64_Sxword, Elf64_Sxword> tables[] = {{DT_STRTAB, DT_STRSZ},
                                                                       {DT_RELA, DT_RELASZ},
                                                                       {DT_REL, DT_RELSZ},
                                                                       {DT_JMPREL, DT_PLTRELSZ},
                                                                       {DT_INIT_ARRAY, DT_INIT_ARRAYSZ},
                                                                       {DT_FINI_ARRAY, DT_FINI_ARRAYSZ},
                                                                       {DT_SYMTAB, DT_SYMENT}};
    for (const auto& [where, size] : tables)
      if (dynamic_.contains(where) && !offset_of(value(where), value(size)))
        refuse("truncated: a table of the dynamic section lies outside the file");
    for (const auto where : {DT_HASH, static_cast<int>(DT_GNU_HASH), static_cast<int>(DT_VERSYM), static_cast<int>(DT_VERNEED),
                             static_cast<int>(DT_VERDEF)})
      if (dynamic_.contains(where) && !offset_of(value(where), 4))
        refuse("truncated: a table of the dynamic section lies outside the file");
    for (const auto where : {DT_INIT, DT_FINI})
      if (dynamic_.contains(where) && !offset_of(value(where), 1)) refuse("truncated: its code lies outside the file");
  }

  std::uint64_t value(Elf64_Sxword tag) const {
    const auto found = dynamic_.find(tag);
    return found == dynamic_.end() ? 0 : found->second;
  }

  void find_section() {
    const Elf64_Shdr* found = nullptr;
    for (const auto& section : sections_) {
      if (section.sh_type != SHT_PROGBITS || section_name(section) != wanted_.section) continue;
      if (found) refuse("has two sections called " + std::string(wanted_.section));
      found = &section;
    }
    if (!found) return;
    // What is read here must be what will be in memory: else the file could say one thing and be another.
    if (!(found->sh_flags & SHF_ALLOC) || offset_of(found->sh_addr, found->sh_size) != found->sh_offset)
      refuse("is damaged: its section " + std::string(wanted_.section) + " is not the one that would be loaded");
    result_.has_section = true;
    result_.section = bytes(found->sh_offset, std::min(found->sh_size, wanted_.section_limit), "tag");
  }

  void find_symbol() {
    const Elf64_Shdr* symbols = nullptr;
    for (const auto& section : sections_)
      if (section.sh_type == SHT_DYNSYM) symbols = &section;
    if (!symbols || symbols->sh_entsize != sizeof(Elf64_Sym) || symbols->sh_addr != value(DT_SYMTAB) ||
        offset_of(symbols->sh_addr, symbols->sh_size) != symbols->sh_offset)
      refuse("is damaged: its dynamic symbols are not where the loader would look");
    const auto names = bytes(*offset_of(value(DT_STRTAB), value(DT_STRSZ)), value(DT_STRSZ), "table of symbol names");
    for (const auto& symbol : table<Elf64_Sym>(symbols->sh_offset, symbols->sh_size / sizeof(Elf64_Sym), "symbol table")) {
      if (symbol.st_name >= names.size()) refuse("is damaged: a symbol's name lies outside the table");
      const char* name = names.data() + symbol.st_name;
      const auto room = names.size() - symbol.st_name;
      if (room <= wanted_.symbol.size() || std::memcmp(name, wanted_.symbol.data(), wanted_.symbol.size()) != 0 ||
          name[wanted_.symbol.size()] != '\0')
        continue;
      result_.has_symbol = ELF64_ST_BIND(symbol.st_info) == STB_GLOBAL && ELF64_ST_TYPE(symbol.st_info) == STT_OBJECT &&
                           ELF64_ST_VISIBILITY(symbol.st_other) == STV_DEFAULT && symbol.st_shndx != SHN_UNDEF &&
                           symbol.st_size >= wanted_.symbol_size && offset_of(symbol.st_value, wanted_.symbol_size);
    }
  }

  int fd_;
  const ElfWanted& wanted_;
  ElfReading& result_;
  std::uint64_t size_ = 0;
  Elf64_Ehdr header_ = {};
  std::vector<Elf64_Phdr> segments_;
  std::vector<Elf64_Shdr> sections_;
  std::string names_;
  std::map<Elf64_Sxword, std::uint64_t> dynamic_;
};

}  // namespace

ElfReading read_elf(int fd, const ElfWanted& wanted) {
  ElfReading result;
  try {
    ElfReader(fd, wanted, result).read();
  } catch (const Problem& problem) {
    result.problem = problem.text;
  }
  return result;
}

}  // namespace simmer
