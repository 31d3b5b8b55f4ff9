// As much of a 16550 as polled output needs: the transmitter is always ready, nothing is ever received, no
// interrupts.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "vmm/machine/port_bus.h"

namespace trapline::vmm {

class Serial16550 final : public PortDevice {
 public:
  using Sink = std::function<void(std::string_view)>;

  // Text goes to the sink line by line, on the vCPU's thread, byte for byte as the guest wrote it: a terminal
  // may not want all of that. An empty sink: it is dropped.
  Serial16550(std::uint16_t base, Sink sink) : base_(base), sink_(std::move(sink)) {}

  void write(std::uint16_t port, unsigned bytes, std::uint32_t value) override;
  std::uint32_t read(std::uint16_t port, unsigned bytes) override;

  // Hands an unfinished line to the sink.
  void flush();

  static constexpr std::uint16_t kPorts = 8;

 private:
  void transmit(char character);
  [[nodiscard]] bool divisor_latch() const;

  std::uint16_t base_;
  Sink sink_;
  std::string line_;
  std::array<std::uint8_t, kPorts> registers_{};
  std::array<std::uint8_t, 2> divisor_{};
};

}  // namespace trapline::vmm
