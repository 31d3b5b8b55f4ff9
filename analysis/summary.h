// From a timeline to the figures of `trapline report`.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "analysis/completeness.h"
#include "analysis/ground_truth.h"
#include "analysis/interrupts.h"
#include "analysis/recorded_counts.h"
#include "base/distribution.h"
#include "tracer/recording/reader.h"
#include "tracer/timeline/sink.h"

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
  Completeness whole;
  std::optional<recording::ProbeCost> probe_cost;
  std::uint64_t clock_bound_ns = 0;
  tracer::StampCheck stamp_check;  // over all vCPUs
  std::uint64_t traced_ns = 0;
  std::vector<ExitRow> exits;  // by cause, then by total time, longest first
  InterruptFigures interrupts;
  std::vector<StepRow> steps;  // in the order in which a trap goes through them
  std::vector<WorkloadRow> workloads;
  std::vector<TruthRow> truth;
  std::vector<KvmStatRow> kvm_stats;
  std::vector<StateRow> states;
};

// Reads the recording once; memory does not grow with it.
[[nodiscard]] Result<Summary> summarize(const recording::RecordingReader& reader);

// The figures of what a sink is told, with the facts of the recording.
class Summarizer : public tracer::TimelineSink {
 public:
  void begin(const tracer::TimelineHead& head) override { head_ = head; }
  void state(std::uint16_t vcpu, const tracer::StateSlice& slice) override;
  void exit(std::uint16_t vcpu, const tracer::Exit& exit) override;
  void step(std::uint16_t vcpu, const tracer::VmmStep& step) override;
  void isr(std::uint16_t vcpu, const tracer::Isr& isr) override { counts_.add(vcpu, isr); }
  void event(std::uint16_t vcpu, const tracer::WorkloadEvent& event) override;
  void interrupt(const tracer::Interrupt& interrupt) override { interrupts_.add(interrupt, head_.begin); }
  void stamps_checked(std::uint16_t vcpu, const tracer::StampCheck& check) override;

  [[nodiscard]] Summary finish(const recording::RecordingReader& reader);

 private:
  struct OfVcpu {
    std::vector<ExitRow> exits;                                        // by ExitDescription::index
    std::map<std::pair<std::uint16_t, std::uint16_t>, StepRow> steps;  // by step and what it emulates
    std::map<std::uint16_t, WorkloadRow> workloads;
    std::array<std::uint64_t, tracer::kStates> states{};
    HostNs begin;
    HostNs end;
    bool has_states = false;
  };

  tracer::TimelineHead head_;
  std::map<std::uint16_t, OfVcpu> vcpus_;
  RecordedCounts counts_;
  InterruptTable interrupts_;
  tracer::StampCheck stamp_check_;
};

}  // namespace trapline::analysis
