#include "tracer/exits/memory_fault.h"

#include <fmt/format.h>

#include "tracer/exits/names.h"
#include "tracer/exits/user_exits.h"

namespace trapline::tracer {

bool is_mmio(const trl_exit_cycle& cycle, const MemoryFault& fault) {
  if (fault.marked_mmio) return true;
  if ((cycle.flags & TRL_TO_USER) != 0 && cycle.user_reason == kUserExitMmio) return true;
  return fault.gpa_known && !device_window_name(fault.gpa).empty();
}

void describe_memory_fault(const trl_exit_cycle& cycle, const MemoryFault& fault,
                           ExitDescription& description) {
  if (fault.gpa_known) description.subject = {ExitSubject::Kind::gpa, fault.gpa};
  if (!is_mmio(cycle, fault)) {
    description.cause = Cause::async;
    description.key = "memory";
    return;
  }
  description.cause = Cause::guest;
  if (!fault.gpa_known) {
    description.key = "mmio";
    return;
  }
  description.key = fmt::format("gpa {:#x} {}", fault.gpa,
                                fault.write   ? "write"
                                : fault.fetch ? "fetch"
                                              : "read");
}

}  // namespace trapline::tracer
