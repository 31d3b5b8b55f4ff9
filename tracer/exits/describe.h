// One exit cycle in words: what the exit was, what it was about, and whether the guest caused it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "bpf/record.h"
#include "tracer/exits/kind.h"

namespace trapline::tracer {

// The thing that an exit was about, as a number.
struct ExitSubject {
  enum class Kind : std::uint8_t {
    none,
    port,
    msr,
    gpa,
    cpuid_leaf,
    hypercall,
    control_register,
    vector,
    lapic_register
  };
  enum class Access : std::uint8_t { any, read, write };
  Kind kind = Kind::none;
  std::uint64_t number = 0;
  Access access = Access::any;  // of a port, an MSR or device memory, where the exit says it
};
[[nodiscard]] std::string_view access_name(ExitSubject::Access access);  // "read"; any: empty

struct ExitDescription {
  std::string reason;  // as `perf kvm stat` prints it; "unknown (0x...)" for a code that no table has
  // "port 0x3f8 out 1", "msr 0x80b x2APIC EOI write", "gpa 0xfee000b0 write"; empty for most. Exits with the
  // same reason and key are one row of a report: a fault on plain memory is "memory", whatever its address.
  std::string key;
  Cause cause = Cause::guest;
  ExitSubject subject;      // of memory faults none
  bool halts = false;       // is_halt() of it, for those of ExitKinds
  std::uint32_t index = 0;  // among the ExitKinds of a recording, from 0
};

// Works for TRL_EXIT_CYCLE and TRL_CYCLE_OPEN; the cycle's flags say whether it is SVM's or VMX's. A cycle
// without exit (TRL_ENTRY_ONLY) is "entry only", async.
[[nodiscard]] ExitDescription describe(const trl_exit_cycle& cycle);

// Whether the guest gave up the CPU until its next interrupt: HLT.
[[nodiscard]] bool is_halt(const ExitDescription& description);

// The descriptions of all exits of a recording: one object for each kind, made once. Its address does not
// change while this lives.
class ExitKinds {
 public:
  [[nodiscard]] const ExitDescription* describe(const trl_exit_cycle& cycle);
  [[nodiscard]] std::size_t size() const { return kinds_.size(); }

 private:
  std::unordered_map<ExitKind, ExitDescription, ExitKind::Hash> kinds_;
  const ExitDescription* last_ = nullptr;
  ExitKind last_kind_;
};

}  // namespace trapline::tracer
