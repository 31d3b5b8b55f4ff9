#include "vmm/machine/port_bus.h"

#include <gtest/gtest.h>

#include <vector>

namespace trapline::vmm {
namespace {

class Recorder final : public PortDevice {
 public:
  void write(std::uint16_t port, unsigned bytes, std::uint32_t value) override {
    writes.push_back({port, bytes, value});
  }
  std::uint32_t read(std::uint16_t port, unsigned /*bytes*/) override { return port + 0x11220000U; }

  struct Write {
    std::uint16_t port;
    unsigned bytes;
    std::uint32_t value;
  };
  std::vector<Write> writes;
};

TEST(PortBus, FindsTheDeviceByRange) {
  Recorder device;
  PortBus bus;
  bus.attach(0x3f8, 8, device);
  EXPECT_TRUE(bus.write(0x3ff, 1, 7));
  EXPECT_FALSE(bus.write(0x3f7, 1, 7));
  EXPECT_FALSE(bus.write(0x400, 1, 7));
  EXPECT_FALSE(bus.read(0x400, 1));
  ASSERT_EQ(device.writes.size(), 1U);
  EXPECT_EQ(device.writes[0].port, 0x3ff);
}

TEST(PortBus, ReachesTheLastPort) {
  Recorder device;
  PortBus bus;
  bus.attach(0xffff, 1, device);
  EXPECT_TRUE(bus.write(0xffff, 1, 0));
  EXPECT_FALSE(bus.write(0, 1, 0));
}

TEST(PortBus, DoesRepeatedWritesOneByOne) {
  Recorder device;
  PortBus bus;
  bus.attach(0x10, 1, device);
  std::byte data[6] = {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}, std::byte{5}, std::byte{6}};
  EXPECT_TRUE(bus.handle(true, 0x10, 2, data));
  ASSERT_EQ(device.writes.size(), 3U);
  EXPECT_EQ(device.writes[0].value, 0x0201U);
  EXPECT_EQ(device.writes[2].value, 0x0605U);
}

TEST(PortBus, FillsInWhatIsRead) {
  Recorder device;
  PortBus bus;
  bus.attach(0x10, 1, device);
  std::byte data[4] = {};
  EXPECT_TRUE(bus.handle(false, 0x10, 4, data));
  EXPECT_EQ(data[0], std::byte{0x10});
  EXPECT_EQ(data[3], std::byte{0x11});
  EXPECT_FALSE(bus.handle(false, 0x11, 4, data));
  EXPECT_FALSE(bus.handle(false, 0x10, 3, data));
  EXPECT_FALSE(bus.handle(false, 0x10, 0, data));
}

TEST(ExitPort, KeepsTheCode) {
  ExitPort port;
  EXPECT_FALSE(port.code());
  port.write(0xf4, 4, 3);
  EXPECT_EQ(port.code(), 3U);
}

}  // namespace
}  // namespace trapline::vmm
