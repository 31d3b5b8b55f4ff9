#include "tracer/recorder/probes_object.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include <probes.skel.h>  // names types of bpf/record.h
#include <probes_copies.skel.h>

namespace trapline::tracer {
namespace {

const SkeletonFunctions<probes> kSkeleton = {probes__create_skeleton, probes__destroy,
                                             probes_copies::elf_bytes};

VmScope vm_scope(const RecorderOptions& options) {
  return options.scope == RecorderOptions::Scope::own ? VmScope::own : VmScope::any;
}

std::uint32_t power_of_two_from(std::uint32_t at_least) {
  std::uint32_t power = 1;
  while (power < at_least)
    power *= 2;
  return power;
}

// Small records are a few for each exit at the most; of our own VMM, which makes its own marks, far fewer.
std::uint32_t event_buffer_bytes(const RecorderOptions& options, std::uint32_t cpus) {
  constexpr std::uint32_t kLeast = 1u << 20;
  if (options.scope == RecorderOptions::Scope::own) return kLeast;
  const std::uint64_t wanted =
      std::uint64_t{std::min(cpus, 64u)} * options.ring_records * sizeof(trl_kvm_event) * 2;
  return power_of_two_from(static_cast<std::uint32_t>(std::clamp<std::uint64_t>(wanted, kLeast, 1u << 28)));
}

template <typename Rodata>
void set_filter(Rodata& rodata, const ExitFilter& filter) {
  set_vcpu_filter(rodata, filter.vcpus);
  rodata.filter_exits = filter.reasons.empty() && filter.at_least_ns == 0 ? 0 : 1;
  rodata.wanted_from_ns = filter.at_least_ns;
  set_bits(rodata.wanted_reasons, filter.reasons);
  if (filter.reasons.empty()) std::ranges::fill(rodata.wanted_reasons, ~std::uint64_t{0});
}

}  // namespace

ProbesObject::ProbesObject(SkeletonOwner<probes> skeleton)
    : skeleton_(std::move(skeleton)), loaded_(skeleton_->obj) {}

int ProbesObject::cycles_fd() const {
  return bpf_map__fd(skeleton_->maps.cycles);
}
int ProbesObject::controls_fd() const {
  return bpf_map__fd(skeleton_->maps.controls);
}
int ProbesObject::events_fd() const {
  return bpf_map__fd(skeleton_->maps.events);
}
std::size_t ProbesObject::events_bytes() const {
  return bpf_map__max_entries(skeleton_->maps.events);
}
int ProbesObject::vms_fd() const {
  return bpf_map__fd(skeleton_->maps.vms);
}
int ProbesObject::vcpus_fd() const {
  return bpf_map__fd(skeleton_->maps.vcpus);
}
std::uint32_t ProbesObject::vms_numbered() const {
  return std::min<std::uint32_t>(skeleton_->bss->vms_numbered, TRL_VMS);
}
std::uint32_t ProbesObject::vcpus_numbered() const {
  return std::min<std::uint32_t>(skeleton_->bss->vcpus_numbered, TRL_VCPUS);
}
std::uint64_t ProbesObject::not_followed() const {
  return skeleton_->bss->threads_without_slot + skeleton_->bss->without_number;
}

Result<ProbesObject> ProbesObject::load(const RecorderOptions& options, const KernelSupport& kernel) {
  TRAPLINE_ASSIGN(opened, open_probes(kSkeleton, kernel));
  ProbesObject object(std::move(opened.skeleton));
  probes* skeleton = object.skeleton_.get();
  const int possible_cpus = libbpf_num_possible_cpus();
  if (possible_cpus < 0) return fail(libbpf_error("count", "CPUs", -possible_cpus));
  object.cpus_ = static_cast<std::uint32_t>(possible_cpus);

  skeleton->rodata->selection = selection_of(options.scope);
  skeleton->rodata->own_tgid = static_cast<std::uint32_t>(options.own_process);
  skeleton->rodata->ring_records = options.ring_records;
  set_kernel(*skeleton->rodata, kernel, options.mode);
  set_filter(*skeleton->rodata, options.filter);
  bpf_map__set_max_entries(skeleton->maps.cycles, object.cpus_ * options.ring_records);
  bpf_map__set_max_entries(skeleton->maps.controls, object.cpus_);
  bpf_map__set_max_entries(skeleton->maps.events, event_buffer_bytes(options, object.cpus_));

  object.loaded_.choose(probed_tracepoints(options.mode, vm_scope(options)), kernel);
  bpf_program__set_autoload(skeleton->progs.flush_open_cycles, true);
  bpf_program__set_autoload(skeleton->progs.on_fork,
                            options.scope == RecorderOptions::Scope::processes_and_children);
  if (const int error = probes__load(skeleton); error != 0)
    return fail(libbpf_error("load", "the probes", -error));
  return object;
}

Status ProbesObject::attach(const RecorderOptions& options, const KernelSupport& kernel) {
  followed_by_ = loaded_.follow_functions(kernel);
  skeleton_->bss->functions_followed = followed_by_ == FollowBy::nothing ? 0 : 1;
  if (options.scope == RecorderOptions::Scope::processes_and_children)
    TRAPLINE_TRY(loaded_.attach_one(skeleton_->progs.on_fork, "tracepoint sched_process_fork"));
  return loaded_.attach(probed_tracepoints(options.mode, vm_scope(options)), kernel);
}

Status ProbesObject::flush_open_cycles() const {
  return loaded_.run_over_slots(skeleton_->progs.flush_open_cycles);
}

Status ProbesObject::want_process(pid_t pid, bool wanted) {
  TRAPLINE_TRY(loaded_.want_process(pid, wanted));
  std::atomic_ref(skeleton_->bss->rebinds).fetch_add(1);  // its threads may have been looked up before
  return {};
}

}  // namespace trapline::tracer
