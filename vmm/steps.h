// What the VMM does, step by step, where it stands between hardware and a deprivileged guest kernel: reading
// a trap, deciding whose it is, copying its context to the guest kernel's stack, emulating an instruction.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace trapline::vmm {

// The numbers are part of the recording format (docs/recording-format.md).
enum class VmmStep : std::uint16_t {
  read_trap = 1,         // the trap landed in the VMM: its frame is read        vector; arg: interrupted RIP
  decide = 2,            // whose it is: the guest's gate or trap table is read   vector; arg: handler
  copy_context = 3,      // frame written to the guest kernel's stack             vector; arg: new RSP
  enter_handler = 4,     // RSP, SS, CS:RIP set to the guest's handler            vector; arg: handler
  read_guest_frame = 5,  // the guest's iret: its frame is read                   vector 0; arg: RSP
  return_to_guest = 6,   // registers set to where the iret leads                 vector 0; arg: RIP
  emulate = 7,    // a privileged instruction                 vector: PrivilegedInstruction; arg: count_key
  hypercall = 8,  //                                          vector: enum guest_hypercall; arg: count_key
  inject = 9,     // KVM_INTERRUPT                            vector; arg: 0
  // The same interrupt once more: dropped                   vector; arg: interrupted RIP
  drop_second_delivery = 10,
};

// What `emulate` steps carry in `vector`.
enum class PrivilegedInstruction : std::uint16_t {
  iret = 1,
  sysret,
  cli,
  sti,
  hlt,
  in,
  out,
  rdmsr,
  wrmsr,
  swapgs,
  invlpg,
  read_control,
  write_control,
  read_debug,
  write_debug,
  lgdt,
  lidt,
  lldt,
  ltr,
  clts,
  lmsw,
  wbinvd,
  invd,
};

struct StepDone {
  HostTsc begin;
  HostTsc end;
  std::uint64_t arg = 0;  // by step
  VmmStep step{};
  std::uint16_t vector = 0;  // by step
  // What the guest has counted for it, if anything: enum guest_count_kind, its key in `arg`. A port write
  // that the VMM emulates causes no exit of its own port.
  std::uint16_t count_kind = 0;
};

// "copy the context to the guest kernel's stack"; empty for a number that is none.
[[nodiscard]] std::string_view step_name(VmmStep step);
// "wrmsr"; empty for a number that is none.
[[nodiscard]] std::string_view instruction_name(PrivilegedInstruction instruction);
// What steps are summed up by: the step, with the instruction or the hypercall, without address, port or
// vector: "emulate wrmsr", "hypercall port_write".
[[nodiscard]] std::string step_kind_name(VmmStep step, std::uint16_t vector);
// One line with its details, for timelines: "emulate wrmsr 0x80b", "hypercall port_write 0xf5".
[[nodiscard]] std::string describe_step(VmmStep step, std::uint16_t vector, std::uint64_t arg);

}  // namespace trapline::vmm
