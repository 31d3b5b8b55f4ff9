#include "tracer/recorder/recorder.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "base/mapping.h"
#include "bpf/control.h"
#include "tracer/recorder/event_batch.h"

#include <probes.skel.h>  // names types of bpf/record.h

namespace trapline::tracer {
namespace {

using recording::RecordingWriter;
using recording::StreamClass;

// libbpf explains failures (the verifier's log above all) through this hook only; it is kept for the error
// message.
std::string& libbpf_messages() {
  static std::string text;
  return text;
}

int keep_libbpf_message(libbpf_print_level level, const char* format, va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  char line[1024];
  const int length = std::vsnprintf(line, sizeof line, format, arguments);
  if (length > 0 && libbpf_messages().size() < 8192) libbpf_messages() += line;
  return length;
}

Error libbpf_error(std::string_view action, std::string_view object, int error_number) {
  Error error = system_error(action, object, error_number);
  if (!libbpf_messages().empty()) error.what += fmt::format("\n{}", libbpf_messages());
  if (error_number == EPERM) {
    error.status = ExitStatus::machine_lacks;
    error.remedy = "run as root (sudo), or without recording: --no-trace";
  }
  return error;
}

struct ProbesDeleter {
  void operator()(probes* skeleton) const { probes__destroy(skeleton); }
};
struct RingBufferDeleter {
  void operator()(ring_buffer* buffer) const { ring_buffer__free(buffer); }
};

bpf_program* find_program(bpf_object* object, const ProbedTracepoint& tracepoint) {
  return bpf_object__find_program_by_name(object, std::string(tracepoint.program).c_str());
}

// Of all probes only those of the mode are loaded whose tracepoint the kernel has.
void choose_programs(const probes& skeleton, ProbeMode mode, const KernelSupport& kernel) {
  bpf_program* program = nullptr;
  while ((program = bpf_object__next_program(skeleton.obj, program)) != nullptr)
    bpf_program__set_autoload(program, program == skeleton.progs.flush_open_cycles);
  for (const ProbedTracepoint& tracepoint : probed_tracepoints(mode)) {
    bpf_program__set_autoload(find_program(skeleton.obj, tracepoint), kernel.has_tracepoint(tracepoint.name));
  }
}

}  // namespace

struct Recorder::State {
  std::unique_ptr<probes, ProbesDeleter> skeleton;
  std::vector<bpf_link*> links;
  Mapping cycles;
  Mapping controls;
  std::unique_ptr<ring_buffer, RingBufferDeleter> events;
  std::vector<EventBatch> batches;          // by CPU
  std::vector<std::uint64_t> lost_written;  // by CPU: cycles lost that a packet has told
  std::vector<Losses> lost_before;          // by CPU: up to the last begin()
  std::uint64_t recursion_before = 0;
  std::uint64_t threads_before = 0;
  std::uint32_t cpus = 0;
  std::uint32_t ring_records = 0;
  std::uint64_t recursion = 0;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { detach(); }

  void detach() {
    for (bpf_link* link : links)
      bpf_link__destroy(link);
    links.clear();
  }

  [[nodiscard]] trl_ring_control* control(std::uint32_t cpu) const {
    return reinterpret_cast<trl_ring_control*>(controls.data()) + cpu;
  }

