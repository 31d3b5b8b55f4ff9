// The guest's RAM: one range from GPA 0. Every access by GPA is bounds-checked; what is read is a copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "base/mapping.h"
#include "base/result.h"

namespace trapline::vmm {

class GuestMemory {
 public:
  // Zeroed and present, in huge pages where the host has them: each first touch by the guest is a nested page
  // fault, 512 times fewer of them for a huge page.
  static Result<GuestMemory> create(std::size_t bytes);

  // The whole of it, in HVAs.
  [[nodiscard]] std::span<std::byte> bytes() const { return ram_; }
  // [gpa, gpa + size) in HVAs.
  [[nodiscard]] Result<std::span<std::byte>> at(std::uint64_t gpa, std::size_t size) const;

  template <typename T>
  [[nodiscard]] Result<T> read(std::uint64_t gpa) const {
    static_assert(std::is_trivially_copyable_v<T>);
    TRAPLINE_ASSIGN(bytes, at(gpa, sizeof(T)));
    T value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }

  template <typename T>
  [[nodiscard]] Status write(std::uint64_t gpa, const T& value) const {
    static_assert(std::is_trivially_copyable_v<T>);
    TRAPLINE_ASSIGN(bytes, at(gpa, sizeof(T)));
    std::memcpy(bytes.data(), &value, sizeof value);
    return {};
  }

 private:
  GuestMemory(Mapping mapping, std::span<std::byte> ram) : mapping_(std::move(mapping)), ram_(ram) {}

  Mapping mapping_;  // up to 2 MiB longer than the RAM, which starts aligned within it
  std::span<std::byte> ram_;
};

}  // namespace trapline::vmm
