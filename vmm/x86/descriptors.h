// Segment descriptors, gates and the task-state segment of long mode, as bytes. AMD APM vol. 2, 4.8
// and 12.2.5.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace trapline::vmm::x86 {

// Descriptors of user segments (4.8.1, 4.8.2): flat, present, accessed.
[[nodiscard]] std::uint64_t code_segment(unsigned dpl);
[[nodiscard]] std::uint64_t data_segment(unsigned dpl);

// A system descriptor is two GDT slots wide (4.8.3). Available, not busy: LTR marks it busy.
[[nodiscard]] std::array<std::uint64_t, 2> tss_descriptor(std::uint64_t base, std::uint32_t limit);

// A gate of the IDT (4.8.4).
struct Gate {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};
static_assert(sizeof(Gate) == 16);

// IF is cleared on entry. `ist` 0: the stack of TSS.RSPn on a change of privilege, otherwise the current one.
[[nodiscard]] Gate interrupt_gate(std::uint64_t handler, std::uint16_t selector, unsigned dpl,
                                  unsigned ist = 0);

// The same, but IF stays as it is.
[[nodiscard]] Gate trap_gate(std::uint64_t handler, std::uint16_t selector, unsigned dpl);

// A code segment that is not present: loading it is a #NP that tells its selector. It must be a code segment
// with the privilege of what loads it, or a #GP comes instead.
[[nodiscard]] std::uint64_t absent_code_segment(unsigned dpl);

// The 64-bit TSS (12.2.5, figure 12-8).
struct [[gnu::packed]] TaskStateSegment {
  std::uint32_t reserved_0 = 0;
  std::uint64_t rsp[3] = {};  // stacks for CPL 0, 1, 2
  std::uint64_t reserved_1 = 0;
  std::uint64_t ist[7] = {};
  std::uint64_t reserved_2 = 0;
  std::uint16_t reserved_3 = 0;
  std::uint16_t io_map_base = sizeof(TaskStateSegment);  // beyond the limit: no I/O permission map
};
static_assert(sizeof(TaskStateSegment) == 104);
static_assert(offsetof(TaskStateSegment, rsp) == 4 && offsetof(TaskStateSegment, ist) == 36);

// Puts a descriptor at its selector, a gate at its vector. Those that lie outside of the table are ignored
// and reported as false.
bool put_descriptor(std::span<std::byte> gdt, std::uint16_t selector, std::uint64_t descriptor);
bool put_gate(std::span<std::byte> idt, std::uint8_t vector, const Gate& gate);

}  // namespace trapline::vmm::x86
