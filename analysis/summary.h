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
#include "analysis/exit_figures.h"
#include "analysis/exit_groups.h"
#include "analysis/ground_truth.h"
#include "analysis/guest_code.h"
#include "analysis/interrupts.h"
#include "analysis/recorded_counts.h"
#include "analysis/scheduling.h"
#include "base/distribution.h"
#include "tracer/recording/reader.h"
#include "tracer/timeline/sink.h"

namespace trapline::analysis {

// One reason (and key: port, MSR, GPA) of one vCPU.
struct ExitRow : ExitFigures {
  std::uint16_t vcpu = 0;
  std::string reason;
  std::string key;
  tracer::Cause cause = tracer::Cause::guest;
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

// What all exits together come to, so that a row can be told as a part of it.
struct ExitTotals {
  std::uint64_t count = 0;
  std::uint64_t handling_ns = 0;  // without the time that the guest was halted
};

struct Summary {
  recording::RecordingInfo info;
  tracer::RecordedVms machines;
  Completeness whole;
  std::optional<recording::ProbeCost> probe_cost;
  std::uint64_t clock_bound_ns = 0;
  tracer::StampCheck stamp_check;  // over all vCPUs
  std::uint64_t traced_ns = 0;
  std::vector<ExitRow> exits;  // by cause, then by the time of their handling, longest first
  ExitTotals all_exits;
  std::optional<ExitGroups> groups;   // what was asked for
  std::vector<GuestCode> guest_code;  // by reason
  std::vector<HaltRow> halts;
  InterruptFigures interrupts;
  std::vector<SchedulingRow> scheduling;
  std::vector<StepRow> steps;  // in the order in which a trap goes through them
  std::vector<WorkloadRow> workloads;
  std::vector<TruthRow> truth;
  std::vector<KvmStatRow> kvm_stats;
  std::vector<StateRow> states;

  // How long this vCPU was traced; 0: it was not.
  [[nodiscard]] std::uint64_t traced_ns_of(std::uint16_t vcpu) const;
};

struct SummaryOptions {
  std::vector<ExitKey> by;           // empty: no groups
  std::vector<std::uint16_t> vcpus;  // by their numbers in the recording; empty: all
};

// Reads the recording once; memory does not grow with it.
[[nodiscard]] Result<Summary> summarize(const recording::RecordingReader& reader,
                                        const SummaryOptions& options = {});

// The figures of what a sink is told, with the facts of the recording.
class Summarizer : public tracer::TimelineSink {
 public:
  // `by`: what to group exits by, beside all that is always told.
  explicit Summarizer(const std::vector<ExitKey>& by = {});

  void begin(const tracer::TimelineHead& head) override { head_ = head; }
  void state(std::uint16_t vcpu, const tracer::StateSlice& slice) override;
  void exit(std::uint16_t vcpu, const tracer::Exit& exit) override;
  void step(std::uint16_t vcpu, const tracer::VmmStep& step) override;
  void halt(std::uint16_t vcpu, const tracer::Halt& halt) override { scheduling_.add(vcpu, halt); }
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
  std::optional<ExitGrouping> grouping_;
  GuestCodeTable guest_code_;
  SchedulingTable scheduling_;
  tracer::StampCheck stamp_check_;
};

}  // namespace trapline::analysis
