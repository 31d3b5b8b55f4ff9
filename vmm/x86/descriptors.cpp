#include "vmm/x86/descriptors.h"

#include <cstring>

namespace trapline::vmm::x86 {

namespace {

// Bits of a descriptor's upper doubleword, AMD APM vol. 2, figures 4-20 and 4-21.
constexpr std::uint64_t kPresent = std::uint64_t{1} << 47;
constexpr std::uint64_t kUserSegment = std::uint64_t{1} << 44;  // S
constexpr std::uint64_t kLong = std::uint64_t{1} << 53;         // L
constexpr std::uint64_t kDefaultBig = std::uint64_t{1} << 54;   // D/B
constexpr std::uint64_t kGranularity = std::uint64_t{1} << 55;
constexpr std::uint64_t kFlatLimit = 0x000f'0000'0000'ffff;  // limit 0xfffff, base 0

// Types: table 4-5 (code, data), table 4-6 (long-mode system descriptors).
constexpr std::uint64_t kCodeReadAccessed = 0xb;
constexpr std::uint64_t kDataWriteAccessed = 0x3;
constexpr std::uint64_t kAvailableTss = 0x9;
constexpr std::uint64_t kInterruptGate = 0xe;
constexpr std::uint64_t kTrapGate = 0xf;

constexpr std::uint64_t type(std::uint64_t value) {
  return value << 40;
}
constexpr std::uint64_t privilege(unsigned dpl) {
  return std::uint64_t{dpl & 3} << 45;
}

Gate gate(std::uint64_t gate_type, std::uint64_t handler, std::uint16_t selector, unsigned dpl,
          unsigned ist) {
  const std::uint64_t low = (handler & 0xffff) | std::uint64_t{selector} << 16 |
                            std::uint64_t{ist & 7} << 32 | type(gate_type) | privilege(dpl) | kPresent |
                            (handler >> 16 & 0xffff) << 48;
  return {low, handler >> 32};
}

template <typename T>
bool put_at(std::span<std::byte> table, std::size_t offset, const T& value) {
  if (offset > table.size() || table.size() - offset < sizeof value) return false;
  std::memcpy(table.data() + offset, &value, sizeof value);
  return true;
}

}  // namespace

std::uint64_t code_segment(unsigned dpl) {
  return kFlatLimit | kPresent | kUserSegment | kLong | kGranularity | type(kCodeReadAccessed) |
         privilege(dpl);
}

std::uint64_t absent_code_segment(unsigned dpl) {
  return code_segment(dpl) & ~kPresent;
}

std::uint64_t data_segment(unsigned dpl) {
  return kFlatLimit | kPresent | kUserSegment | kDefaultBig | kGranularity | type(kDataWriteAccessed) |
         privilege(dpl);
}

std::array<std::uint64_t, 2> tss_descriptor(std::uint64_t base, std::uint32_t limit) {
  const std::uint64_t low = (limit & 0xffff) | std::uint64_t{limit >> 16 & 0xf} << 48 |
                            (base & 0xff'ffff) << 16 | (base >> 24 & 0xff) << 56 | kPresent |
                            type(kAvailableTss);
  return {low, base >> 32};
}

Gate interrupt_gate(std::uint64_t handler, std::uint16_t selector, unsigned dpl, unsigned ist) {
  return gate(kInterruptGate, handler, selector, dpl, ist);
}

Gate trap_gate(std::uint64_t handler, std::uint16_t selector, unsigned dpl) {
  return gate(kTrapGate, handler, selector, dpl, 0);
}

bool put_descriptor(std::span<std::byte> gdt, std::uint16_t selector, std::uint64_t descriptor) {
  return put_at(gdt, selector & ~std::size_t{7}, descriptor);
}

bool put_gate(std::span<std::byte> idt, std::uint8_t vector, const Gate& gate) {
  return put_at(idt, vector * sizeof gate, gate);
}

}  // namespace trapline::vmm::x86
