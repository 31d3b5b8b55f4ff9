#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>

#include "tracer/clock/guest_clock.h"
#include "tracer/clock/host_clock.h"
#include "tracer/timeline/cross_vcpu.h"
#include "tracer/timeline/interrupts.h"
#include "tracer/timeline/sink.h"
#include "tracer/timeline/vcpu_stream.h"

namespace trapline::tracer {
namespace {

using recording::Event;
using recording::RecordingReader;
using recording::StreamClass;
using recording::StreamCursor;

// The next record of one type in a stream; the first damage goes to `status`.
template <typename Record>
const Record* next_record(StreamCursor& cursor, Status& status) {
  Event event;
  while (cursor.next(event)) {
    if (const auto* const* record = std::get_if<const Record*>(&event.record)) return *record;
  }
  if (status && !cursor.status()) status = cursor.status();
  return nullptr;
}

// ARRIVAL modes of APIC messages that carry a vector: fixed and lowest priority
// (arch/x86/include/asm/apicdef.h).
bool delivers_a_vector(std::uint64_t delivery_mode) {
  constexpr std::uint64_t kFixed = 0;
  constexpr std::uint64_t kLowestPriority = 0x100;
  return delivery_mode == kFixed || delivery_mode == kLowestPriority;
}

class Streamer {
 public:
  Streamer(const RecordingReader& reader, HostClock clock, TimelineSink& sink)
      : reader_(reader), clock_(std::move(clock)), out_(sink), sink_(&sink) {}

  Status run();
  TimelineHead head() const;

 private:
  static constexpr std::array kKernel = {StreamClass::exits, StreamClass::kvm};

  [[nodiscard]] bool has_stream(StreamClass stream) const;
  Status read_offsets();
  void take(const Event& event);
  void take(const trl_exit_cycle& cycle);
  void take(const trl_kvm_event& event);
  void take_accepted(HostNs at, const trl_kvm_event& event);
  VcpuStream& vcpu(std::uint16_t number);
  VcpuFeeds feeds_of(std::uint16_t number);
  Feed<DatedStamp> stamps_of(std::uint16_t number);
  Feed<DatedRaise> raises();

