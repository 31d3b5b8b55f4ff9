// What all timeline formats show: lanes, and slices on them, with arrows between slices of one story.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/time.h"
#include "tracer/timeline/timeline.h"
#include "viewer/lanes/labels.h"

namespace trapline::viewer {

enum class LaneKind : std::uint8_t { states, exits, vmm, injections, isrs, workload, pending, raises };
inline constexpr std::size_t kLaneKinds = 8;
// What a format calls the category of a lane's slices: "exit", "pending".
[[nodiscard]] std::string_view category_name(LaneKind kind);

struct Lane {
  std::uint32_t index = 0;  // among all lanes, in the order of their first slices
  LaneKind kind = LaneKind::states;
  std::uint16_t vm = 0;
  std::optional<std::uint16_t> vcpu;  // KVM's number within the VM; none: of a thread that is no vCPU
  std::uint32_t rank = 0;             // its place below its vCPU, or among those that have none
  std::string name;                   // "exits", "pending 0x40", "raised by thread 1234"

  // "vCPU 0 exits": for formats whose lanes lie in no tree.
  [[nodiscard]] std::string full_name() const;
};

enum class ArgName : std::uint8_t {
  key,
  cause,
  rip,
  info1,
  info2,
  open,
  step,
  vector,
  arg,
  iteration,
  user_exits,
  kernel_exits,
  async_exits,
  story,
  exception,
  depth,
  complete,
  eoi_after_ns,
  source,
  vcpu,
  raised,
  accepted,
  kicked,
  pending_ns,
  coalesced,
  reinjections,
  delivered_twice,
  entries_masked,
  posted,
  missing,
};
inline constexpr std::size_t kArgNames = 30;
[[nodiscard]] std::string_view arg_name(ArgName name);  // "rip", "eoi_after_ns"

struct Arg {
  enum class Kind : std::uint8_t { text, count, address, flag };
  ArgName name;
  Kind kind;
  std::uint64_t value;  // of a text its Label

  static constexpr Arg text(ArgName name, Label label) { return {name, Kind::text, label}; }
  static constexpr Arg count(ArgName name, std::uint64_t value) { return {name, Kind::count, value}; }
  static constexpr Arg address(ArgName name, std::uint64_t value) { return {name, Kind::address, value}; }
  static constexpr Arg flag(ArgName name, bool value) { return {name, Kind::flag, value}; }
};

// The arrows of a story run through the slices that have a part in it, in the order of their begins.
enum class FlowPart : std::uint8_t {
  none,
  first,   // arrows lead away from it
  middle,  // to it, and away from it
  last,    // to it
};

struct Slice {
  const Lane* lane = nullptr;
  Label name = 0;
  HostNs begin;
  HostNs end;
  std::span<const Arg> args;
  FlowPart part = FlowPart::none;
  tracer::InterruptId story = tracer::kNoInterrupt;
};

// A format. Slices of a lane nest or touch, they never overlap in part. But for isrs, slices of a lane come
// in the order of their begins, outer ones first.
class SliceWriter {
 public:
  virtual ~SliceWriter() = default;

  virtual void begin(const tracer::TimelineHead& head) = 0;  // first
  // Before the lane's first slice. The reference stays valid.
  virtual void lane(const Lane& lane) = 0;
  virtual void slice(const Slice& slice) = 0;
  // A slice of an isrs lane: when it begins (end, args and story are not known yet), and when all is known.
  virtual void opened(const Slice& slice) = 0;
  virtual void closed(const Slice& slice) = 0;
  virtual void end() = 0;  // last
  [[nodiscard]] virtual bool failed() const = 0;
};

}  // namespace trapline::viewer
