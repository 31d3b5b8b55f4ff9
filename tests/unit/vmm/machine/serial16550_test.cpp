#include "vmm/machine/serial16550.h"

#include <gtest/gtest.h>

#include <vector>

namespace trapline::vmm {
namespace {

constexpr std::uint16_t kBase = 0x3f8;

class Serial : public ::testing::Test {
 protected:
  void print(std::string_view text) {
    for (const char character : text)
      serial_.write(kBase, 1, static_cast<unsigned char>(character));
  }

  std::vector<std::string> lines_;
  Serial16550 serial_{kBase, [this](std::string_view line) { lines_.emplace_back(line); }};
};

TEST_F(Serial, IsAlwaysReadyToTransmit) {
  EXPECT_EQ(serial_.read(kBase + 5, 1) & 0x20, 0x20U);
  EXPECT_EQ(serial_.read(kBase + 2, 1), 1U);  // no interrupt pending
}

TEST_F(Serial, HandsOutLines) {
  print("hello\nwor");
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_EQ(lines_[0], "hello\n");
  serial_.flush();
  serial_.flush();
  ASSERT_EQ(lines_.size(), 2U);
  EXPECT_EQ(lines_[1], "wor");
}

TEST_F(Serial, ALineWithoutEndIsHandedOutToo) {
  print(std::string(1000, 'x'));
  EXPECT_EQ(lines_.size(), 3U);
}

TEST_F(Serial, TheDivisorIsNotText) {
  serial_.write(kBase + 3, 1, 0x83);
  print("\x01");
  EXPECT_EQ(serial_.read(kBase, 1), 1U);
  serial_.write(kBase + 3, 1, 0x03);
  print("a");
  serial_.flush();
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_EQ(lines_[0], "a");
  EXPECT_EQ(serial_.read(kBase + 3, 1), 3U);
}

TEST(SerialWithoutSink, DropsText) {
  Serial16550 serial(kBase, {});
  serial.write(kBase, 1, '\n');
}

}  // namespace
}  // namespace trapline::vmm
