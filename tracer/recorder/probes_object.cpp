#include "tracer/recorder/probes_object.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "tracer/recorder/probe_types.h"

#include <probes.skel.h>  // names types of bpf/record.h
#include <probes_copies.skel.h>

namespace trapline::tracer {
namespace {

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
  if (error_number == EPERM || error_number == EACCES) {
    error.status = ExitStatus::machine_lacks;
    error.remedy = "run as root (sudo); trapline doctor says which rights there are";
  }
  return error;
}

// Of the two compilations of the probes the one that this kernel takes; all but their code is the same, so
// one skeleton serves both.
probes* open_skeleton(const KernelSupport& kernel, const bpf_object_open_opts* options) {
  auto* skeleton = static_cast<probes*>(std::calloc(1, sizeof(probes)));  // freed by probes__destroy()
  if (skeleton == nullptr) return nullptr;
  if (probes__create_skeleton(skeleton) != 0) {
    probes__destroy(skeleton);
    return nullptr;
  }
  if (!kernel.rdonly_cast) {
    size_t size = 0;
    skeleton->skeleton->data = const_cast<void*>(probes_copies::elf_bytes(&size));
    skeleton->skeleton->data_sz = size;
  }
  if (const int error = bpf_object__open_skeleton(skeleton->skeleton, options); error != 0) {
    probes__destroy(skeleton);
    errno = -error;
    return nullptr;
  }
  return skeleton;
}

trl_selection selection_of(const RecorderOptions& options) {
  switch (options.scope) {
    case RecorderOptions::Scope::own:
      return TRL_SELECT_OWN;
    case RecorderOptions::Scope::processes:
    case RecorderOptions::Scope::processes_and_children:
      return TRL_SELECT_PROCESSES;
    case RecorderOptions::Scope::all:
      break;
  }
  return TRL_SELECT_ALL;
}

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

template <std::size_t Words>
void set_bits(std::uint64_t (&words)[Words], const std::vector<std::uint32_t>& bits) {
  for (const std::uint32_t bit : bits) {
    if (bit / 64 < Words) words[bit / 64] |= std::uint64_t{1} << bit % 64;
  }
}

template <typename Rodata>
void set_filter(Rodata& rodata, const ExitFilter& filter) {
  rodata.filter_vcpus = filter.vcpus.empty() ? 0 : 1;
  set_bits(rodata.wanted_vcpus, filter.vcpus);
  rodata.filter_exits = filter.reasons.empty() && filter.at_least_ns == 0 ? 0 : 1;
  rodata.wanted_from_ns = filter.at_least_ns;
  set_bits(rodata.wanted_reasons, filter.reasons);
  if (filter.reasons.empty()) std::ranges::fill(rodata.wanted_reasons, ~std::uint64_t{0});
}

}  // namespace

void ProbesObject::Deleter::operator()(probes* skeleton) const {
  probes__destroy(skeleton);
}

ProbesObject::~ProbesObject() {
  for (bpf_link* link : links_)
    bpf_link__destroy(link);
}

bpf_program* ProbesObject::program(std::string_view name) const {
  return bpf_object__find_program_by_name(skeleton_->obj, std::string(name).c_str());
}

int ProbesObject::cycles_fd() const {
  return bpf_map__fd(skeleton_->maps.cycles);
}
int ProbesObject::controls_fd() const {
  return bpf_map__fd(skeleton_->maps.controls);
}
int ProbesObject::events_fd() const {
  return bpf_map__fd(skeleton_->maps.events);
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
  libbpf_messages().clear();
  libbpf_set_print(keep_libbpf_message);
  std::unique_ptr<probes, Deleter> look(open_skeleton(kernel, nullptr));
  if (!look) return fail(libbpf_error("open", "the probes", errno));
  TRAPLINE_ASSIGN(types, ProbeTypes::of(look->obj, vendor_module(kernel.isa)));
  const std::string types_path = types.path();
  bpf_object_open_opts opening{};
  opening.sz = sizeof opening;
  opening.btf_custom_path = types_path.c_str();
  ProbesObject object(std::unique_ptr<probes, Deleter>(open_skeleton(kernel, &opening)));
  probes* skeleton = object.skeleton_.get();
  if (skeleton == nullptr) return fail(libbpf_error("open", "the probes", errno));
  const int possible_cpus = libbpf_num_possible_cpus();
  if (possible_cpus < 0) return fail(libbpf_error("count", "CPUs", -possible_cpus));
  object.cpus_ = static_cast<std::uint32_t>(possible_cpus);

  skeleton->rodata->selection = selection_of(options);
  skeleton->rodata->own_tgid = static_cast<std::uint32_t>(options.own_process);
  skeleton->rodata->ring_records = options.ring_records;
  skeleton->rodata->have_rdonly_cast = kernel.rdonly_cast ? 1 : 0;
  skeleton->rodata->timespec64_btf_id = kernel.timespec64_btf_id;
  skeleton->rodata->isa_is_vmx = options.mode == ProbeMode::svm ? 0 : 1;
  skeleton->rodata->vmx_complete = options.mode == ProbeMode::vmx_complete ? 1 : 0;
  set_filter(*skeleton->rodata, options.filter);
  bpf_map__set_max_entries(skeleton->maps.cycles, object.cpus_ * options.ring_records);
  bpf_map__set_max_entries(skeleton->maps.controls, object.cpus_);
  bpf_map__set_max_entries(skeleton->maps.events, event_buffer_bytes(options, object.cpus_));

  for (bpf_program* each = nullptr; (each = bpf_object__next_program(skeleton->obj, each)) != nullptr;)
    bpf_program__set_autoload(each, each == skeleton->progs.flush_open_cycles);
  for (const ProbedTracepoint& tracepoint : probed_tracepoints(options.mode, vm_scope(options)))
    bpf_program__set_autoload(object.program(tracepoint.program), kernel.has_tracepoint(tracepoint.name));
  bpf_program__set_autoload(skeleton->progs.on_fork,
                            options.scope == RecorderOptions::Scope::processes_and_children);
  for (const FollowedFunction& function : followed_functions()) {
    const bool fentry = kernel.follow_by() == FollowBy::fentry;
    if (kernel.follow_by() == FollowBy::nothing || (fentry && !kernel.has_function(function.name))) continue;
    for (const std::string_view name : {fentry ? function.fentry_begins : function.fprobe_begins,
                                        fentry ? function.fexit_ends : function.fprobe_ends}) {
      if (!name.empty()) bpf_program__set_autoload(object.program(name), true);
    }
  }
  if (const int error = probes__load(skeleton); error != 0)
    return fail(libbpf_error("load", "the probes", -error));
  return object;
}

