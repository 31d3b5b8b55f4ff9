// The kernel's types that the probes look into, as a BTF of their own.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "tracer/recorder/kernel_btf.h"

struct bpf_object;

namespace trapline::tracer {

// Of every struct and union that `wanted` names and the kernel has: those members that `wanted` names, where
// the kernel has them, with the kernel's offsets and sizes. Null with errno where there is no memory.
[[nodiscard]] Btf copy_of_types(const btf* wanted, const KernelBtf& kernel);

// libbpf finds the places of KVM's fields (CO-RE) in the modules' BTF, for which it asks the kernel, and that
// takes CAP_SYS_ADMIN. The same BTF lies in /sys/kernel/btf for everyone to read: from there every struct
// that the object names is copied, as far as it names it, into one small BTF that libbpf is pointed at
// instead (btf_custom_path).
class ProbeTypes {
 public:
  // `object`: opened, not loaded. `kernel`: null, or without the kernel's own part: an error.
  static Result<ProbeTypes> of(const bpf_object* object, const KernelBtf* kernel);

  // For bpf_object_open_opts::btf_custom_path; as long as this lives.
  [[nodiscard]] std::string path() const;

 private:
  explicit ProbeTypes(Fd file) : file_(std::move(file)) {}
  Fd file_;
};

}  // namespace trapline::tracer
