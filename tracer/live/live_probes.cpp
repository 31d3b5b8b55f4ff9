#include "tracer/live/live_probes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <optional>
#include <utility>

#include "base/mapping.h"
#include "bpf/control.h"
#include "tracer/clock/sample.h"
#include "tracer/recorder/loaded_probes.h"
#include "tracer/recorder/vm_table.h"

#include <top_probes.skel.h>  // names types of bpf/record.h
#include <top_probes_copies.skel.h>

namespace trapline::tracer {
namespace {

const SkeletonFunctions<top_probes> kSkeleton = {top_probes__create_skeleton, top_probes__destroy,
                                                 top_probes_copies::elf_bytes};

template <typename T>
T load(T& place) {
  return std::atomic_ref(place).load(std::memory_order_relaxed);
}

}  // namespace

struct LiveProbes::State {
  explicit State(SkeletonOwner<top_probes> owner) : skeleton(std::move(owner)), loaded(skeleton->obj) {}

  SkeletonOwner<top_probes> skeleton;
  LoadedProbes loaded;  // goes before it
  FollowBy followed_by = FollowBy::nothing;
  recording::Isa isa = recording::Isa::none;
  std::uint32_t row_count = 0;
  Mapping rows;
  Mapping vcpus;
  std::optional<VmTable> table;
  std::uint32_t next_vm = 0;  // not named yet
  std::vector<LiveVm> vms;
  std::vector<bool> had_ended;  // by vCPU, at the last reading

