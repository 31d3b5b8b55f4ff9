#include "vmm/machine/kernel_image.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

extern "C" {
extern const std::byte trapline_nano_kernel_begin[];
extern const std::byte trapline_nano_kernel_end[];
}

namespace trapline::vmm {

namespace {

// More than any kernel of ours has; bounds the work that a hostile file can ask for.
constexpr std::size_t kMaxSegments = 16;
constexpr std::size_t kMaxSections = 64;
constexpr std::size_t kMaxSymbols = 4096;

using Bytes = std::span<const std::byte>;

std::optional<Bytes> part(Bytes file, std::uint64_t offset, std::uint64_t size) {
  if (offset > file.size() || file.size() - offset < size) return std::nullopt;
  return file.subspan(offset, size);
}

template <typename T>
std::optional<T> read_at(Bytes file, std::uint64_t offset) {
  const auto bytes = part(file, offset, sizeof(T));
  if (!bytes) return std::nullopt;
  T value;
  std::memcpy(&value, bytes->data(), sizeof value);
  return value;
}

// Entry `index` of a table at `offset`; the sum cannot wrap for the small counts allowed here.
template <typename T>
std::optional<T> read_entry(Bytes file, std::uint64_t offset, std::size_t index) {
  if (offset > file.size()) return std::nullopt;
  return read_at<T>(file, offset + index * sizeof(T));
}

tl::unexpected<Error> broken(std::string_view what) {
  return fail(fmt::format("the guest kernel's image is broken: {}", what));
}

bool lies_within(const Elf64_Phdr& header, std::uint64_t begin, std::uint64_t end) {
  return header.p_vaddr >= begin && header.p_vaddr <= end && header.p_memsz <= end - header.p_vaddr;
}

Result<KernelSegment> parse_segment(Bytes file, const Elf64_Phdr& header) {
  const auto bytes = part(file, header.p_offset, header.p_filesz);
  if (!bytes || header.p_filesz > header.p_memsz) return broken("a segment lies outside of the file");
  if (header.p_vaddr % GUEST_PAGE_BYTES != 0) return broken("a segment does not start on a page");
  const bool user = lies_within(header, GUEST_USER_IMAGE, GUEST_USER_IMAGE_END);
  if (!user && !lies_within(header, GUEST_KERNEL_IMAGE, GUEST_KERNEL_IMAGE_END) &&
      !lies_within(header, GUEST_MONITOR_IMAGE, GUEST_MONITOR_IMAGE_END)) {
    return broken("a segment lies outside of the image's part of memory");
  }
  return KernelSegment{.gpa = header.p_vaddr,
                       .memory_bytes = header.p_memsz,
                       .bytes = *bytes,
                       .access = {.writable = (header.p_flags & PF_W) != 0,
                                  .user = user,
                                  .executable = (header.p_flags & PF_X) != 0}};
}

Result<std::vector<KernelSegment>> parse_segments(Bytes file, const Elf64_Ehdr& elf) {
  if (elf.e_phentsize != sizeof(Elf64_Phdr) || elf.e_phnum > kMaxSegments) return broken("program headers");
  std::vector<KernelSegment> segments;
  for (std::size_t i = 0; i < elf.e_phnum; ++i) {
    const auto header = read_entry<Elf64_Phdr>(file, elf.e_phoff, i);
    if (!header) return broken("a program header lies outside of the file");
    if (header->p_type != PT_LOAD || header->p_memsz == 0) continue;
    TRAPLINE_ASSIGN(segment, parse_segment(file, *header));
    segments.push_back(segment);
  }
  return segments;
}

Result<guest_image_header> parse_image_header(const std::vector<KernelSegment>& segments) {
  for (const KernelSegment& segment : segments) {
    if (segment.gpa != GUEST_KERNEL_IMAGE) continue;
    const auto header = read_at<guest_image_header>(segment.bytes, 0);
    if (!header || header->magic != GUEST_IMAGE_MAGIC) break;
    if (header->isr_stub_bytes != GUEST_ISR_STUB_BYTES) return broken("its ISR stubs have another size");
    return *header;
  }
  return broken("it does not start with its header");
}

// Symbols are a convenience: what is wrong with them is left out, silently.
void collect_symbols(Bytes file, const Elf64_Shdr& table, Bytes names, std::vector<KernelSymbol>& symbols) {
  const std::size_t count = std::min<std::size_t>(table.sh_size / sizeof(Elf64_Sym), kMaxSymbols);
  for (std::size_t i = 0; i < count; ++i) {
    const auto symbol = read_entry<Elf64_Sym>(file, table.sh_offset, i);
    if (!symbol) return;
    const auto type = ELF64_ST_TYPE(symbol->st_info);
    if (symbol->st_shndx == SHN_UNDEF || symbol->st_shndx == SHN_ABS || type > STT_FUNC) continue;
    if (symbol->st_name >= names.size()) continue;
    const auto* name = reinterpret_cast<const char*>(names.data()) + symbol->st_name;
    const std::size_t length = ::strnlen(name, names.size() - symbol->st_name);
    if (length > 0) symbols.push_back({symbol->st_value, std::string(name, length)});
  }
}

std::vector<KernelSymbol> parse_symbols(Bytes file, const Elf64_Ehdr& elf) {
  std::vector<KernelSymbol> symbols;
  if (elf.e_shentsize != sizeof(Elf64_Shdr) || elf.e_shnum > kMaxSections) return symbols;
  for (std::size_t i = 0; i < elf.e_shnum; ++i) {
    const auto table = read_entry<Elf64_Shdr>(file, elf.e_shoff, i);
    if (!table || table->sh_type != SHT_SYMTAB || table->sh_link >= elf.e_shnum) continue;
    const auto strings = read_entry<Elf64_Shdr>(file, elf.e_shoff, table->sh_link);
    if (!strings) continue;
    const auto names = part(file, strings->sh_offset, strings->sh_size);
    if (names) collect_symbols(file, *table, *names, symbols);
  }
  std::stable_sort(symbols.begin(), symbols.end(),
                   [](const auto& a, const auto& b) { return a.address < b.address; });
  return symbols;
}

}  // namespace

std::span<const std::byte> nano_kernel_file() {
  return {trapline_nano_kernel_begin, trapline_nano_kernel_end};
}

Result<KernelImage> KernelImage::parse(std::span<const std::byte> file) {
  const auto elf = read_at<Elf64_Ehdr>(file, 0);
  if (!elf || std::memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0) return broken("not an ELF file");
  if (elf->e_ident[EI_CLASS] != ELFCLASS64 || elf->e_machine != EM_X86_64 || elf->e_type != ET_EXEC) {
    return broken("not a static x86-64 program");
  }
  KernelImage image;
  image.entry = elf->e_entry;
  TRAPLINE_ASSIGN(segments, parse_segments(file, *elf));
  image.segments = std::move(segments);
  TRAPLINE_ASSIGN(header, parse_image_header(image.segments));
  image.header = header;
  image.symbols = parse_symbols(file, *elf);
  return image;
}

Status KernelImage::load(const GuestMemory& memory) const {
  for (const KernelSegment& segment : segments) {
    TRAPLINE_ASSIGN(target, memory.at(segment.gpa, segment.memory_bytes));
    std::fill(target.begin(), target.end(), std::byte{0});
    std::copy(segment.bytes.begin(), segment.bytes.end(), target.begin());
  }
  return {};
}

std::string KernelImage::symbol_at(std::uint64_t address) const {
  const auto above = std::upper_bound(
      symbols.begin(), symbols.end(), address,
      [](std::uint64_t value, const KernelSymbol& symbol) { return value < symbol.address; });
  if (above == symbols.begin()) return {};
  const KernelSymbol& symbol = *(above - 1);
  const bool in_image = std::any_of(segments.begin(), segments.end(), [&](const KernelSegment& segment) {
    return address >= segment.gpa && address - segment.gpa < segment.memory_bytes;
  });
  if (!in_image) return {};
  return fmt::format("{}+{:#x}", symbol.name, address - symbol.address);
}

}  // namespace trapline::vmm
