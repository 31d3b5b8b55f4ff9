// Which privileged instruction a deprivileged kernel was stopped at, and with what operands.
#pragma once

#include <linux/kvm.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "vmm/steps.h"

namespace trapline::vmm::x86 {

inline constexpr std::size_t kMaxInstructionBytes = 15;

struct PrivilegedOperation {
  PrivilegedInstruction instruction{};
  unsigned length = 0;  // bytes
  // in, out: the port and width in bytes; the value is RAX's.
  std::uint16_t port = 0;
  unsigned width = 0;
  // mov to and from CR and DR: which one. The general register's number, in the order of instruction
  // encoding (RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8...); also the operand of ltr, lldt and lmsw.
  unsigned special_register = 0;
  std::optional<unsigned> general_register;
  // lgdt, lidt, invlpg, and ltr, lldt, lmsw from memory: the operand's address.
  std::optional<std::uint64_t> address;
};

// The instruction at `rip`, whose bytes are given, with the registers that its operands need. Nothing for one
// that needs no privilege, and for what is no instruction.
[[nodiscard]] std::optional<PrivilegedOperation> decode_privileged(std::span<const std::byte> code,
                                                                   std::uint64_t rip, const kvm_regs& regs);

// The general register of that number.
[[nodiscard]] std::uint64_t general_register(const kvm_regs& regs, unsigned number);
void set_general_register(kvm_regs& regs, unsigned number, std::uint64_t value);

}  // namespace trapline::vmm::x86
