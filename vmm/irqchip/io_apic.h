// An IOAPIC in user space: 24 pins, edge-triggered fixed interrupts. 82093AA datasheet, chapter 3.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace trapline::vmm {

class IoApic {
 public:
  static constexpr unsigned kPins = 24;

  // 32-bit accesses by offset into its page.
  void write(std::uint64_t offset, std::uint32_t value);
  [[nodiscard]] std::uint32_t read(std::uint64_t offset) const;

  struct Route {
    std::uint32_t destination = 0;  // APIC ID
    std::uint8_t vector = 0;
  };
  // Where a rising edge of the pin leads; nothing while it is masked.
  [[nodiscard]] std::optional<Route> route(unsigned pin) const;

 private:
  std::uint32_t index_ = 0;
  std::array<std::uint64_t, kPins> entries_ = masked_entries();

  static std::array<std::uint64_t, kPins> masked_entries();
};

}  // namespace trapline::vmm
