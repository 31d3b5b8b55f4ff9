#include "tracer/recorder/recorder.h"

#include <bpf/libbpf.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "base/mapping.h"
#include "bpf/control.h"
#include "tracer/recorder/event_batch.h"
#include "tracer/recorder/probes_object.h"
#include "tracer/recorder/vm_registry.h"

namespace trapline::tracer {
namespace {

using recording::RecordingWriter;
using recording::StreamClass;

// What ends ring_buffer__consume(), which returns it, after the record that it was told of.
constexpr int kTakenEnough = -ECANCELED;

constexpr std::size_t kPageBytes = whole_pages(1);

// How long a probe may take to finish a record that it has begun. It is microseconds; but the CPU may be a
// hypervisor's, which has others to run.
constexpr std::chrono::seconds kRecordPatience{10};

struct RingBufferDeleter {
  void operator()(ring_buffer* buffer) const { ring_buffer__free(buffer); }
};

}  // namespace

struct Recorder::State {
  explicit State(ProbesObject loaded) : object(std::move(loaded)), cpus(object.cpus()) {}

  ProbesObject object;
  std::uint32_t cpus;
  Mapping cycles;
  Mapping controls;
  Mapping positions;
  std::unique_ptr<ring_buffer, RingBufferDeleter> events;
  std::optional<VmRegistry> registry;       // not for our own VM
  std::vector<EventBatch> batches;          // by CPU
  std::size_t events_taken = 0;             // bytes, since the last call of consume_events()
  std::vector<std::uint64_t> lost_written;  // by CPU: cycles lost that a packet has told
  std::vector<Losses> lost_before;          // by CPU: up to the last begin()
  std::uint64_t recursion_before = 0;
  std::uint64_t threads_before = 0;
  std::uint32_t ring_records = 0;
  std::uint64_t recursion = 0;
  std::uint64_t held_up = 0;
  double fill = 0;

  [[nodiscard]] trl_ring_control* control(std::uint32_t cpu) const {
    return reinterpret_cast<trl_ring_control*>(controls.data()) + cpu;
  }

