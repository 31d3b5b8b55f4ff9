#include "tracer/timeline/timeline.h"

#include <algorithm>
#include <array>
#include <map>

#include "tracer/clock/guest_clock.h"
#include "tracer/clock/host_clock.h"
#include "tracer/timeline/cross_vcpu.h"
#include "tracer/timeline/vcpu_records.h"
#include "tracer/timeline/vcpu_timeline.h"

namespace trapline::tracer {
namespace {

using recording::Event;
using recording::RecordingReader;
using recording::StreamClass;

// Sorts a recording's records by vCPU and dates those that carry a TSC.
class RecordsByVcpu {
 public:
  RecordsByVcpu(const RecordingReader& reader, const HostClock& clock) : reader_(reader), clock_(clock) {
    for (const auto& started : reader.vcpus()) {
      vcpus_[started.vcpu].vcpu = started.vcpu;
      clocks_.emplace(started.vcpu, GuestClock(started.tsc_offset));
    }
  }

  Status read() {
    // What the kernel told comes first: offset changes date the stamps.
    constexpr std::array kernel = {StreamClass::exits, StreamClass::kvm};
    TRAPLINE_TRY(read_streams(kernel));
    constexpr std::array user = {StreamClass::stamps, StreamClass::vmm, StreamClass::steps};
    return read_streams(user);
  }

  std::map<std::uint16_t, VcpuRecords>& vcpus() { return vcpus_; }
  [[nodiscard]] const std::vector<LossSpan>& losses() const { return losses_; }
  [[nodiscard]] HostNs latest() const { return latest_; }

 private:
  Status read_streams(std::span<const StreamClass> classes) {
    auto cursor = reader_.merged(classes);
    Event event;
    while (cursor.next(event))
      std::visit([&](auto record) { take(event, record); }, event.record);
    return cursor.status();
  }

  void take(const Event&, std::monostate) {}

  void take(const Event& event, const trl_exit_cycle* cycle) {
    latest_ = std::max(latest_, event.at);
    VcpuRecords& records = vcpus_[cycle->head.vcpu];
    (cycle->head.id == TRL_CYCLE_OPEN ? records.open_cycles : records.cycles).push_back(*cycle);
  }

  void take(const Event& event, const trl_kvm_event* kvm) {
    latest_ = std::max(latest_, event.at);
    VcpuRecords& records = vcpus_[kvm->head.vcpu];
    switch (kvm->head.id) {
      case TRL_SCHED_OUT:
        records.off_cpu.push_back({event.at, event.at, kvm->arg0});
        break;
      case TRL_SCHED_IN:
        if (!records.off_cpu.empty()) records.off_cpu.back().in = event.at;
        break;
      case TRL_WAKEUP:
        records.halts.push_back({HostNs{event.at.value - std::min(event.at.value, kvm->arg0)}, event.at});
        break;
      case TRL_TSC_OFFSET:
        if (const auto clock = clocks_.find(kvm->head.vcpu); clock != clocks_.end()) {
          clock->second.offset_changed(event.at, static_cast<std::int64_t>(kvm->arg1));
        }
        break;
      default:
        break;  // links of interrupts: not part of this timeline yet
    }
  }

  void take(const Event&, const recording::GuestStampRecord* record) {
    const auto clock = clocks_.find(record->head.vcpu);
    if (clock == clocks_.end()) return;
    VcpuRecords& records = vcpus_[record->head.vcpu];
    const HostNs not_before = records.stamps.empty() ? HostNs{} : records.stamps.back().at;
    guest_stamp stamp{};
    stamp.tsc = record->tsc;
    stamp.arg = record->arg;
    stamp.seq = record->seq;
    stamp.kind = record->kind;
    stamp.vector = record->vector;
    stamp.workload = record->workload;
    // Dates must not run backwards within a vCPU, whatever the clock's error.
    const HostNs at = std::max(not_before, clock->second.to_ns(GuestTsc{record->tsc}, clock_, not_before));
    records.stamps.push_back({at, stamp});
  }

  void take(const Event&, const recording::ExitHandledRecord* record) {
    vcpus_[record->head.vcpu].stays.push_back(
        {clock_.to_ns(HostTsc{record->left_tsc}), clock_.to_ns(HostTsc{record->entered_tsc})});
  }

  void take(const Event&, const recording::InterruptRaisedRecord*) {}

  void take(const Event&, const recording::VmmStepRecord* record) {
    vcpus_[record->head.vcpu].steps.push_back({.begin = clock_.to_ns(HostTsc{record->begin_tsc}),
                                               .end = clock_.to_ns(HostTsc{record->end_tsc}),
                                               .step = record->step,
                                               .vector = record->vector,
                                               .arg = record->arg,
                                               .count_kind = record->count_kind});
  }

  void take(const Event& event, const recording::Gap* gap) {
    if (event.stream.stream == StreamClass::exits) losses_.push_back({gap->after, gap->until});
  }

  const RecordingReader& reader_;
  const HostClock& clock_;
  std::map<std::uint16_t, VcpuRecords> vcpus_;
  std::map<std::uint16_t, GuestClock> clocks_;
  std::vector<LossSpan> losses_;
  HostNs latest_;
};

}  // namespace

std::string_view state_name(State state) {
  switch (state) {
    case State::guest:
      return "guest";
    case State::kvm:
      return "kvm";
    case State::vmm:
      return "vmm";
    case State::halt_poll:
      return "halt-poll";
    case State::halted:
      return "halted";
    case State::blocked:
      return "blocked";
    case State::preempted:
      return "preempted";
    case State::unknown:
      break;
  }
  return "unknown";
}

Result<Timeline> build_timeline(const RecordingReader& reader) {
  TRAPLINE_ASSIGN(clock, HostClock::through(reader.clock_samples()));
  RecordsByVcpu records(reader, clock);
  TRAPLINE_TRY(records.read());

  Timeline timeline;
  timeline.clock_bound_ns = clock.error_bound_ns();
  for (const auto& workload : reader.workloads()) {
    timeline.workload_names[static_cast<std::uint16_t>(workload.guest_workload)] = workload.name;
  }
  timeline.begin = HostNs{~std::uint64_t{0}};
  for (const auto& [vcpu, of_vcpu] : records.vcpus()) {
    if (vcpu == TRL_NO_VCPU) continue;
    timeline.vcpus.push_back(
        build_vcpu_timeline(of_vcpu, records.losses(), timeline.clock_bound_ns, records.latest()));
    const VcpuTimeline& built = timeline.vcpus.back();
    if (built.states.empty()) continue;
    timeline.begin = std::min(timeline.begin, built.states.front().begin);
    timeline.end = std::max(timeline.end, built.states.back().end);
  }
  timeline.begin = std::min(timeline.begin, timeline.end);
  link_cross_vcpu_events(timeline.vcpus);
  return timeline;
}

}  // namespace trapline::tracer
