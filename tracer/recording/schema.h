// The one table of everything a recording can hold: stream classes, event classes, their fields.
// The metadata is generated from it, the reader checks sizes against it, and docs/recording-format.md is
// tested against it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace trapline::recording {

// `trapline_format` in the metadata. Format 1 is format 2 without the stream class `steps`.
inline constexpr int kFormatVersion = 3;
inline constexpr int kOldestFormatVersion = 1;  // that is still read

enum class StreamClass : std::uint8_t { exits = 0, kvm = 1, stamps = 2, vmm = 3, session = 4, steps = 5 };
inline constexpr std::size_t kStreamClasses = 6;

// Instance of StreamClass::vmm that holds what device threads did; elsewhere an instance is a host CPU or a
// vCPU.
inline constexpr std::uint32_t kDeviceThreads = 0xffff;

// One stream instance, and thereby one file.
struct StreamKey {
  StreamClass stream = StreamClass::session;
  std::uint32_t instance = 0;  // session: 0
  auto operator<=>(const StreamKey&) const = default;
};

struct StreamClassRow {
  StreamClass id;
  std::string_view name;
  std::string_view file_prefix;     // the file is named file_prefix + instance; session: just this
  std::string_view instance_field;  // what the packet context calls the instance
};

enum class FieldKind : std::uint8_t { decimal, signed_decimal, hex, text };

struct FieldRow {
  std::string_view name;
  std::uint16_t offset;  // from the event's first byte
  std::uint16_t size;    // bytes; text: 0, ends with its NUL
  FieldKind kind;
};

struct EventRow {
  std::uint16_t id;
  StreamClass stream;
  std::string_view name;
  std::uint16_t size;                // bytes, the 16 of the head included, those of a text not
  std::span<const FieldRow> fields;  // those after the head

  [[nodiscard]] bool has_text() const { return !fields.empty() && fields.back().kind == FieldKind::text; }
};

[[nodiscard]] std::span<const StreamClassRow> stream_classes();
[[nodiscard]] std::span<const FieldRow> head_fields();  // struct trl_record_head
[[nodiscard]] std::span<const EventRow> event_classes();

[[nodiscard]] const StreamClassRow& stream_class(StreamClass stream);
[[nodiscard]] const EventRow* find_event(std::uint16_t id);  // nullptr: no such event

// EventRow::size by event id, 0 for ids that no event of the stream has: what a walk needs of the table.
inline constexpr std::size_t kEventIds = 64;
using EventSizes = std::span<const std::uint16_t, kEventIds>;
[[nodiscard]] EventSizes event_sizes(StreamClass stream);

// "exits_cpu3", "stamps_vcpu0", "vmm_vcpu1", "vmm_devices", "session", "steps_vcpu0".
[[nodiscard]] std::string stream_file_name(StreamKey key);
// The stream that a file of this name holds; none if no stream's file is named so.
[[nodiscard]] std::optional<StreamKey> stream_of_file_name(std::string_view name);

}  // namespace trapline::recording
