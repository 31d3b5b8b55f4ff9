#include "vmm/x86/privileged.h"

#include <Zydis/Zydis.h>

namespace trapline::vmm::x86 {

namespace {

// kvm_regs has them in an order of its own.
constexpr __u64 kvm_regs::*kGeneral[] = {&kvm_regs::rax, &kvm_regs::rcx, &kvm_regs::rdx, &kvm_regs::rbx,
                                         &kvm_regs::rsp, &kvm_regs::rbp, &kvm_regs::rsi, &kvm_regs::rdi,
                                         &kvm_regs::r8,  &kvm_regs::r9,  &kvm_regs::r10, &kvm_regs::r11,
                                         &kvm_regs::r12, &kvm_regs::r13, &kvm_regs::r14, &kvm_regs::r15};

struct Decoded {
  ZydisDecodedInstruction instruction;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
};

std::optional<PrivilegedInstruction> kind_of(const Decoded& decoded) {
  using enum PrivilegedInstruction;
  switch (decoded.instruction.mnemonic) {
    case ZYDIS_MNEMONIC_IRETQ:
      return iret;
    case ZYDIS_MNEMONIC_SYSRET:
      return sysret;
    case ZYDIS_MNEMONIC_CLI:
      return cli;
    case ZYDIS_MNEMONIC_STI:
      return sti;
    case ZYDIS_MNEMONIC_HLT:
      return hlt;
    case ZYDIS_MNEMONIC_IN:
      return in;
    case ZYDIS_MNEMONIC_OUT:
      return out;
    case ZYDIS_MNEMONIC_RDMSR:
      return rdmsr;
    case ZYDIS_MNEMONIC_WRMSR:
      return wrmsr;
    case ZYDIS_MNEMONIC_SWAPGS:
      return swapgs;
    case ZYDIS_MNEMONIC_INVLPG:
      return invlpg;
    case ZYDIS_MNEMONIC_LGDT:
      return lgdt;
    case ZYDIS_MNEMONIC_LIDT:
      return lidt;
    case ZYDIS_MNEMONIC_LLDT:
      return lldt;
    case ZYDIS_MNEMONIC_LTR:
      return ltr;
    case ZYDIS_MNEMONIC_CLTS:
      return clts;
    case ZYDIS_MNEMONIC_LMSW:
      return lmsw;
    case ZYDIS_MNEMONIC_WBINVD:
      return wbinvd;
    case ZYDIS_MNEMONIC_INVD:
      return invd;
    case ZYDIS_MNEMONIC_MOV:
      break;
    default:
      return std::nullopt;
  }
  for (unsigned i = 0; i < 2; ++i) {
    if (decoded.operands[i].type != ZYDIS_OPERAND_TYPE_REGISTER) continue;
    const auto register_class = ZydisRegisterGetClass(decoded.operands[i].reg.value);
    if (register_class == ZYDIS_REGCLASS_CONTROL) return i == 0 ? write_control : read_control;
    if (register_class == ZYDIS_REGCLASS_DEBUG) return i == 0 ? write_debug : read_debug;
  }
  return std::nullopt;
}

std::optional<unsigned> general_number(ZydisRegister value) {
  const auto widest = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, value);
  if (ZydisRegisterGetClass(widest) != ZYDIS_REGCLASS_GPR64) return std::nullopt;
  return static_cast<unsigned>(ZydisRegisterGetId(widest));
}

ZydisRegisterContext context_of(const kvm_regs& regs) {
  ZydisRegisterContext context{};
  for (unsigned i = 0; i < std::size(kGeneral); ++i)
    context.values[ZYDIS_REGISTER_RAX + i] = regs.*kGeneral[i];
  return context;
}

void add_operands(const Decoded& decoded, std::uint64_t rip, const kvm_regs& regs,
                  PrivilegedOperation& found) {
  for (unsigned i = 0; i < decoded.instruction.operand_count_visible; ++i) {
    const ZydisDecodedOperand& operand = decoded.operands[i];
    if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY) {
      const ZydisRegisterContext context = context_of(regs);
      ZyanU64 address = 0;
      if (ZYAN_SUCCESS(ZydisCalcAbsoluteAddressEx(&decoded.instruction, &operand, rip, &context, &address)))
        found.address = address;
    } else if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER) {
      const auto register_class = ZydisRegisterGetClass(operand.reg.value);
      if (register_class == ZYDIS_REGCLASS_CONTROL || register_class == ZYDIS_REGCLASS_DEBUG) {
        // A signed byte, -1 for what is no register: none of these classes.
        found.special_register = static_cast<std::uint8_t>(ZydisRegisterGetId(operand.reg.value));
      } else {
        found.general_register = general_number(operand.reg.value);
      }
    }
  }
}

// IN has the port second, OUT first: an immediate, or DX.
void add_port(const Decoded& decoded, const kvm_regs& regs, PrivilegedOperation& found) {
  const bool is_in = found.instruction == PrivilegedInstruction::in;
  const ZydisDecodedOperand& port = decoded.operands[is_in ? 1 : 0];
  const ZydisDecodedOperand& value = decoded.operands[is_in ? 0 : 1];
  found.port = static_cast<std::uint16_t>(
      port.type == ZYDIS_OPERAND_TYPE_IMMEDIATE ? port.imm.value.u : std::uint64_t{regs.rdx});
  constexpr unsigned kBitsPerByte = 8;
  found.width = value.size / kBitsPerByte;
}

}  // namespace

std::optional<PrivilegedOperation> decode_privileged(std::span<const std::byte> code, std::uint64_t rip,
                                                     const kvm_regs& regs) {
  ZydisDecoder decoder;
  if (ZYAN_FAILED(ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)))
    return std::nullopt;
  Decoded decoded;
  if (ZYAN_FAILED(ZydisDecoderDecodeFull(&decoder, code.data(), code.size(), &decoded.instruction,
                                         decoded.operands))) {
    return std::nullopt;
  }
  const auto kind = kind_of(decoded);
  if (!kind) return std::nullopt;
  PrivilegedOperation found;
  found.instruction = *kind;
  found.length = decoded.instruction.length;
  if (found.instruction == PrivilegedInstruction::in || found.instruction == PrivilegedInstruction::out) {
    add_port(decoded, regs, found);
  } else {
    add_operands(decoded, rip, regs, found);
  }
  return found;
}

std::uint64_t general_register(const kvm_regs& regs, unsigned number) {
  return number < std::size(kGeneral) ? std::uint64_t{regs.*kGeneral[number]} : 0;
}

void set_general_register(kvm_regs& regs, unsigned number, std::uint64_t value) {
  if (number < std::size(kGeneral)) regs.*kGeneral[number] = value;
}

}  // namespace trapline::vmm::x86
