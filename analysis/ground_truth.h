// What was recorded beside what others counted in the same run: the guest program itself, and KVM.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/recorded_counts.h"
#include "tracer/recording/session.h"

namespace trapline::analysis {

// One thing that the guest counted itself, beside what was recorded of it.
struct TruthRow {
  std::uint16_t vcpu = 0;
  std::string what;  // "io port 0x10", "isr vector 0x40"
  std::uint64_t guest = 0;
  std::uint64_t recorded = 0;

  [[nodiscard]] bool agrees() const { return guest == recorded; }
};

// One counter of KVM_GET_STATS_FD beside ours.
struct KvmStatRow {
  std::uint16_t vcpu = 0;
  std::string name;
  std::uint64_t kvm = 0;
  std::uint64_t recorded = 0;

  [[nodiscard]] bool agrees() const { return kvm == recorded; }
};

// A row for each of the guest's counts that a recording can show: port and x2APIC MSR accesses, device
// memory, CPUID, HLT, null hypercalls and ISR entries. What the guest did is recorded as an exit of its own
// or, where its kernel has no privilege, as a step of the VMM; the exit that led to the step is one of the
// monitor's port, so nothing counts twice. `path`: the delivery path. On pv-ring0 and pv-direct the monitor
// answers null hypercalls inside of the guest: there is nothing to record, and no row.
[[nodiscard]] std::vector<TruthRow> compare_with_guest(const std::vector<recording::GuestCount>& counts,
                                                       const RecordedCounts& recorded, std::string_view path);

// A row for each counter of KVM that counts exits as we do.
[[nodiscard]] std::vector<KvmStatRow> compare_with_kvm(const std::vector<recording::KvmStat>& stats,
                                                       const RecordedCounts& recorded);

}  // namespace trapline::analysis