  Status map_rings();
  int take_event(const void* data, std::size_t bytes);
  Status consume_events();
  Status consume_all_begun();
  [[nodiscard]] std::uint64_t position(std::size_t page) const;
  Status drain_cycles(RecordingWriter& writer, std::uint32_t cpu);
  Status drain_events(RecordingWriter& writer);
  [[nodiscard]] Losses lost_on(std::uint32_t cpu) const;
};

Status Recorder::State::map_rings() {
  TRAPLINE_ASSIGN(cycles_map, Mapping::of_file(object.cycles_fd(),
                                               whole_pages(sizeof(trl_exit_cycle) * cpus * ring_records),
                                               PROT_READ, MAP_SHARED, "the rings"));
  cycles = std::move(cycles_map);
  TRAPLINE_ASSIGN(controls_map,
                  Mapping::of_file(object.controls_fd(), whole_pages(sizeof(trl_ring_control) * cpus),
                                   PROT_READ | PROT_WRITE, MAP_SHARED, "the rings' controls"));
  controls = std::move(controls_map);

  batches.resize(cpus);
  lost_written.resize(cpus);
  lost_before.resize(cpus);
  const auto on_event = [](void* context, void* data, std::size_t bytes) {
    return static_cast<State*>(context)->take_event(data, bytes);
  };
  events.reset(ring_buffer__new(object.events_fd(), on_event, this, nullptr));
  if (!events) return fail(system_error("map", "the event buffer", errno));
  TRAPLINE_ASSIGN(positions_map, Mapping::of_file(object.events_fd(), 2 * kPageBytes, PROT_READ, MAP_SHARED,
                                                  "the event buffer's positions"));
  positions = std::move(positions_map);
  return {};
}

// Of the event buffer (kernel/bpf/ringbuf.c): page 0 begins with where the consumer is, page 1 with where the
// producers are.
std::uint64_t Recorder::State::position(std::size_t page) const {
  auto* const at = reinterpret_cast<std::uint64_t*>(positions.data() + page * kPageBytes);
  return std::atomic_ref(*at).load(std::memory_order_acquire);
}

// A record that a probe has begun on another CPU and not yet finished ends what ring_buffer__consume() takes:
// those that lie behind it would be lost with the last call.
Status Recorder::State::consume_all_begun() {
  const std::uint64_t begun = position(1);
  const auto deadline = std::chrono::steady_clock::now() + kRecordPatience;
  TRAPLINE_TRY(consume_events());
  while (static_cast<std::int64_t>(begun - position(0)) > 0) {
    if (std::chrono::steady_clock::now() > deadline) {
      held_up = 1;  // it and what is behind it
      return {};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    TRAPLINE_TRY(consume_events());
  }
  return {};
}

int Recorder::State::take_event(const void* data, std::size_t bytes) {
  events_taken += bytes;
  std::uint32_t cpu = 0;
  if (bytes == sizeof(trl_open_cycle_carrier)) {
    cpu = static_cast<const trl_open_cycle_carrier*>(data)->cpu;
    bytes = sizeof(trl_exit_cycle);
  } else {
    cpu = static_cast<const trl_kvm_event*>(data)->cpu;
  }
  batches[cpu % batches.size()].add({static_cast<const std::byte*>(data), bytes});
  return events_taken < object.events_bytes() ? 0 : kTakenEnough;
}

// What is in the buffer now, and no more than it can hold: many CPUs may add to it faster than one reads it,
// and reading it until it is empty would never end.
Status Recorder::State::consume_events() {
  events_taken = 0;
  const int taken = ring_buffer__consume(events.get());
  if (taken == kTakenEnough) {
    fill = 1;  // there may be more already
    return {};
  }
  return taken < 0 ? fail(system_error("drain", "the event buffer", -taken)) : Status{};
}

Status Recorder::State::drain_cycles(RecordingWriter& writer, std::uint32_t cpu) {
  trl_ring_control* ring = control(cpu);
  // The losses first: those that come after it belong to the next packet.
  const std::uint64_t lost = lost_on(cpu).cycles - lost_before[cpu].cycles;
  const std::uint64_t head = std::atomic_ref(ring->head).load(std::memory_order_acquire);
  const std::uint64_t tail = ring->tail;
  if (head == tail && lost == lost_written[cpu]) return {};

  const auto* first =
      reinterpret_cast<const trl_exit_cycle*>(cycles.data()) + std::size_t{cpu} * ring_records;
  const std::uint64_t begin = tail % ring_records;
  const std::uint64_t count = head - tail;
  fill = std::max(fill, static_cast<double>(count) / ring_records);
  const std::uint64_t before_wrap = std::min<std::uint64_t>(count, ring_records - begin);
  const std::array chunks = {std::as_bytes(std::span(first + begin, before_wrap)),
                             std::as_bytes(std::span(first, count - before_wrap))};
  // With no records (only losses are told) these are not looked at.
  const HostNs from{first[begin].head.timestamp_ns};
  const HostNs to{first[(head - 1) % ring_records].head.timestamp_ns};
  TRAPLINE_TRY(writer.write_packet({StreamClass::exits, cpu}, chunks, from, to, lost));
  lost_written[cpu] = lost;
  std::atomic_ref(ring->tail).store(head, std::memory_order_release);
  return {};
}

Status Recorder::State::drain_events(RecordingWriter& writer) {
  TRAPLINE_TRY(consume_events());
  for (std::uint32_t cpu = 0; cpu < cpus; ++cpu) {
    const std::uint64_t lost = lost_on(cpu).events - lost_before[cpu].events;
    if (batches[cpu].empty()) {
      TRAPLINE_TRY(
          writer.write_packet({StreamClass::kvm, cpu}, {}, {}, {}, lost));  // nothing, if no more are lost
      continue;
    }
    const auto sorted = batches[cpu].sorted();
    const std::array chunks = {sorted.bytes};
    TRAPLINE_TRY(writer.write_packet({StreamClass::kvm, cpu}, chunks, sorted.first, sorted.last, lost));
    batches[cpu].clear();
  }
  return {};
}

// Since the probes were loaded.
Losses Recorder::State::lost_on(std::uint32_t cpu) const {
  trl_ring_control* ring = control(cpu);
  Losses lost;
  lost.cycles = std::atomic_ref(ring->cycles_lost).load(std::memory_order_acquire);
  lost.events = std::atomic_ref(ring->events_lost).load(std::memory_order_acquire);
  lost.unattributed = std::atomic_ref(ring->unattributed).load(std::memory_order_acquire);
  lost.filtered = std::atomic_ref(ring->filtered).load(std::memory_order_acquire);
  return lost;
}

Recorder::Recorder(std::unique_ptr<State> state) : state_(std::move(state)) {}
Recorder::Recorder(Recorder&&) noexcept = default;
Recorder& Recorder::operator=(Recorder&&) noexcept = default;
Recorder::~Recorder() = default;

Result<Recorder> Recorder::attach(const RecorderOptions& options, const KernelSupport& kernel) {
  TRAPLINE_ASSIGN(object, ProbesObject::load(options, kernel));
  auto state = std::make_unique<State>(std::move(object));
  state->ring_records = options.ring_records;
  TRAPLINE_TRY(state->map_rings());
  if (options.scope != RecorderOptions::Scope::own) {
    TRAPLINE_ASSIGN(registry, VmRegistry::map(state->object));
    state->registry.emplace(std::move(registry));
  }
  TRAPLINE_TRY(state->object.attach(options, kernel));
  return Recorder(std::move(state));
}

Status Recorder::drain(RecordingWriter& writer) {
  state_->fill = 0;
  for (std::uint32_t cpu = 0; cpu < state_->cpus; ++cpu)
    TRAPLINE_TRY(state_->drain_cycles(writer, cpu));
  TRAPLINE_TRY(state_->drain_events(writer));
  return state_->registry ? state_->registry->write_new(state_->object, writer) : Status{};
}

FollowBy Recorder::followed_by() const {
  return state_->object.followed_by();
}

double Recorder::fill() const {
  return state_->fill;
}

Status Recorder::want_process(pid_t pid, bool wanted) {
  return state_->object.want_process(pid, wanted);
}

std::size_t Recorder::vms_seen() const {
  return state_->registry ? state_->registry->vms_seen() : 0;
}
std::size_t Recorder::vcpus_seen() const {
  return state_->registry ? state_->registry->vcpus_seen() : 0;
}

Status Recorder::begin() {
  for (std::uint32_t cpu = 0; cpu < state_->cpus; ++cpu) {
    trl_ring_control* ring = state_->control(cpu);
    std::atomic_ref(ring->tail).store(std::atomic_ref(ring->head).load());
    state_->lost_before[cpu] = state_->lost_on(cpu);
    state_->lost_written[cpu] = 0;
  }
  TRAPLINE_TRY(state_->consume_events());
  for (EventBatch& batch : state_->batches)
    batch.clear();
  state_->recursion_before = state_->object.recursion_misses();
  state_->recursion = 0;
  state_->held_up = 0;
  state_->threads_before = state_->object.not_followed();
  return {};
}

Status Recorder::finish(RecordingWriter& writer) {
  TRAPLINE_TRY(state_->object.flush_open_cycles());
  state_->recursion = state_->object.recursion_misses() - state_->recursion_before;
  TRAPLINE_TRY(state_->consume_all_begun());
  return drain(writer);
}

Losses Recorder::losses() const {
  Losses losses;
  for (std::uint32_t cpu = 0; cpu < state_->cpus; ++cpu) {
    const Losses now = state_->lost_on(cpu);
    losses.cycles += now.cycles - state_->lost_before[cpu].cycles;
    losses.events += now.events - state_->lost_before[cpu].events;
    losses.unattributed += now.unattributed - state_->lost_before[cpu].unattributed;
    losses.filtered += now.filtered - state_->lost_before[cpu].filtered;
  }
  losses.events += state_->held_up;
  losses.recursion = state_->recursion;
  losses.threads = state_->object.not_followed() - state_->threads_before;
  return losses;
}

}  // namespace trapline::tracer
