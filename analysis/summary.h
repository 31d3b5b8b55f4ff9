// From a timeline to the figures of `trapline report`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "analysis/ground_truth.h"
#include "base/distribution.h"
#include "tracer/recording/reader.h"
#include "tracer/timeline/timeline.h"

namespace trapline::analysis {

// One reason (and key: port, MSR, GPA) of one vCPU.
struct ExitRow {
  std::uint16_t vcpu = 0;
  std::string reason;
  std::string key;
  tracer::Cause cause = tracer::Cause::guest;
  Distribution duration;     // exit to entry
  std::uint64_t kvm_ns = 0;  // of the total: in KVM
  std::uint64_t vmm_ns = 0;  // of the total: in user space
  std::uint64_t open = 0;    // further exits of this kind with no entry after them: not in `duration`

  [[nodiscard]] std::uint64_t count() const { return duration.count() + open; }
};

// One injected vector of one vCPU.
struct VectorRow {
  std::uint16_t vcpu = 0;
  std::uint32_t vector = 0;
  bool exception = false;
  std::uint64_t injected = 0;  // re-injections not counted
  std::uint64_t reinjected = 0;
  std::uint64_t isr_entered = 0;   // injections that led to an ISR entry
  std::uint64_t isr_returned = 0;  // ... and to its iret
  Distribution entry_latency;      // injection (the entry) to ISR entry
  Distribution isr_duration;       // ISR entry to before iret
};

// One kind of step of the VMM on one vCPU.
struct StepRow {
  std::uint16_t vcpu = 0;
  std::string step;  // "copy the context to the guest kernel's stack", "emulate wrmsr"
  Distribution duration;
};

// One workload of one vCPU: its events' phases.
struct WorkloadRow {
  std::uint16_t vcpu = 0;
  std::string workload;
  std::uint64_t events = 0;
  Distribution round_trip;  // U0 -> U3
  Distribution delivery;    // U0 -> K1
  Distribution handler;     // K1 -> K2
  Distribution return_;     // K2 -> U3
  std::uint64_t user_exits = 0;
  std::uint64_t kernel_exits = 0;
  std::uint64_t async_exits = 0;
};

struct StateRow {
  std::uint16_t vcpu = 0;
  std::uint64_t traced_ns = 0;
  std::vector<std::pair<tracer::State, std::uint64_t>> states;  // every state, its sum
};

struct Summary {
  recording::RecordingInfo info;
  std::string ended;                   // "finished", "stopped", "guest crashed", "cut off"
  std::uint64_t records_lost = 0;      // of every kind, guest stamps included
  std::uint64_t unattributed = 0;      // interrupts raised in kernel threads: of which VM cannot be told
  std::vector<std::string> cut_files;  // whose last packet was not written whole
  std::optional<recording::ProbeCost> probe_cost;
  std::uint64_t clock_bound_ns = 0;
  tracer::StampCheck stamp_check;  // over all vCPUs
  std::uint64_t traced_ns = 0;
  std::vector<ExitRow> exits;  // by cause, then by total time, longest first
  std::vector<VectorRow> vectors;
  std::vector<StepRow> steps;  // in the order in which a trap goes through them
  std::vector<WorkloadRow> workloads;
  std::vector<TruthRow> truth;
  std::vector<KvmStatRow> kvm_stats;
  std::vector<StateRow> states;
};

[[nodiscard]] Summary summarize(const recording::RecordingReader& reader, const tracer::Timeline& timeline);

}  // namespace trapline::analysis
