#include "vmm/irqchip/io_apic.h"

#include <gtest/gtest.h>

namespace trapline::vmm {
namespace {

void program(IoApic& io_apic, std::uint32_t index, std::uint32_t value) {
  io_apic.write(0x00, index);
  io_apic.write(0x10, value);
}

TEST(IoApic, PinsAreMaskedUntilTheyAreProgrammed) {
  IoApic io_apic;
  for (unsigned pin = 0; pin < IoApic::kPins; ++pin)
    EXPECT_FALSE(io_apic.route(pin)) << pin;
  program(io_apic, 0x10 + 2 * 20 + 1, 1u << 24);
  program(io_apic, 0x10 + 2 * 20, 0x50);
  const auto route = io_apic.route(20);
  ASSERT_TRUE(route);
  EXPECT_EQ(route->vector, 0x50);
  EXPECT_EQ(route->destination, 1U);
  EXPECT_FALSE(io_apic.route(19));
  program(io_apic, 0x10 + 2 * 20, 0x10050);
  EXPECT_FALSE(io_apic.route(20));
}

TEST(IoApic, WhatIsNotThereIsIgnored) {
  IoApic io_apic;
  program(io_apic, 0xff, 0x50);
  io_apic.write(0x20, 0x50);
  EXPECT_FALSE(io_apic.route(99));
  io_apic.write(0x00, 1);
  EXPECT_EQ(io_apic.read(0x10) >> 16, IoApic::kPins - 1);
  io_apic.write(0x00, 0x10);
  EXPECT_EQ(io_apic.read(0x10), 0x10000U);
  EXPECT_EQ(io_apic.read(0x30), 0U);
}

}  // namespace
}  // namespace trapline::vmm
