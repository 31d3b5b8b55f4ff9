// What all sets of probes have in common, whatever they do with what they see: opened for this kernel,
// attached, counted.
#pragma once

#include <bpf/libbpf.h>
#include <sys/types.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "bpf/control.h"
#include "tracer/recorder/kernel_support.h"
#include "tracer/recorder/probe_types.h"
#include "tracer/recorder/recorder.h"

namespace trapline::tracer {

// An error with what libbpf had to say since forget_libbpf_messages(): the verifier's log above all.
[[nodiscard]] Error libbpf_error(std::string_view action, std::string_view object, int error_number);
void forget_libbpf_messages();

// bpftool's functions for one set of probes, and the code of its other compilation (bpf/kernel_memory.h).
template <typename Skeleton>
struct SkeletonFunctions {
  int (*create)(Skeleton*);
  void (*destroy)(Skeleton*);
  const void* (*bytes_of_copies)(std::size_t* size);
};

template <typename Skeleton>
using SkeletonOwner = std::unique_ptr<Skeleton, void (*)(Skeleton*)>;

// Of the two compilations the one that this kernel takes; all but their code is the same, so one skeleton
// serves both. Null with errno where it cannot be opened.
template <typename Skeleton>
SkeletonOwner<Skeleton> open_skeleton(const SkeletonFunctions<Skeleton>& functions,
                                      const KernelSupport& kernel, const bpf_object_open_opts* options) {
  // Freed by its destroy().
  SkeletonOwner<Skeleton> skeleton(static_cast<Skeleton*>(std::calloc(1, sizeof(Skeleton))),
                                   functions.destroy);
  if (!skeleton || functions.create(skeleton.get()) != 0) return {nullptr, functions.destroy};
  if (!kernel.rdonly_cast) {
    std::size_t size = 0;
    skeleton->skeleton->data = const_cast<void*>(functions.bytes_of_copies(&size));
    skeleton->skeleton->data_sz = size;
  }
  if (const int error = bpf_object__open_skeleton(skeleton->skeleton, options); error != 0) {
    skeleton.reset();
    errno = -error;
  }
  return skeleton;
}

template <typename Skeleton>
struct OpenedProbes {
  SkeletonOwner<Skeleton> skeleton;
  ProbeTypes types;  // has to be there until the skeleton is loaded
};

template <typename Skeleton>
Result<OpenedProbes<Skeleton>> open_probes(const SkeletonFunctions<Skeleton>& functions,
                                           const KernelSupport& kernel) {
  forget_libbpf_messages();
  const SkeletonOwner<Skeleton> look = open_skeleton(functions, kernel, nullptr);
  if (!look) return fail(libbpf_error("open", "the probes", errno));
  TRAPLINE_ASSIGN(types, ProbeTypes::of(look->obj, kernel.btf.get()));
  const std::string types_path = types.path();
  bpf_object_open_opts opening{};
  opening.sz = sizeof opening;
  opening.btf_custom_path = types_path.c_str();
  SkeletonOwner<Skeleton> skeleton = open_skeleton(functions, kernel, &opening);
  if (!skeleton) return fail(libbpf_error("open", "the probes", errno));
  return OpenedProbes<Skeleton>{std::move(skeleton), std::move(types)};
}

// The constants that every set of probes has, before it is loaded.
template <typename Rodata>
void set_kernel(Rodata& rodata, const KernelSupport& kernel, ProbeMode mode) {
  rodata.have_rdonly_cast = kernel.rdonly_cast ? 1 : 0;
  rodata.timespec64_btf_id = kernel.timespec64_btf_id;
  rodata.isa_is_vmx = mode == ProbeMode::svm ? 0 : 1;
  rodata.vmx_complete = mode == ProbeMode::vmx_complete ? 1 : 0;
}

[[nodiscard]] trl_selection selection_of(RecorderOptions::Scope scope);

template <std::size_t Words>
void set_bits(std::uint64_t (&words)[Words], const std::vector<std::uint32_t>& bits) {
  for (const std::uint32_t bit : bits) {
    if (bit / 64 < Words) words[bit / 64] |= std::uint64_t{1} << bit % 64;
  }
}

template <typename Rodata>
void set_vcpu_filter(Rodata& rodata, const std::vector<std::uint32_t>& vcpus) {
  rodata.filter_vcpus = vcpus.empty() ? 0 : 1;
  set_bits(rodata.wanted_vcpus, vcpus);
}

// The programs of an object that someone else owns, which outlives this; their links go with this.
class LoadedProbes {
 public:
  explicit LoadedProbes(bpf_object* object) : object_(object) {}
  LoadedProbes(LoadedProbes&&) noexcept = default;
  LoadedProbes& operator=(LoadedProbes&&) = delete;
  ~LoadedProbes();

  [[nodiscard]] bpf_program* program(std::string_view name) const;

  // Before loading: of all programs only those of the tracepoints that the kernel has, and those that follow
  // KVM's functions.
  void choose(const std::vector<ProbedTracepoint>& tracepoints, const KernelSupport& kernel) const;

  // After loading. The functions first: says how they are followed, as it turned out; all of them, or nothing
  // counts.
  [[nodiscard]] FollowBy follow_functions(const KernelSupport& kernel);
  [[nodiscard]] Status attach(const std::vector<ProbedTracepoint>& tracepoints, const KernelSupport& kernel);
  [[nodiscard]] Status attach_one(bpf_program* program, std::string_view what);

  // Runs of programs that the kernel skipped, since loading.
  [[nodiscard]] std::uint64_t recursion_misses() const;
  // With TRL_SELECT_PROCESSES: from here on this process's VMs are taken in, too (or no longer).
  [[nodiscard]] Status want_process(pid_t pid, bool wanted) const;
  // Runs a program that looks at TRL_SLOTS_AT_ONCE slots, for all of them.
  [[nodiscard]] Status run_over_slots(const bpf_program* program) const;

 private:
  bool follow(FollowBy by, const FollowedFunction& function);
  [[nodiscard]] bpf_link* attach_fprobe(std::string_view program_name, std::string_view function,
                                        bool at_return) const;

  bpf_object* object_;
  std::vector<bpf_link*> links_;
};

}  // namespace trapline::tracer