Status ProbesObject::keep(bpf_link* link, std::string_view what) {
  if (link == nullptr) return fail(libbpf_error("attach the probe to", what, errno));
  links_.push_back(link);
  return {};
}

// One program on one function, by fprobe; null where it cannot be had.
bpf_link* ProbesObject::attach_fprobe(std::string_view program_name, std::string_view function,
                                      bool at_return) const {
  const std::string name(function);
  const char* symbols[] = {name.c_str()};
  bpf_kprobe_multi_opts options{};
  options.sz = sizeof options;
  options.syms = symbols;
  options.cnt = 1;
  options.retprobe = at_return;
  return bpf_program__attach_kprobe_multi_opts(program(program_name), nullptr, &options);
}

// The end before the beginning: a return without its call does no harm.
bool ProbesObject::follow(FollowBy by, const FollowedFunction& function) {
  const bool fentry = by == FollowBy::fentry;
  const std::string_view ends = fentry ? function.fexit_ends : function.fprobe_ends;
  const std::string_view begins = fentry ? function.fentry_begins : function.fprobe_begins;
  if (!ends.empty()) {
    bpf_link* link = fentry ? bpf_program__attach(program(ends)) : attach_fprobe(ends, function.name, true);
    if (link == nullptr) return false;
    links_.push_back(link);
  }
  bpf_link* link =
      fentry ? bpf_program__attach(program(begins)) : attach_fprobe(begins, function.name, false);
  if (link != nullptr) links_.push_back(link);
  return link != nullptr;
}

// Where one of them cannot be followed (inlined, a kernel that finds no functions of modules), a thread of a
// VM's process is taken to raise for that VM, and others' interrupts stay unattributed.
void ProbesObject::follow_functions(const KernelSupport& kernel) {
  const FollowBy by = kernel.follow_by();
  bool all = by != FollowBy::nothing;
  for (const FollowedFunction& function : followed_functions()) {
    if (by == FollowBy::nothing || (by == FollowBy::fentry && !kernel.has_function(function.name)) ||
        !follow(by, function))
      all = false;
  }
  skeleton_->bss->functions_followed = all ? 1 : 0;
  followed_by_ = all ? by : FollowBy::nothing;
}

Status ProbesObject::attach(const RecorderOptions& options, const KernelSupport& kernel) {
  libbpf_messages().clear();
  follow_functions(kernel);
  if (options.scope == RecorderOptions::Scope::processes_and_children)
    TRAPLINE_TRY(keep(bpf_program__attach(skeleton_->progs.on_fork), "tracepoint sched_process_fork"));
  for (const ProbedTracepoint& tracepoint : probed_tracepoints(options.mode, vm_scope(options))) {
    if (!kernel.has_tracepoint(tracepoint.name)) continue;
    TRAPLINE_TRY(keep(bpf_program__attach(program(tracepoint.program)),
                      fmt::format("tracepoint {}", tracepoint.name)));
  }
  return {};
}

std::uint64_t ProbesObject::recursion_misses() const {
  std::uint64_t misses = 0;
  for (bpf_program* each = nullptr; (each = bpf_object__next_program(skeleton_->obj, each)) != nullptr;) {
    const int fd = bpf_program__fd(each);
    bpf_prog_info info{};
    std::uint32_t size = sizeof info;
    if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0) misses += info.recursion_misses;
  }
  return misses;
}

Status ProbesObject::want_process(pid_t pid, bool wanted) {
  const auto key = static_cast<std::uint32_t>(pid);
  const std::uint32_t one = 1;
  const int map = bpf_map__fd(skeleton_->maps.processes);
  if ((wanted ? bpf_map_update_elem(map, &key, &one, BPF_ANY) : bpf_map_delete_elem(map, &key)) != 0)
    return fail(libbpf_error("select", fmt::format("process {}", pid), errno));
  return {};
}

Status ProbesObject::flush_open_cycles() const {
  for (std::uint64_t first = 0; first < TRL_SLOTS; first += TRL_SLOTS_AT_ONCE) {
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    options.ctx_in = &first;
    options.ctx_size_in = sizeof first;
    const int program = bpf_program__fd(skeleton_->progs.flush_open_cycles);
    if (const int error = bpf_prog_test_run_opts(program, &options); error != 0)
      return fail(libbpf_error("run", "the probe that tells of open cycles", -error));
  }
  return {};
}

}  // namespace trapline::tracer
