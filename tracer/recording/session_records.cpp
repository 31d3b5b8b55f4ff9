#include "tracer/recording/session_records.h"

#include <cstring>

#include "tracer/recording/packet.h"
#include "tracer/recording/records.h"
#include "tracer/recording/schema.h"

namespace trapline::recording {
namespace {

// Session events are not aligned (names have any length): they are copied out.
template <typename Record>
Record copy_of(std::span<const std::byte> event) {
  Record record;
  std::memcpy(&record, event.data(), sizeof record);
  return record;
}

// The text after the `size` bytes of the record, without its NUL; none if nothing ends it.
std::optional<std::string_view> text_after(std::span<const std::byte> event, std::size_t size) {
  const std::span<const std::byte> rest = event.subspan(size);
  const void* end = rest.empty() ? nullptr : std::memchr(rest.data(), 0, rest.size());
  if (end == nullptr) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(rest.data()),
                          static_cast<std::size_t>(static_cast<const std::byte*>(end) - rest.data()));
}

void take(SessionFacts& facts, const ClockSampleRecord& record, std::string_view) {
  facts.clock_samples.push_back({HostTsc{record.tsc}, HostNs{record.ns}, record.half_width_tsc});
}
void take(SessionFacts& facts, const VcpuStartedRecord& record, std::string_view) {
  facts.vcpus.push_back({HostNs{record.head.timestamp_ns}, record.head.vcpu, record.head.tid,
                         record.tsc_offset, record.guest_tsc_khz, record.vm, record.vcpu_id});
}
void take(SessionFacts& facts, const VmRecord& record, std::string_view name) {
  facts.vms.push_back({HostNs{record.head.timestamp_ns}, record.vm, record.pid,
                       static_cast<VmNamedBy>(record.named_by), std::string(name)});
}
void take(SessionFacts& facts, const WorkloadRecord& record, std::string_view name) {
  facts.workloads.push_back({HostNs{record.head.timestamp_ns}, record.guest_workload, record.index,
                             record.count, std::string(name)});
}
void take(SessionFacts& facts, const GuestCountRecord& record, std::string_view) {
  facts.guest_counts.push_back(
      {HostNs{record.head.timestamp_ns}, record.head.vcpu, record.kind, record.key, record.count});
}
void take(SessionFacts& facts, const KvmStatRecord& record, std::string_view name) {
  facts.kvm_stats.push_back(
      {HostNs{record.head.timestamp_ns}, record.head.vcpu, std::string(name), record.value});
}
void take(SessionFacts& facts, const StreamLossRecord& record, std::string_view) {
  facts.losses.push_back({HostNs{record.head.timestamp_ns}, static_cast<LossSource>(record.source),
                          record.instance, record.count});
}
void take(SessionFacts& facts, const ProbeCostRecord& record, std::string_view) {
  facts.probe_cost = ProbeCost{HostNs{record.head.timestamp_ns}, record.per_exit_ns, record.traced_ns,
                               record.untraced_ns, record.exits};
}
void take(SessionFacts& facts, const RecordingEndRecord& record, std::string_view) {
  facts.end = RecordingEnd{HostNs{record.head.timestamp_ns}, static_cast<EndReason>(record.reason),
                           record.records_lost};
}

void take_event(SessionFacts& facts, std::uint16_t id, std::span<const std::byte> event,
                std::string_view text) {
  switch (id) {
    case kClockSample:
      return take(facts, copy_of<ClockSampleRecord>(event), text);
    case kVcpuStarted:
      return take(facts, copy_of<VcpuStartedRecord>(event), text);
    case kVm:
      return take(facts, copy_of<VmRecord>(event), text);
    case kWorkload:
      return take(facts, copy_of<WorkloadRecord>(event), text);
    case kGuestCount:
      return take(facts, copy_of<GuestCountRecord>(event), text);
    case kKvmStat:
      return take(facts, copy_of<KvmStatRecord>(event), text);
    case kStreamLoss:
      return take(facts, copy_of<StreamLossRecord>(event), text);
    case kProbeCost:
      return take(facts, copy_of<ProbeCostRecord>(event), text);
    case kRecordingEnd:
      return take(facts, copy_of<RecordingEndRecord>(event), text);
    default:
      break;
  }
}

}  // namespace

Status SessionFacts::add(std::span<const std::byte> events, std::uint64_t offset, std::string_view file) {
  while (!events.empty()) {
    if (events.size() < sizeof(trl_record_head))
      return damaged_at(file, offset, "an event reaches beyond its packet");
    const auto head = copy_of<trl_record_head>(events);
    const EventRow* row = find_event(head.id);
    if (row == nullptr || row->stream != StreamClass::session) {
      return damaged_at(file, offset, "there is no such event in this stream");
    }
    std::size_t size = row->size;
    std::string_view text;
    if (events.size() < size) return damaged_at(file, offset, "an event reaches beyond its packet");
    if (row->has_text()) {
      const auto found = text_after(events, size);
      if (!found) return damaged_at(file, offset, "a text has no end");
      text = *found;
      size += text.size() + 1;
    }
    take_event(*this, head.id, events.first(size), text);
    events = events.subspan(size);
    offset += size;
  }
  return {};
}

}  // namespace trapline::recording
