// The reader of ELF files against files that want to kill it: every truncation of a real plugin, flipped
// bytes in every header, and sizes that overflow.
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>

#include <cstring>
#include <random>

#include <loader/elf_file.hpp>
#include <plugins/plugin_fixture.hpp>
#include <simmer/plugin.hpp>

namespace simmer {
namespace {

// An anonymous file, so that thousands of variants cost no disk.
class ElfTest : public PluginTest {
 protected:
  void SetUp() override {
    PluginTest::SetUp();
    whole_ = read_file(bad_plugin("stripped"));
    fd_ = Fd(::memfd_create("candidate.so", MFD_CLOEXEC));
    ASSERT_TRUE(fd_);
  }

  ElfReading reading_of(const std::string& bytes) {
    EXPECT_EQ(::ftruncate(fd_.get(), 0), 0);
    EXPECT_EQ(::pwrite(fd_.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    return read_elf(fd_.get(), {.section = plugin_tag_section,
                                .section_limit = 4096,
                                .symbol = "simmer_plugin_descriptor",
                                .symbol_size = sizeof(simmer_plugin_descriptor_t)});
  }

  template <class Header>
  Header at(std::size_t offset) const {
    Header header;
    std::memcpy(&header, whole_.data() + offset, sizeof header);
    return header;
  }
  template <class Header>
  std::string with(std::size_t offset, const Header& header) const {
    auto bytes = whole_;
    std::memcpy(bytes.data() + offset, &header, sizeof header);
    return bytes;
  }

  std::string whole_;
  Fd fd_;
};

TEST_F(ElfTest, WholePluginHasNoProblem) {
  const auto reading = reading_of(whole_);
  EXPECT_EQ(reading.problem, "");
  EXPECT_TRUE(reading.has_section);
  EXPECT_TRUE(reading.has_symbol);
  EXPECT_EQ(reading.section.substr(0, plugin_magic_size), plugin_magic);
}

TEST_F(ElfTest, EveryTruncationIsRefused) {
  // From the whole file downwards, so that the file only ever shrinks.
  reading_of(whole_);
  for (auto length = static_cast<off_t>(whole_.size()) - 1; length >= 0; --length) {
    ASSERT_EQ(::ftruncate(fd_.get(), length), 0);
    const auto reading =
        read_elf(fd_.get(), {.section = plugin_tag_section, .section_limit = 4096, .symbol = "x", .symbol_size = 0});
    ASSERT_NE(reading.problem, "") << "cut to " << length << " of " << whole_.size() << " bytes";
    if (length >= 4) {
      ASSERT_TRUE(reading.problem.starts_with("truncated")) << length << ": " << reading.problem;
    }
  }
}

TEST_F(ElfTest, BytesAppendedDoNoHarm) { EXPECT_EQ(reading_of(whole_ + std::string(1000, 'x')).problem, ""); }

// What is still called whole after its headers were damaged must at least not end the reader.
TEST_F(ElfTest, FlippedHeaderBytesNeverCrash) {
  const auto header = at<Elf64_Ehdr>(0);
  std::vector<std::pair<std::size_t, std::size_t>> ranges = {{0, sizeof header},
                                                             {header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr)},
                                                             {header.e_shoff, header.e_shnum * sizeof(Elf64_Shdr)}};
  for (int i = 0; i < header.e_phnum; ++i) {
    const auto segment = at<Elf64_Phdr>(header.e_phoff + i * sizeof(Elf64_Phdr));
    if (segment.p_type == PT_DYNAMIC) ranges.push_back({segment.p_offset, segment.p_filesz});
  }
  int refused = 0, tried = 0;
  for (const auto& [offset, size] : ranges) {
    for (std::size_t i = offset; i < offset + size; ++i) {
      for (const unsigned char value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
        auto bytes = whole_;
        bytes[i] = static_cast<char>(value);
        refused += reading_of(bytes).problem.empty() ? 0 : 1;
        ++tried;
      }
    }
  }
  EXPECT_GT(refused, tried / 10);
}

TEST_F(ElfTest, RandomDamageNeverCrashes) {
  std::mt19937_64 random(20261123);
  for (int round = 0; round < 4000; ++round) {
    auto bytes = whole_;
    const auto flips = 1 + random() % 16;
    for (std::uint64_t i = 0; i < flips; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    reading_of(bytes);
  }
}

TEST_F(ElfTest, HostileSizesAreRefused) {
  const auto header = at<Elf64_Ehdr>(0);
  for (const std::uint64_t hostile :
       {~std::uint64_t{0}, ~std::uint64_t{0} - 63, std::uint64_t{1} << 63, std::uint64_t{whole_.size()} + 1}) {
    auto changed = header;
    changed.e_phoff = hostile;
    EXPECT_NE(reading_of(with(0, changed)).problem, "") << hostile;
    changed = header;
    changed.e_shoff = hostile;
    EXPECT_NE(reading_of(with(0, changed)).problem, "") << hostile;
    for (int i = 0; i < header.e_phnum; ++i) {
      const auto where = header.e_phoff + i * sizeof(Elf64_Phdr);
      auto segment = at<Elf64_Phdr>(where);
      if (segment.p_type == PT_NULL || segment.p_filesz == 0) continue;
      segment.p_filesz = hostile;
      EXPECT_NE(reading_of(with(where, segment)).problem, "") << "segment " << i << " size " << hostile;
      segment = at<Elf64_Phdr>(where);
      segment.p_offset = hostile;
      EXPECT_NE(reading_of(with(where, segment)).problem, "") << "segment " << i << " offset " << hostile;
    }
    for (int i = 1; i < header.e_shnum; ++i) {
      const auto where = header.e_shoff + i * sizeof(Elf64_Shdr);
      auto section = at<Elf64_Shdr>(where);
      if (section.sh_type == SHT_NOBITS || section.sh_size == 0) continue;
      section.sh_size = hostile;
      EXPECT_NE(reading_of(with(where, section)).problem, "") << "section " << i << " size " << hostile;
      section = at<Elf64_Shdr>(where);
      section.sh_offset = hostile;
      EXPECT_NE(reading_of(with(where, section)).problem, "") << "section " << i << " offset " << hostile;
    }
  }
}

TEST_F(ElfTest, EachTableOfTheDynamicSectionMustLieInside) {
  const auto header = at<Elf64_Ehdr>(0);
  int tables = 0;
  for (int i = 0; i < header.e_phnum; ++i) {
    const auto segment = at<Elf64_Phdr>(header.e_phoff + i * sizeof(Elf64_Phdr));
    if (segment.p_type != PT_DYNAMIC) continue;
    for (auto where = segment.p_offset; where < segment.p_offset + segment.p_filesz; where += sizeof(Elf64_Dyn)) {
      auto entry = at<Elf64_Dyn>(where);
      if (entry.d_tag != DT_STRTAB && entry.d_tag != DT_SYMTAB && entry.d_tag != DT_RELA && entry.d_tag != DT_JMPREL &&
          entry.d_tag != DT_GNU_HASH && entry.d_tag != DT_INIT_ARRAY && entry.d_tag != DT_STRSZ && entry.d_tag != DT_RELASZ)
        continue;
      entry.d_un.d_val = std::uint64_t{1} << 40;
      EXPECT_NE(reading_of(with(where, entry)).problem, "") << "dynamic entry " << entry.d_tag;
      ++tables;
    }
  }
  EXPECT_GE(tables, 6);
}

TEST_F(ElfTest, AnotherArchitectureIsNamed) {
  auto header = at<Elf64_Ehdr>(0);
  header.e_machine = header.e_machine == EM_AARCH64 ? EM_X86_64 : EM_AARCH64;
  const auto problem = reading_of(with(0, header)).problem;
  EXPECT_THAT(problem, ::testing::HasSubstr("another architecture"));
  EXPECT_THAT(problem, ::testing::AllOf(::testing::HasSubstr("aarch64"), ::testing::HasSubstr("x86-64")));
  header = at<Elf64_Ehdr>(0);
  header.e_ident[EI_CLASS] = ELFCLASS32;
  EXPECT_THAT(reading_of(with(0, header)).problem, ::testing::HasSubstr("32 bit"));
}

TEST_F(ElfTest, ProgramsAndObjectFilesAreNoSharedObjects) {
  EXPECT_THAT(reading_of(read_file("/proc/self/exe")).problem, ::testing::HasSubstr("not a shared object"));
  auto header = at<Elf64_Ehdr>(0);
  header.e_type = ET_REL;
  EXPECT_THAT(reading_of(with(0, header)).problem, ::testing::HasSubstr("not a shared object"));
}

// The tag that is read must be the tag that will be in memory.
TEST_F(ElfTest, SectionThatWouldNotBeLoadedIsRefused) {
  const auto header = at<Elf64_Ehdr>(0);
  int tried = 0;
  for (int i = 1; i < header.e_shnum; ++i) {
    const auto where = header.e_shoff + i * sizeof(Elf64_Shdr);
    auto section = at<Elf64_Shdr>(where);
    if (section.sh_size != sizeof(PluginTag) || section.sh_type != SHT_PROGBITS) continue;
    section.sh_offset -= 1024;
    EXPECT_NE(reading_of(with(where, section)).problem, "");
    section = at<Elf64_Shdr>(where);
    section.sh_flags = 0;
    EXPECT_NE(reading_of(with(where, section)).problem, "");
    ++tried;
  }
  EXPECT_EQ(tried, 1);
}

}  // namespace
}  // namespace simmer