  Status load(const RecorderOptions& options, const KernelSupport& kernel);
  Status attach(ProbeMode mode, const KernelSupport& kernel);
  Status map_rings();
  Status drain_cycles(RecordingWriter& writer, std::uint32_t cpu);
  Status drain_events(RecordingWriter& writer);
  [[nodiscard]] Losses lost_on(std::uint32_t cpu) const;
  [[nodiscard]] std::uint64_t recursion_so_far() const;
};

Status Recorder::State::load(const RecorderOptions& options, const KernelSupport& kernel) {
  libbpf_messages().clear();
  libbpf_set_print(keep_libbpf_message);
  skeleton.reset(probes::open());
  if (!skeleton) return fail(libbpf_error("open", "the probes", errno));
  const int possible_cpus = libbpf_num_possible_cpus();
  if (possible_cpus < 0) return fail(libbpf_error("count", "CPUs", -possible_cpus));
  cpus = static_cast<std::uint32_t>(possible_cpus);
  ring_records = options.ring_records;

  skeleton->rodata->target_tgid = static_cast<std::uint32_t>(options.target);
  skeleton->rodata->ring_records = ring_records;
  skeleton->rodata->have_rdonly_cast = kernel.rdonly_cast ? 1 : 0;
  bpf_map__set_max_entries(skeleton->maps.cycles, cpus * ring_records);
  bpf_map__set_max_entries(skeleton->maps.controls, cpus);
  skeleton->rodata->isa_is_vmx = options.mode == ProbeMode::svm ? 0 : 1;
  skeleton->rodata->vmx_complete = options.mode == ProbeMode::vmx_complete ? 1 : 0;
  choose_programs(*skeleton, options.mode, kernel);
  if (const int error = probes::load(skeleton.get()); error != 0) {
    return fail(libbpf_error("load", "the probes", -error));
  }
  return {};
}

Status Recorder::State::attach(ProbeMode mode, const KernelSupport& kernel) {
  for (const ProbedTracepoint& tracepoint : probed_tracepoints(mode)) {
    if (!kernel.has_tracepoint(tracepoint.name)) continue;
    bpf_link* link = bpf_program__attach(find_program(skeleton->obj, tracepoint));
    if (link == nullptr) return fail(libbpf_error("attach the probe to tracepoint", tracepoint.name, errno));
    links.push_back(link);
  }
  return {};
}

Status Recorder::State::map_rings() {
  const std::size_t page = 4096;
  const auto whole_pages = [](std::size_t bytes) { return (bytes + page - 1) / page * page; };
  TRAPLINE_ASSIGN(cycles_map, Mapping::of_file(bpf_map__fd(skeleton->maps.cycles),
                                               whole_pages(sizeof(trl_exit_cycle) * cpus * ring_records),
                                               PROT_READ, MAP_SHARED, "the rings"));
  cycles = std::move(cycles_map);
  TRAPLINE_ASSIGN(controls_map, Mapping::of_file(bpf_map__fd(skeleton->maps.controls),
                                                 whole_pages(sizeof(trl_ring_control) * cpus),
                                                 PROT_READ | PROT_WRITE, MAP_SHARED, "the rings' controls"));
  controls = std::move(controls_map);

  batches.resize(cpus);
  lost_written.resize(cpus);
  lost_before.resize(cpus);
  const auto on_event = [](void* context, void* data, std::size_t size) {
    auto& by_cpu = *static_cast<std::vector<EventBatch>*>(context);
    const auto* bytes = static_cast<const std::byte*>(data);
    std::uint32_t cpu = 0;
    if (size == sizeof(trl_open_cycle_carrier)) {
      cpu = static_cast<const trl_open_cycle_carrier*>(data)->cpu;
      size = sizeof(trl_exit_cycle);
    } else {
      cpu = static_cast<const trl_kvm_event*>(data)->cpu;
    }
    by_cpu[cpu % by_cpu.size()].add({bytes, size});
    return 0;
  };
  events.reset(ring_buffer__new(bpf_map__fd(skeleton->maps.events), on_event, &batches, nullptr));
  if (!events) return fail(libbpf_error("map", "the event buffer", errno));
  return {};
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
  if (const int error = ring_buffer__consume(events.get()); error < 0) {
    return fail(system_error("drain", "the event buffer", -error));
  }
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
  return lost;
}

std::uint64_t Recorder::State::recursion_so_far() const {
  std::uint64_t misses = 0;
  const bpf_program* program = nullptr;
  for (program = bpf_object__next_program(skeleton->obj, nullptr); program != nullptr;
       program = bpf_object__next_program(skeleton->obj, const_cast<bpf_program*>(program))) {
    const int fd = bpf_program__fd(program);
    bpf_prog_info info{};
    std::uint32_t size = sizeof info;
    if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0) misses += info.recursion_misses;
  }
  return misses;
}

Recorder::Recorder(std::unique_ptr<State> state) : state_(std::move(state)) {}
Recorder::Recorder(Recorder&&) noexcept = default;
Recorder& Recorder::operator=(Recorder&&) noexcept = default;
Recorder::~Recorder() = default;

Result<Recorder> Recorder::attach(const RecorderOptions& options, const KernelSupport& kernel) {
  auto state = std::make_unique<State>();
  TRAPLINE_TRY(state->load(options, kernel));
  TRAPLINE_TRY(state->map_rings());
  TRAPLINE_TRY(state->attach(options.mode, kernel));
  return Recorder(std::move(state));
}

Status Recorder::drain(RecordingWriter& writer) {
  for (std::uint32_t cpu = 0; cpu < state_->cpus; ++cpu)
    TRAPLINE_TRY(state_->drain_cycles(writer, cpu));
  return state_->drain_events(writer);
}

void Recorder::begin() {
  for (std::uint32_t cpu = 0; cpu < state_->cpus; ++cpu) {
    trl_ring_control* ring = state_->control(cpu);
    std::atomic_ref(ring->tail).store(std::atomic_ref(ring->head).load());
    state_->lost_before[cpu] = state_->lost_on(cpu);
    state_->lost_written[cpu] = 0;
  }
  ring_buffer__consume(state_->events.get());
  for (EventBatch& batch : state_->batches)
    batch.clear();
  state_->recursion_before = state_->recursion_so_far();
  state_->recursion = 0;
  state_->threads_before = state_->skeleton->bss->threads_without_slot;
}

Status Recorder::finish(RecordingWriter& writer) {
  bpf_test_run_opts options{};
  options.sz = sizeof options;
  if (const int error =
          bpf_prog_test_run_opts(bpf_program__fd(state_->skeleton->progs.flush_open_cycles), &options);
      error != 0) {
    return fail(libbpf_error("run", "the probe that tells of open cycles", -error));
  }
  state_->recursion = state_->recursion_so_far() - state_->recursion_before;
  return drain(writer);
}

Losses Recorder::losses() const {
  Losses losses;
  for (std::uint32_t cpu = 0; cpu < state_->cpus; ++cpu) {
    const Losses now = state_->lost_on(cpu);
    losses.cycles += now.cycles - state_->lost_before[cpu].cycles;
    losses.events += now.events - state_->lost_before[cpu].events;
    losses.unattributed += now.unattributed - state_->lost_before[cpu].unattributed;
  }
  losses.recursion = state_->recursion;
  losses.threads = state_->skeleton->bss->threads_without_slot - state_->threads_before;
  return losses;
}

}  // namespace trapline::tracer