  [[nodiscard]] trl_top_row& row(std::uint32_t index) const {
    return reinterpret_cast<trl_top_row*>(rows.data())[index];
  }
  [[nodiscard]] trl_top_vcpu& vcpu(std::uint32_t number) const {
    return reinterpret_cast<trl_top_vcpu*>(vcpus.data())[number];
  }
  Status map();
  void name_new_vms();
  void read_vcpus(LiveReading& reading);
  void read_rows(LiveReading& reading) const;
  void free_rows(LiveReading& reading, const std::vector<bool>& before) const;
};

Status LiveProbes::State::map() {
  TRAPLINE_ASSIGN(row_map, Mapping::of_file(bpf_map__fd(skeleton->maps.rows),
                                            whole_pages(sizeof(trl_top_row) * row_count),
                                            PROT_READ | PROT_WRITE, MAP_SHARED, "the table of exits"));
  rows = std::move(row_map);
  TRAPLINE_ASSIGN(vcpu_map, Mapping::of_file(bpf_map__fd(skeleton->maps.top_vcpus),
                                             whole_pages(sizeof(trl_top_vcpu) * TRL_VCPUS),
                                             PROT_READ | PROT_WRITE, MAP_SHARED, "the table of open exits"));
  vcpus = std::move(vcpu_map);
  TRAPLINE_ASSIGN(vm_map, VmTable::map(bpf_map__fd(skeleton->maps.vms), bpf_map__fd(skeleton->maps.vcpus)));
  table.emplace(std::move(vm_map));
  return {};
}

void LiveProbes::State::name_new_vms() {
  const std::uint32_t numbered = std::min<std::uint32_t>(load(skeleton->bss->vms_numbered), TRL_VMS);
  for (; next_vm < numbered; ++next_vm) {
    const VmTable::Entry entry = table->vm_entry(next_vm);
    if (entry == VmTable::Entry::filling) break;
    if (entry == VmTable::Entry::unused) continue;
    vms.push_back({next_vm, table->vm(next_vm).tgid, table->name_of(next_vm).text});
  }
}

void LiveProbes::State::read_vcpus(LiveReading& reading) {
  const std::uint32_t numbered = std::min<std::uint32_t>(load(skeleton->bss->vcpus_numbered), TRL_VCPUS);
  had_ended.resize(numbered);
  for (std::uint32_t number = 0; number < numbered; ++number) {
    if (table->vcpu_entry(number) != VmTable::Entry::ready) continue;
    const trl_vcpu& known = table->vcpu(number);
    trl_top_vcpu& told = vcpu(number);
    LiveVcpuState state;
    state.number = static_cast<std::uint16_t>(number);
    state.vm = known.vm;
    state.vcpu_id = known.vcpu_id;
    state.tid = table->tid_of_vcpu(number);
    state.seen_ns = known.seen_ns;
    // Another thread may have gone on with it.
    if (state.tid != 0 && load(told.ended_tid) == state.tid) state.ended_ns = load(told.ended_ns);
    const bool ended = state.ended_ns != 0;
    if (ended && had_ended[number]) continue;
    had_ended[number] = ended;
    state.open_since_ns = ended ? 0 : load(told.exit_ns);
    state.in_user_since_ns = load(told.user_exit_ns);
    state.open_key = load(told.key);
    reading.vcpus.push_back(state);
  }
}

void LiveProbes::State::read_rows(LiveReading& reading) const {
  for (std::uint32_t index = 0; index < row_count; ++index) {
    trl_top_row& place = row(index);
    if (load(place.key) == 0) continue;
    trl_top_row copy = place;
    copy.max_ns = std::atomic_ref(place.max_ns).exchange(0, std::memory_order_relaxed);
    reading.rows.push_back(copy);
  }
}

// A vCPU that had ended at the last reading counts nothing any more: what is there was read.
void LiveProbes::State::free_rows(LiveReading& reading, const std::vector<bool>& before) const {
  for (std::uint32_t index = 0; index < row_count; ++index) {
    trl_top_row& place = row(index);
    const std::uint64_t key = load(place.key);
    const std::uint64_t number = (key >> TRL_TOP_VCPU_SHIFT) - 1;
    if (key == 0 || number >= before.size() || !before[number] || !had_ended[number]) continue;
    reading.freed.push_back(key);
    std::memset(reinterpret_cast<std::byte*>(&place) + sizeof place.key, 0, sizeof place - sizeof place.key);
    std::atomic_ref(place.key).store(0, std::memory_order_release);
  }
}

LiveProbes::LiveProbes(std::unique_ptr<State> state) : state_(std::move(state)) {}
LiveProbes::LiveProbes(LiveProbes&&) noexcept = default;
LiveProbes::~LiveProbes() = default;

Result<LiveProbes> LiveProbes::attach(const LiveOptions& options, const KernelSupport& kernel) {
  TRAPLINE_ASSIGN(opened, open_probes(kSkeleton, kernel));
  const ProbeMode mode = live_mode(kernel);
  const auto tracepoints = live_tracepoints(mode);
  auto state = std::make_unique<State>(std::move(opened.skeleton));
  top_probes* skeleton = state->skeleton.get();
  state->row_count = options.rows;
  state->isa = kernel.isa;
  skeleton->rodata->selection = selection_of(options.scope);
  skeleton->rodata->own_tgid = static_cast<std::uint32_t>(::getpid());
  skeleton->rodata->row_count = options.rows;
  set_kernel(*skeleton->rodata, kernel, mode);
  set_vcpu_filter(*skeleton->rodata, options.vcpus);
  bpf_map__set_max_entries(skeleton->maps.rows, options.rows);
  state->loaded.choose(tracepoints, kernel);
  bpf_program__set_autoload(skeleton->progs.tell_open_cycles, true);
  if (const int error = top_probes__load(skeleton); error != 0)
    return fail(libbpf_error("load", "the probes", -error));
  TRAPLINE_TRY(state->map());
  state->followed_by = state->loaded.follow_functions(kernel);
  skeleton->bss->functions_followed = state->followed_by == FollowBy::nothing ? 0 : 1;
  TRAPLINE_TRY(state->loaded.attach(tracepoints, kernel));
  return LiveProbes(std::move(state));
}

Status LiveProbes::want_process(pid_t pid, bool wanted) {
  TRAPLINE_TRY(state_->loaded.want_process(pid, wanted));
  std::atomic_ref(state_->skeleton->bss->rebinds).fetch_add(1);  // its threads may have been looked up before
  return {};
}

FollowBy LiveProbes::followed_by() const {
  return state_->followed_by;
}

Result<LiveReading> LiveProbes::read() {
  const auto* bss = state_->skeleton->bss;
  const std::uint32_t vcpus = std::min<std::uint32_t>(bss->vcpus_numbered, TRL_VCPUS);
  for (std::uint32_t number = 0; number < vcpus; ++number)
    std::atomic_ref(state_->vcpu(number).exit_ns).store(0, std::memory_order_relaxed);
  TRAPLINE_TRY(state_->loaded.run_over_slots(state_->skeleton->progs.tell_open_cycles));

  LiveReading reading;
  reading.at_ns = take_clock_sample(1).ns.value;
  reading.isa = state_->isa;
  const std::vector<bool> before = state_->had_ended;
  state_->read_vcpus(reading);
  state_->name_new_vms();
  state_->read_rows(reading);
  state_->free_rows(reading, before);
  reading.vms = state_->vms;
  reading.losses = {bss->exits_without_row, bss->vectors_without_row,
                    bss->threads_without_slot + bss->without_number, state_->loaded.recursion_misses(),
                    bss->unattributed};
  return reading;
}

}  // namespace trapline::tracer
