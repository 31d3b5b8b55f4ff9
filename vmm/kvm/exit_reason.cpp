#include "vmm/kvm/exit_reason.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "wire/kvm_exits.h"

namespace trapline::vmm {

namespace {

std::string_view internal_error_name(std::uint32_t suberror) {
  switch (suberror) {
    case KVM_INTERNAL_ERROR_EMULATION:
      return "KVM cannot emulate the instruction";
    case KVM_INTERNAL_ERROR_SIMUL_EX:
      return "an exception while an exception was delivered";
    case KVM_INTERNAL_ERROR_DELIVERY_EV:
      return "an exit while an event was delivered";
    case KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON:
      return "an exit reason that KVM does not expect";
    default:
      return "unknown";
  }
}

std::string describe_internal_error(const kvm_run& run) {
  std::string text = fmt::format("KVM_EXIT_INTERNAL_ERROR: suberror {} ({}), data", run.internal.suberror,
                                 internal_error_name(run.internal.suberror));
  const auto count = std::min<std::size_t>(run.internal.ndata, std::size(run.internal.data));
  for (std::size_t i = 0; i < count; ++i)
    text += fmt::format(" {:#x}", std::uint64_t{run.internal.data[i]});
  return text;
}

}  // namespace

std::string describe_exit(const kvm_run& run) {
  switch (run.exit_reason) {
    case KVM_EXIT_SHUTDOWN:
      return "KVM_EXIT_SHUTDOWN: triple fault";
    case KVM_EXIT_FAIL_ENTRY:
      return fmt::format("KVM_EXIT_FAIL_ENTRY: the processor refuses the guest's state, reason {:#x}",
                         std::uint64_t{run.fail_entry.hardware_entry_failure_reason});
    case KVM_EXIT_INTERNAL_ERROR:
      return describe_internal_error(run);
    case KVM_EXIT_MMIO:
      return fmt::format("KVM_EXIT_MMIO: {} of {} bytes at GPA {:#x}, where no device is",
                         run.mmio.is_write != 0 ? "write" : "read", std::uint32_t{run.mmio.len},
                         std::uint64_t{run.mmio.phys_addr});
    case KVM_EXIT_IO:
      return fmt::format("KVM_EXIT_IO: {} of {} bytes at port {:#x}, where no device is",
                         run.io.direction == KVM_EXIT_IO_OUT ? "write" : "read", unsigned{run.io.size},
                         unsigned{run.io.port});
    case KVM_EXIT_UNKNOWN:
      return fmt::format("KVM_EXIT_UNKNOWN: hardware exit reason {:#x}",
                         std::uint64_t{run.hw.hardware_exit_reason});
    default:
      break;
  }
  const std::string_view name = wire::kvm_exit_name(run.exit_reason);
  if (name.empty()) return fmt::format("exit reason {}, which this VMM does not know", run.exit_reason);
  return fmt::format("{}, which this delivery path does not expect", name);
}

}  // namespace trapline::vmm
