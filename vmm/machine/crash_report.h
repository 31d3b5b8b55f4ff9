// What is told about a guest that has crashed: plain facts in, text out.
#pragma once

#include <linux/kvm.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "vmm/guest/abi.h"
#include "vmm/x86/frames.h"

namespace trapline::vmm {

struct CrashFacts {
  std::uint32_t vcpu = 0;
  std::string reason;  // one sentence
  std::optional<kvm_regs> regs;
  std::optional<kvm_sregs> sregs;
  std::optional<x86::TrapFrame> frame;   // of the exception that the guest gave up on
  std::vector<guest_stamp> last_stamps;  // oldest first
  // "isr+0x2c" for an address in the guest's code, empty for others; may be missing.
  std::function<std::string(std::uint64_t)> symbol_at;
};

[[nodiscard]] std::string crash_report(const CrashFacts& facts);

// "guest panic: unexpected exception" for an enum guest_panic_code; any number is taken.
[[nodiscard]] std::string describe_panic(std::uint32_t code);

}  // namespace trapline::vmm
