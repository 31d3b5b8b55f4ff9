#include "vmm/x86/frames.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <vector>

#include "vmm/machine/kernel_image.h"
#include "vmm/x86/paging.h"

namespace trapline::vmm::x86 {
namespace {

TEST(Frames, ErrorCodesComeWithTheseVectors) {
  const std::set<unsigned> expected = {8, 10, 11, 12, 13, 14, 17, 21, 29, 30};
  for (unsigned vector = 0; vector < 512; ++vector) {
    EXPECT_EQ(pushes_error_code(vector), expected.contains(vector)) << vector;
  }
}

// The kernel's stubs push a zero where hardware pushes nothing: the assembly has the same table as this
// library.
TEST(Frames, TheKernelsStubsAgreeAboutErrorCodes) {
  const auto image = KernelImage::parse(nano_kernel_file());
  ASSERT_TRUE(image);
  const KernelSegment& text = image->segments.front();
  for (unsigned vector = 0; vector < 256; ++vector) {
    const std::uint64_t at = image->header.isr_stubs + vector * image->header.isr_stub_bytes - text.gpa;
    ASSERT_LT(at + 16, text.bytes.size());
    const std::byte first = text.bytes[at];
    const bool pushes_zero = first == std::byte{0x6a} && text.bytes[at + 1] == std::byte{0};
    EXPECT_EQ(pushes_zero, !pushes_error_code(vector)) << vector;
    std::uint32_t pushed = 0;  // push imm32
    const std::uint64_t push = at + (pushes_zero ? 2 : 0);
    EXPECT_EQ(text.bytes[push], std::byte{0x68});
    std::memcpy(&pushed, text.bytes.data() + push + 1, sizeof pushed);
    EXPECT_EQ(pushed, vector);
  }
}

TEST(Frames, Mnemonics) {
  EXPECT_EQ(exception_mnemonic(0), "#DE");
  EXPECT_EQ(exception_mnemonic(14), "#PF");
  EXPECT_EQ(exception_mnemonic(15), "");
  EXPECT_EQ(exception_mnemonic(0x80), "");
}

class FrameInMemory : public ::testing::Test {
 protected:
  void SetUp() override {
    auto tables = PageTableBuilder::create(memory_, 0x1000, 0x8000);
    ASSERT_TRUE(tables);
    root_ = tables->root();
    ASSERT_TRUE(tables->map(0x50000, 0x9000, {}));
    ASSERT_TRUE(tables->map(0x51000, 0xb000, {}));  // not behind the first in memory
  }

  std::vector<std::byte> memory_ = std::vector<std::byte>(16 * kPageBytes);
  std::uint64_t root_ = 0;
};

TEST_F(FrameInMemory, IsReadAcrossPages) {
  TrapFrame frame{};
  frame.vector = 13;
  frame.error_code = 0x18;
  frame.rip = 0x401000;
  frame.r15 = 15;
  constexpr std::size_t kFirstPart = 100;
  const auto* bytes = reinterpret_cast<const std::byte*>(&frame);
  std::memcpy(memory_.data() + 0xa000 - kFirstPart, bytes, kFirstPart);
  std::memcpy(memory_.data() + 0xb000, bytes + kFirstPart, sizeof frame - kFirstPart);
  const auto read = read_trap_frame(memory_, root_, 0x51000 - kFirstPart);
  ASSERT_TRUE(read);
  EXPECT_EQ(std::memcmp(&*read, &frame, sizeof frame), 0);
}

TEST_F(FrameInMemory, IsNothingWhereItIsNotMapped) {
  EXPECT_FALSE(read_trap_frame(memory_, root_, 0x51000 + kPageBytes - 8));  // runs out of the second page
  EXPECT_FALSE(read_trap_frame(memory_, root_, 0));
  EXPECT_FALSE(read_trap_frame(memory_, root_, ~std::uint64_t{0} - 16));  // wraps
  EXPECT_FALSE(read_trap_frame(memory_, 0xffff'f000, 0x50000));
}

}  // namespace
}  // namespace trapline::vmm::x86
