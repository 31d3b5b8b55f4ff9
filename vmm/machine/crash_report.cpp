#include "vmm/machine/crash_report.h"

#include <fmt/format.h>

#include <iterator>

#include "vmm/machine/stamp_text.h"

namespace trapline::vmm {

namespace {

template <typename... Args>
void add(std::string& text, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(text), format, std::forward<Args>(args)...);
}

std::string with_symbol(std::uint64_t address, const CrashFacts& facts) {
  const std::string symbol = facts.symbol_at ? facts.symbol_at(address) : std::string{};
  return symbol.empty() ? fmt::format("{:#x}", address) : fmt::format("{:#x} <{}>", address, symbol);
}

// What INIT leaves (AMD APM vol. 2, table 14-1): KVM resets an SVM vCPU before it reports the shutdown,
// because the VMCB is undefined then (arch/x86/kvm/svm/svm.c, shutdown_interception).
bool is_reset_state(const kvm_regs& regs, const kvm_sregs& sregs) {
  return regs.rip == 0xfff0 && sregs.cs.base == 0xffff0000;
}

void add_registers(std::string& text, const kvm_regs& regs, const CrashFacts& facts) {
  add(text, "  rip {}  rflags {:#x}\n", with_symbol(regs.rip, facts), std::uint64_t{regs.rflags});
  const struct {
    const char* name;
    std::uint64_t value;
  } rows[] = {{"rax", regs.rax}, {"rbx", regs.rbx}, {"rcx", regs.rcx}, {"rdx", regs.rdx},
              {"rsi", regs.rsi}, {"rdi", regs.rdi}, {"rbp", regs.rbp}, {"rsp", regs.rsp},
              {"r8", regs.r8},   {"r9", regs.r9},   {"r10", regs.r10}, {"r11", regs.r11},
              {"r12", regs.r12}, {"r13", regs.r13}, {"r14", regs.r14}, {"r15", regs.r15}};
  constexpr std::size_t kPerLine = 4;
  for (std::size_t i = 0; i < std::size(rows); ++i) {
    add(text, "  {:<3} {:016x}{}", rows[i].name, rows[i].value, i % kPerLine == kPerLine - 1 ? "\n" : "");
  }
}

void add_control_registers(std::string& text, const kvm_sregs& sregs) {
  add(text, "  cr0 {:#x}  cr2 {:#x}  cr3 {:#x}  cr4 {:#x}  efer {:#x}\n", std::uint64_t{sregs.cr0},
      std::uint64_t{sregs.cr2}, std::uint64_t{sregs.cr3}, std::uint64_t{sregs.cr4},
      std::uint64_t{sregs.efer});
  add(text, "  cs {:#x}  ss {:#x} (CPL {})  tr {:#x}  gdt {:#x}/{:#x}  idt {:#x}/{:#x}\n", sregs.cs.selector,
      sregs.ss.selector, sregs.ss.dpl, sregs.tr.selector, std::uint64_t{sregs.gdt.base}, sregs.gdt.limit,
      std::uint64_t{sregs.idt.base}, sregs.idt.limit);
}

void add_frame(std::string& text, const x86::TrapFrame& frame, const CrashFacts& facts) {
  const auto vector = static_cast<unsigned>(frame.vector);
  add(text, "exception frame:\n  vector {:#x}", frame.vector);
  if (const auto name = x86::exception_mnemonic(vector); frame.vector == vector && !name.empty()) {
    add(text, " ({})", name);
  }
  if (frame.vector == vector && x86::pushes_error_code(vector))
    add(text, "  error code {:#x}", frame.error_code);
  add(text, "\n  rip {}  cs {:#x}  rflags {:#x}\n  rsp {:#x}  ss {:#x}\n", with_symbol(frame.rip, facts),
      frame.cs, frame.rflags, frame.rsp, frame.ss);
}

}  // namespace

std::string describe_panic(std::uint32_t code) {
  switch (code) {
    case GUEST_PANIC_EXCEPTION:
      return "guest panic: an exception that its kernel does not expect";
    case GUEST_PANIC_PARAMS:
      return "guest panic: its kernel does not understand the parameters";
    case GUEST_PANIC_COUNTS_FULL:
      return "guest panic: no room for another counter";
    case GUEST_PANIC_SYSTEM_CALL:
      return "guest panic: no such system call";
    case GUEST_PANIC_WAIT:
      return "guest panic: waited too long";
    case GUEST_PANIC_NOT_ENDED:
      return "guest panic: entered again after the run had ended";
    default:
      return fmt::format("guest panic: code {:#x}, which does not exist", code);
  }
}

std::string crash_report(const CrashFacts& facts) {
  std::string text = fmt::format("guest crashed on vCPU {}: {}\n", facts.vcpu, facts.reason);
  if (facts.frame) add_frame(text, *facts.frame, facts);
  if (facts.regs && facts.sregs && is_reset_state(*facts.regs, *facts.sregs)) {
    text += "registers: lost, KVM has reset the vCPU (SVM has no defined state after a shutdown)\n";
  } else if (facts.regs) {
    text += "registers:\n";
    add_registers(text, *facts.regs, facts);
    if (facts.sregs) add_control_registers(text, *facts.sregs);
  }
  if (facts.last_stamps.empty()) {
    text += "no stamps\n";
  } else {
    add(text,
        "last {} stamps (sequence, TSC ticks since the first shown, kind, workload, vector, argument):\n",
        facts.last_stamps.size());
    text += stamps_text(facts.last_stamps);
  }
  return text;
}

}  // namespace trapline::vmm
