#include "vmm/x86/privileged.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

namespace trapline::vmm::x86 {
namespace {

using enum PrivilegedInstruction;

std::optional<PrivilegedOperation> decode(std::initializer_list<unsigned> bytes, const kvm_regs& regs = {},
                                          std::uint64_t rip = 0x100000) {
  std::vector<std::byte> code;
  for (const unsigned byte : bytes)
    code.push_back(static_cast<std::byte>(byte));
  return decode_privileged(code, rip, regs);
}

TEST(Privileged, EachIsKnown) {
  const struct {
    std::initializer_list<unsigned> bytes;
    PrivilegedInstruction instruction;
  } rows[] = {{{0x48, 0xcf}, iret},
              {{0x48, 0x0f, 0x07}, sysret},
              {{0xfa}, cli},
              {{0xfb}, sti},
              {{0xf4}, hlt},
              {{0xe4, 0x60}, in},
              {{0xee}, out},
              {{0x0f, 0x32}, rdmsr},
              {{0x0f, 0x30}, wrmsr},
              {{0x0f, 0x01, 0xf8}, swapgs},
              {{0x0f, 0x01, 0x38}, invlpg},
              {{0x0f, 0x20, 0xd8}, read_control},
              {{0x0f, 0x22, 0xd8}, write_control},
              {{0x0f, 0x21, 0xf8}, read_debug},
              {{0x0f, 0x23, 0xd8}, write_debug},
              {{0x0f, 0x01, 0x10}, lgdt},
              {{0x0f, 0x01, 0x18}, lidt},
              {{0x0f, 0x00, 0xd0}, lldt},
              {{0x0f, 0x00, 0xd8}, ltr},
              {{0x0f, 0x06}, clts},
              {{0x0f, 0x01, 0xf0}, lmsw},
              {{0x0f, 0x09}, wbinvd},
              {{0x0f, 0x08}, invd}};
  for (const auto& row : rows) {
    const auto operation = decode(row.bytes);
    ASSERT_TRUE(operation) << instruction_name(row.instruction);
    EXPECT_EQ(operation->instruction, row.instruction) << instruction_name(row.instruction);
    EXPECT_EQ(operation->length, row.bytes.size());
    EXPECT_FALSE(instruction_name(row.instruction).empty());
  }
}

TEST(Privileged, OthersAreNone) {
  EXPECT_FALSE(decode({0x90}));              // nop
  EXPECT_FALSE(decode({0x9d}));              // popf: needs no privilege, which is the hole
  EXPECT_FALSE(decode({0x0f, 0x01, 0x00}));  // sgdt
  EXPECT_FALSE(decode({0x48, 0x89, 0xc3}));  // mov %rax, %rbx
  EXPECT_FALSE(decode({0xcd, 0x21}));        // int 0x21
  EXPECT_FALSE(decode({}));
  EXPECT_FALSE(decode({0x0f, 0x01}));  // cut off
}

TEST(Privileged, PortsAreImmediateOrInDx) {
  kvm_regs regs{};
  regs.rdx = 0xffff'03f8;
  EXPECT_EQ(decode({0xe6, 0xf5}, regs)->port, 0xf5);
  EXPECT_EQ(decode({0xe6, 0xf5}, regs)->width, 1U);
  EXPECT_EQ(decode({0xef}, regs)->port, 0x3f8);
  EXPECT_EQ(decode({0xef}, regs)->width, 4U);
  EXPECT_EQ(decode({0x66, 0xed}, regs)->width, 2U);
}

TEST(Privileged, ControlRegistersWithTheirGeneralOne) {
  const auto from_cr2 = decode({0x0f, 0x20, 0xd3});  // mov %cr2, %rbx
  EXPECT_EQ(from_cr2->special_register, 2U);
  EXPECT_EQ(from_cr2->general_register, 3U);
  const auto to_cr8 = decode({0x45, 0x0f, 0x22, 0xc7});  // mov %r15, %cr8
  EXPECT_EQ(to_cr8->special_register, 8U);
  EXPECT_EQ(to_cr8->general_register, 15U);
}

TEST(Privileged, MemoryOperandsAreAddresses) {
  kvm_regs regs{};
  regs.rsp = 0x68000;
  regs.rax = 0x1000;
  regs.rcx = 2;
  EXPECT_EQ(decode({0x0f, 0x01, 0x5c, 0x24, 0xf0}, regs)->address, 0x67ff0U);  // lidt -16(%rsp)
  EXPECT_EQ(decode({0x0f, 0x01, 0x7c, 0x88, 0x04}, regs)->address, 0x100cU);   // invlpg 4(%rax,%rcx,4)
  EXPECT_EQ(decode({0x0f, 0x01, 0x15, 0x00, 0x01, 0x00, 0x00}, regs, 0x2000)->address,
            0x2107U);  // RIP-relative
}

TEST(GeneralRegisters, InTheOrderOfTheirEncoding) {
  kvm_regs regs{};
  for (unsigned i = 0; i < 16; ++i)
    set_general_register(regs, i, 100 + i);
  EXPECT_EQ(regs.rax, 100U);
  EXPECT_EQ(regs.rcx, 101U);
  EXPECT_EQ(regs.rsp, 104U);
  EXPECT_EQ(regs.rdi, 107U);
  EXPECT_EQ(regs.r15, 115U);
  EXPECT_EQ(general_register(regs, 3), 103U);
  EXPECT_EQ(general_register(regs, 99), 0U);
}

}  // namespace
}  // namespace trapline::vmm::x86
