// BTF as a kernel has it, made for tests: the types of KVM that the probes read, in each shape that they had.
#pragma once

#include "tracer/recorder/kernel_btf.h"

namespace trapline::test {

enum class VmxShape {
  flat,    // Linux 6.1, 6.12: the fields of an exit are members of struct vcpu_vmx, regs_avail is a u32
  nested,  // 6.16 to 6.18: exit_reason, exit_qualification and exit_intr_info are in its member vt
  nested_bitmap,  // 7.x: and regs_avail is an array of unsigned long, the enumerators have other names
};

struct MadeBtfOptions {
  VmxShape shape = VmxShape::flat;
  const char* left_out = "";            // a member of vcpu_vmx or vcpu_vt
  int exit_info_1_bit = 23;             // VCPU_EXREG_EXIT_INFO_1 of enum kvm_reg
  const char* exit_takes = "kvm_vcpu";  // the struct to which kvm_exit's first argument points
};

// All in the vendor module's BTF.
[[nodiscard]] tracer::KernelBtf made_btf(const MadeBtfOptions& options);

// Where made_btf() puts them, in bytes from the beginning of struct vcpu_vmx and struct kvm_vcpu_arch.
inline constexpr unsigned kFlatExitReason = 4096;
inline constexpr unsigned kVt = 4200;
inline constexpr unsigned kExitReasonInVt = 80;
inline constexpr unsigned kRegsAvail = 136;

}  // namespace trapline::test
