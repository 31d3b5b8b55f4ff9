#include "vmm/x86/frames.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "vmm/machine/kernel_image.h"

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

// So do the monitor's, of both kinds.
TEST(Frames, TheMonitorsStubsAgreeAboutErrorCodes) {
  const auto image = KernelImage::parse(nano_kernel_file());
  ASSERT_TRUE(image);
  const auto text =
      std::find_if(image->segments.begin(), image->segments.end(),
                   [](const KernelSegment& segment) { return segment.gpa == GUEST_MONITOR_IMAGE; });
  ASSERT_NE(text, image->segments.end());
  for (const std::uint64_t stubs : {image->header.monitor_exit_stubs, image->header.monitor_bounce_stubs}) {
    for (unsigned vector = 0; vector < 256; ++vector) {
      const std::uint64_t at = stubs + std::uint64_t{vector} * GUEST_STUB_BYTES - text->gpa;
      ASSERT_LT(at + GUEST_STUB_BYTES, text->bytes.size());
      const bool pushes_zero = text->bytes[at] == std::byte{0x6a} && text->bytes[at + 1] == std::byte{0};
      EXPECT_EQ(pushes_zero, !pushes_error_code(vector)) << vector;
    }
  }
}

TEST(Frames, Mnemonics) {
  EXPECT_EQ(exception_mnemonic(0), "#DE");
  EXPECT_EQ(exception_mnemonic(14), "#PF");
  EXPECT_EQ(exception_mnemonic(15), "");
  EXPECT_EQ(exception_mnemonic(0x80), "");
}

}  // namespace
}  // namespace trapline::vmm::x86