  const RecordingReader& reader_;
  HostClock clock_;
  TimelineSink& out_;
  TimelineSink* sink_;  // what the stages hand on to: out_, or what stands before it
  std::unique_ptr<CrossVcpuEvents> cross_vcpu_;
  std::unique_ptr<InterruptLinker> linker_;
  ExitKinds kinds_;
  HostNs begin_;
  HostNs latest_;
  std::map<std::uint16_t, GuestClock> guest_clocks_;
  std::map<std::uint16_t, VcpuStream> vcpus_;
  std::vector<LossSpan> losses_;  // before their vCPU was known
  Status feeds_status_;           // of the streams that are read on the side
};

bool Streamer::has_stream(StreamClass stream) const {
  return std::ranges::any_of(reader_.streams(),
                             [&](const auto& summary) { return summary.key.stream == stream; });
}

TimelineHead Streamer::head() const {
  TimelineHead head;
  head.begin = reader_.clock_samples().front().ns;
  for (const auto& summary : reader_.streams()) {
    const bool kernel = std::ranges::find(kKernel, summary.key.stream) != kKernel.end();
    if (kernel && summary.packets != 0) head.begin = std::min(head.begin, summary.begin);
  }
  head.clock_bound_ns = clock_.error_bound_ns();
  for (const auto& workload : reader_.workloads())
    head.workload_names[static_cast<std::uint16_t>(workload.guest_workload)] = workload.name;
  head.machines = vms_of(reader_);
  return head;
}

// Changes of the vCPUs' TSC offsets, before anything is dated by them: a stamp is read ahead of the records
// that lie around it.
Status Streamer::read_offsets() {
  for (const auto& started : reader_.vcpus())
    guest_clocks_.emplace(started.vcpu, GuestClock(started.tsc_offset));
  if (!has_stream(StreamClass::stamps)) return {};
  constexpr std::array classes = {StreamClass::kvm};
  auto cursor = reader_.merged(classes);
  Event event;
  while (cursor.next(event)) {
    const auto* const* record = std::get_if<const trl_kvm_event*>(&event.record);
    if (record == nullptr || (*record)->head.id != TRL_TSC_OFFSET) continue;
    const auto clock = guest_clocks_.find((*record)->head.vcpu);
    if (clock != guest_clocks_.end())
      clock->second.offset_changed(event.at, static_cast<std::int64_t>((*record)->arg1));
  }
  return cursor.status();
}

Feed<DatedStamp> Streamer::stamps_of(std::uint16_t number) {
  const auto clock = guest_clocks_.find(number);
  if (clock == guest_clocks_.end()) return {};
  return Feed<DatedStamp>(
      [this, clock = &clock->second, not_before = begin_,
       cursor = reader_.events({StreamClass::stamps, number})](DatedStamp& dated) mutable {
        const auto* record = next_record<recording::GuestStampRecord>(cursor, feeds_status_);
        if (record == nullptr) return false;
        // Dates must not run backwards within a vCPU, whatever the clock's error.
        not_before = std::max(not_before, clock->to_ns(GuestTsc{record->tsc}, clock_, not_before));
        dated.at = not_before;
        dated.stamp = {.tsc = record->tsc,
                       .arg = record->arg,
                       .seq = record->seq,
                       .kind = record->kind,
                       .vector = record->vector,
                       .workload = record->workload,
                       .reserved = 0};
        return true;
      });
}

VcpuFeeds Streamer::feeds_of(std::uint16_t number) {
  VcpuFeeds feeds;
  feeds.stamps = stamps_of(number);
  feeds.stays =
      Feed<DatedStay>([this, cursor = reader_.events({StreamClass::vmm, number})](DatedStay& stay) mutable {
        const auto* record = next_record<recording::ExitHandledRecord>(cursor, feeds_status_);
        if (record == nullptr) return false;
        stay = {clock_.to_ns(HostTsc{record->left_tsc}), clock_.to_ns(HostTsc{record->entered_tsc})};
        return true;
      });
  feeds.steps =
      Feed<VmmStep>([this, cursor = reader_.events({StreamClass::steps, number})](VmmStep& step) mutable {
        const auto* record = next_record<recording::VmmStepRecord>(cursor, feeds_status_);
        if (record == nullptr) return false;
        step = {.begin = clock_.to_ns(HostTsc{record->begin_tsc}),
                .end = clock_.to_ns(HostTsc{record->end_tsc}),
                .step = record->step,
                .vector = record->vector,
                .arg = record->arg,
                .count_kind = record->count_kind};
        return true;
      });
  return feeds;
}

Feed<DatedRaise> Streamer::raises() {
  return Feed<DatedRaise>([this, cursor = reader_.events({StreamClass::vmm, recording::kDeviceThreads})](
                              DatedRaise& raise) mutable {
    const auto* record = next_record<recording::InterruptRaisedRecord>(cursor, feeds_status_);
    if (record == nullptr) return false;
    raise = {clock_.to_ns(HostTsc{record->tsc}), record->head.tid, record->kind, record->gsi_or_vector};
    return true;
  });
}

VcpuStream& Streamer::vcpu(std::uint16_t number) {
  const auto found = vcpus_.find(number);
  if (found != vcpus_.end()) return found->second;
  const VcpuStream::Context context{begin_, clock_.error_bound_ns(), &kinds_, sink_, linker_.get()};
  VcpuStream& made = vcpus_.try_emplace(number, number, feeds_of(number), context).first->second;
  for (const LossSpan& loss : losses_)
    made.states().loss(loss);
  return made;
}

void Streamer::take(const trl_exit_cycle& cycle) {
  VcpuStream& of = vcpu(cycle.head.vcpu);
  cycle.head.id == TRL_CYCLE_OPEN ? of.cycle_open(cycle) : of.cycle(cycle);
}

// The target's number is KVM's; the thread may be any.
void Streamer::take_accepted(HostNs at, const trl_kvm_event& event) {
  if (!delivers_a_vector(event.arg1 & 0xffff)) return;
  std::optional<std::uint16_t> thread_vcpu;
  if (event.head.vcpu != TRL_NO_VCPU) thread_vcpu = event.head.vcpu;
  linker_->accepted({.at = at,
                     .tid = event.head.tid,
                     .thread_vcpu = thread_vcpu,
                     .target = static_cast<std::uint16_t>(event.arg32),
                     .vector = static_cast<std::uint32_t>(event.arg0 & 0xff),
                     .posted = (event.arg1 >> 32 & 1) != 0});
}

void Streamer::take(const trl_kvm_event& event) {
  const HostNs at{event.head.timestamp_ns};
  switch (event.head.id) {
    case TRL_SET_IRQ:
      if (event.arg1 == 1) linker_->set_irq(at, event.head.tid);
      return;
    case TRL_MSI_SET_IRQ:
      return linker_->msi_set_irq(at, event.head.tid);
    case TRL_ACCEPT_IRQ:
      return take_accepted(at, event);
    case TRL_EOI:
      return vcpu(event.head.vcpu).eoi(at, static_cast<std::uint32_t>(event.arg0));
    case TRL_PV_EOI:
      return vcpu(event.head.vcpu).pv_eoi(at, static_cast<std::uint32_t>(event.arg0));
    case TRL_WAKEUP:
      return vcpu(event.head.vcpu).woke_up(at, event.arg0, (event.arg1 & 1) != 0);
    case TRL_HALT_POLL:
      return vcpu(event.head.vcpu).polls_for(event.arg0);
    case TRL_SCHED_OUT:
      return vcpu(event.head.vcpu).states().sched_out(at, event.arg0);
    case TRL_SCHED_IN:
      return vcpu(event.head.vcpu).states().sched_in(at);
    case TRL_RUN_ENTERED:
      return vcpu(event.head.vcpu).run_entered(at);
    case TRL_VCPU_ENDED:
      return vcpu(event.head.vcpu).ended(at);
    case TRL_WAKING:
      vcpu(event.head.vcpu).states().waking(at);
      return linker_->waking(event.head.vcpu, at);
    default:
      return;
  }
}

void Streamer::take(const Event& event) {
  if (const auto* const* cycle = std::get_if<const trl_exit_cycle*>(&event.record)) {
    if ((*cycle)->head.vcpu != TRL_NO_VCPU) take(**cycle);
  } else if (const auto* const* kvm = std::get_if<const trl_kvm_event*>(&event.record)) {
    take(**kvm);
  } else if (const auto* const* gap = std::get_if<const recording::Gap*>(&event.record)) {
    if (event.stream.stream != StreamClass::exits) return;
    const LossSpan loss{(*gap)->after, (*gap)->until};
    losses_.push_back(loss);
    for (auto& [number, of] : vcpus_)
      of.states().loss(loss);
    return;
  }
  latest_ = std::max(latest_, event.at);
}

Status Streamer::run() {
  const TimelineHead beginning = head();
  begin_ = beginning.begin;
  TRAPLINE_TRY(read_offsets());
  const bool handled_elsewhere = std::ranges::any_of(reader_.workloads(), [](const auto& workload) {
    return workload.guest_workload == GUEST_WORKLOAD_IPI;
  });
  if (handled_elsewhere) {
    std::vector<std::uint16_t> numbers;
    for (const auto& started : reader_.vcpus())
      numbers.push_back(started.vcpu);
    cross_vcpu_ = std::make_unique<CrossVcpuEvents>(numbers, out_);
    sink_ = cross_vcpu_.get();
  }
  linker_ = std::make_unique<InterruptLinker>(raises(), has_stream(StreamClass::stamps),
                                              clock_.error_bound_ns(), begin_, *sink_);
  sink_->begin(beginning);
  // Those that recorded nothing are part of the timeline, too.
  for (const auto& started : reader_.vcpus())
    vcpu(started.vcpu);
  auto cursor = reader_.merged(kKernel);
  Event event;
  while (cursor.next(event)) {
    take(event);
    if (!sink_->wants_more()) return {};
  }
  TRAPLINE_TRY(cursor.status());
  HostNs end = begin_;
  for (auto& [number, of] : vcpus_)
    end = std::max(end, of.finish(std::max(latest_, begin_)));
  linker_->finish();
  TRAPLINE_TRY(feeds_status_);
  sink_->end(end);
  return {};
}

}  // namespace

Status stream_timeline(const RecordingReader& reader, TimelineSink& sink) {
  TRAPLINE_ASSIGN(clock, HostClock::through(reader.clock_samples()));
  return Streamer(reader, std::move(clock), sink).run();
}

Result<TimelineHead> read_timeline_head(const RecordingReader& reader) {
  TRAPLINE_ASSIGN(clock, HostClock::through(reader.clock_samples()));
  TimelineSink none;
  return Streamer(reader, std::move(clock), none).head();
}

}  // namespace trapline::tracer
