// Numbers of Perfetto's trace format (protos/perfetto/trace/**/*.proto): those that are written or read here.
#pragma once

#include <cstdint>

namespace trapline::viewer::perfetto {

enum class TraceField : std::uint32_t { packet = 1 };

enum class PacketField : std::uint32_t {
  clock_snapshot = 6,
  timestamp = 8,
  trusted_packet_sequence_id = 10,
  track_event = 11,
  interned_data = 12,
  sequence_flags = 13,
  timestamp_clock_id = 58,
  trace_packet_defaults = 59,
  track_descriptor = 60,
};

enum SequenceFlag : std::uint32_t {
  kIncrementalStateCleared = 1,
  kNeedsIncrementalState = 2,
};

enum class DefaultsField : std::uint32_t { timestamp_clock_id = 58 };

enum class EventField : std::uint32_t {
  category_iids = 3,
  debug_annotations = 4,
  type = 9,
  name_iid = 10,
  track_uuid = 11,
  flow_ids = 47,              // fixed64
  terminating_flow_ids = 48,  // fixed64
};

enum EventType : std::uint32_t {
  kSliceBegin = 1,
  kSliceEnd = 2,
};

enum class AnnotationField : std::uint32_t {
  name_iid = 1,
  bool_value = 2,
  uint_value = 3,
  pointer_value = 7,
  string_value_iid = 17,
};

enum class InternedField : std::uint32_t {
  event_categories = 1,
  event_names = 2,
  debug_annotation_names = 3,
  debug_annotation_string_values = 29,
};

// The same in EventCategory, EventName, DebugAnnotationName and InternedString.
enum class InternedEntryField : std::uint32_t { iid = 1, text = 2 };

enum class TrackField : std::uint32_t {
  uuid = 1,
  name = 2,
  parent_uuid = 5,
  child_ordering = 11,
  sibling_order_rank = 12,
};
inline constexpr std::uint32_t kChildrenByRank = 3;  // TrackDescriptor.ChildTracksOrdering.EXPLICIT

enum class SnapshotField : std::uint32_t { clocks = 1, primary_trace_clock = 2 };
enum class ClockField : std::uint32_t { clock_id = 1, timestamp = 2 };
inline constexpr std::uint32_t kMonotonicClock = 3;      // BUILTIN_CLOCK_MONOTONIC
inline constexpr std::uint32_t kFirstCustomClock = 128;  // known to all sequences

}  // namespace trapline::viewer::perfetto
