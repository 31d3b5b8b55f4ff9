#include "viewer/perfetto/perfetto_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <protozero/pbf_writer.hpp>
#include <utility>

#include "viewer/lanes/vm_name.h"
#include "viewer/output/utf8.h"
#include "viewer/perfetto/fields.h"
#include "viewer/perfetto/message.h"

namespace trapline::viewer {
namespace {

using namespace perfetto;
using protozero::pbf_wire_type;
using protozero::pbf_writer;

constexpr std::uint64_t kSequence = 1;

// Tracks are told apart by numbers that are ours to choose.
constexpr std::uint64_t kFirstVmTrack = 1;
constexpr std::uint64_t kFirstLaneTrack = 0x1000000;
constexpr std::uint64_t kFirstVcpuTrack = 0x1'0000'0000;  // VM and vCPU have 16 bits each
// Below the VM: the vCPUs first.
constexpr std::uint64_t kFirstRaiserRank = 0x10000;

constexpr std::size_t kMaxArgs = 16;
constexpr std::size_t kAnnotation = 32;
constexpr std::size_t kEvent = kMaxArgs * (kAnnotation + 2) + 80;
constexpr std::size_t kPacket = kEvent + 64;

template <typename Field>
constexpr std::uint32_t at(Field field) {
  return static_cast<std::uint32_t>(field);
}

// Interned numbers begin with 1.
constexpr std::uint64_t iid(std::uint64_t number) {
  return number + 1;
}

std::uint64_t track_of(const Lane& lane) {
  return kFirstLaneTrack + lane.index;
}

void add_args(Message<kEvent>& event, std::span<const Arg> args) {
  for (const Arg& arg : args.first(std::min(args.size(), kMaxArgs))) {
    Message<kAnnotation> annotation;
    annotation.number(AnnotationField::name_iid, iid(static_cast<std::uint64_t>(arg.name)));
    switch (arg.kind) {
      case Arg::Kind::text:
        annotation.number(AnnotationField::string_value_iid, iid(arg.value));
        break;
      case Arg::Kind::count:
        annotation.number(AnnotationField::uint_value, arg.value);
        break;
      case Arg::Kind::address:
        annotation.number(AnnotationField::pointer_value, arg.value);
        break;
      case Arg::Kind::flag:
        annotation.number(AnnotationField::bool_value, arg.value);
        break;
    }
    event.message(EventField::debug_annotations, annotation.bytes());
  }
}

void add_flow(Message<kEvent>& event, const Slice& slice) {
  if (slice.part == FlowPart::none) return;
  const auto field = slice.part == FlowPart::last ? EventField::terminating_flow_ids : EventField::flow_ids;
  event.fixed64(field, slice.story);
}

Message<kPacket> event_packet(HostNs at, const Message<kEvent>& event) {
  Message<kPacket> packet;
  packet.number(PacketField::timestamp, at.value);
  packet.number(PacketField::trusted_packet_sequence_id, kSequence);
  packet.number(PacketField::sequence_flags, kNeedsIncrementalState);
  packet.message(PacketField::track_event, event.bytes());
  return packet;
}

}  // namespace

PerfettoTrace::PerfettoTrace(const recording::RecordingInfo& info, std::vector<ClockReading> clocks,
                             const Labels& labels, TextSink& sink)
    : info_(info), clocks_(std::move(clocks)), labels_(labels), out_(sink) {}

void PerfettoTrace::packet(std::string_view content) {
  std::array<char, std::size_t{2} * protozero::max_varint_length> head;
  constexpr auto kTag =
      at(TraceField::packet) << 3U | static_cast<std::uint32_t>(pbf_wire_type::length_delimited);
  int length = protozero::write_varint(head.data(), kTag);
  length += protozero::write_varint(head.data() + length, content.size());
  out_.put(std::string_view(head.data(), static_cast<std::size_t>(length)));
  out_.put(content);
}

void PerfettoTrace::begin(const tracer::TimelineHead& head) {
  if (clocks_.empty()) clocks_.push_back({head.begin, {}});
  for (const ClockReading& reading : clocks_)
    write_clocks(reading);

  std::string defaults;
  pbf_writer(defaults).add_uint32(at(DefaultsField::timestamp_clock_id), kMonotonicClock);
  std::string first;
  pbf_writer writer(first);
  writer.add_uint64(at(PacketField::trusted_packet_sequence_id), kSequence);
  writer.add_uint32(at(PacketField::sequence_flags), kIncrementalStateCleared);
  writer.add_message(at(PacketField::trace_packet_defaults), defaults);
  packet(first);

  for (std::size_t i = 0; i < kArgNames; ++i)
    write_interned(at(InternedField::debug_annotation_names), i, arg_name(static_cast<ArgName>(i)));
  for (std::size_t i = 0; i < kLaneKinds; ++i)
    write_interned(at(InternedField::event_categories), i, category_name(static_cast<LaneKind>(i)));
  machines_ = head.machines;
  if (!machines_.several()) know_vm(0);
}

// The trace's own clock is the host's; each vCPU's goes by a number from kFirstCustomClock.
void PerfettoTrace::write_clocks(const ClockReading& reading) {
  std::string snapshot;
  pbf_writer writer(snapshot);
  const auto clock = [&](std::uint32_t id, std::uint64_t ns) {
    std::string content;
    pbf_writer of_clock(content);
    of_clock.add_uint32(at(ClockField::clock_id), id);
    of_clock.add_uint64(at(ClockField::timestamp), ns);
    writer.add_message(at(SnapshotField::clocks), content);
  };
  clock(kMonotonicClock, reading.at.value);
  for (const GuestClockReading& guest : reading.guests)
    clock(kFirstCustomClock + guest.vcpu, guest.guest_ns);
  writer.add_uint32(at(SnapshotField::primary_trace_clock), kMonotonicClock);
  std::string content;
  pbf_writer of_packet(content);
  of_packet.add_uint64(at(PacketField::trusted_packet_sequence_id), kSequence);
  of_packet.add_message(at(PacketField::clock_snapshot), snapshot);
  packet(content);
}

void PerfettoTrace::write_track(std::uint64_t uuid, std::uint64_t parent, std::uint64_t rank,
                                std::string_view name) {
  std::string track;
  pbf_writer writer(track);
  writer.add_uint64(at(TrackField::uuid), uuid);
  if (parent != 0) writer.add_uint64(at(TrackField::parent_uuid), parent);
  writer.add_bytes(at(TrackField::name), well_formed(name));
  writer.add_uint32(at(TrackField::child_ordering), kChildrenByRank);
  writer.add_int32(at(TrackField::sibling_order_rank), static_cast<std::int32_t>(rank));
  std::string content;
  pbf_writer of_packet(content);
  of_packet.add_uint64(at(PacketField::trusted_packet_sequence_id), kSequence);
  of_packet.add_message(at(PacketField::track_descriptor), track);
  packet(content);
}

std::uint64_t PerfettoTrace::know_vm(std::uint16_t vm) {
  const std::uint64_t track = kFirstVmTrack + vm;
  if (known_tracks_.insert(track).second) write_track(track, 0, vm, vm_name(info_, machines_, vm));
  return track;
}

void PerfettoTrace::lane(const Lane& lane) {
  const std::uint64_t vm_track = know_vm(lane.vm);
  if (!lane.vcpu) {
    write_track(track_of(lane), vm_track, kFirstRaiserRank + lane.rank, lane.name);
    return;
  }
  const std::uint64_t vcpu_track = kFirstVcpuTrack + (std::uint64_t{lane.vm} << 16) + *lane.vcpu;
  if (known_tracks_.insert(vcpu_track).second)
    write_track(vcpu_track, vm_track, *lane.vcpu, fmt::format("vCPU {}", *lane.vcpu));
  write_track(track_of(lane), vcpu_track, lane.rank, lane.name);
}

void PerfettoTrace::write_interned(std::uint32_t field, std::uint64_t number, std::string_view text) {
  std::string entry;
  pbf_writer of_entry(entry);
  of_entry.add_uint64(at(InternedEntryField::iid), iid(number));
  of_entry.add_string(at(InternedEntryField::text), well_formed(text));
  std::string interned;
  pbf_writer(interned).add_message(field, entry);
  std::string content;
  pbf_writer writer(content);
  writer.add_uint64(at(PacketField::trusted_packet_sequence_id), kSequence);
  writer.add_uint32(at(PacketField::sequence_flags), kNeedsIncrementalState);
  writer.add_message(at(PacketField::interned_data), interned);
  packet(content);
}

void PerfettoTrace::know_name(Label label) {
  if (known_names_.size() <= label) known_names_.resize(label + std::size_t{1});
  if (known_names_[label]) return;
  known_names_[label] = true;
  write_interned(at(InternedField::event_names), label, labels_.text(label));
}

void PerfettoTrace::know_texts(std::span<const Arg> args) {
  for (const Arg& arg : args) {
    if (arg.kind != Arg::Kind::text) continue;
    const auto label = static_cast<Label>(arg.value);
    if (known_texts_.size() <= label) known_texts_.resize(label + std::size_t{1});
    if (known_texts_[label]) continue;
    known_texts_[label] = true;
    write_interned(at(InternedField::debug_annotation_string_values), label, labels_.text(label));
  }
}

void PerfettoTrace::write_begin(const Slice& slice, bool whole) {
  know_name(slice.name);
  Message<kEvent> event;
  event.number(EventField::type, kSliceBegin);
  event.number(EventField::track_uuid, track_of(*slice.lane));
  event.number(EventField::category_iids, iid(static_cast<std::uint64_t>(slice.lane->kind)));
  event.number(EventField::name_iid, iid(slice.name));
  if (whole) {
    know_texts(slice.args);
    add_args(event, slice.args);
    add_flow(event, slice);
  }
  packet(event_packet(slice.begin, event).bytes());
}

void PerfettoTrace::write_end(const Slice& slice, bool with_rest) {
  Message<kEvent> event;
  event.number(EventField::type, kSliceEnd);
  event.number(EventField::track_uuid, track_of(*slice.lane));
  if (with_rest) {
    know_texts(slice.args);
    add_args(event, slice.args);
    add_flow(event, slice);
  }
  packet(event_packet(slice.end, event).bytes());
}

// Readers sort packets by time and leave those of one time in their order: a slice whose end follows its
// begin at once closes before the next of its lane opens.
void PerfettoTrace::slice(const Slice& slice) {
  write_begin(slice, true);
  write_end(slice, false);
}

void PerfettoTrace::opened(const Slice& slice) {
  write_begin(slice, false);
}

void PerfettoTrace::closed(const Slice& slice) {
  write_end(slice, true);
}

}  // namespace trapline::viewer
