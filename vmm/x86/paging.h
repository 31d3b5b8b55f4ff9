// Four-level page tables of long mode (AMD APM vol. 2, 5.3): a builder for 4 KiB pages, and a walker that can
// be pointed at tables that a guest has made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"

namespace trapline::vmm::x86 {

inline constexpr std::uint64_t kPageBytes = 4096;

struct PageAccess {
  bool writable = false;
  bool user = false;
  bool executable = false;
};

// Builds tables in guest-physical memory. `memory` is that memory from GPA 0; the tables themselves are pages
// taken one after the other from [first_table, tables_end), the root first.
class PageTableBuilder {
 public:
  static Result<PageTableBuilder> create(std::span<std::byte> memory, std::uint64_t first_table,
                                         std::uint64_t tables_end);

  // Maps one page; a mapping that is already there is replaced. Accessed and dirty are set, so that the
  // processor has no reason to write to the tables.
  [[nodiscard]] Status map(std::uint64_t gva, std::uint64_t gpa, PageAccess access);
  // The same for device memory: not cacheable, not executable, supervisor only.
  [[nodiscard]] Status map_device(std::uint64_t gva, std::uint64_t gpa);
  // GPA of the lowest-level entry for `gva`, the tables above it made where they are missing.
  [[nodiscard]] Result<std::uint64_t> leaf_entry(std::uint64_t gva);

  [[nodiscard]] std::uint64_t root() const { return root_; }  // for CR3

 private:
  PageTableBuilder(std::span<std::byte> memory, std::uint64_t next_table, std::uint64_t tables_end)
      : memory_(memory), next_table_(next_table), tables_end_(tables_end) {}

  Result<std::uint64_t> new_table();
  Status set_leaf(std::uint64_t gva, std::uint64_t entry);

  std::span<std::byte> memory_;
  std::uint64_t next_table_;
  std::uint64_t tables_end_;
  std::uint64_t root_ = 0;
};

struct Translation {
  std::uint64_t gpa = 0;
  PageAccess access;             // what every level allows
  std::uint64_t page_bytes = 0;  // 4 KiB, 2 MiB or 1 GiB
};

// Where `gva` leads, or nothing where it is not mapped, not canonical, or a table lies outside of `memory`.
// The tables are not trusted: each level is one bounds-checked read. Reserved bits are not checked.
[[nodiscard]] std::optional<Translation> walk(std::span<const std::byte> memory, std::uint64_t root,
                                              std::uint64_t gva);

}  // namespace trapline::vmm::x86
