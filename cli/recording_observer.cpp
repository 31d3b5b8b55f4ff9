#include "cli/recording_observer.h"

#include "tracer/recording/order.h"

namespace trapline::cli {
namespace {

using recording::StreamClass;
using recording::StreamKey;

// The stream of the device threads: they raise interrupts for any vCPU.
constexpr std::uint32_t kDevices = TRL_NO_VCPU;

trl_record_head head_of(recording::RecordId id, std::uint16_t vcpu, std::uint32_t tid, std::uint64_t ns) {
  trl_record_head head{};
  head.timestamp_ns = ns;
  head.id = id;
  head.vcpu = vcpu;
  head.tid = tid;
  return head;
}

}  // namespace

RecordingObserver::RecordingObserver(recording::RecordingWriter& writer, tracer::Recorder& recorder,
                                     std::atomic<bool>& stop)
    : writer_(writer), recorder_(recorder), stop_(stop), clock_(writer) {
  keep(clock_.begin());
}

void RecordingObserver::keep(const Status& status) {
  if (status || !status_) return;
  status_ = status;
  stop_ = true;
}

// Estimates may contradict the known order by the clock's error: order wins, the raw ticks are in the record.
template <typename Record>
void RecordingObserver::write_in_order(StreamKey key, std::vector<Record>& records, std::uint64_t lost) {
  lost_[key] += lost;
  recording::lift_to_order(std::span(records), writer_.last_written(key));
  keep(writer_.write_records(key, std::span<const Record>(records), lost_[key]));
  records.clear();
}

void RecordingObserver::vcpu_started(const vmm::VcpuStart& start) {
  tsc_offsets_[start.vcpu] = start.tsc_offset;
  recording::VcpuStarted fact;
  fact.at = tracer::take_clock_sample(1).ns;
  fact.vcpu = start.vcpu;
  fact.vcpu_id = start.vcpu;
  fact.tid = static_cast<std::uint32_t>(start.tid);
  fact.tsc_offset = start.tsc_offset;
  fact.guest_tsc_khz = start.guest_tsc_khz;
  keep(writer_.write(fact));
}

void RecordingObserver::stamps(std::uint16_t vcpu, std::span<const guest_stamp> stamps, std::uint64_t lost) {
  const auto offset = static_cast<std::uint64_t>(tsc_offsets_[vcpu]);
  for (const guest_stamp& stamp : stamps) {
    recording::GuestStampRecord record{};
    record.head = head_of(recording::kGuestStamp, vcpu, 0, clock_.estimate_ns(HostTsc{stamp.tsc - offset}));
    record.tsc = stamp.tsc;
    record.arg = stamp.arg;
    record.seq = stamp.seq - 1;
    record.kind = stamp.kind;
    record.vector = stamp.vector;
    record.workload = stamp.workload;
    stamp_records_.push_back(record);
  }
  write_in_order({StreamClass::stamps, vcpu}, stamp_records_, lost);
}

void RecordingObserver::exits_handled(std::uint16_t vcpu, std::span<const vmm::ExitHandled> exits,
                                      std::uint64_t lost) {
  for (const vmm::ExitHandled& exit : exits) {
    recording::ExitHandledRecord record{};
    record.head = head_of(recording::kExitHandled, vcpu, 0, clock_.estimate_ns(exit.entered));
    record.left_tsc = exit.left.value;
    record.entered_tsc = exit.entered.value;
    handled_records_.push_back(record);
  }
  write_in_order({StreamClass::vmm, vcpu}, handled_records_, lost);
}

void RecordingObserver::steps_done(std::uint16_t vcpu, std::span<const vmm::StepDone> steps,
                                   std::uint64_t lost) {
  for (const vmm::StepDone& step : steps) {
    recording::VmmStepRecord record{};
    record.head = head_of(recording::kVmmStep, vcpu, 0, clock_.estimate_ns(step.end));
    record.begin_tsc = step.begin.value;
    record.end_tsc = step.end.value;
    record.arg = step.arg;
    record.step = static_cast<std::uint16_t>(step.step);
    record.vector = step.vector;
    record.count_kind = step.count_kind;
    step_records_.push_back(record);
  }
  write_in_order({StreamClass::steps, vcpu}, step_records_, lost);
}

void RecordingObserver::interrupts_raised(std::span<const vmm::InterruptRaised> raised, std::uint64_t lost) {
  for (const vmm::InterruptRaised& interrupt : raised) {
    recording::InterruptRaisedRecord record{};
    record.head = head_of(recording::kInterruptRaised, TRL_NO_VCPU, static_cast<std::uint32_t>(interrupt.tid),
                          clock_.estimate_ns(interrupt.tsc));
    record.tsc = interrupt.tsc.value;
    record.kind = static_cast<std::uint16_t>(interrupt.kind);
    record.gsi_or_vector = interrupt.gsi_or_vector;
    raised_records_.push_back(record);
  }
  write_in_order({StreamClass::vmm, kDevices}, raised_records_, lost);
}

void RecordingObserver::tick() {
  if (!status_) return;
  keep(clock_.tick());
  keep(recorder_.drain(writer_));
}

Status RecordingObserver::finish() {
  keep(clock_.sample());
  return status_;
}

}  // namespace trapline::cli
