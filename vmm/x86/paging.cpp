#include "vmm/x86/paging.h"

#include <fmt/format.h>

#include <cstring>

namespace trapline::vmm::x86 {

namespace {

// AMD APM vol. 2, 5.4.1 and figures 5-17 to 5-24.
constexpr std::uint64_t kPresent = 1 << 0;
constexpr std::uint64_t kWritable = 1 << 1;
constexpr std::uint64_t kUser = 1 << 2;
constexpr std::uint64_t kWriteThrough = 1 << 3;
constexpr std::uint64_t kCacheDisable = 1 << 4;
constexpr std::uint64_t kAccessed = 1 << 5;
constexpr std::uint64_t kDirty = 1 << 6;
constexpr std::uint64_t kLargePage = 1 << 7;
constexpr std::uint64_t kNoExecute = std::uint64_t{1} << 63;
constexpr std::uint64_t kAddress = 0x000f'ffff'ffff'f000;

constexpr int kLevels = 4;             // 4: PML4 ... 1: page table
constexpr int kHighestLargeLevel = 3;  // 1 GiB pages in the PDPT

constexpr int shift_of(int level) {
  return 12 + 9 * (level - 1);
}
constexpr std::uint64_t entry_offset(std::uint64_t gva, int level) {
  return (gva >> shift_of(level) & 0x1ff) * 8;
}

std::optional<std::uint64_t> read_entry(std::span<const std::byte> memory, std::uint64_t gpa) {
  std::uint64_t entry = 0;
  if (gpa > memory.size() || memory.size() - gpa < sizeof entry) return std::nullopt;
  std::memcpy(&entry, memory.data() + gpa, sizeof entry);
  return entry;
}

bool write_entry(std::span<std::byte> memory, std::uint64_t gpa, std::uint64_t entry) {
  if (gpa > memory.size() || memory.size() - gpa < sizeof entry) return false;
  std::memcpy(memory.data() + gpa, &entry, sizeof entry);
  return true;
}

bool is_canonical(std::uint64_t gva) {
  const std::uint64_t upper = gva >> 47;
  return upper == 0 || upper == 0x1ffff;
}

}  // namespace

Result<PageTableBuilder> PageTableBuilder::create(std::span<std::byte> memory, std::uint64_t first_table,
                                                  std::uint64_t tables_end) {
  PageTableBuilder builder(memory, first_table, tables_end);
  TRAPLINE_ASSIGN(root, builder.new_table());
  builder.root_ = root;
  return builder;
}

Result<std::uint64_t> PageTableBuilder::new_table() {
  const std::uint64_t table = next_table_;
  if (table + kPageBytes > tables_end_ || table + kPageBytes > memory_.size()) {
    return fail(fmt::format("no room for another page table at {:#x}", table));
  }
  std::memset(memory_.data() + table, 0, kPageBytes);
  next_table_ += kPageBytes;
  return table;
}

Result<std::uint64_t> PageTableBuilder::leaf_entry(std::uint64_t gva) {
  if (!is_canonical(gva)) return fail(fmt::format("{:#x} is not a canonical address", gva));
  std::uint64_t table = root_;
  for (int level = kLevels; level > 1; --level) {
    const std::uint64_t at = table + entry_offset(gva, level);
    const std::uint64_t entry = read_entry(memory_, at).value_or(0);
    if ((entry & kPresent) != 0) {
      table = entry & kAddress;
      continue;
    }
    TRAPLINE_ASSIGN(lower, new_table());
    // Upper levels allow everything: the leaf alone decides (5.6, the strictest level wins).
    if (!write_entry(memory_, at, lower | kPresent | kWritable | kUser | kAccessed)) {
      return fail(fmt::format("page-table entry {:#x} lies outside of memory", at));
    }
    table = lower;
  }
  return table + entry_offset(gva, 1);
}

Status PageTableBuilder::set_leaf(std::uint64_t gva, std::uint64_t entry) {
  TRAPLINE_ASSIGN(at, leaf_entry(gva));
  if (!write_entry(memory_, at, entry)) {
    return fail(fmt::format("page-table entry {:#x} lies outside of memory", at));
  }
  return {};
}

Status PageTableBuilder::map(std::uint64_t gva, std::uint64_t gpa, PageAccess access) {
  return set_leaf(gva, (gpa & kAddress) | kPresent | kAccessed | kDirty | (access.writable ? kWritable : 0) |
                           (access.user ? kUser : 0) | (access.executable ? 0 : kNoExecute));
}

Status PageTableBuilder::map_device(std::uint64_t gva, std::uint64_t gpa) {
  return set_leaf(gva, (gpa & kAddress) | kPresent | kAccessed | kDirty | kWritable | kNoExecute |
                           kCacheDisable | kWriteThrough);
}

std::optional<Translation> walk(std::span<const std::byte> memory, std::uint64_t root, std::uint64_t gva) {
  if (!is_canonical(gva)) return std::nullopt;
  PageAccess access{.writable = true, .user = true, .executable = true};
  std::uint64_t table = root & kAddress;
  for (int level = kLevels; level >= 1; --level) {
    const auto entry = read_entry(memory, table + entry_offset(gva, level));
    if (!entry || (*entry & kPresent) == 0) return std::nullopt;
    access.writable = access.writable && (*entry & kWritable) != 0;
    access.user = access.user && (*entry & kUser) != 0;
    access.executable = access.executable && (*entry & kNoExecute) == 0;
    if (level == 1 || (level <= kHighestLargeLevel && (*entry & kLargePage) != 0)) {
      const std::uint64_t page_bytes = std::uint64_t{1} << shift_of(level);
      const std::uint64_t offset = gva & (page_bytes - 1);
      return Translation{(*entry & kAddress & ~(page_bytes - 1)) + offset, access, page_bytes};
    }
    table = *entry & kAddress;
  }
  return std::nullopt;
}

}  // namespace trapline::vmm::x86
