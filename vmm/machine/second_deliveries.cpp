#include "vmm/machine/second_deliveries.h"

#include <utility>

#include "vmm/x86/delivery.h"

namespace trapline::vmm {

// RF lets the instruction with the breakpoint run (AMD APM vol. 2, 13.1.1.3). The frame has it clear, so that
// the return from the second delivery stops here once more.
Status SecondDeliveries::at_breakpoint() {
  TRAPLINE_ASSIGN(regs, vcpu_.regs());
  const bool has_returned = std::exchange(returns_to_, std::nullopt) == regs.rsp;
  if (!has_returned) {
    constexpr std::uint64_t kAlignment = 16;
    TRAPLINE_ASSIGN(sregs, vcpu_.sregs());
    const x86::HardwareFrame frame{regs.rip, sregs.cs.selector, regs.rflags & ~x86::kRflagsResume, regs.rsp,
                                   sregs.ss.selector};
    returns_to_ = regs.rsp;
    regs.rsp = (regs.rsp & ~(kAlignment - 1)) - sizeof frame;
    TRAPLINE_TRY(memory_.write(regs.rsp, frame));
    count_.fetch_add(1);
  }
  regs.rflags |= x86::kRflagsResume;
  return vcpu_.set_regs(regs);
}

}  // namespace trapline::vmm
