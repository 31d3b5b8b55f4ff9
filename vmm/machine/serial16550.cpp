#include "vmm/machine/serial16550.h"

namespace trapline::vmm {

namespace {

// Registers and bits: National Semiconductor PC16550D datasheet, table II.
constexpr std::uint16_t kData = 0;  // divisor's low byte while DLAB is set
constexpr std::uint16_t kInterruptEnable = 1;
constexpr std::uint16_t kInterruptIdent = 2;
constexpr std::uint16_t kLineControl = 3;
constexpr std::uint16_t kLineStatus = 5;
constexpr std::uint16_t kModemStatus = 6;

constexpr std::uint8_t kDlab = 0x80;
constexpr std::uint8_t kNoInterruptPending = 0x01;
constexpr std::uint8_t kTransmitterEmpty = 0x60;  // holding register and shift register
constexpr std::uint8_t kCarrierAndReady = 0xb0;   // DCD, DSR, CTS

constexpr std::size_t kMaxLine = 256;

}  // namespace

bool Serial16550::divisor_latch() const {
  return (registers_[kLineControl] & kDlab) != 0;
}

void Serial16550::write(std::uint16_t port, unsigned /*bytes*/, std::uint32_t value) {
  const auto index = static_cast<std::uint16_t>((port - base_) % kPorts);
  const auto byte = static_cast<std::uint8_t>(value);
  if (divisor_latch() && index <= kInterruptEnable) {
    divisor_[index] = byte;
  } else if (index == kData) {
    transmit(static_cast<char>(byte));
  } else if (index != kLineStatus && index != kModemStatus) {
    registers_[index] = byte;
  }
}

std::uint32_t Serial16550::read(std::uint16_t port, unsigned /*bytes*/) {
  const auto index = static_cast<std::uint16_t>((port - base_) % kPorts);
  if (divisor_latch() && index <= kInterruptEnable) return divisor_[index];
  switch (index) {
    case kData:
      return 0;
    case kInterruptIdent:
      return kNoInterruptPending;
    case kLineStatus:
      return kTransmitterEmpty;
    case kModemStatus:
      return kCarrierAndReady;
    default:
      return registers_[index];
  }
}

void Serial16550::transmit(char character) {
  line_ += character;
  if (character == '\n' || line_.size() >= kMaxLine) flush();
}

void Serial16550::flush() {
  if (!line_.empty() && sink_) sink_(line_);
  line_.clear();
}

}  // namespace trapline::vmm
