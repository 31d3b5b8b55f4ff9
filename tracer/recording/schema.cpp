#include "tracer/recording/schema.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "bpf/record.h"
#include "tracer/recording/packet.h"
#include "tracer/recording/records.h"

namespace trapline::recording {
namespace {

constexpr auto kDecimal = FieldKind::decimal;
constexpr auto kSigned = FieldKind::signed_decimal;
constexpr auto kHex = FieldKind::hex;

// A member of a record under its own name.
#define MEMBER(record, member, kind)                                \
  FieldRow {                                                        \
#member, offsetof(record, member), sizeof(record::member), kind \
  }
// A member, or a part of one, under the name that it has in this kind of event.
#define NAMED(name, offset, size, kind) \
  FieldRow {                            \
    name, offset, size, kind            \
  }
#define ARG32(name, kind) NAMED(name, offsetof(trl_kvm_event, arg32), 4, kind)
#define ARG0(name, kind) NAMED(name, offsetof(trl_kvm_event, arg0), 8, kind)
#define ARG1(name, kind) NAMED(name, offsetof(trl_kvm_event, arg1), 8, kind)
#define TEXT(name, record)                   \
  FieldRow {                                 \
    name, sizeof(record), 0, FieldKind::text \
  }

constexpr FieldRow kCpu = MEMBER(trl_kvm_event, cpu, kDecimal);

constexpr auto kHead = std::to_array<FieldRow>({
    NAMED("timestamp", offsetof(trl_record_head, timestamp_ns), 8, kDecimal),
    MEMBER(trl_record_head, id, kDecimal),
    MEMBER(trl_record_head, vcpu, kDecimal),
    MEMBER(trl_record_head, tid, kDecimal),
});

constexpr auto kExitCycleFields = std::to_array<FieldRow>({
    MEMBER(trl_exit_cycle, exit_ns, kDecimal),
    MEMBER(trl_exit_cycle, user_exit_ns, kDecimal),
    MEMBER(trl_exit_cycle, rip, kHex),
    MEMBER(trl_exit_cycle, info1, kHex),
    MEMBER(trl_exit_cycle, info2, kHex),
    MEMBER(trl_exit_cycle, reason, kHex),
    MEMBER(trl_exit_cycle, exit_int_info, kHex),
    MEMBER(trl_exit_cycle, event_inj, kHex),
    MEMBER(trl_exit_cycle, rax, kHex),
    MEMBER(trl_exit_cycle, rcx, kHex),
    MEMBER(trl_exit_cycle, user_reason, kDecimal),
    MEMBER(trl_exit_cycle, flags, kHex),
});

constexpr auto kSetIrqFields = std::to_array<FieldRow>(
    {kCpu, ARG32("irq_source_id", kDecimal), ARG0("gsi", kDecimal), ARG1("level", kDecimal)});
constexpr auto kMsiSetIrqFields =
    std::to_array<FieldRow>({kCpu, ARG32("reserved", kDecimal), ARG0("address", kHex), ARG1("data", kHex)});
constexpr auto kAcceptIrqFields = std::to_array<FieldRow>({
    kCpu,
    ARG32("target_vcpu", kDecimal),
    ARG0("vector", kDecimal),
    NAMED("delivery_mode", offsetof(trl_kvm_event, arg1), 2, kDecimal),
    NAMED("trigger_mode", offsetof(trl_kvm_event, arg1) + 2, 2, kDecimal),
    NAMED("posted", offsetof(trl_kvm_event, arg1) + 4, 4, kDecimal),
});
constexpr auto kEoiFields = std::to_array<FieldRow>(
    {kCpu, ARG32("target_vcpu", kDecimal), ARG0("vector", kDecimal), ARG1("reserved", kDecimal)});
constexpr auto kWakeupFields = std::to_array<FieldRow>(
    {kCpu, ARG32("reserved", kDecimal), ARG0("halted_ns", kDecimal), ARG1("wakeup_flags", kHex)});
constexpr auto kHaltPollFields = std::to_array<FieldRow>(
    {kCpu, ARG32("reserved", kDecimal), ARG0("new_ns", kDecimal), ARG1("old_ns", kDecimal)});
constexpr auto kSchedOutFields = std::to_array<FieldRow>(
    {kCpu, ARG32("reserved", kDecimal), ARG0("task_state", kHex), ARG1("reserved2", kDecimal)});
constexpr auto kSchedInFields = std::to_array<FieldRow>(
    {kCpu, ARG32("reserved", kDecimal), ARG0("reserved2", kDecimal), ARG1("reserved3", kDecimal)});
constexpr auto kWakingFields = std::to_array<FieldRow>(
    {kCpu, ARG32("waker_tid", kDecimal), ARG0("reserved", kDecimal), ARG1("reserved2", kDecimal)});
constexpr auto kRunEnteredFields = std::to_array<FieldRow>(
    {kCpu, ARG32("reserved", kDecimal), ARG0("reserved2", kDecimal), ARG1("reserved3", kDecimal)});
constexpr auto kTscOffsetFields = std::to_array<FieldRow>(
    {kCpu, ARG32("reserved", kDecimal), ARG0("previous_offset", kSigned), ARG1("next_offset", kSigned)});

constexpr auto kGuestStampFields = std::to_array<FieldRow>({
    MEMBER(GuestStampRecord, tsc, kDecimal),
    MEMBER(GuestStampRecord, arg, kHex),
    MEMBER(GuestStampRecord, seq, kDecimal),
    MEMBER(GuestStampRecord, kind, kDecimal),
    MEMBER(GuestStampRecord, vector, kDecimal),
    MEMBER(GuestStampRecord, workload, kDecimal),
    MEMBER(GuestStampRecord, reserved, kDecimal),
});
constexpr auto kExitHandledFields = std::to_array<FieldRow>({
    MEMBER(ExitHandledRecord, left_tsc, kDecimal),
    MEMBER(ExitHandledRecord, entered_tsc, kDecimal),
});
constexpr auto kInterruptRaisedFields = std::to_array<FieldRow>({
    MEMBER(InterruptRaisedRecord, tsc, kDecimal),
    MEMBER(InterruptRaisedRecord, kind, kDecimal),
    MEMBER(InterruptRaisedRecord, reserved, kDecimal),
    MEMBER(InterruptRaisedRecord, gsi_or_vector, kDecimal),
});
constexpr auto kVmmStepFields = std::to_array<FieldRow>({
    MEMBER(VmmStepRecord, begin_tsc, kDecimal),
    MEMBER(VmmStepRecord, end_tsc, kDecimal),
    MEMBER(VmmStepRecord, arg, kHex),
    MEMBER(VmmStepRecord, step, kDecimal),
    MEMBER(VmmStepRecord, vector, kDecimal),
    MEMBER(VmmStepRecord, count_kind, kDecimal),
    MEMBER(VmmStepRecord, reserved, kDecimal),
});

constexpr auto kClockSampleFields = std::to_array<FieldRow>({
    MEMBER(ClockSampleRecord, tsc, kDecimal),
    MEMBER(ClockSampleRecord, ns, kDecimal),
    MEMBER(ClockSampleRecord, half_width_tsc, kDecimal),
});
constexpr auto kVcpuStartedFields = std::to_array<FieldRow>({
    MEMBER(VcpuStartedRecord, tsc_offset, kSigned),
    MEMBER(VcpuStartedRecord, guest_tsc_khz, kDecimal),
    MEMBER(VcpuStartedRecord, vm, kDecimal),
    MEMBER(VcpuStartedRecord, vcpu_id, kDecimal),
});
constexpr auto kVmFields = std::to_array<FieldRow>({
    MEMBER(VmRecord, pid, kDecimal),
    MEMBER(VmRecord, vm, kDecimal),
    MEMBER(VmRecord, named_by, kDecimal),
    TEXT("name", VmRecord),
});
constexpr auto kWorkloadFields = std::to_array<FieldRow>({
    MEMBER(WorkloadRecord, guest_workload, kDecimal),
    MEMBER(WorkloadRecord, index, kDecimal),
    MEMBER(WorkloadRecord, count, kDecimal),
    TEXT("name", WorkloadRecord),
});
constexpr auto kGuestCountFields = std::to_array<FieldRow>({
    MEMBER(GuestCountRecord, kind, kDecimal),
    MEMBER(GuestCountRecord, key, kHex),
    MEMBER(GuestCountRecord, count, kDecimal),
});
constexpr auto kKvmStatFields = std::to_array<FieldRow>({
    MEMBER(KvmStatRecord, value, kDecimal),
    TEXT("name", KvmStatRecord),
});
constexpr auto kStreamLossFields = std::to_array<FieldRow>({
    NAMED("source", offsetof(StreamLossRecord, source), 4, kDecimal),
    MEMBER(StreamLossRecord, instance, kDecimal),
    MEMBER(StreamLossRecord, count, kDecimal),
});
constexpr auto kProbeCostFields = std::to_array<FieldRow>({
    MEMBER(ProbeCostRecord, per_exit_ns, kSigned),
    MEMBER(ProbeCostRecord, traced_ns, kDecimal),
    MEMBER(ProbeCostRecord, untraced_ns, kDecimal),
    MEMBER(ProbeCostRecord, exits, kDecimal),
});
constexpr auto kRecordingEndFields = std::to_array<FieldRow>({
    MEMBER(RecordingEndRecord, reason, kDecimal),
    MEMBER(RecordingEndRecord, reserved, kDecimal),
    MEMBER(RecordingEndRecord, records_lost, kDecimal),
});

#undef TEXT
#undef ARG1
#undef ARG0
#undef ARG32
#undef NAMED
#undef MEMBER

constexpr auto kEvents = std::to_array<EventRow>({
    {TRL_EXIT_CYCLE, StreamClass::exits, "exit_cycle", sizeof(trl_exit_cycle), kExitCycleFields},
    {TRL_CYCLE_OPEN, StreamClass::kvm, "cycle_open", sizeof(trl_exit_cycle), kExitCycleFields},
    {TRL_SET_IRQ, StreamClass::kvm, "set_irq", sizeof(trl_kvm_event), kSetIrqFields},
    {TRL_MSI_SET_IRQ, StreamClass::kvm, "msi_set_irq", sizeof(trl_kvm_event), kMsiSetIrqFields},
    {TRL_ACCEPT_IRQ, StreamClass::kvm, "accept_irq", sizeof(trl_kvm_event), kAcceptIrqFields},
    {TRL_EOI, StreamClass::kvm, "eoi", sizeof(trl_kvm_event), kEoiFields},
    {TRL_PV_EOI, StreamClass::kvm, "pv_eoi", sizeof(trl_kvm_event), kEoiFields},
    {TRL_WAKEUP, StreamClass::kvm, "wakeup", sizeof(trl_kvm_event), kWakeupFields},
    {TRL_HALT_POLL, StreamClass::kvm, "halt_poll", sizeof(trl_kvm_event), kHaltPollFields},
    {TRL_SCHED_OUT, StreamClass::kvm, "sched_out", sizeof(trl_kvm_event), kSchedOutFields},
    {TRL_SCHED_IN, StreamClass::kvm, "sched_in", sizeof(trl_kvm_event), kSchedInFields},
    {TRL_WAKING, StreamClass::kvm, "waking", sizeof(trl_kvm_event), kWakingFields},
    {TRL_TSC_OFFSET, StreamClass::kvm, "tsc_offset", sizeof(trl_kvm_event), kTscOffsetFields},
    {TRL_RUN_ENTERED, StreamClass::kvm, "run_entered", sizeof(trl_kvm_event), kRunEnteredFields},
    {TRL_VCPU_ENDED, StreamClass::kvm, "vcpu_ended", sizeof(trl_kvm_event), kRunEnteredFields},
    {kGuestStamp, StreamClass::stamps, "guest_stamp", sizeof(GuestStampRecord), kGuestStampFields},
    {kExitHandled, StreamClass::vmm, "exit_handled", sizeof(ExitHandledRecord), kExitHandledFields},
    {kInterruptRaised, StreamClass::vmm, "interrupt_raised", sizeof(InterruptRaisedRecord),
     kInterruptRaisedFields},
    {kVmmStep, StreamClass::steps, "vmm_step", sizeof(VmmStepRecord), kVmmStepFields},
    {kClockSample, StreamClass::session, "clock_sample", sizeof(ClockSampleRecord), kClockSampleFields},
    {kVcpuStarted, StreamClass::session, "vcpu_started", sizeof(VcpuStartedRecord), kVcpuStartedFields},
    {kWorkload, StreamClass::session, "workload", sizeof(WorkloadRecord), kWorkloadFields},
    {kGuestCount, StreamClass::session, "guest_count", sizeof(GuestCountRecord), kGuestCountFields},
    {kKvmStat, StreamClass::session, "kvm_stat", sizeof(KvmStatRecord), kKvmStatFields},
    {kStreamLoss, StreamClass::session, "stream_loss", sizeof(StreamLossRecord), kStreamLossFields},
    {kProbeCost, StreamClass::session, "probe_cost", sizeof(ProbeCostRecord), kProbeCostFields},
    {kVm, StreamClass::session, "vm", sizeof(VmRecord), kVmFields},
    {kRecordingEnd, StreamClass::session, "recording_end", sizeof(RecordingEndRecord), kRecordingEndFields},
});

constexpr std::array<StreamClassRow, kStreamClasses> kStreams = {{
    {StreamClass::exits, "exits", "exits_cpu", "cpu_id"},
    {StreamClass::kvm, "kvm", "kvm_cpu", "cpu_id"},
    {StreamClass::stamps, "stamps", "stamps_vcpu", "vcpu"},
    {StreamClass::vmm, "vmm", "vmm_vcpu", "vcpu"},
    {StreamClass::session, "session", "session", "reserved"},
    {StreamClass::steps, "steps", "steps_vcpu", "vcpu"},
}};

constexpr std::string_view kDeviceThreadsFile = "vmm_devices";

// Index into kEvents by id, for a lookup per event without a search.
constexpr std::uint8_t kNoEvent = 0xff;
constexpr auto kEventOfId = [] {
  std::array<std::uint8_t, kEventIds> index{};
  index.fill(kNoEvent);
  for (std::size_t i = 0; i < kEvents.size(); ++i)
    index[kEvents[i].id] = static_cast<std::uint8_t>(i);
  return index;
}();

constexpr auto kSizesOfStream = [] {
  std::array<std::array<std::uint16_t, kEventIds>, kStreamClasses> sizes{};
  for (const EventRow& event : kEvents)
    sizes[static_cast<std::size_t>(event.stream)][event.id] = event.size;
  return sizes;
}();

}  // namespace

std::span<const StreamClassRow> stream_classes() {
  return kStreams;
}
std::span<const FieldRow> head_fields() {
  return kHead;
}
std::span<const EventRow> event_classes() {
  return kEvents;
}

const StreamClassRow& stream_class(StreamClass stream) {
  return kStreams[static_cast<std::size_t>(stream)];
}

const EventRow* find_event(std::uint16_t id) {
  if (id >= kEventIds || kEventOfId[id] == kNoEvent) return nullptr;
  return &kEvents[kEventOfId[id]];
}

EventSizes event_sizes(StreamClass stream) {
  return kSizesOfStream[static_cast<std::size_t>(stream)];
}

std::string stream_file_name(StreamKey key) {
  const StreamClassRow& row = stream_class(key.stream);
  if (key.stream == StreamClass::session) return std::string(row.file_prefix);
  if (key.stream == StreamClass::vmm && key.instance == kDeviceThreads)
    return std::string(kDeviceThreadsFile);
  return fmt::format("{}{}", row.file_prefix, key.instance);
}

std::optional<StreamKey> stream_of_file_name(std::string_view name) {
  if (name == kDeviceThreadsFile) return StreamKey{StreamClass::vmm, kDeviceThreads};
  for (const StreamClassRow& row : kStreams) {
    if (!name.starts_with(row.file_prefix)) continue;
    StreamKey key{row.id, 0};
    const std::string_view digits = name.substr(row.file_prefix.size());
    if (row.id != StreamClass::session) {
      const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), key.instance);
      if (parsed.ec != std::errc{}) return std::nullopt;
    }
    // Only the one spelling that the writer uses: "exits_cpu03" is somebody else's.
    if (stream_file_name(key) == name) return key;
    return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace trapline::recording
