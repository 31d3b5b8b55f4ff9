#include "tracer/exits/memory_fault.h"

#include "tracer/exits/names.h"
#include "tracer/exits/user_exits.h"

namespace trapline::tracer {

bool is_mmio(const trl_exit_cycle& cycle, const MemoryFault& fault) {
  if (fault.marked_mmio) return true;
  if ((cycle.flags & TRL_TO_USER) != 0 && cycle.user_reason == kUserExitMmio) return true;
  return fault.gpa_known && !device_window_name(fault.gpa).empty();
}

void set_memory_fault(const trl_exit_cycle& cycle, const MemoryFault& fault, ExitKind& kind) {
  if (!is_mmio(cycle, fault)) {
    kind.cause = Cause::async;
    kind.detail = ExitDetail::memory;
    return;
  }
  kind.cause = Cause::guest;
  if (!fault.gpa_known) {
    kind.detail = ExitDetail::mmio_anywhere;
    return;
  }
  kind.detail = ExitDetail::mmio;
  kind.number = fault.gpa;
  kind.access = fault.write ? kAccessWrite : fault.fetch ? kAccessFetch : 0;
}

}  // namespace trapline::tracer
