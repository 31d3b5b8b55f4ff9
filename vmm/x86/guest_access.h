// A guest's memory by guest-virtual address, through its own page tables, page by page. Nothing is trusted:
// every table and every byte is bounds-checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>

namespace trapline::vmm::x86 {

// Guest-physical memory from GPA 0, and the root of the page tables (CR3).
struct AddressSpace {
  std::span<std::byte> memory;
  std::uint64_t root = 0;
};

// Whether all bytes could be read. `target` is not to be used otherwise.
[[nodiscard]] bool read_bytes(const AddressSpace& space, std::uint64_t gva, std::span<std::byte> target);
// All or nothing: where a page is missing or not writable, nothing is written.
[[nodiscard]] bool write_bytes(const AddressSpace& space, std::uint64_t gva,
                               std::span<const std::byte> source);

template <typename T>
[[nodiscard]] std::optional<T> read_object(const AddressSpace& space, std::uint64_t gva) {
  static_assert(std::is_trivially_copyable_v<T>);
  T value{};
  if (!read_bytes(space, gva, std::as_writable_bytes(std::span(&value, 1)))) return std::nullopt;
  return value;
}

template <typename T>
[[nodiscard]] bool write_object(const AddressSpace& space, std::uint64_t gva, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  return write_bytes(space, gva, std::as_bytes(std::span(&value, 1)));
}

}  // namespace trapline::vmm::x86
