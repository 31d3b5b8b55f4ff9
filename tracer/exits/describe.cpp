#include "tracer/exits/describe.h"

#include <fmt/format.h>

#include "tracer/exits/svm.h"
#include "tracer/exits/vmx.h"

namespace trapline::tracer {

std::string_view cause_name(Cause cause) {
  return cause == Cause::guest ? "guest" : "async";
}

ExitDescription describe(const trl_exit_cycle& cycle) {
  if ((cycle.flags & TRL_ENTRY_ONLY) != 0) return {"entry only", {}, Cause::async, {}};
  if ((cycle.flags & TRL_ISA_SVM) != 0) return describe_svm(cycle);
  if ((cycle.flags & TRL_ISA_VMX) != 0) return describe_vmx(cycle);
  return {fmt::format("unknown ({:#x})", cycle.reason), {}, Cause::guest, {}};
}

bool is_halt(const ExitDescription& description) {
  return description.reason == "hlt" || description.reason == "HLT" || description.reason == "idle-halt";
}

}  // namespace trapline::tracer
