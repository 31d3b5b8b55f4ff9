// What a guest of the barest VMM does: a few bytes of real-mode code, whose exits are known beforehand.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace trapline::bare {

inline constexpr std::uint16_t kEndPort = 0xf4;        // written once, last
inline constexpr std::uint32_t kCodeAddress = 0x1000;  // also where RIP starts; CS is 0
inline constexpr std::uint32_t kHandlerAddress = 0x1800;
inline constexpr std::uint32_t kStackTop = 0x4000;
inline constexpr std::uint32_t kMemoryBytes = 0x10000;
inline constexpr std::uint8_t kVector = 0x40;

struct Work {
  std::string_view name;
  std::string_view what;
  bool in_kernel_irqchip;   // its HLT blocks in the kernel, its interrupts go through LAPIC and IOAPIC
  std::uint32_t data_base;  // base of DS: device memory that a 16-bit offset reaches
};

std::span<const Work> works();

// Nothing when there is no such work.
const Work* find_work(std::string_view name);

// The guest's program, to be loaded at kCodeAddress; it does its events and writes kEndPort.
std::vector<std::uint8_t> program(const Work& work, std::uint32_t events, std::uint16_t port);

// What interrupt kVector runs, at kHandlerAddress: tells by the port, ends the interrupt at the LAPIC.
std::vector<std::uint8_t> handler();

}  // namespace trapline::bare
