// The words for what an exit was about, the same for SVM and VMX.
#pragma once

#include <cstdint>
#include <string>

#include "tracer/exits/kind.h"

namespace trapline::tracer {

// An IN, OUT, INS or OUTS.
struct IoAccess {
  std::uint16_t port = 0;
  std::uint8_t size = 0;  // bytes: 1, 2, 4; 0: the exit does not say
  bool in = false;
  bool string = false;
  bool rep = false;

  bool operator==(const IoAccess&) const = default;
};

[[nodiscard]] std::string io_key(const IoAccess& io);  // "port 0x3f8 out 1", "port 0x1f0 in 2 string rep"
[[nodiscard]] std::string msr_key(std::uint32_t msr, bool write);  // "msr 0x80b x2APIC EOI write"
// A port access as an exit's detail, and back.
void set_io(const IoAccess& io, ExitKind& kind);
[[nodiscard]] IoAccess io_of(const ExitKind& kind);

[[nodiscard]] std::string hypercall_key(std::uint64_t number);  // "nr 10 SEND_IPI"

}  // namespace trapline::tracer
