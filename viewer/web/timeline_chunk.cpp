#include "viewer/web/timeline_chunk.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "viewer/web/byte_column.h"
#include "viewer/web/time_pool.h"

namespace trapline::viewer {
namespace {

// The code of a stretch of which this page has no state: between the parts of a sample.
constexpr std::uint64_t kNotHere = tracer::kStates;

// A set of columns, one after the other, each after its length in bytes.
template <std::size_t N>
void append(std::string& out, const std::array<ByteColumn, N>& columns) {
  for (const ByteColumn& column : columns) {
    ByteColumn length;
    length.number(column.bytes().size());
    out += length.bytes();
    out += column.bytes();
  }
}

std::uint64_t bits(std::initializer_list<bool> flags) {
  std::uint64_t value = 0;
  unsigned bit = 0;
  for (const bool flag : flags)
    value |= static_cast<std::uint64_t>(flag) << bit++;
  return value;
}

std::string pack_exits(std::span<const PackedExit> exits, TimePool& pool) {
  std::array<ByteColumn, 7> columns;
  auto& [begin, duration, kind, flags, to_user, to_vmm, in_vmm] = columns;
  PackedTime previous = 0;
  for (const PackedExit& exit : exits) {
    begin.distance(exit.begin - previous);
    duration.distance(exit.end - exit.begin);
    kind.number(exit.kind);
    flags.number(bits({exit.open, exit.halts, exit.user_exit.has_value(), exit.vmm_begin.has_value()}));
    if (exit.user_exit) to_user.distance(*exit.user_exit - exit.begin);
    if (exit.vmm_begin) {
      to_vmm.distance(*exit.vmm_begin - exit.user_exit.value_or(exit.begin));
      in_vmm.distance(*exit.vmm_end - *exit.vmm_begin);
    }
    previous = exit.end;
    for (const OptionalTime& at :
         {OptionalTime(exit.begin), exit.user_exit, exit.vmm_begin, exit.vmm_end, OptionalTime(exit.end)}) {
      if (at) pool.add(*at);
    }
  }
  std::string out;
  append(out, columns);
  return out;
}

std::string pack_isrs(std::span<const PackedIsr> isrs, TimePool& pool) {
  std::array<ByteColumn, 8> columns;
  auto& [entry, duration, flags, to_eoi, vector, workload, depth, story] = columns;
  PackedTime previous = 0;
  tracer::InterruptId previous_story = 0;
  for (const PackedIsr& isr : isrs) {
    entry.distance(isr.entry - previous);
    duration.distance(isr.iret - isr.entry);
    flags.number(bits({isr.complete, isr.eoi.has_value()}));
    if (isr.eoi) to_eoi.distance(*isr.eoi - isr.entry);
    vector.number(isr.vector);
    workload.number(isr.workload);
    depth.number(isr.depth);
    story.distance(previous_story, isr.story);
    previous = isr.entry;
    previous_story = isr.story;
    for (const OptionalTime& at : {OptionalTime(isr.entry), isr.eoi, OptionalTime(isr.iret)}) {
      if (at) pool.add(*at);
    }
  }
  std::string out;
  append(out, columns);
  return out;
}

// States touch, so each is its end. What lies between two that do not is kNotHere.
std::string pack_states(std::span<const PackedState> states, const TimePool& pool, std::uint64_t& rows) {
  std::array<ByteColumn, 3> columns;
  ByteColumn& code = columns[1];
  ByteColumn& end = columns[2];
  TimeReferences reference(pool);
  PackedTime previous = states.empty() ? 0 : states.front().begin;
  columns[0].distance(previous);
  const auto until = [&](PackedTime at, std::uint64_t state) {
    code.number(state);
    reference.write(previous, at, end);
    previous = at;
    ++rows;
  };
  for (const PackedState& state : states) {
    if (state.begin > previous) until(state.begin, kNotHere);
    until(std::max(state.end, previous), static_cast<std::uint64_t>(state.state));
  }
  std::string out;
  append(out, columns);
  return out;
}

std::string pack_steps(std::span<const PackedStep> steps, const TimePool& pool) {
  std::array<ByteColumn, 3> columns;
  auto& [begin, end, text] = columns;
  TimeReferences reference(pool);
  PackedTime previous = 0;
  for (const PackedStep& step : steps) {
    reference.write(previous, step.begin, begin);
    reference.write(step.begin, step.end, end);
    text.number(step.text);
    previous = step.end;
  }
  std::string out;
  append(out, columns);
  return out;
}

std::string pack_injections(std::span<const PackedInjection> injections, const TimePool& pool) {
  std::array<ByteColumn, 5> columns;
  auto& [at, vector, flags, isr_entry, story] = columns;
  TimeReferences reference(pool);
  PackedTime previous = 0;
  tracer::InterruptId previous_story = 0;
  for (const PackedInjection& injection : injections) {
    reference.write(previous, injection.at, at);
    vector.number(injection.vector);
    flags.number(bits({injection.exception, injection.reinjected, injection.isr_entry.has_value()}));
    if (injection.isr_entry) reference.write(injection.at, *injection.isr_entry, isr_entry);
    story.distance(previous_story, injection.story);
    previous = injection.at;
    previous_story = injection.story;
  }
  std::string out;
  append(out, columns);
  return out;
}

std::string pack_events(std::span<const PackedEvent> events, const TimePool& pool) {
  std::array<ByteColumn, 11> columns;
  auto& [workload, iteration, flags, u0, k1, k2, u3, handler, user, kernel, async] = columns;
  TimeReferences reference(pool);
  PackedTime previous = 0;
  std::uint64_t previous_iteration = 0;
  for (const PackedEvent& event : events) {
    workload.number(event.workload);
    iteration.distance(previous_iteration, event.iteration);
    flags.number(bits({event.k1.has_value(), event.k2.has_value(), event.handler_vcpu.has_value()}));
    reference.write(previous, event.u0, u0);
    PackedTime latest = event.u0;
    const auto write = [&](PackedTime time, ByteColumn& column) {
      reference.write(latest, time, column);
      latest = time;
    };
    if (event.k1) write(*event.k1, k1);
    if (event.k2) write(*event.k2, k2);
    write(event.u3, u3);
    if (event.handler_vcpu) handler.number(*event.handler_vcpu);
    user.number(event.user_exits);
    kernel.number(event.kernel_exits);
    async.number(event.async_exits);
    previous = event.u3;
    previous_iteration = event.iteration;
  }
  std::string out;
  append(out, columns);
  return out;
}

std::string pack_stories(std::span<const PackedStory> stories, const TimePool& pool) {
  std::array<ByteColumn, 6> columns;
  auto& [id, shape, links, coalesced, reinjections, masked] = columns;
  TimeReferences reference(pool);
  PackedTime previous = 0;
  tracer::InterruptId previous_id = 0;
  for (const PackedStory& story : stories) {
    id.distance(previous_id, story.id);
    shape.number(story.shape);
    PackedTime latest = previous;
    for (const OptionalTime& at : story.links) {
      if (!at) continue;
      reference.write(latest, *at, links);
      latest = *at;
    }
    coalesced.number(story.coalesced);
    reinjections.number(story.reinjections);
    masked.number(story.entries_masked);
    previous = story.begin();
    previous_id = story.id;
  }
  std::string out;
  append(out, columns);
  return out;
}

// Exits of a kind have much in common: their raw fields stand together.
std::string pack_raw_fields(std::span<const PackedExit> exits) {
  std::vector<std::uint32_t> order(exits.size());
  std::iota(order.begin(), order.end(), 0u);
  std::ranges::stable_sort(order, {}, [&](std::uint32_t row) { return exits[row].kind; });
  std::array<ByteColumn, 8> columns;
  auto& [flags, rip, info1, info2, code, event_inj, exit_int_info, user_reason] = columns;
  trl_exit_cycle previous{};
  for (const std::uint32_t row : order) {
    const trl_exit_cycle& raw = exits[row].record;
    flags.number(raw.flags);
    rip.distance(previous.rip, raw.rip);
    info1.distance(previous.info1, raw.info1);
    info2.distance(previous.info2, raw.info2);
    code.distance(previous.reason, raw.reason);
    event_inj.distance(previous.event_inj, raw.event_inj);
    exit_int_info.distance(previous.exit_int_info, raw.exit_int_info);
    user_reason.number(raw.user_reason);
    previous = raw;
  }
  std::string out;
  append(out, columns);
  return out;
}

}  // namespace

PackedTime PackedStory::begin() const {
  OptionalTime earliest;
  for (const OptionalTime& at : links) {
    if (at && (!earliest || *at < *earliest)) earliest = at;
  }
  return earliest.value_or(0);
}

std::size_t TimelineChunk::longest_table() const {
  return std::max({exits.size(), states.size(), steps.size(), injections.size(), isrs.size(), events.size(),
                   stories.size()});
}

PackedChunk TimelineChunk::take() {
  std::ranges::stable_sort(isrs, {}, &PackedIsr::entry);
  std::ranges::stable_sort(stories, {}, &PackedStory::begin);
  PackedChunk chunk;
  TimePool pool;
  const std::string packed_exits = pack_exits(exits, pool);
  const std::string packed_isrs = pack_isrs(isrs, pool);
  pool.settle();
  std::uint64_t state_rows = 0;
  const std::string packed_states = pack_states(states, pool, state_rows);
  ByteColumn head;
  for (const std::uint64_t number : {std::uint64_t{vcpu_}, exits.size(), isrs.size(), state_rows,
                                     steps.size(), injections.size(), events.size(), stories.size()})
    head.number(number);
  chunk.hot = head.bytes() + packed_exits + packed_isrs + packed_states + pack_steps(steps, pool) +
              pack_injections(injections, pool) + pack_events(events, pool) + pack_stories(stories, pool);
  chunk.cold = pack_raw_fields(exits);
  *this = TimelineChunk(vcpu_);
  return chunk;
}

}  // namespace trapline::viewer
